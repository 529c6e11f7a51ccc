//! Replays whose outcome can be said beforehand.

use super::*;
use crate::fixture::settings;

fn run(settings: &Settings, lines: &str, names: &[&str]) -> Report {
    let trace = format!("uwsgi-cheaper-trace 1\n{lines}").parse().unwrap();
    replay(&trace, settings, names)
}

fn course(outcome: &Outcome) -> Vec<(u64, usize)> {
    outcome.timeline.iter().map(|point| (point.at_us / 1_000_000, point.workers)).collect()
}

/// The arrivals of a recording in which two requests are always in progress.
fn two_at_a_time(seconds: u64) -> String {
    let line = |second| format!("{second} request 1000ms x2\n");
    (0..seconds).map(line).collect()
}

#[test]
fn a_steady_load_under_spare_ends_with_one_spare_worker() {
    let report = run(&settings("spare"), &two_at_a_time(30), &["spare", "manual"]);
    assert_eq!(course(&report.outcomes[0]), [(0, 1), (4, 2), (8, 3)]);
    assert_eq!(report.outcomes[0].min_workers, 1);
    assert_eq!(course(&report.outcomes[1]), [(0, 1)], "the same load meets a fresh pool");
    assert_eq!((report.requests, report.length_us), (60, 29_000_000));
}

#[test]
fn after_the_load_workers_go_until_the_floor() {
    let report = run(
        &Settings { initial: 4, ..settings("spare") },
        "0 request 1s\n20 end",
        &["spare", "backlog"],
    );
    assert_eq!(course(&report.outcomes[0]), [(0, 4), (3, 3), (6, 2), (9, 1)]);
    assert_eq!(course(&report.outcomes[1]), [(0, 4), (1, 3), (2, 2), (3, 1)]);
    assert_eq!(report.outcomes[0].cheaped, 3);
}

#[test]
fn commands_and_sizes_of_the_trace_are_applied_in_time() {
    let report = run(&settings("manual"), "3.5 fifo ++\n7 fifo -\n7 fifo -\n9 end", &["manual"]);
    assert_eq!(course(&report.outcomes[0]), [(0, 1), (4, 3), (7, 1)]);
    let limits = Settings { initial: 3, rss_soft: 100, rss_hard: 200, ..settings("manual") };
    let report = run(&limits, "set rss 20\n4 rss 90\n9 end", &["manual"]);
    assert_eq!(course(&report.outcomes[0]), [(0, 3), (4, 2)]);
    assert_eq!(report.outcomes[0].log[0].0, 4_000_000);
}

#[test]
fn what_nobody_serves_is_counted_and_the_run_ends() {
    let lines = "set listen 2\n1 fifo -\n3 request 1s x5\n4 end";
    let report = run(&settings("manual"), lines, &["manual"]);
    let outcome = &report.outcomes[0];
    assert_eq!((outcome.dropped, outcome.unserved, outcome.max_workers), (3, 2, 1));
    assert!(report.to_string().contains("manual: 2 requests still waited"), "{report}");
}

#[test]
fn a_run_goes_on_until_nobody_waits() {
    let outcome = &run(&settings("manual"), "0 request 10s x3", &["manual"]).outcomes[0];
    assert_eq!((outcome.unserved, outcome.queue.max_us), (0, 20_000_000));
}

#[test]
fn an_unknown_name_runs_as_the_instance_would() {
    let report = run(&settings("spare"), &two_at_a_time(9), &["spare", "spare9"]);
    let [known, unknown] = report.outcomes.as_slice() else { panic!("two outcomes") };
    assert_eq!(known.timeline, unknown.timeline);
    assert!(unknown.log[0].1.text.contains("falling back to spare"));
}

#[test]
fn an_empty_trace_has_an_empty_report() {
    let report = run(&settings("spare"), "", &["spare"]);
    assert_eq!((report.requests, report.length_us, report.outcomes[0].max_workers), (0, 0, 1));
    assert!(report.to_string().starts_with("0 requests in 0, 1 to 4 workers"));
}

#[test]
fn the_text_is_a_table_and_a_course() {
    let report = run(&settings("spare"), &two_at_a_time(11), &["spare", "manual"]);
    let want = "\
22 requests in 10s, 1 to 4 workers, a cycle every 1s

algorithm  mean  min  max  spawned  emergency  cheaped  dropped  wait p50  p90  p99  max
spare      1.80    1    3        2          0        0        0        2s   2s   2s   2s
manual     1.00    1    1        0          0        0        0        5s  10s  11s  11s

time  spare  manual
0         1       1
1s        1       1
2s        1       1
3s        1       1
4s        2       1
5s        2       1
6s        2       1
7s        2       1
8s        3       1
9s        3       1
10s       3       1
";
    assert_eq!(report.to_string(), want);
}

#[test]
fn a_long_course_is_shown_in_stretches() {
    let report = run(&settings("manual"), "0 request 1s\n1h end", &["manual"]);
    let rows = report.to_string().lines().skip(5).map(String::from).collect::<Vec<_>>();
    assert_eq!(
        (rows.len(), rows[0].as_str(), rows[40].as_str()),
        (42, "time   manual", "3510s       1")
    );
}
