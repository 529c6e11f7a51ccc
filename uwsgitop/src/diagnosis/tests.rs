//! The diagnosis of situations that were recorded from real servers, and of some that cannot be made
//! without harming a machine.
//!
//! `RECORD_SITUATION=NAME:PID cargo test -p uwsgitop record_a_situation` writes four looks, four
//! seconds apart, at the arena of a master to `tests/situations/NAME.jsonl`, one picture a line; with
//! an address in place of the process id, what its stats server says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use super::{Finding, Level, Memory, of};
use crate::picture::{
    Alarm, Body, End, Gateway, Picture, Process, Pusher, System, Threshold, Trail, Worker,
};
use crate::screens::{NOW_SECONDS, instance, worker};

/// Pictures in a recorded situation, and seconds between them.
const LOOKS: usize = 4;
const APART: Duration = Duration::from_secs(4);

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/situations/{name}.jsonl"))
}

/// What the diagnosis says after having seen a recorded situation.
fn recorded(name: &str) -> Vec<Finding> {
    let text = fs::read_to_string(file(name)).unwrap();
    seen(text.lines().map(|line| serde_json::from_str(line).unwrap()))
}

fn seen(pictures: impl IntoIterator<Item = Picture>) -> Vec<Finding> {
    let mut memory = Memory::default();
    pictures.into_iter().for_each(|picture| memory.ingest(&Arc::new(picture)));
    of(&memory)
}

#[track_caller]
fn says(found: &[Finding], level: Level, parts: &[&str]) {
    let first = found.first().expect("something is always said");
    let text = first.text();
    assert_eq!(first.level, level, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn record_a_situation() {
    let Ok(what) = env::var("RECORD_SITUATION") else { return };
    let (name, place) = what.split_once(':').unwrap();
    let origin = match place.parse() {
        Ok(pid) => crate::args::Origin::Arena(crate::arena::Place::Process(pid)),
        Err(_) => {
            crate::args::Origin::Address(crate::source::address::Address::parse(place).unwrap())
        }
    };
    let mut source = crate::source::Source::of(&origin, &Arc::default());
    let mut lines = String::new();
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(APART);
        }
        let mut picture = source.picture(crate::source::Needs::default()).unwrap();
        picture.metrics = Default::default();
        picture
            .trails
            .retain(|trail| trail.step == 1 && matches!(&*trail.name, "busy_cores" | "p99"));
        picture.cwd = Some("/srv/app".to_owned());
        lines.push_str(&serde_json::to_string(&picture).unwrap());
        lines.push('\n');
    }
    fs::create_dir_all(file(name).parent().unwrap()).unwrap();
    fs::write(file(name), lines).unwrap();
}

/// An instance at this second, as [`instance`], changed.
fn changed(second: u64, change: impl Fn(&mut Picture)) -> Picture {
    let mut picture = instance(second);
    change(&mut picture);
    picture
}

/// The same change at seconds 0, 5 and 10.
fn lasting(change: impl Fn(u64, &mut Picture)) -> Vec<Finding> {
    seen([0, 5, 10].map(|second| changed(second, |picture| change(second, picture))))
}

/// What must be said first of a recorded situation, and the words that must be in it.
const RECORDED: &[(&str, Level, &[&str])] = &[
    ("idle", Level::Fine, &["idle: 2 cores wait"]),
    ("busy", Level::Fine, &["215 req/s", "0 of 2 cores busy", "p99 107us", "636 req/s"]),
    (
        "saturated",
        Level::Critical,
        &["workers saturated: 2 of 2 busy", "queue 11", "p99 806.9ms", "2 of 2 are in /report"],
    ),
    (
        "classic-saturated",
        Level::Critical,
        &["workers saturated: 2 of 2 busy", "queue 11", "raise `processes` (now 2)"],
    ),
    (
        "threads",
        Level::Critical,
        &["cores saturated: 8 of 8 busy", "they wait (0% processor)", "`threads` (now 4)"],
    ),
    ("probed", Level::Critical, &["saturated", "2 of 2 are in /report"]),
    ("computing", Level::Critical, &["saturated", "in /cpu", "processors are short"]),
    ("slow-clients", Level::Critical, &["most are writing", "let `http` or a proxy buffer"]),
    (
        "backlog",
        Level::Critical,
        &["connections are turned away: 82 in 10 s (6.8/s)", "backlog 4", "all workers are busy"],
    ),
    (
        "hanging",
        Level::Warning,
        &["a request hangs: GET /hang on 1:0 for 24.1s", "set `harakiri` to end"],
    ),
    (
        "hanging-deadline",
        Level::Warning,
        &["a request hangs: GET /hang", "in phase application", "harakiri ends it in 96.0s"],
    ),
    ("failing", Level::Critical, &["50% of requests fail: 19.6/s", "235 exceptions", "tracebacks"]),
    ("dying", Level::Critical, &["workers die: 17 in the last minute; 17 by a signal"]),
    ("exiting", Level::Critical, &["workers die: 17 in the last minute; 17 by themselves"]),
    ("harakiri", Level::Critical, &["workers die: 6 in the last minute; 6 by harakiri"]),
];

