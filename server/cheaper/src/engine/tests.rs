//! The order of a cycle: memory, operator, algorithm, slots.

use super::*;
use crate::fixture::{at, busy, cheaped, idle, settings};
use crate::{Busyness, Slot};

/// An algorithm that always wants the same.
#[derive(Debug)]
struct Stubborn(i64);

impl Algorithm for Stubborn {
    fn name(&self) -> &'static str {
        "stubborn"
    }

    fn decide(&mut self, view: &View<'_>, log: &mut Vec<Line>) -> i64 {
        log.push(Line::plain(format!("asked, may grow: {}", view.can_spawn)));
        self.0
    }
}

fn wants(count: i64) -> Engine {
    Engine::with(settings("stubborn"), Box::new(Stubborn(count)))
}

/// Limits of 100 and 200 bytes.
fn weighed(count: i64) -> Engine {
    let limits = Settings { rss_soft: 100, rss_hard: 200, ..settings("stubborn") };
    Engine::with(limits, Box::new(Stubborn(count)))
}

fn with_fifo(fifo: i64, counts: (usize, usize, usize)) -> Snapshot {
    Snapshot { fifo, ..at(1, counts) }
}

/// Idle workers of that size, then free slots.
fn heavy(rss: u64, workers: usize, free: usize, fifo: i64) -> Snapshot {
    let mut slots = vec![Slot { rss, ..idle() }; workers];
    slots.extend(vec![cheaped(); free]);
    Snapshot { slots, fifo, ..Snapshot::default() }
}

