//! Every notice to the letter, every variable.

use super::activation::{Environment, Inherited, Plan, declared_for, plan};
use super::*;
use crate::{Line, Now};
use proptest::prelude::*;

fn at(seconds: u64) -> Now {
    Now { us: seconds * SECOND, wall_s: 0 }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_start_is_told_in_two_notices() {
    let mut notifier = Notifier::new(Readiness::Loaded, None);
    assert_eq!(notifier.initializing(), some(INITIALIZING));
    assert_eq!(notifier.extend(5), some("EXTEND_TIMEOUT_USEC=5\n"));
    assert_eq!(notifier.workers(Workers::default()), None, "not before it is ready");
    assert_eq!(notifier.loaded(at(2)), some("STATUS=uWSGI is ready\nREADY=1\n"));
    assert_eq!(notifier.ready_since(), Some(2 * SECOND));
    assert_eq!((notifier.loaded(at(3)), notifier.accepting(at(3))), (None, None), "once");
    assert_eq!(notifier.extend(5), None);
}

#[test]
fn readiness_may_wait_for_a_worker() {
    let mut notifier = Notifier::new(Readiness::Accepting, None);
    assert_eq!(notifier.loaded(at(2)), None);
    assert_eq!(notifier.accepting(at(9)), some("STATUS=uWSGI is ready\nREADY=1\n"));
    assert_eq!(notifier.accepting(at(9)), None);
}

#[test]
fn a_status_is_sent_when_it_changes() {
    let mut notifier = Notifier::new(Readiness::Loaded, None);
    notifier.loaded(at(0));
    let seen = Workers { alive: 4, busy: 1, requests: 12, ..Workers::default() };
    let told = some("STATUS=uWSGI is ready, 4 workers, 1 busy, 12 requests/s\n");
    assert_eq!(notifier.workers(seen), told);
    assert_eq!(notifier.workers(seen), None);
    let told = some("STATUS=uWSGI is paused, 4 workers, 1 busy, 12 requests/s\n");
    assert_eq!(notifier.workers(Workers { paused: true, ..seen }), told);
    let cheap = Workers { cheap: true, ..Workers::default() };
    let told = some("STATUS=uWSGI is cheap, waiting for a connection\n");
    assert_eq!(notifier.workers(cheap), told);
    assert_eq!(notifier.status("odd\nREADY=1"), some("STATUS=odd READY=1\n"), "one assignment");
    assert_eq!(notifier.last_status(), "odd READY=1");
}

#[test]
fn an_emperor_tells_of_its_vassals() {
    let mut notifier = Notifier::new(Readiness::Loaded, None);
    assert_eq!(notifier.vassals(3), some("STATUS=The Emperor is governing 3 vassals\n"));
    assert_eq!(notifier.vassals(3), None);
    assert_eq!(notifier.vassals(4), some("STATUS=The Emperor is governing 4 vassals\n"));
    assert_eq!(BURIED, "STATUS=The Emperor is buried.\n");
}

#[test]
fn reload_and_stop_are_told() {
    let mut notifier = Notifier::new(Readiness::Loaded, None);
    assert_eq!(notifier.reloading(at(0)), None, "it is still starting");
    notifier.loaded(at(0));
    assert_eq!(notifier.draining(5), some("EXTEND_TIMEOUT_USEC=5\n"));
    assert_eq!(notifier.reloading(at(7)), some("RELOADING=1\nMONOTONIC_USEC=7000000\n"));
    assert_eq!(
        notifier.reload_failed(at(8), "no\nsuch file"),
        some("STATUS=reload failed: no such file\nREADY=1\n")
    );
    assert_eq!(notifier.reload_failed(at(8), "twice"), None, "no reload goes on");
    assert_eq!(notifier.reloaded(at(8)), None);
    notifier.reloading(at(8));
    assert_eq!(notifier.reloaded(at(8)), some("READY=1\n"));
    assert_eq!(notifier.main_pid(42), "MAINPID=42\n");
    assert_eq!(notifier.stopping(), some("STOPPING=1\n"));
    assert_eq!(notifier.stopping(), None);
    assert_eq!((notifier.reloading(at(9)), notifier.vassals(9)), (None, None));
}

#[test]
fn a_healthy_master_feeds_the_watchdog() {
    let mut notifier = Notifier::new(Readiness::Loaded, Some(2 * SECOND));
    let fed: Vec<_> =
        (0..10).filter(|second| notifier.ping(at(*second), *second != 4).is_some()).collect();
    assert_eq!(fed, [0, 2, 5, 7, 9], "late rather than by a sick one");
    assert_eq!((notifier.pings(), notifier.due()), (5, Some(11 * SECOND)));
    assert_eq!(notifier.ping(at(11), true), some("WATCHDOG=1\n"));
    let mut unwatched = Notifier::new(Readiness::Loaded, None);
    assert_eq!((unwatched.ping(at(1), true), unwatched.due()), (None, None));
}

#[test]
fn the_watchdog_waits_while_hooks_run_at_the_end() {
    let mut notifier = Notifier::new(Readiness::Loaded, Some(2 * SECOND));
    notifier.loaded(at(1));
    assert_eq!(notifier.extend(9 * SECOND), None, "it is ready");
    let text = "EXTEND_TIMEOUT_USEC=9000000\nWATCHDOG=1\nWATCHDOG_USEC=9000000\n";
    assert_eq!(notifier.standing_still(9 * SECOND), some(text));
    let mut next = Notifier::new(Readiness::Loaded, Some(2 * SECOND));
    next.took_over();
    assert_eq!(next.looping(), some("WATCHDOG=1\nWATCHDOG_USEC=4000000\n"));
    let mut unwatched = Notifier::new(Readiness::Loaded, None);
    unwatched.took_over();
    assert_eq!(unwatched.looping(), None);
}

#[test]
fn the_watchdog_waits_while_an_application_loads() {
    let mut notifier = Notifier::new(Readiness::Loaded, Some(2 * SECOND));
    let text = "EXTEND_TIMEOUT_USEC=9000000\nWATCHDOG=1\nWATCHDOG_USEC=9000000\n";
    assert_eq!(notifier.extend(9 * SECOND), some(text));
    assert_eq!(notifier.looping(), some("WATCHDOG=1\nWATCHDOG_USEC=4000000\n"));
    assert_eq!(notifier.looping(), None, "once");
    assert_eq!(notifier.extend(SECOND), some("EXTEND_TIMEOUT_USEC=1000000\n"), "shorter anyway");
    assert_eq!(notifier.looping(), None);
}

#[test]
fn the_watchdog_is_read_from_the_environment() {
    for (usec, watched, want) in [
        (Some("10000000"), None, Some(5 * SECOND)),
        (Some("10000000"), Some("7"), Some(5 * SECOND)),
        (Some("10000000"), Some("8"), None),
        (Some("10000000"), Some("x"), None),
        (Some("0"), None, None),
        (Some("1"), None, Some(1)),
        (Some("-3"), None, None),
        (None, None, None),
    ] {
        assert_eq!(watchdog(usec, watched, 7), want, "{usec:?} {watched:?}");
    }
}

#[test]
fn notices_go_to_a_path_or_an_abstract_name() {
    assert_eq!(Address::parse("/run/notify"), Some(Address::Path("/run/notify".into())));
    assert_eq!(Address::parse("@name"), Some(Address::Abstract("name".into())));
    for odd in ["", "@", "relative", "vsock:2:1"] {
        assert_eq!(Address::parse(odd), None, "{odd}");
    }
}

fn listen(pid: &str, fds: &str, names: Option<&str>) -> Environment {
    Environment {
        listen_pid: some(pid),
        listen_fds: some(fds),
        listen_fdnames: names.map(str::to_owned),
        ..Environment::default()
    }
}

fn inherited(fds: &[(i32, &str)]) -> Vec<Inherited> {
    fds.iter().map(|(fd, name)| Inherited { fd: *fd, name: (*name).to_owned() }).collect()
}

#[test]
fn systemd_hands_over_descriptors_from_three_on() {
    let plan = plan(&listen("7", "3", Some("web:stats")), 7, false).unwrap();
    assert_eq!(plan.fds, inherited(&[(3, "web"), (4, "stats"), (5, "")]));
    assert_eq!(plan.line, Some(Line::plain("- SystemD socket activation detected -")));
    assert_eq!(plan.unset, ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]);
    assert!(plan.skip_zero);
    assert_eq!((plan.find("stats", &[]), plan.find("stats", &[4])), (Some(4), None));
    assert_eq!((plan.find("", &[]), plan.find("other", &[])), (None, None));
}

