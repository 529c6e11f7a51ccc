//! Every limit at its edge.

use super::*;
use crate::{Now, SECOND};
use proptest::prelude::*;
use std::ops::Range;

fn old(id: u32) -> Worker {
    Worker { id, pid: 70, age_s: 10, ..Worker::default() }
}

fn at(seconds: u64) -> Now {
    Now { us: seconds * SECOND, wall_s: 0 }
}

/// Those of `seconds` at which a mercy is over, while a request runs that began at `oldest`.
fn kills(mercy: &mut Mercy, seconds: Range<u64>, oldest: Option<u64>) -> Vec<u64> {
    seconds.filter(|second| mercy.is_over(at(*second), oldest)).collect()
}

#[test]
fn without_limits_nobody_goes() {
    let limits = Limits::default();
    let memory = Memory { address_space: u64::MAX, rss: u64::MAX, uss: u64::MAX, pss: u64::MAX };
    let worker = Worker { requests: u64::MAX, age_s: u64::MAX, memory, ..old(9) };
    assert_eq!(limits.after_request(&worker), None);
    assert_eq!((limits.lifetime(&worker), limits.evil(&worker)), (None, None));
    assert_eq!((limits.accounting(), limits.needs_collector()), (Accounting::None, false));
}

#[test]
fn each_worker_goes_after_its_own_number_of_requests() {
    let limits = Limits { requests: 3, requests_delta: 2, ..Limits::default() };
    for (id, requests, want) in [(1, 2, false), (1, 3, true), (2, 4, false), (2, 5, true)] {
        let worker = Worker { requests, ..old(id) };
        assert_eq!(limits.after_request(&worker), want.then_some(Reason::Requests), "{id}");
    }
}

#[test]
fn nobody_goes_before_the_minimum_lifetime() {
    let limits = Limits { requests: 1, rss: 1, ..Limits::default() };
    let memory = Memory { rss: 5, ..Memory::default() };
    let young = Worker { requests: 9, age_s: 9, memory, ..old(1) };
    assert_eq!(limits.after_request(&young), None);
    assert_eq!(limits.after_request(&Worker { age_s: 10, ..young }), Some(Reason::Requests));
    let none = Limits { min_lifetime_s: 0, ..limits };
    assert_eq!(none.after_request(&Worker { age_s: 0, ..young }), Some(Reason::Requests));
}

#[test]
fn every_size_has_its_limit() {
    /// Where a size lies.
    type Size = fn(&mut Memory) -> &mut u64;
    let limits = Limits::default();
    let table: [(Limits, Size, Reason, Accounting); 4] = [
        (
            Limits { address_space: 100, ..limits },
            |memory| &mut memory.address_space,
            Reason::AddressSpace,
            Accounting::Plain,
        ),
        (Limits { rss: 100, ..limits }, |memory| &mut memory.rss, Reason::Rss, Accounting::Plain),
        (Limits { uss: 100, ..limits }, |memory| &mut memory.uss, Reason::Uss, Accounting::Shared),
        (Limits { pss: 100, ..limits }, |memory| &mut memory.pss, Reason::Pss, Accounting::Shared),
    ];
    for (limits, size, reason, accounting) in table {
        let with = |bytes| {
            let mut worker = old(1);
            *size(&mut worker.memory) = bytes;
            limits.after_request(&worker)
        };
        assert_eq!((with(99), with(100)), (None, Some(reason)));
        assert_eq!(limits.accounting(), accounting);
    }
}

#[test]
fn a_lifetime_ends_after_its_last_second() {
    let limits =
        Limits { max_lifetime_s: 5, min_lifetime_s: 2, lifetime_delta_s: 3, ..Limits::default() };
    let line = |id, age_s| limits.lifetime(&Worker { age_s, ..old(id) });
    assert_eq!(line(1, 5), None);
    assert_eq!(
        line(1, 6),
        Some(Line::plain("worker 1 lifetime reached, it was running for 6 second(s)"))
    );
    assert_eq!(line(2, 8), None);
    assert!(line(2, 9).is_some());
    assert_eq!(WAKE, 28);
}

#[test]
fn the_minimum_lies_below_the_maximum() {
    let check = |min_lifetime_s, max_lifetime_s| {
        Limits { min_lifetime_s, max_lifetime_s, ..Limits::default() }.check()
    };
    let text =
        "invalid min-worker-lifetime value (10), must be lower than max-worker-lifetime (10)";
    assert_eq!(check(10, 10), Err(text.into()), "the default counts, too");
    assert_eq!((check(10, 11), check(9, 10), check(10, 0)), (Ok(()), Ok(()), Ok(())));
}

