//! The rows of the overview: one number each, now, over time, and at its worst.
//!
//! Owns which numbers there are, in the order of their weight, how they are written, and when one
//! of them is a warning, which the word or mark beside it says as well as its colour.

use super::clock::{Clock, Fold};
use crate::human;
use crate::page::Paint;
use crate::picture::{Picture, Trail};
use crate::state::{State, seen};

/// One row, ready but for its width.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// What it is about.
    pub(super) name: &'static str,
    /// Its value now.
    pub(super) now: String,
    /// Meaning of that.
    pub(super) paint: Paint,
    /// By column; absent where nobody told.
    pub(super) columns: Vec<Option<u64>>,
    /// The sum or the largest of the span, in words.
    pub(super) whole: String,
    /// Among rows the smallest goes last when there is no room.
    pub(super) weight: u8,
}

/// How a series is written.
#[derive(Clone, Copy)]
enum Unit {
    /// Per second.
    Rate,
    /// The same; the row tells how many there were.
    Count,
    Bytes,
    BytesPerSecond,
    Micros,
    Plain,
    Percent,
}

struct Kind {
    name: &'static str,
    series: &'static str,
    unit: Unit,
    fold: Fold,
    weight: u8,
    /// Shown only when something of it happened within the span.
    rare: bool,
}

const fn kind(
    name: &'static str,
    series: &'static str,
    unit: Unit,
    fold: Fold,
    weight: u8,
) -> Kind {
    Kind { name, series, unit, fold, weight, rare: false }
}

const fn rare(name: &'static str, series: &'static str, weight: u8) -> Kind {
    Kind { name, series, unit: Unit::Count, fold: Fold::Mean, weight, rare: true }
}

const KINDS: [Kind; 14] = [
    kind("rate", "requests", Unit::Rate, Fold::Mean, 9),
    kind("p50", "p50", Unit::Micros, Fold::Mean, 4),
    kind("p90", "p90", Unit::Micros, Fold::Mean, 2),
    kind("p99", "p99", Unit::Micros, Fold::Most, 9),
    kind("app p99", "application_p99", Unit::Micros, Fold::Most, 1),
    kind("mean time", "mean", Unit::Micros, Fold::Mean, 9),
    kind("workers", "busy_workers", Unit::Plain, Fold::Mean, 8),
    kind("cores", "busy_cores", Unit::Percent, Fold::Mean, 3),
    kind("queue", "listen_queue", Unit::Plain, Fold::Most, 8),
    rare("dropped", "drops", 8),
    kind("errors", "errors", Unit::Count, Fold::Mean, 7),
    rare("exceptions", "exceptions", 6),
    rare("killed", "kills", 6),
    kind("memory", "rss", Unit::Bytes, Fold::Mean, 5),
];

const SENT: Kind = kind("sent", "tx", Unit::BytesPerSecond, Fold::Mean, 2);

/// All rows that there is something to say about.
pub(super) fn rows(state: &State, picture: &Picture, clock: &Clock) -> Vec<Row> {
    KINDS.iter().chain([&SENT]).filter_map(|kind| row(kind, state, picture, clock)).collect()
}

fn row(kind: &Kind, state: &State, picture: &Picture, clock: &Clock) -> Option<Row> {
    let steps = [clock.span.step, 10, 1].into_iter().filter(|step| *step <= clock.span.step);
    let mut trails: Vec<&Trail> = steps.filter_map(|step| state.trail(kind.series, step)).collect();
    trails.dedup_by_key(|trail| trail.step);
    let last = trails.last()?;
    let scale = last.scale.max(1);
    let columns = clock.columns(&trails, kind.fold);
    let largest = columns.iter().flatten().copied().max().unwrap_or(0);
    if kind.rare && largest == 0 {
        return None;
    }
    // A value that is older than a few refreshes is not one of now.
    let fresh = clock.now.saturating_sub(last.end) <= 3;
    let latest = last.values.last().copied().filter(|_| fresh);
    let (now, paint) = now(kind, state, picture, latest);
    let whole = match kind.unit {
        Unit::Count => format!("sum {}", many(&columns, clock.length, scale)),
        // No process without memory: it was not measured.
        Unit::Bytes if largest == 0 => dash(),
        unit => written(unit, largest, scale),
    };
    Some(Row { name: kind.name, now, paint, columns, whole, weight: kind.weight })
}

/// How often something happened within the span.
fn many(columns: &[Option<u64>], length: u64, scale: u64) -> String {
    let sum: u128 = columns
        .iter()
        .flatten()
        .map(|v| u128::from(*v) * u128::from(length))
        .fold(0, u128::saturating_add);
    human_count(u64::try_from(sum.div_ceil(u128::from(scale))).unwrap_or(u64::MAX))
}

fn now(kind: &Kind, state: &State, picture: &Picture, latest: Option<u64>) -> (String, Paint) {
    match kind.series {
        "requests" => match state.past.total() {
            Some(rate) => (format!("{}/s", small(rate)), Paint::Strong),
            None => (latest.map_or(dash(), |v| written(Unit::Rate, v, 1000)), Paint::Strong),
        },
        "busy_workers" => workers(picture),
        "listen_queue" => queue(picture),
        "rss" => match picture.sum(|w| w.rss) {
            0 => (dash(), Paint::Plain),
            rss => (human::size(rss), Paint::Plain),
        },
        "busy_cores" => cores(picture),
        "p50" | "p90" | "p99" | "application_p99" | "mean" => {
            // Without a request in that second there is no such number.
            let known = latest.filter(|value| *value > 0);
            let paint = if kind.series == "p99" { Paint::Strong } else { Paint::Plain };
            (known.map_or(dash(), human::duration), paint)
        }
        "tx" => (latest.map_or(dash(), |v| written(kind.unit, v, 1000)), Paint::Plain),
        _ => match latest {
            Some(0) => ("0/s".to_owned(), Paint::Plain),
            Some(value) => (format!("{} !", written(Unit::Rate, value, 1000)), Paint::Bad),
            None => (dash(), Paint::Plain),
        },
    }
}

