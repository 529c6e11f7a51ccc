//! Alarms with scripted actions under a clock that the tests move.

use std::sync::Mutex;

use uwsgi_metrics::{AlarmCells, Arena, Shape};

use super::*;
use crate::action::Parsed;
use crate::{Delivery, Kind};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn log(line: &str) {
    LINES.lock().unwrap().push(line.to_owned());
}

/// Does what its argument says with every message.
struct Scripted(String);

impl Action for Scripted {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        let text = String::from_utf8_lossy(&event.text).into_owned();
        let result = match self.0.as_str() {
            "refuse" => Err(Failure { text: "refused".into(), again: false }),
            "busy" => Err(Failure { text: "busy".into(), again: true }),
            _ => Ok(()),
        };
        let hangs = self.0 == "hang";
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            SEEN.lock().unwrap().push(text);
            result
        })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every parser of an argument")]
fn parse(argument: &str, _: &Facts) -> Parsed {
    Ok(Box::new(Scripted(argument.to_owned())))
}

static SCRIPTED: Kind = Kind { name: "scripted", network: true, parse };

fn arena(alarms: u32) -> &'static Arena {
    let shape = Shape { workers: 1, cores: 1, alarms, ..Shape::default() };
    Box::leak(Box::new(Arena::create(&shape).unwrap()))
}

fn start(arena: &'static Arena, arguments: &[&str], cheap: bool) -> Runner {
    let define = |(index, argument): (usize, &&str)| Definition {
        name: format!("a{index}"),
        kind: &SCRIPTED,
        argument: (*argument).to_owned(),
    };
    let definitions: Vec<_> = arguments.iter().enumerate().map(define).collect();
    let limits = Limits { freq: Duration::from_secs(3), size: 100, rate: 10 };
    let facts = Facts { log: Some(log), ..Facts::default() };
    Runner::start(&definitions, |index| arena.alarm(index), limits, &facts, cheap).unwrap()
}

fn event(alarm: &str, text: &str) -> Event {
    Event { alarm: alarm.into(), text: text.into(), ..Event::default() }
}

/// Every message is in exactly one place.
fn adds_up(cells: &AlarmCells) {
    let places = [cells.delivered, cells.suppressed, cells.dropped, cells.failed, cells.queued];
    assert_eq!(cells.triggered, places.iter().sum::<u64>(), "{cells:?}");
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn messages_are_delivered_held_back_and_counted() {
    let arena = arena(1);
    let runner = start(arena, &["fine"], false);
    for text in ["one", "one", "two", &"x".repeat(101), "three"] {
        runner.raise(event("a0", text));
    }
    pass(1).await;
    let cells = arena.alarm(0).read();
    assert_eq!((cells.triggered, cells.delivered), (5, 3));
    assert_eq!((cells.suppressed, cells.dropped), (1, 1));
    assert_eq!(cells.last_len, 5);
    assert!(cells.last_run > 0 && cells.last_delivered > 0);
    adds_up(&cells);
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_counted_to_the_last_message() {
    let arena = arena(1);
    let runner = start(arena, &["busy"], false);
    for n in 0..100_000 {
        runner.raise(event("a0", &n.to_string()));
    }
    // The first pause is a second, give or take a quarter.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let cells = arena.alarm(0).read();
    assert_eq!((cells.triggered, cells.queued, cells.retries), (100_000, 10, 1));
    assert_eq!(cells.last_error, b"busy");
    adds_up(&cells);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_delays_nobody_else_and_is_given_up() {
    let arena = arena(2);
    let runner = start(arena, &["hang", "fine"], false);
    runner.raise(event("a0", "stuck"));
    runner.raise(event("a1", "passes"));
    pass(1).await;
    assert_eq!(arena.alarm(1).delivered.get(), 1);
    assert_eq!(arena.alarm(0).queued.get(), 1);
    pass(LONGEST_DELIVERY.as_secs()).await;
    assert_eq!(arena.alarm(0).retries.get(), 1);
    assert_eq!(arena.alarm(0).last_error.get(), b"it took too long");
}

#[tokio::test(start_paused = true)]
async fn cheap_alarms_wait_for_each_other_but_not_for_a_pause() {
    let arena = arena(2);
    let runner = start(arena, &["hang", "fine"], true);
    runner.raise(event("a0", "stuck"));
    pass(1).await;
    runner.raise(event("a1", "waits"));
    pass(1).await;
    assert_eq!(arena.alarm(1).delivered.get(), 0, "one after the other");
    pass(LONGEST_DELIVERY.as_secs()).await;
    assert_eq!(arena.alarm(1).delivered.get(), 1, "in the pause before the next attempt");
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_what_moves_and_tells_what_is_left() {
    let arena = arena(2);
    let runner = start(arena, &["fine", "busy"], false);
    runner.raise(event("a0", "last words"));
    runner.raise(event("a1", "nobody hears"));
    runner.raise(event("a1", "nor this"));
    let begun = Instant::now();
    runner.finish(Duration::from_secs(2)).await;
    assert!(begun.elapsed() <= Duration::from_secs(2));
    assert!(SEEN.lock().unwrap().iter().any(|text| text == "last words"));
    let line = "[uwsgi-alarm] 2 messages were not delivered";
    assert!(LINES.lock().unwrap().iter().any(|l| l == line));
    for index in 0..2 {
        adds_up(&arena.alarm(index).read());
    }
    let begun = Instant::now();
    runner.finish(Duration::from_secs(2)).await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "nothing to wait for");
}

#[tokio::test(start_paused = true)]
async fn what_waited_in_a_process_that_died_is_counted_as_lost() {
    let arena = arena(1);
    arena.alarm(0).triggered.add_shared(5);
    arena.alarm(0).delivered.add_shared(3);
    arena.alarm(0).queued.set(2);
    let _runner = start(arena, &["fine"], false);
    let cells = arena.alarm(0).read();
    assert_eq!((cells.dropped, cells.queued), (2, 0));
    adds_up(&cells);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_told_once_and_refusals_by_kind() {
    let runner = start(arena(1), &["refuse"], false);
    for _ in 0..3 {
        runner.raise(event("nobody", "x"));
    }
    for n in 0..1000 {
        runner.raise(event(&format!("made up {n}"), "x"));
    }
    runner.raise(event("a0", "x"));
    pass(1).await;
    let lines = LINES.lock().unwrap();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("[uwsgi-alarm] unable to find alarm \"nobody\""), 1);
    assert!(count("made up") < TOLD_NAMES);
    assert_eq!(count("[uwsgi-alarm-scripted] refused"), 1);
}
