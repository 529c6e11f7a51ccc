//! Requests that take too long: one that hangs, all of them slower than usual.

use super::memory::Window;
use super::{Finding, Level};
use crate::human::duration;
use crate::picture::{InFlight, Picture};

/// No request is called hanging before, µs.
const PATIENCE: u64 = 10_000_000;

/// How many times slower than usual is worth a word.
const WORSE: u64 = 5;

/// Newest seconds that are compared with those before.
const LATELY: usize = 10;

/// Latency below which nobody asks, µs.
const SMALL: u64 = 100_000;

/// A request that runs far longer than others do.
pub(super) fn hanging(window: &Window<'_>) -> Option<Finding> {
    let now = window.now;
    let usual = now.latency("request").filter(|l| l.count > 20).map_or(0, |l| l.p99);
    let limit = PATIENCE.max(usual.saturating_mul(WORSE));
    let hang: Vec<&InFlight> =
        now.in_flight.iter().filter(|request| request.age >= limit).collect();
    let oldest = *hang.first()?;
    let many = match hang.len() {
        1 => "a request hangs".to_owned(),
        count => format!("{count} requests hang, the oldest"),
    };
    let what = format!(
        "{many}: {} {} on {}:{} for {}",
        oldest.method,
        path(&oldest.uri),
        oldest.worker,
        oldest.core,
        duration(oldest.age)
    );
    let level = if hang.len() > 1 { Level::Critical } else { Level::Warning };
    Some(Finding::new(level, what).because(stands(oldest)).remedy(deadline(now, oldest)))
}

fn stands(request: &InFlight) -> String {
    let mut facts = Vec::new();
    if !request.phase.is_empty() {
        facts.push(format!("in phase {}", request.phase));
    }
    if let Some(waits) = &request.waits {
        facts.extend(waits.now.iter().map(|now| format!("waits for {}", now.replace('_', " "))));
        facts
            .extend(waits.call.iter().map(|(call, us)| format!("in {call} for {}", duration(*us))));
    }
    facts.join(", ")
}

fn deadline(now: &Picture, request: &InFlight) -> String {
    let worker = now.workers().iter().find(|worker| worker.id == request.worker);
    match worker.map_or(0, |worker| worker.harakiri_pending) {
        // A stats document does not tell deadlines.
        0 if !now.deep => "`harakiri`, where it is set, ends such requests".to_owned(),
        0 => "set `harakiri` to end such requests".to_owned(),
        end => {
            let left = end.saturating_sub(now.taken / 1_000_000);
            format!("harakiri ends it in {}", duration(left.saturating_mul(1_000_000)))
        }
    }
}

/// The tail of the last seconds against that of the minutes before, both as medians of one value a
/// second: the tail of a single second leaps where slow requests are few.
pub(super) fn slower_than_usual(window: &Window<'_>) -> Option<Finding> {
    let tails: Vec<u64> = window.series("p99").iter().copied().filter(|tail| *tail > 0).collect();
    let (before, lately) = tails.split_at(tails.len().saturating_sub(LATELY));
    if before.len() < 60 || window.grown(10, |sample| sample.requests) < 20 {
        return None;
    }
    let (now, usual) = (median(lately)?, median(before)?);
    if now < SMALL || now < usual.saturating_mul(WORSE) {
        return None;
    }
    let times = now / usual.max(1);
    let what =
        format!("slower than usual: p99 {}, {times} times that of the last minutes", duration(now));
    let why = match window.slowest_app(10) {
        Some((app, mean, _)) => {
            let app = if app.is_empty() { "/" } else { &app };
            format!("most time goes to {app}, mean {}", duration(mean))
        }
        None => String::new(),
    };
    Some(Finding::new(Level::Warning, what).because(why))
}

fn median(values: &[u64]) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// The path that at least half of the running requests are in, and how many: of two or more.
pub(super) fn common_path(now: &Picture) -> Option<(String, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for path in now.in_flight.iter().map(|request| path(&request.uri)) {
        match counts.iter_mut().find(|(other, _)| *other == path) {
            Some((_, count)) => *count += 1,
            None => counts.push((path, 1)),
        }
    }
    let (path, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (!path.is_empty() && now.in_flight.len() > 1 && count * 2 >= now.in_flight.len())
        .then(|| (path.to_owned(), count))
}

/// Share of the running requests that are in this phase.
pub(super) fn phase_share(now: &Picture, phase: &str) -> f64 {
    let count = now.in_flight.iter().filter(|request| request.phase == phase).count();
    count as f64 / now.in_flight.len().max(1) as f64
}

/// A URI without its query.
fn path(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}