fn texts(decision: &Decision) -> Vec<&str> {
    decision.log.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn what_the_algorithm_wants_becomes_slots() {
    let decision = wants(2).step(&at(1, (1, 0, 3)));
    assert_eq!((decision.spawn, decision.cheap), (vec![2, 3], vec![]));
    let decision = wants(-1).step(&at(1, (1, 2, 1)));
    assert_eq!((decision.spawn, decision.cheap), (vec![], vec![2]));
    let decision = wants(0).step(&at(1, (1, 2, 1)));
    assert_eq!((decision.spawn, decision.cheap), (vec![], vec![]));
    assert_eq!(wants(9).step(&at(1, (1, 0, 3))).spawn, [2, 3, 4], "the rest is dropped");
}

#[test]
fn the_operator_is_heard_instead_of_the_algorithm() {
    let mut engine = wants(-1);
    let decision = engine.step(&with_fifo(3, (1, 0, 3)));
    assert_eq!((decision.spawn.as_slice(), texts(&decision)), (&[2, 3, 4][..], vec![]));
    let decision = engine.step(&with_fifo(-2, (0, 4, 0)));
    assert_eq!(decision.cheap, [1, 2]);
    assert_eq!(texts(&engine.step(&at(2, (0, 4, 0)))), ["asked, may grow: true"]);
}

#[test]
fn plus_and_minus_that_cancel_leave_it_to_the_algorithm() {
    let decision = wants(1).step(&with_fifo(0, (1, 0, 3)));
    assert_eq!(decision.spawn, [2]);
}

#[test]
fn the_operator_may_go_below_the_floor_but_not_below_one() {
    let mut engine = Engine::with(Settings { cheaper: 3, ..settings("x") }, Box::new(Stubborn(0)));
    let decision = engine.step(&with_fifo(-9, (0, 4, 0)));
    assert_eq!(decision.cheap, [1, 2, 3]);
    let line =
        Line::dated("the last worker is not stopped on request: cheaper-algo is not \"manual\"");
    assert_eq!((decision.log, decision.gauges.owed), (vec![line], 0));
    assert_eq!(engine.step(&with_fifo(-1, (0, 1, 3))).cheap, []);
}

#[test]
fn with_manual_the_operator_may_stop_everybody() {
    let (mut engine, _) = Engine::new(settings("manual"), &Snapshot::default());
    let decision = engine.step(&with_fifo(-9, (0, 4, 0)));
    assert_eq!((decision.cheap, decision.log, decision.gauges.owed), (vec![1, 2, 3, 4], vec![], 0));
    assert_eq!(engine.step(&with_fifo(2, (0, 0, 4))).spawn, [1, 2]);
}

#[test]
fn a_removal_nobody_was_idle_for_is_tried_again_whatever_the_algorithm_says_next() {
    let mut engine = wants(-1);
    let decision = engine.step(&at(1, (3, 0, 1)));
    assert_eq!((decision.cheap, decision.gauges.owed, decision.gauges.target), (vec![], 1, 3));
    engine.algorithm = Box::new(Stubborn(1));
    let decision = engine.step(&at(3, (2, 1, 1)));
    assert_eq!((decision.cheap.as_slice(), texts(&decision)), (&[3][..], vec![]));
    assert_eq!(engine.step(&at(4, (2, 0, 2))).spawn, [3], "the debt is paid");
}

#[test]
fn a_pool_that_never_rests_still_grows() {
    let mut engine = wants(-1);
    assert_eq!(engine.step(&at(1, (3, 0, 1))).gauges.owed, 1);
    engine.algorithm = Box::new(Stubborn(1));
    let decision = engine.step(&at(2, (3, 0, 1)));
    assert_eq!((decision.spawn, decision.gauges.owed), (vec![], 0), "tried again, once");
    assert_eq!(engine.step(&at(3, (3, 0, 1))).spawn, [4]);
}

#[test]
fn what_the_operator_asked_for_is_tried_until_it_succeeds() {
    let mut engine = wants(1);
    assert_eq!(engine.step(&with_fifo(-1, (3, 0, 1))).gauges.owed, 1);
    for second in 2..9 {
        let decision = engine.step(&at(second, (3, 0, 1)));
        assert_eq!((decision.spawn, decision.gauges.owed), (vec![], 1));
    }
    assert_eq!(engine.step(&at(9, (2, 1, 1))).cheap, [3]);
    assert_eq!(engine.step(&at(10, (2, 0, 2))).spawn, [3]);
}

#[test]
fn part_of_a_removal_may_be_owed() {
    let (mut engine, _) = Engine::new(settings("manual"), &Snapshot::default());
    let decision = engine.step(&with_fifo(-3, (2, 1, 1)));
    assert_eq!((decision.cheap, decision.gauges.owed), (vec![3], 2));
    let decision = engine.step(&with_fifo(1, (2, 0, 2)));
    assert_eq!((decision.cheap, decision.gauges.owed), (vec![], 1), "a plus pays for one");
}

#[test]
fn an_owed_removal_respects_the_floor_of_who_asked_for_it() {
    let floor = Settings { cheaper: 2, ..settings("x") };
    let mut engine = Engine::with(floor, Box::new(Stubborn(-1)));
    assert_eq!(engine.step(&at(1, (3, 0, 1))).gauges.owed, 1);
    engine.algorithm = Box::new(Stubborn(0));
    let decision = engine.step(&at(2, (1, 1, 2)));
    assert_eq!(decision.cheap, [], "a worker went by itself in between");
    assert_eq!(texts(&decision), ["asked, may grow: true"], "and the debt is forgotten");
}

#[test]
fn nothing_is_owed_after_a_pause() {
    let mut engine = wants(1);
    assert_eq!(engine.step(&with_fifo(-1, (3, 0, 1))).gauges.owed, 1);
    engine.resume(&at(99, (0, 4, 0)));
    assert_eq!(engine.step(&at(100, (3, 0, 1))).spawn, [4]);
}

#[test]
fn over_the_hard_limit_one_goes_and_nobody_else_is_asked() {
    let mut engine = weighed(2);
    for (workers, cheap) in [(3, vec![1]), (2, vec![1])] {
        let decision = engine.step(&heavy(100, workers, 1, 5));
        let line =
            format!("cheaper hard rss memory limit exceeded, cheap one of {workers} workers");
        assert_eq!((texts(&decision), &decision.cheap), (vec![line.as_str()], &cheap));
    }
    assert_eq!(engine.step(&heavy(10, 1, 1, 0)).gauges.rss_hard_hits, 2, "totals are kept");
}

#[test]
fn over_the_soft_limit_it_may_only_shrink() {
    let decision = weighed(-1).step(&heavy(60, 2, 2, 0));
    assert_eq!(texts(&decision), ["asked, may grow: false"]);
    assert_eq!(decision.cheap, [1]);
    let decision = weighed(2).step(&heavy(60, 2, 2, 0));
    let bug = "BUG! cheaper algo returned 2 but it cannot spawn any worker at this time!";
    assert_eq!(texts(&decision), ["asked, may grow: false", bug]);
    assert_eq!((decision.spawn, decision.gauges.rss_soft_hits), (vec![], 1));
}

#[test]
fn over_the_soft_limit_what_the_operator_wants_is_lost() {
    let mut engine = weighed(0);
    for fifo in [3, -1] {
        let decision = engine.step(&heavy(60, 2, 2, fifo));
        assert_eq!(
            (texts(&decision), &decision.spawn, &decision.cheap),
            (vec![], &vec![], &vec![])
        );
    }
    let decision = engine.step(&heavy(10, 2, 2, 0));
    assert_eq!(texts(&decision), ["asked, may grow: true"], "nothing is left of it");
}

#[test]
fn an_unknown_algorithm_is_said_and_replaced() {
    let (engine, log) = Engine::new(settings("spare9"), &Snapshot::default());
    let text = "unable to find requested cheaper algorithm, falling back to spare";
    assert_eq!((engine.algorithm(), log), ("spare", vec![Line::plain(text)]));
    let (engine, log) = Engine::new(settings("backlog2"), &Snapshot::default());
    assert_eq!((engine.algorithm(), log), ("backlog2", vec![]));
}

#[test]
fn gauges_tell_the_state_after_the_decision() {
    let mut engine = wants(2);
    let gauges = engine.step(&at(1, (1, 1, 2))).gauges;
    let seen = (gauges.active, gauges.busy, gauges.target, gauges.spawned_total);
    assert_eq!(seen, (2, 1, 4, 2));
    engine.algorithm = Box::new(Stubborn(-1));
    let gauges = engine.step(&at(2, (1, 3, 0))).gauges;
    assert_eq!((gauges.target, gauges.spawned_total, gauges.cheaped_total), (3, 2, 1));
    assert_eq!(gauges.busyness, None);
}

#[test]
fn a_worker_that_is_stopped_shows_no_busyness_at_once() {
    let busyness = Busyness { multiplier: 1, min: 60, max: 90, ..Busyness::default() };
    let settings = Settings { overload: 1, busyness, ..settings("busyness") };
    let (mut engine, _) = Engine::new(settings, &at(0, (0, 2, 0)));
    let ran = |us| Slot { running_us: us, ..idle() };
    let slots = vec![ran(400_000), ran(600_000)];
    let decision = engine.step(&Snapshot { slots, ..at(1, (0, 0, 0)) });
    assert_eq!(decision.cheap, [1]);
    let shown = decision.gauges.busyness.unwrap();
    assert_eq!((shown.workers, shown.average), (vec![0, 60], 50));
    let slots = vec![cheaped(), cheaped()];
    let decision = engine.step(&Snapshot { slots, fifo: 1, ..at(1, (0, 0, 0)) });
    let shown = decision.gauges.busyness.unwrap().workers;
    assert_eq!(shown, [0, 0], "also in a cycle in which the algorithm is not asked");
}

#[test]
fn the_largest_wishes_harm_nothing() {
    for count in [i64::MIN, i64::MAX] {
        for fifo in [i64::MIN, 0, i64::MAX] {
            let mut engine = wants(count);
            for counts in [(0, 0, 0), (2, 1, 1), (4, 0, 0)] {
                let _ = engine.step(&with_fifo(fifo, counts));
            }
        }
    }
    let mut engine = wants(-1);
    assert_eq!(engine.step(&Snapshot { slots: vec![busy()], ..Snapshot::default() }).cheap, []);
}