#[test]
fn upstart_hands_over_one_descriptor() {
    let env = Environment {
        upstart_events: some("socket"),
        upstart_fds: some("5"),
        upstart_job: some("web"),
        ..Environment::default()
    };
    let found = plan(&env, 7, false).unwrap();
    assert_eq!(found.fds, inherited(&[(5, "")]));
    assert_eq!(found.line, Some(Line::plain("- Upstart socket bridge detected (job: web) -")));
    assert_eq!(found.unset, ["UPSTART_EVENTS", "UPSTART_FDS"]);
    assert!(found.skip_zero);
    let other = Environment { upstart_events: some("started"), ..env.clone() };
    assert_eq!(plan(&other, 7, false), Ok(Plan::default()));
    let odd = Environment { upstart_fds: some("x"), ..env };
    let text = "invalid UPSTART_FDS \"x\": the number of a file descriptor is needed";
    assert_eq!(plan(&odd, 7, false), Err(text.into()));
}

#[test]
fn what_is_meant_for_others_is_left_alone() {
    for env in [
        Environment::default(),
        listen("8", "3", None),
        listen("x", "3", None),
        listen("7", "0", None),
        Environment { listen_pid: None, ..listen("7", "3", None) },
        Environment { listen_fds: None, ..listen("7", "3", None) },
    ] {
        assert_eq!(plan(&env, 7, false), Ok(Plan::default()), "{env:?}");
    }
    assert_eq!(plan(&listen("7", "3", None), 7, true), Ok(Plan::default()), "after a reload");
}

#[test]
fn odd_numbers_are_told() {
    for odd in ["-1", "x", "65537", "99999999999"] {
        let text = format!("invalid LISTEN_FDS \"{odd}\": a number from 0 to 65536 is needed");
        assert_eq!(plan(&listen("7", odd, None), 7, false), Err(text));
    }
}

#[test]
fn an_inherited_socket_takes_the_place_of_the_declared_one() {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let declared = list(&["127.0.0.1:80", "/run/s", "/run/s"]);
    let inherited = list(&["/run/s", "10.0.0.1:80", "/run/s", "/run/s"]);
    assert_eq!(declared_for(&inherited, &declared), [Some(1), None, Some(2), None]);
}

proptest! {
    #[test]
    fn no_environment_brings_it_down(values in prop::collection::vec(prop::option::of(".*"), 6)) {
        let mut values = values.into_iter();
        let mut next = || values.next().flatten();
        let env = Environment {
            listen_pid: some("7"),
            listen_fds: next(),
            listen_fdnames: next(),
            upstart_events: next(),
            upstart_fds: next(),
            upstart_job: next(),
        };
        let _ = plan(&env, 7, false);
    }
}