#[test]
fn recorded_situations_are_named() {
    for (name, level, parts) in RECORDED {
        says(&recorded(name), *level, parts);
    }
    let recordings = fs::read_dir(file("idle").parent().unwrap()).unwrap().count();
    assert_eq!(recordings, RECORDED.len(), "each recording is looked at");
}

#[test]
fn one_cause_is_told_once() {
    let texts: Vec<String> = recorded("harakiri").iter().map(Finding::text).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[1].contains("workers died in them"), "{texts:?}");
    assert!(!texts.iter().any(|text| text.contains("5xx")), "nobody answered: {texts:?}");
}

#[test]
fn nothing_is_said_of_nothing() {
    assert!(seen([]).is_empty());
    assert!(seen([Picture::default()]).is_empty(), "an emperor, a router");
}

#[test]
fn a_first_look_measures_and_claims_nothing() {
    let workers = Body::Workers(vec![worker(1, 5, "idle")]);
    let found = seen([changed(0, |picture| picture.body = workers.clone())]);
    says(&found, Level::Fine, &["measuring"]);
}

fn all_busy(second: u64, picture: &mut Picture) {
    let busy = |id| Worker { cores: vec![core()], ..worker(id, 100 + second, "busy") };
    picture.body = Body::Workers((1..=4).map(busy).collect());
}

fn core() -> crate::picture::Core {
    crate::picture::Core { in_request: true, requests: 9, ..crate::picture::Core::default() }
}

#[test]
fn full_workers_are_told_with_their_time_and_their_queue() {
    let found = lasting(all_busy);
    says(
        &found,
        Level::Critical,
        &["workers saturated: 4 of 4 busy for 10.0s, queue 3", "`processes` (now 4)"],
    );
    let short = seen([0, 2].map(|second| {
        changed(second, |picture| {
            all_busy(second, picture);
            picture.listen_queue = 0;
        })
    }));
    says(&short, Level::Fine, &["4 of 4 cores busy"]);
}

#[test]
fn connections_turned_away_come_first() {
    let found = lasting(|second, picture| {
        all_busy(second, picture);
        picture.listen_queue_errors = second * 3;
    });
    says(&found, Level::Critical, &["turned away: 30 in 10 s (3.0/s)", "all workers are busy"]);
    assert!(found[1].what.contains("saturated"), "the other findings follow: {found:?}");
    let found = lasting(|second, picture| picture.listen_queue_errors = second);
    says(&found, Level::Critical, &["turned away", "workers are free", "`listen`"]);
}

#[test]
fn limits_of_the_machine_are_told_with_their_numbers() {
    let system =
        |system: System| move |_, picture: &mut Picture| picture.system = Some(system.clone());
    let memory =
        System { memory_usage: Some(990 << 20), memory_limit: Some(1 << 30), ..System::default() };
    says(&lasting(system(memory)), Level::Warning, &["990.0M of 1.0G (97%)", "`reload-on-rss`"]);
    let stalls = System { stalls: [Some(3.0), None, Some(41.0)], ..System::default() };
    says(&lasting(system(stalls)), Level::Warning, &["wait for the disk 41% of the time"]);
    let throttled = |second, picture: &mut Picture| {
        let cpu_throttled = Some(second * 350_000);
        let system = System { cpu_throttled, cpu_limit_milli: Some(1500), ..System::default() };
        picture.system = Some(system);
    };
    says(&lasting(throttled), Level::Warning, &["waited 35% of the time for its 1.5"]);
}

#[test]
fn swapped_workers_are_told() {
    let found = lasting(|_, picture| {
        let swapped = |id| Worker { swap: 30 << 20, ..worker(id, 5, "idle") };
        picture.body = Body::Workers((1..=2).map(swapped).collect());
    });
    says(&found, Level::Warning, &["swapped out: 60.0M beside 68.0M"]);
}