fn workers(picture: &Picture) -> (String, Paint) {
    let running = picture.sum(|w| u64::from(w.pid != 0 && w.status != "cheap"));
    let busy = seen::busy(picture);
    if running > 0 && busy >= running { all_busy(busy, running) } else { some_busy(busy, running) }
}

fn cores(picture: &Picture) -> (String, Paint) {
    let serving = |w: &&crate::picture::Worker| w.pid != 0 && w.status != "cheap";
    let cores = || picture.workers().iter().filter(serving).flat_map(|worker| &worker.cores);
    let busy = cores().filter(|core| core.in_request).count() as u64;
    match cores().count() as u64 {
        0 => (dash(), Paint::Plain),
        all if busy >= all => all_busy(busy, all),
        all => some_busy(busy, all),
    }
}

fn all_busy(busy: u64, all: u64) -> (String, Paint) {
    (format!("{busy}/{all} !"), Paint::Warn)
}

fn some_busy(busy: u64, all: u64) -> (String, Paint) {
    (format!("{busy}/{all}"), if busy > 0 { Paint::Busy } else { Paint::Plain })
}

/// The fullest accept queue against its size: half full is a warning, nearly full is wrong.
fn queue(picture: &Picture) -> (String, Paint) {
    let waiting = picture.listen_queue;
    let fullest = picture.sockets.iter().filter(|s| s.max_queue > 0);
    let most = fullest.max_by_key(|s| (s.queue, s.max_queue)).map_or(0, |s| s.max_queue);
    match waiting {
        _ if most == 0 => (waiting.to_string(), Paint::Plain),
        _ if waiting.saturating_mul(10) >= most.saturating_mul(9) => {
            (format!("{waiting}/{most} !"), Paint::Bad)
        }
        _ if waiting.saturating_mul(2) >= most => (format!("{waiting}/{most} !"), Paint::Warn),
        _ => (format!("{waiting}/{most}"), Paint::Plain),
    }
}

fn written(unit: Unit, value: u64, scale: u64) -> String {
    let units = value as f64 / scale as f64;
    match unit {
        Unit::Rate | Unit::Count => format!("{}/s", small(units)),
        Unit::Bytes => human::size(value / scale),
        Unit::BytesPerSecond => format!("{}/s", human::size(value / scale)),
        Unit::Micros if value == 0 => dash(),
        Unit::Micros => human::duration(value),
        Unit::Plain => human_count(value / scale),
        Unit::Percent => format!("{units:.0}%"),
    }
}

fn dash() -> String {
    "-".to_owned()
}

/// A number with a fraction while that says something.
fn small(value: f64) -> String {
    if value == 0.0 || value >= 10.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// A count, shortened where nobody reads its digits.
fn human_count(count: u64) -> String {
    match count {
        0..100_000 => count.to_string(),
        100_000..10_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, Socket, Worker};

    fn queued(waiting: u64, most: u64) -> (String, Paint) {
        let socket = Socket { queue: waiting, max_queue: most, ..Socket::default() };
        queue(&Picture { listen_queue: waiting, sockets: vec![socket], ..Picture::default() })
    }

    #[test]
    fn a_queue_is_judged_by_its_size() {
        assert_eq!(queued(3, 100), ("3/100".into(), Paint::Plain));
        assert_eq!(queued(50, 100), ("50/100 !".into(), Paint::Warn));
        assert_eq!(queued(90, 100), ("90/100 !".into(), Paint::Bad));
        assert_eq!(queued(7, 0), ("7".into(), Paint::Plain), "a size nobody tells is no limit");
    }

    #[test]
    fn all_workers_busy_is_said_in_a_mark_as_well() {
        let worker = |pid, status: &str| Worker { pid, status: status.into(), ..Worker::default() };
        let of =
            |all: Vec<Worker>| workers(&Picture { body: Body::Workers(all), ..Picture::default() });
        assert_eq!(of(vec![worker(1, "busy"), worker(0, "cheap")]), ("1/1 !".into(), Paint::Warn));
        assert_eq!(of(vec![worker(1, "busy"), worker(2, "idle")]), ("1/2".into(), Paint::Busy));
        assert_eq!(of(vec![]), ("0/0".into(), Paint::Plain));
    }

    #[test]
    fn memory_that_nobody_measured_is_not_none() {
        let memory = KINDS.iter().find(|kind| kind.series == "rss").unwrap();
        let of = |rss| {
            let worker = Worker { pid: 1, rss, ..Worker::default() };
            let picture = Picture { body: Body::Workers(vec![worker]), ..Picture::default() };
            now(memory, &State::default(), &picture, Some(rss)).0
        };
        assert_eq!((of(0), of(2048)), ("-".into(), "2.0K".into()));
    }

    #[test]
    fn numbers_keep_what_says_something() {
        for (value, text) in [(0.0, "0"), (0.04, "0.0"), (9.94, "9.9"), (236.4, "236")] {
            assert_eq!(small(value), text);
        }
        assert_eq!(written(Unit::Percent, 12_500, 1000), "12%");
        assert_eq!(written(Unit::BytesPerSecond, 2_048_000, 1000), "2.0K/s");
        assert_eq!(many(&[Some(500), None, Some(100)], 6, 1000), "4", "3.6 are nearly four");
        assert_eq!(human_count(1_234_567), "1234k");
    }
}
