//! Days and nights of an instance.

use super::*;
use crate::Step;
use proptest::prelude::*;

const CHEAP: &str = "cheap mode enabled: waiting for socket connection...";

fn at(seconds: u64) -> Now {
    Now { us: seconds * SECOND, wall_s: 1000 + seconds }
}

fn config() -> Config {
    Config { idle_s: 3, processes: 3, ..Config::default() }
}

fn awake(config: Config) -> Idle {
    let (idle, steps) = Idle::new(config, at(0));
    assert!(steps.is_empty());
    idle
}

fn workers(busy: &[bool]) -> Vec<Worker> {
    let worker = |(id, busy): (u32, &bool)| Worker {
        id,
        pid: 10 * i32::try_from(id).unwrap(),
        busy: *busy,
        starting: false,
    };
    (1..).zip(busy).map(worker).collect()
}

fn send(pid: i32, signal: i32) -> Order {
    Order::Signal { pid, signal }
}

#[test]
fn a_cheap_instance_begins_without_workers() {
    let (mut idle, steps) = Idle::new(Config { cheap: true, ..config() }, at(0));
    assert_eq!(steps.texts(), [CHEAP]);
    assert_eq!(steps.given(), [Order::CheapAll, Order::Watch]);
    assert!(idle.is_cheap());
    assert!(idle.second(at(100), 0, &[]).is_empty());
    assert_eq!(idle.connection(at(100)).given(), [Order::Unwatch, Order::Spawn(3)]);
    assert!(!idle.is_cheap());
    assert!(idle.connection(at(100)).is_empty(), "one connection is enough");
}

#[test]
fn with_cheaper_only_the_least_number_wakes_up() {
    let (mut idle, _) = Idle::new(Config { cheap: true, cheaper: 1, ..config() }, at(0));
    assert_eq!(idle.connection(at(1)).given(), [Order::Unwatch, Order::Spawn(1)]);
}

#[test]
fn who_is_still_starting_is_not_idle() {
    let mut idle = awake(config());
    let starting = |worker| Worker { starting: true, ..worker };
    let all: Vec<_> = workers(&[false, false]).into_iter().map(starting).collect();
    for second in 1..=60 {
        assert!(idle.second(at(second), 0, &all).is_empty());
    }
    let all = workers(&[false, false]);
    for second in 61..=63 {
        assert!(idle.second(at(second), 0, &all).is_empty(), "the time begins when they serve");
    }
    assert!(!idle.second(at(64), 0, &all).is_empty());
    let gone = Worker { pid: 0, starting: true, ..all[0] };
    let mut idle = awake(config());
    assert!(!idle.second(at(4), 0, &[gone]).is_empty(), "there is nobody who starts");
}

#[test]
fn workers_without_requests_are_sent_away() {
    let (mut idle, all) = (awake(config()), workers(&[false, false]));
    assert!(idle.second(at(1), 5, &all).is_empty());
    for second in 2..=4 {
        assert!(idle.second(at(second), 5, &all).is_empty(), "not more than three seconds");
    }
    let steps = idle.second(at(5), 5, &all);
    assert_eq!(steps.texts(), ["workers have been inactive for more than 3 seconds (1005-1001)"]);
    assert_eq!(steps.given(), [Order::CheapAll, send(10, 1), send(20, 1)]);
    assert!(idle.look(at(5), &all).is_empty());
    assert!(idle.second(at(6), 5, &all).is_empty(), "told once");
    let steps = idle.look(at(6), &workers(&[]));
    assert_eq!((steps.texts(), steps.given()), (vec![CHEAP.to_owned()], vec![Order::Watch]));
    assert!(idle.look(at(7), &[]).is_empty());
    idle.connection(at(50));
    assert!(idle.second(at(53), 5, &all).is_empty(), "the time begins anew");
    assert!(!idle.second(at(54), 5, &all).is_empty());
}

#[test]
fn a_pause_is_no_idleness() {
    let (mut idle, all) = (awake(config()), workers(&[false]));
    idle.resume(at(100));
    assert!(idle.second(at(103), 0, &all).is_empty());
    assert!(!idle.second(at(104), 0, &all).is_empty());
}

#[test]
fn idle_workers_that_do_not_leave_are_killed_busy_ones_have_their_mercy() {
    let (mut idle, all) = (awake(config()), workers(&[false, false]));
    idle.second(at(4), 0, &all);
    assert_eq!(idle.due(), Some(7 * SECOND));
    assert!(idle.look(at(6), &all).is_empty());
    let one_is_busy = workers(&[true, false]);
    assert_eq!(idle.look(at(7), &one_is_busy).given(), [send(20, 9)]);
    assert_eq!(idle.look(at(10), &all).given(), [send(10, 9), send(20, 9)]);
}