#[test]
fn what_the_server_complains_of_is_passed_on() {
    let found = lasting(|second, picture| {
        picture.thresholds = vec![Threshold {
            text: "worker.0.requests > 5".into(),
            key: "worker.0.requests".into(),
            state: "firing".into(),
            since: NOW_SECONDS + second - 20,
            value: 7.0,
            bound: 5.0,
            ..Threshold::default()
        }];
    });
    says(
        &found,
        Level::Warning,
        &["a threshold fires: worker.0.requests > 5 for 20.0s", "is 7, the bound is 5"],
    );
    let found = lasting(|_, picture| {
        picture.pushers = vec![Pusher {
            kind: "carbon".into(),
            target: "10.0.0.1:2003".into(),
            failing: 4,
            last_error: "refused".into(),
            ..Pusher::default()
        }];
    });
    says(&found, Level::Warning, &["carbon 10.0.0.1:2003 takes no metrics: 4 failures", "refused"]);
    let found = lasting(|_, picture| {
        let name = "mail".to_owned();
        let last_error = "no route".to_owned();
        picture.alarms = vec![Alarm { name, queued: 2, last_error, ..Alarm::default() }];
    });
    says(&found, Level::Warning, &["alarm mail is not delivered: 2 wait", "no route"]);
    let found = lasting(|_, picture| picture.observer = Some(Process::default()));
    says(&found, Level::Warning, &["observer does not run"]);
    let found = lasting(|_, picture| picture.signal_queue = 500);
    says(&found, Level::Warning, &["500 signals wait", "`mules`"]);
}

/// What is said of a busy instance whose p99 of each second went like this.
fn tails(values: &[u64]) -> Vec<Finding> {
    lasting(|second, picture| {
        let mut busy = worker(1, 100 * second, "idle");
        busy.cores = vec![core(), core()];
        busy.cores.iter_mut().for_each(|core| core.in_request = false);
        picture.body = Body::Workers(vec![busy]);
        picture.in_flight.clear();
        picture.listen_queue = 0;
        let values = values.to_vec();
        picture.trails = vec![Trail { name: "p99".into(), step: 1, values, ..Trail::default() }];
    })
}

#[test]
fn a_tail_that_grew_is_told_and_one_that_leaps_as_ever_is_not() {
    let mut grown = vec![2_000; 100];
    grown.extend([300_000; 10]);
    says(&tails(&grown), Level::Warning, &["slower than usual: p99 300.0ms, 150 times"]);
    let leaps: Vec<u64> = (0..110).map(|at| if at % 3 == 0 { 500_000 } else { 2_000 }).collect();
    assert!(!tails(&leaps)[0].text().contains("slower"), "{:?}", tails(&leaps));
    let spikes = [vec![2_000; 100], vec![500_000; 3], vec![2_000; 7]].concat();
    assert!(!tails(&spikes)[0].text().contains("slower"), "{:?}", tails(&spikes));
}

#[test]
fn requests_that_wait_in_a_router_are_told() {
    let found = lasting(|_, picture| {
        picture.gateways = vec![Gateway { queue: 5, ..Gateway::default() }];
    });
    says(&found, Level::Warning, &["5 requests wait in the router", "cores are free"]);
    let found = lasting(|_, picture| {
        picture.gateways = vec![Gateway { queue: 5, ..Gateway::default() }];
        picture.body = Body::Workers(vec![Worker { cores: vec![], ..worker(1, 5, "busy") }]);
    });
    says(&found, Level::Critical, &["1 of 1 busy for 10.0s, queue 8 (5 in the router)"]);
}

#[test]
fn paused_cheap_and_dead_instances_are_told_apart() {
    let all = |status: &'static str, pid: u64| {
        lasting(move |_, picture| {
            let one = |id| Worker { pid, ..worker(id, 5, status) };
            picture.body = Body::Workers((1..=3).map(one).collect());
        })
    };
    says(&all("pause", 7), Level::Critical, &["paused: 3 workers"]);
    says(&all("cheap", 0), Level::Warning, &["put away", "first connection"]);
    says(&all("idle", 0), Level::Critical, &["no worker runs: 3 workers", "log"]);
}

#[test]
fn workers_that_were_asked_to_end_are_a_reload_for_a_while() {
    let gone = |since: u64, reason: &'static str| {
        lasting(move |second, picture| {
            let count = u64::from(second >= since);
            let one = |id| Worker {
                pid: (1 - count) * 7,
                exits: vec![End { reason: reason.into(), count }],
                ..worker(id, 5, "idle")
            };
            picture.body = Body::Workers((1..=3).map(one).collect());
        })
    };
    says(&gone(10, "asked"), Level::Warning, &["no worker runs just now", "reloads or stops"]);
    says(&gone(10, "no_app"), Level::Critical, &["no worker runs: 3 workers", "no application"]);
}

#[test]
fn deaths_are_counted_where_their_reasons_are_not_known() {
    let found = lasting(|second, picture| {
        let one = |id| Worker { respawn_count: 1 + second / 2, ..worker(id, 5, "idle") };
        picture.body = Body::Workers(vec![one(1)]);
    });
    says(&found, Level::Critical, &["workers die: 5 in the last minute"]);
    let reloaded = lasting(|second, picture| {
        let one = |id| Worker { respawn_count: 1 + second, ..worker(id, 5, "idle") };
        picture.body = Body::Workers(vec![one(1)]);
        picture.reloads = second;
    });
    assert!(!reloaded[0].text().contains("die"), "a reload is no death: {reloaded:?}");
}
