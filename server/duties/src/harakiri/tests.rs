//! Courses of deadlines, microsecond by microsecond where it matters.

use super::*;
use crate::{Now, Step};
use proptest::prelude::*;

fn at(seconds: u64) -> Now {
    Now { us: seconds * SECOND, wall_s: 1000 + seconds }
}

fn request(core: u32, since: u64, deadline: u64) -> Core<'static> {
    Core {
        core,
        since_us: since * SECOND,
        deadline: Some(Deadline { at_us: deadline * SECOND, user: false }),
        doing: Doing::Request {
            remote: b"10.0.0.1",
            method: b"GET",
            uri: b"/slow\n",
            since_s: 1000 + since,
        },
        note: "",
    }
}

fn worker<'a>(cores: &'a [Core<'a>]) -> Worker<'a> {
    Worker { id: 2, pid: 70, cores, told: 0 }
}

fn send(signal: i32) -> Order {
    Order::Signal { pid: 70, group: false, signal }
}

#[test]
fn a_late_request_is_told_and_its_worker_killed() {
    let (mut guard, config) = (Guard::default(), Config::default());
    let cores = [request(0, 9, 99), request(1, 5, 10)];
    let early = Now { us: 10 * SECOND - 1, wall_s: 0 };
    assert!(guard.look(early, &config, &worker(&cores), 0).is_empty());
    assert_eq!(guard.due(&worker(&cores)), Some(10 * SECOND));
    let steps = guard.look(at(10), &config, &worker(&cores), 0);
    assert_eq!(
        steps.texts(),
        [
            "V *** HARAKIRI ON WORKER 2 (pid: 70, try: 1, graceful: yes) ***",
            "V HARAKIRI !!! worker 2 status !!!",
            r"V HARAKIRI [core 0] 10.0.0.1 - GET /slow\n since 1009",
            r"V HARAKIRI [core 1] 10.0.0.1 - GET /slow\n since 1005",
            "V HARAKIRI !!! end of worker 2 status !!!",
            "V HARAKIRI triggered by worker 2 core 1 !!!",
        ]
    );
    let incident = Order::Incident { id: 2, core: 1, user: false, age_us: 5 * SECOND };
    assert_eq!(steps.given(), [incident, send(9)]);
    let last = steps.into_iter().last().unwrap();
    assert!(matches!(last, Step::Say(_)), "the kill comes before the last line");
    assert!(guard.look(at(11), &config, &worker(&cores), 0).is_empty(), "killed once");
    assert_eq!(guard.due(&worker(&cores)), None);
}

#[test]
fn the_next_process_has_a_course_of_its_own() {
    let (mut guard, config) = (Guard::default(), Config::default());
    let cores = [request(0, 5, 10)];
    assert!(!guard.look(at(10), &config, &worker(&cores), 0).is_empty());
    let none = Worker { pid: 0, ..worker(&[]) };
    assert!(guard.look(at(11), &config, &none, 0).is_empty());
    let next = [request(0, 12, 20)];
    let next = Worker { pid: 71, ..worker(&next) };
    assert!(guard.look(at(19), &config, &next, 0).is_empty());
    assert!(!guard.look(at(20), &config, &next, 0).is_empty());
}

#[test]
fn who_was_spared_at_the_last_moment_is_watched_on() {
    let (mut guard, config) = (Guard::default(), Config::default());
    let cores = [request(0, 5, 10)];
    assert_eq!(guard.look(at(10), &config, &worker(&cores), 0).given().last(), Some(&send(9)));
    guard.spare(2);
    let next = [request(0, 10, 15)];
    assert!(guard.look(at(14), &config, &worker(&next), 0).is_empty());
    assert_eq!(guard.due(&worker(&next)), Some(15 * SECOND));
    assert_eq!(guard.look(at(15), &config, &worker(&next), 0).given().last(), Some(&send(9)));
}

#[test]
fn grace_comes_before_the_kill() {
    let config = Config { grace_s: 3, ..Config::default() };
    let mut guard = Guard::default();
    let cores = [request(0, 5, 10)];
    let steps = guard.look(at(10), &config, &worker(&cores), 0);
    assert_eq!(steps.given().last(), Some(&send(15)));
    assert_eq!(
        steps.texts()[4..],
        [
            "V HARAKIRI: graceful termination attempt on worker 2 with signal 15. Next harakiri: \
             1013",
            "V HARAKIRI triggered by worker 2 core 0 !!!",
        ]
    );
    assert_eq!(guard.due(&worker(&cores)), Some(13 * SECOND));
    assert!(guard.look(at(12), &config, &worker(&cores), 0).is_empty());
    let steps = guard.look(at(13), &config, &worker(&cores), 0);
    assert_eq!(steps.texts()[0], "V *** HARAKIRI ON WORKER 2 (pid: 70, try: 2, graceful: no) ***");
    assert_eq!(steps.given(), [send(9)], "counted once");
}

#[test]
fn the_graceful_signal_can_be_chosen() {
    let config = Config { grace_s: 1, grace_signal: 10, ..Config::default() };
    let cores = [request(0, 5, 10)];
    let steps = Guard::default().look(at(10), &config, &worker(&cores), 0);
    assert_eq!(steps.given().last(), Some(&send(10)));
}

#[test]
fn a_request_that_ends_within_the_grace_is_let_go() {
    let config = Config { grace_s: 3, ..Config::default() };
    let mut guard = Guard::default();
    assert!(!guard.look(at(10), &config, &worker(&[request(0, 5, 10)]), 0).is_empty());
    let next = [request(0, 11, 16)];
    assert!(guard.look(at(13), &config, &worker(&next), 0).is_empty());
    let steps = guard.look(at(16), &config, &worker(&next), 0);
    let incident = steps.given().iter().any(|order| matches!(order, Order::Incident { .. }));
    assert!(incident, "the next one is an incident of its own");
}

#[test]
fn another_process_is_not_punished_for_the_last_one() {
    let config = Config { grace_s: 3, ..Config::default() };
    let mut guard = Guard::default();
    assert!(!guard.look(at(10), &config, &worker(&[request(0, 5, 10)]), 0).is_empty());
    let same = [request(0, 5, 99)];
    let next = Worker { pid: 71, ..worker(&same) };
    assert!(guard.look(at(20), &config, &next, 0).is_empty());
}

#[test]
fn of_several_late_cores_the_one_that_is_late_longest_is_named() {
    let cores = [request(0, 5, 12), request(1, 6, 10), request(2, 7, 11)];
    let steps = Guard::default().look(at(20), &Config::default(), &worker(&cores), 0);
    assert_eq!(steps.texts().last().unwrap(), "V HARAKIRI triggered by worker 2 core 1 !!!");
}

#[test]
fn verbose_looks_into_the_kernel_before_the_status() {
    let config = Config { verbose: true, ..Config::default() };
    let cores = [request(0, 4, 99), request(1, 5, 10)];
    let steps = Guard::default().look(at(10), &config, &worker(&cores), 0);
    assert_eq!(steps.given()[0], Order::Inspect { id: 2, pid: 70, core: 1 }, "who is late");
    let syscall = Line::plain("HARAKIRI: -- syscall> 7 0x1");
    let wchan = Line::plain("HARAKIRI: -- wchan> do_poll");
    assert_eq!(waits(Some("7 0x1\n"), Some("do_poll")), [syscall, wchan]);
    assert_eq!(waits(None, None), []);
}

#[test]
fn a_short_queue_saves_and_is_told_once_a_minute() {
    let config = Config { threshold: 5, ..Config::default() };
    let mut guard = Guard::default();
    let cores = [request(0, 5, 10)];
    let mut told = Vec::new();
    for second in 10..80 {
        let steps = guard.look(at(second), &config, &worker(&cores), 4);
        assert!(steps.given().is_empty());
        assert_eq!(guard.due(&worker(&cores)), Some((second + 1) * SECOND), "no busy waiting");
        if !steps.is_empty() {
            told.push((second, steps.texts()));
        }
    }
    let text = "V HARAKIRI: Skipping harakiri on worker 2. Listen queue is smaller than the \
                threshold (4 < 5)";
    assert_eq!(told, [(10, vec![text.to_owned()]), (70, vec![text.to_owned()])]);
    assert_eq!(guard.look(at(80), &config, &worker(&cores), 5).given().last(), Some(&send(9)));
}

#[test]
fn a_pending_try_does_not_ask_the_queue() {
    let config = Config { threshold: 5, grace_s: 2, ..Config::default() };
    let mut guard = Guard::default();
    let cores = [request(0, 5, 10)];
    assert!(!guard.look(at(10), &config, &worker(&cores), 9).is_empty());
    assert_eq!(guard.look(at(12), &config, &worker(&cores), 0).given().last(), Some(&send(9)));
}

#[test]
fn a_limit_of_the_application_says_so() {
    let mut core = request(0, 5, 10);
    core.deadline = Some(Deadline { at_us: 7 * SECOND, user: true });
    core.doing = Doing::Signal(17);
    let cores = [core];
    let steps = Guard::default().look(at(7), &Config::default(), &worker(&cores), 0);
    let texts = steps.texts();
    assert_eq!(texts[2], "V HARAKIRI [core 0] - handling signal 17");
    assert_eq!(texts.last().unwrap(), "V HARAKIRI (user) triggered by worker 2 core 0 !!!");
}

/// The stacks of a worker come before its status, and the kill after it.
#[test]
fn stacks_are_awaited_before_the_status() {
    let config = Config { verbose: true, stacks: true, ..Config::default() };
    let mut guard = Guard::default();
    let cores = [request(0, 5, 10)];
    let steps = guard.look(at(10), &config, &worker(&cores), 0);
    assert_eq!(
        steps.texts(),
        [
            "V *** HARAKIRI ON WORKER 2 (pid: 70, try: 1, graceful: yes) ***",
            "*** uWSGI Python tracebacker output ***",
        ]
    );
    let look = Order::Inspect { id: 2, pid: 70, core: 0 };
    assert_eq!(steps.given(), [look, Order::Stacks { id: 2, pid: 70 }]);
    let due = guard.due(&worker(&cores)).unwrap();
    assert!(due > at(10).us && due < at(11).us, "looked at soon, not at once");
    let soon = Now { us: due, wall_s: 1010 };
    assert!(guard.look(soon, &config, &worker(&cores), 0).is_empty(), "not told yet");
    let told = Worker { told: 1, ..worker(&cores) };
    let steps = guard.look(soon, &config, &told, 0);
    assert_eq!(steps.texts()[0], "V HARAKIRI !!! worker 2 status !!!");
    assert_eq!(steps.given().last(), Some(&send(9)));
}

#[test]
fn a_worker_that_tells_no_stacks_is_killed_all_the_same() {
    let config = Config { verbose: true, stacks: true, ..Config::default() };
    let mut guard = Guard::default();
    let cores = [request(0, 5, 10)];
    assert!(!guard.look(at(10), &config, &worker(&cores), 0).is_empty());
    let mut looks = 0;
    let killed = loop {
        let due = guard.due(&worker(&cores)).unwrap();
        let steps = guard.look(Now { us: due, wall_s: 1010 }, &config, &worker(&cores), 0);
        looks += 1;
        if steps.given().contains(&send(9)) {
            break due;
        }
    };
    assert_eq!(killed, at(10).us + SECOND / 2);
    assert!(looks <= 51, "{looks} looks");
}

#[test]
fn a_request_that_ends_while_stacks_are_told_is_let_go() {
    let config = Config { verbose: true, stacks: true, grace_s: 1, ..Config::default() };
    let mut guard = Guard::default();
    assert!(!guard.look(at(10), &config, &worker(&[request(0, 5, 10)]), 0).is_empty());
    let steps = guard.look(at(11), &config, &worker(&[]), 0);
    assert_eq!(steps.texts(), ["V HARAKIRI: worker 2 core 0 is done and goes on"]);
    assert_eq!(steps.given(), []);
    assert!(guard.is_quiet());
}

#[test]
fn every_try_tells_stacks() {
    let config = Config { verbose: true, stacks: true, grace_s: 3, ..Config::default() };
    let mut guard = Guard::default();
    let cores = [request(0, 5, 10)];
    let told = |told| Worker { told, ..worker(&cores) };
    guard.look(at(10), &config, &told(0), 0);
    let steps = guard.look(at(10), &config, &told(1), 0);
    assert_eq!(steps.given().last(), Some(&send(15)));
    let steps = guard.look(at(13), &config, &told(1), 0);
    assert_eq!(steps.given().last(), Some(&Order::Stacks { id: 2, pid: 70 }));
    let steps = guard.look(at(13), &config, &told(2), 0);
    assert_eq!(steps.given(), [send(9)], "no second incident");
}

#[test]
fn what_else_is_known_of_a_core_follows_it() {
    let cores = [Core { note: "5000 ms = 5000 locks", ..request(0, 5, 10) }];
    let steps = Guard::default().look(at(10), &Config::default(), &worker(&cores), 0);
    assert_eq!(steps.texts()[3], "V HARAKIRI [core 0] 5000 ms = 5000 locks");
}

#[test]
fn deadlines_of_a_core() {
    let deadline = |seconds, user| Some(Deadline { at_us: seconds * SECOND, user });
    let earliest = |limit, user| earliest(10 * SECOND, limit, user * SECOND);
    assert_eq!(earliest(0, 0), None, "no limit");
    assert_eq!(earliest(5, 0), deadline(15, false));
    assert_eq!(earliest(5, 20), deadline(15, false), "the earlier one counts");
    assert_eq!(earliest(5, 13), deadline(13, true));
    assert_eq!(earliest(0, 13), deadline(13, true));
    assert_eq!(earliest(5, 15), deadline(15, false), "together: the configured one");
    assert_eq!(super::earliest(u64::MAX, 5, 0).unwrap().at_us, u64::MAX);
}

#[test]
fn everybody_else_is_killed_at_once_and_once() {
    for (who, text, group) in [
        (Other::Mule { id: 1, signal: Some(17) }, "ON MULE 1 HANDLING SIGNAL 17", false),
        (Other::Mule { id: 1, signal: None }, "ON MULE 1", false),
        (Other::Spooler, "ON THE SPOOLER", false),
        (Other::Gateway { name: "uWSGI http", id: 1 }, "ON GATEWAY uWSGI http 1", false),
        (Other::Cron { command: "ls -l" }, "ON CRON \"ls -l\"", true),
    ] {
        let mut single = Single::default();
        assert!(single.look(at(10), who, 7, None).is_empty(), "idle");
        assert!(single.look(at(9), who, 7, Some(10 * SECOND)).is_empty());
        let steps = single.look(at(10), who, 7, Some(10 * SECOND));
        assert_eq!(steps.texts(), [format!("*** HARAKIRI {text} (pid: 7) ***")]);
        assert_eq!(steps.given(), [Order::Signal { pid: 7, group, signal: 9 }]);
        assert!(single.look(at(11), who, 7, Some(10 * SECOND)).is_empty());
        assert!(!single.look(at(11), who, 8, Some(10 * SECOND)).is_empty(), "the next one");
    }
}

#[test]
fn without_a_master_the_process_says_what_would_help() {
    let lines = without_master(7, 0).map(|line| line.text);
    assert_eq!(
        lines,
        [
            "",
            "Killing the current process (pid: 7 app_id: 0)...",
            "*** if you want your workers to be automatically respawned consider enabling the \
             uWSGI master process ***",
        ]
    );
    assert_eq!(UNABLE, "!!! unable to set user harakiri without the master process !!!");
}

proptest! {
    /// One stuck core among busy ones is killed within its time, whatever the others do.
    #[test]
    fn a_stuck_core_is_always_found(
        limit in 1u64..20,
        grace in 0u64..5,
        others in prop::collection::vec(1u64..4, 1..40),
    ) {
        let config = Config { grace_s: grace, ..Config::default() };
        let (mut guard, mut killed, mut second) = (Guard::default(), None, 0);
        let (mut begin, mut lengths) = (0, others.iter().cycle());
        let mut length = *lengths.next().unwrap();
        while killed.is_none() && second < 60 {
            if second >= begin + length {
                (begin, length) = (second, *lengths.next().unwrap());
            }
            let cores = [request(0, 0, limit), request(1, begin, begin + limit.max(5))];
            let steps = guard.look(at(second), &config, &worker(&cores), 0);
            killed = steps.given().contains(&send(9)).then_some(second);
            second += 1;
        }
        prop_assert_eq!(killed, Some(limit + grace));
    }

    /// What is due is what a look does something about.
    #[test]
    fn a_look_before_its_time_does_nothing(
        cores in prop::collection::vec((0u64..50, 0u64..50), 0..4),
        seconds in prop::collection::vec(0u64..100, 0..30),
        grace in 0u64..4,
    ) {
        let config = Config { grace_s: grace, ..Config::default() };
        let cores: Vec<_> =
            (0u32..).zip(cores).map(|(n, (since, limit))| request(n, since, since + limit)).collect();
        let mut seconds = seconds;
        seconds.sort_unstable();
        let mut guard = Guard::default();
        for second in seconds {
            let due = guard.due(&worker(&cores)).is_some_and(|due| at(second).us >= due);
            let steps = guard.look(at(second), &config, &worker(&cores), 0);
            prop_assert_eq!(due, !steps.is_empty());
        }
    }
}
