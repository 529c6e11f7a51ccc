//! The forms for programs, and repetition.

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::server::{document, refusing, tcp, uwsgitop};

fn run(words: &[&str]) -> Output {
    uwsgitop().args(words).env_remove("COLUMNS").stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn printed(words: &[&str]) -> String {
    let output = run(words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

fn growing() -> String {
    tcp(false, |n| document(10 * (n + 1)))
}

#[test]
fn csv_has_a_header_and_a_line_per_worker() {
    let address = growing();
    let text = printed(&["--csv", "--count", "2", "--frequency", "0.1", &address]);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let [header, first, second] = lines.as_slice() else { panic!("{text}") };
    assert_eq!(header[..5], ["time", "source", "id", "status", "requests_per_second"]);
    let at = |name: &str| header.iter().position(|title| *title == name).unwrap();
    assert_eq!((first.len(), second.len()), (header.len(), header.len()));
    assert_eq!((first[at("requests")], second[at("requests")]), ("10", "20"));
    assert_eq!((first[at("tx")], first[at("source")]), ("2048", address.as_str()));
    assert_eq!(first[at("requests_per_second")], "", "there is no rate yet");
    let rate: f64 = second[at("requests_per_second")].parse().unwrap();
    assert!(rate > 1.0 && rate < 1000.0, "ten requests in about a tenth of a second: {rate}");
}

#[test]
fn a_view_is_text_csv_or_json() {
    let address = growing();
    let text = printed(&["--once", "--view", "workers", "--width", "60", &address]);
    assert!(text.lines().all(|line| line.len() <= 80) && text.contains("hidden:"), "{text}");
    let wide = printed(&["--once", "--view", "workers", "--width", "200", &address]);
    assert!(wide.contains("LastSpwn") && !wide.contains("hidden:"), "{wide}");
    let csv = printed(&["--csv", "--view", "workers", &address]);
    assert!(csv.starts_with("time,source,WID,%,PID,REQ,RPS,"), "{csv}");
    assert!(csv.contains(",1,100,100,"), "raw numbers: {csv}");
    let json = printed(&["--json", "--view", "workers", &address]);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["view"], &line["rows"][0]["TX"]), (&"workers".into(), &2048.into()));
    assert!(line["rows"][0]["RPS"].is_null(), "{json}");
}

#[test]
fn repeated_documents_are_lines_with_their_moment() {
    let address = growing();
    let text = printed(&["--json", "--count", "3", "--frequency", "0.1", &address]);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts: Vec<_> =
        lines.iter().map(|line| line["stats"]["workers"][0]["requests"].as_u64()).collect();
    assert_eq!(counts, [Some(10), Some(20), Some(30)]);
    let times: Vec<f64> = lines.iter().map(|line| line["time"].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] > 0.05), "{times:?}");
    assert_eq!(lines[0]["source"], *address);
}

#[test]
fn a_source_that_goes_away_is_told_and_the_rest_goes_on() {
    let address = tcp(false, |n| if n == 1 { b"{".to_vec() } else { document(10 * (n + 1)) });
    let output = run(&["--json", "--count", "3", "--frequency", "0.1", &address]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((output.status.code(), lines.len()), (Some(1), 3), "{text}");
    assert!(lines[1].contains("\"error\":\"the document is no JSON"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
    let (_port, closed) = refusing();
    let began = Instant::now();
    let output = run(&["--csv", "--count", "0", &closed]);
    assert_eq!(output.status.code(), Some(1), "nobody at the beginning ends it");
    assert!(output.stdout.is_empty() && began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let mut child = uwsgitop()
        .args(["--csv", "--count", "0", "--frequency", "0.1", &growing()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_has_no_rows_says_what_has() {
    let output = run(&["--csv", &tcp(false, |_| b"{\"version\":\"2\"}".to_vec())]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("choose rows with --view"), "{told}");
}