#[test]
fn evil_limits_kill_whoever_is_too_big() {
    let limits = Limits { evil_address_space: 100, evil_rss: 50, ..Limits::default() };
    let line = |address_space, rss| {
        let memory = Memory { address_space, rss, ..Memory::default() };
        limits.evil(&Worker { age_s: 0, memory, ..old(2) }).map(|line| line.text)
    };
    assert_eq!(line(99, 49), None);
    assert_eq!(line(99, 50).unwrap(), "*** EVIL RELOAD ON WORKER 2 RSS: 50 (pid: 70) ***");
    assert_eq!(
        line(100, 50).unwrap(),
        "*** EVIL RELOAD ON WORKER 2 ADDRESS SPACE: 100 (pid: 70) ***"
    );
    assert!(limits.needs_collector());
    assert_eq!(limits.accounting(), Accounting::Plain);
}

#[test]
fn lines_of_workers() {
    assert_eq!(farewell(70), Line::plain("...The work of process 70 is done. Seeya!"));
}

#[test]
fn exceptions_match_by_class_message_and_both() {
    let (list, none) = (|text: &str| vec![text.to_owned()], Exceptions::default());
    let types = Exceptions { types: list("ValueError"), ..none.clone() };
    assert!(types.matches("ValueError", "x"));
    assert!(types.matches("a.b.ValueError", "x"));
    assert!(!types.matches("KeyError", "ValueError"), "the message is no class");
    let module = Exceptions { types: list("a.Gone"), ..none.clone() };
    assert!(module.matches("a.Gone", "") && !module.matches("b.Gone", ""));
    let values = Exceptions { values: list("no way"), ..none.clone() };
    assert!(values.matches("X", "no way") && !values.matches("X", "no"));
    let reprs = Exceptions { reprs: list("ValueError: no way"), ..none.clone() };
    assert!(reprs.matches("ValueError", "no way") && reprs.matches("a.ValueError", "no way"));
    assert!(!reprs.matches("ValueError", "no"));
    assert!(none.is_off() && !none.matches("X", ""));
    let any = Exceptions { any: true, ..none };
    assert!(any.matches("X", "") && !any.is_off());
    assert_eq!(Exceptions::EXIT, 5);
}

#[test]
fn who_does_not_leave_in_time_is_killed_again_and_again() {
    let mut mercy = Mercy::new(Curse::Asked, at(10), 3);
    assert_eq!(mercy.due(), 13 * SECOND);
    assert_eq!(kills(&mut mercy, 10..20, Some(0)), [13, 16, 19], "a request is no excuse");
    let mut none = Mercy::new(Curse::Asked, at(10), 0);
    assert!(none.is_over(at(10), None));
    assert_eq!(none.due(), 11 * SECOND, "no kill in every turn");
}

#[test]
fn a_worker_that_is_not_needed_may_finish_what_it_began() {
    let mut busy = Mercy::new(Curse::Cheaped, at(10), 3);
    assert_eq!(kills(&mut busy, 10..41, Some(9 * SECOND)), [40], "but not for ever");
    let mut late = Mercy::new(Curse::Cheaped, at(10), 3);
    assert!(late.is_over(at(13), Some(11 * SECOND)), "what it began later does not count");
    let mut idle = Mercy::new(Curse::Cheaped, at(10), 3);
    assert!(idle.is_over(at(13), None));
}

#[test]
fn the_mercy_of_workers_and_its_line() {
    for (worker, general, want) in
        [(None, None, 60), (None, Some(9), 9), (Some(5), Some(9), 5), (Some(0), None, 0)]
    {
        let (seconds, line) = effective(worker, general);
        assert_eq!(seconds, want);
        let text = format!("your mercy for graceful operations on workers is {want} seconds");
        assert_eq!(line, Line::plain(text));
    }
}

#[test]
fn the_line_before_the_kill_names_its_kind() {
    for (who, name) in
        [(Who::Worker(1), "worker 1"), (Who::Mule(2), "mule 2"), (Who::Spooler(3), "spooler 3")]
    {
        let text = format!("{name} (pid: 7) is taking too much time to die...NO MERCY !!!");
        assert_eq!(expired(who, 7), Line::dated(text));
    }
}

proptest! {
    #[test]
    fn numbers_of_any_size_do_not_overflow(
        numbers in prop::collection::vec(any::<u64>(), 8), id in any::<u32>(),
    ) {
        let limits = Limits {
            requests: numbers[0],
            requests_delta: numbers[1],
            max_lifetime_s: numbers[2],
            lifetime_delta_s: numbers[3],
            ..Limits::default()
        };
        let worker = Worker { id, requests: numbers[4], age_s: numbers[5], ..Worker::default() };
        let _ = (limits.after_request(&worker), limits.lifetime(&worker), limits.check());
        let mut mercy = Mercy::new(Curse::Cheaped, Now { us: numbers[6], wall_s: 0 }, numbers[7]);
        let _ = mercy.is_over(Now { us: numbers[5], wall_s: 0 }, Some(numbers[4]));
    }
}