#[test]
fn a_busy_worker_is_no_idle_instance() {
    let mut idle = awake(config());
    for second in 1..50 {
        assert!(idle.second(at(second), 0, &workers(&[false, true])).is_empty());
    }
    assert!(!idle.second(at(50), 0, &workers(&[false])).is_empty(), "nor does it begin anew");
}

#[test]
fn without_the_option_nobody_is_ever_idle() {
    let mut idle = awake(Config { idle_s: 0, die: true, ..config() });
    assert!(idle.second(at(1_000_000), 0, &workers(&[false])).is_empty());
}

#[test]
fn an_idle_instance_may_die() {
    let mut idle = awake(Config { die: true, ..config() });
    let steps = idle.second(at(4), 0, &workers(&[false]));
    assert_eq!(steps.texts(), ["workers have been inactive for more than 3 seconds (1004-1000)"]);
    assert_eq!(steps.given(), [Order::Stop]);
    assert!(idle.second(at(9), 0, &workers(&[false])).is_empty());
}

#[test]
fn an_emperor_decides_about_its_vassal() {
    let mut idle = awake(Config { die: true, governed: true, ..config() });
    assert!(idle.emperor_is_deaf().is_empty(), "nothing was asked");
    let steps = idle.second(at(4), 0, &workers(&[false]));
    assert_eq!(steps.given(), [Order::TellEmperor]);
    assert!(idle.is_cheap());
    assert!(idle.second(at(9), 0, &workers(&[false])).is_empty());
    assert_eq!(idle.emperor_is_deaf().given(), [Order::Stop]);
    assert_eq!(IDLE_BYTE, 22);
}

#[test]
fn going_cheap_on_demand_lets_requests_end_unless_asked_twice() {
    let (mut idle, all) = (awake(config()), workers(&[false, true]));
    let steps = idle.go_cheap(at(1), &all);
    let killing = ["killing worker 1 (pid: 10)", "killing worker 2 (pid: 20)"];
    assert_eq!(steps.texts(), [&["V going cheap..."], &killing[..]].concat());
    assert_eq!(steps.given(), [Order::CheapAll, send(10, 1), send(20, 1)]);
    let steps = idle.go_cheap(at(2), &all[1..]);
    assert_eq!((steps.texts(), steps.given()), (vec![killing[1].into()], vec![send(20, 9)]));
    assert!(idle.go_cheap(at(2), &all).is_empty());
    assert_eq!(idle.look(at(2), &[]).texts(), [CHEAP]);
    assert!(idle.go_cheap(at(3), &[]).is_empty(), "it is cheap already");
}

#[test]
fn without_a_worker_it_is_cheap_at_once() {
    let steps = awake(config()).go_cheap(at(1), &[]);
    assert_eq!(steps.texts(), ["V going cheap...", CHEAP]);
    assert_eq!(steps.into_iter().next_back(), Some(Step::Say(crate::Line::plain(CHEAP))));
}

proptest! {
    /// Sockets are watched exactly while it waits, and it wakes up from everywhere.
    #[test]
    fn any_course_leads_back(events in prop::collection::vec((0u8..5, 0u64..3), 0..80)) {
        let mut idle = awake(config());
        let (mut now, mut watched, mut all) = (at(0), false, workers(&[false, true, false]));
        for (event, n) in events {
            now = at(now.us / SECOND + n);
            let steps = match event {
                0 => idle.second(now, 0, &all),
                1 => idle.go_cheap(now, &all),
                2 => idle.look(now, &all),
                3 => idle.connection(now),
                _ => { all.pop(); Steps::new() }
            };
            for order in steps.given() {
                match order {
                    Order::Watch => { prop_assert!(!watched && all.is_empty()); watched = true; }
                    Order::Unwatch => { prop_assert!(watched); watched = false; }
                    Order::Spawn(_) => all = workers(&[false, true, false]),
                    Order::Signal { pid, .. } => prop_assert!(pid > 1),
                    _ => {}
                }
            }
            prop_assert!(!watched || idle.is_cheap());
        }
        idle.go_cheap(now, &[]);
        idle.look(now, &[]);
        prop_assert_eq!(idle.connection(now).given(), [Order::Unwatch, Order::Spawn(3)]);
    }
}
