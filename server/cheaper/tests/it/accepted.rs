//! Courses that are known beforehand: seen at the original, or worked out by hand.

use uwsgi_cheaper::trace::Machine;
use uwsgi_cheaper::{Busyness, Settings};

use crate::rig::{Rig, SECOND};

fn texts(decision: uwsgi_cheaper::Decision) -> Vec<String> {
    decision.log.into_iter().map(|line| line.text).collect()
}

#[test]
fn six_workers_without_load_go_one_by_one_every_overload_seconds() {
    let settings = Settings { processes: 6, cheaper: 1, initial: 6, ..Settings::default() };
    let mut rig = Rig::new(&settings, Machine::default());
    let gone: Vec<_> = (1..=30).filter(|_| !rig.rest().cheap.is_empty()).collect();
    assert_eq!(gone, [3, 6, 9, 12, 15]);
    assert_eq!(rig.pool.active(), 1);
}

#[test]
fn a_thousand_requests_during_the_shrink_are_all_served() {
    let settings = Settings { processes: 6, cheaper: 1, initial: 6, ..Settings::default() };
    let mut rig = Rig::new(&settings, Machine { listen: 1, ..Machine::default() });
    for request in 1..=1_000 {
        rig.pool.advance(request * SECOND / 50 - SECOND / 100);
        rig.pool.arrive(SECOND / 200);
        if request % 50 == 0 {
            rig.rest_until(request / 50 * SECOND);
        }
    }
    let seen = (rig.pool.active(), rig.pool.dropped(), rig.pool.waits_us().len());
    assert_eq!(seen, (1, 0, 1_000));
}

#[test]
fn spare2_answers_a_burst_in_steps_and_its_end_one_by_one() {
    let settings = Settings {
        processes: 64,
        cheaper: 8,
        initial: 8,
        step: 4,
        algo: "spare2".into(),
        ..Settings::default()
    };
    let mut rig = Rig::new(&settings, Machine::default());
    assert_eq!(rig.closed_loop(2, 1).spawn, [9, 10]);
    assert_eq!(rig.closed_loop(2, 1).spawn, []);
    assert_eq!(rig.closed_loop(10, 1).spawn, [11, 12, 13, 14]);
    assert_eq!(rig.closed_loop(10, 1).spawn, [15, 16, 17, 18]);
    assert_eq!(rig.closed_loop(10, 1).spawn, []);
    let gone: Vec<_> = (1..=150).filter(|_| rig.rest().cheap.len() == 1).collect();
    // The last requests end with the first second of rest, in time for its cycle.
    assert_eq!(gone, (1..=10).map(|n| n * 10).collect::<Vec<_>>());
    assert_eq!(rig.pool.active(), 8);
}

#[test]
fn three_plus_start_three_workers_in_the_next_cycle() {
    let settings = Settings { processes: 4, cheaper: 1, initial: 1, ..Settings::default() };
    let mut rig = Rig::new(&settings, Machine::default());
    rig.pool.advance(SECOND);
    assert_eq!(rig.cycle(3).spawn, [2, 3, 4]);
}

/// Four processes, eight clients with requests of 1.5 s that begin half a second before the first
/// window ends; nobody knows how long requests in progress have run.
fn observed() -> Rig {
    let busyness = Busyness { multiplier: 2, backlog_alert: 2, ..Busyness::default() };
    let settings = Settings {
        processes: 4,
        cheaper: 1,
        initial: 2,
        algo: "busyness".into(),
        busyness,
        ..Settings::default()
    };
    let mut rig = Rig::new(&settings, Machine::default());
    rig.times_unknown = true;
    rig
}

#[test]
fn busyness_takes_the_course_that_was_observed() {
    let mut rig = observed();
    for _ in 0..2 {
        assert_eq!(texts(rig.rest()), [""; 0]);
    }
    let begin = 2 * SECOND + SECOND / 2;
    let mut log = Vec::new();
    // Clients send again as soon as they are answered, for 8 seconds.
    for ms in (500..9_000).step_by(10) {
        rig.pool.advance(begin - SECOND / 2 + ms * 1_000);
        let inside = rig.pool.serving() + rig.pool.waiting();
        (inside..8).for_each(|_| rig.pool.arrive(3 * SECOND / 2));
        if ms % 1_000 == 0 {
            log.push(texts(rig.cycle(0)));
        }
    }
    assert_eq!(log[0], ["[busyness] 3s average busyness is at 100%, will spawn 1 new worker(s)"]);
    assert_eq!(
        log[1],
        ["[busyness] 5 requests in listen queue, spawning 1 emergency worker(s) (1)!"]
    );
    assert_eq!(log[2], [""; 0], "four of four run");
    let mut gone = Vec::new();
    for _ in 0..60 {
        let second = rig.pool.now_us() / SECOND + 1;
        let decision = rig.rest_until(second * SECOND);
        if !decision.cheap.is_empty() {
            gone.push((second, texts(decision)));
        }
    }
    let lines: Vec<_> = gone.iter().map(|(_, lines)| lines.join("\n")).collect();
    let line =
        |n| format!("[busyness] 3s average busyness is at 0%, cheap one of {n} running workers");
    assert_eq!(lines, [line(4), line(3), line(2)]);
    let waits: Vec<_> = gone.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(waits, [6, 6], "one every multiplier times overload seconds");
    assert_eq!(rig.pool.active(), 1);
}

#[test]
fn with_known_times_half_a_second_of_work_is_no_full_window() {
    let mut rig = observed();
    rig.times_unknown = false;
    rig.rest();
    rig.rest();
    rig.pool.advance(2 * SECOND + SECOND / 2);
    (0..2).for_each(|_| rig.pool.arrive(3 * SECOND / 2));
    let decision = rig.rest_until(3 * SECOND);
    assert_eq!((texts(decision.clone()), decision.spawn), (vec![], vec![]));
    assert_eq!(decision.gauges.busyness.unwrap().average, 16);
}
