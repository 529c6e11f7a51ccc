//! Applications and kinds of requests.
//!
//! Answers: which application eats the workers, which is slow or fails, and since when; and of all
//! kinds of requests (application, method, status), which takes the time? Applications of all workers
//! are one row; Enter shows one alone. What a source does not count has no column. Pure.

use std::collections::BTreeMap;

use super::cores::age_paint;
use super::mounts::{self, Lately, Mount, class};
use super::parts::{rate, unwanted};
use super::{Context, Id, View, app, kinds};
use crate::human;
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, column, flexible};
use crate::picture::Picture;

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Apps,
    key: 'u',
    name: "apps",
    answers: "Which application or kind of request is slow, or fails?",
    keys: &[("Enter", "one application: its workers, answers and durations")],
    absent: "The source lists no applications.",
    present: |_, picture| picture.workers().iter().any(|worker| !worker.apps.is_empty()),
    build: page,
};

const PLAIN: &[Column] = &[
    flexible("APP", 0, 12),
    column("REQ", true, 2),
    column("RPS", true, 1),
    column("SHARE", true, 3),
    column("EXC", true, 0),
    column("EXC/S", true, 4),
    column("WORKERS", true, 5),
    column("LOAD", true, 6),
    column("PLUGIN", true, 8),
    flexible("DIRECTORY", 7, 9),
];

const DEEP: &[Column] = &[
    flexible("APP", 0, 12),
    column("REQ", true, 7),
    column("RPS", true, 0),
    column("RUNS", true, 3),
    column("OLDEST", true, 4),
    column("SHARE", true, 9),
    column("TIME", true, 1),
    column("CORES", true, 8),
    column("4xx", true, 9),
    column("5xx", true, 0),
    column("5xx/S", true, 5),
    column("EXC", true, 4),
    column("AVG", true, 1),
    column("NOW", true, 2),
    column("p50", true, 10),
    column("p99", true, 2),
    column("TX/S", true, 11),
    column("WORKERS", true, 9),
    column("LOAD", true, 12),
    column("PLUGIN", true, 14),
    flexible("DIRECTORY", 13, 9),
];

/// What one page is made from.
pub(super) struct Sums {
    /// The applications by name.
    pub(super) mounts: BTreeMap<String, Mount>,
    /// What they did lately.
    pub(super) lately: BTreeMap<String, Lately>,
    /// Workers that live.
    pub(super) workers: u64,
    /// The source counts answers and times.
    pub(super) deep: bool,
}

impl Sums {
    fn of(context: &Context<'_>, picture: &Picture) -> Self {
        let mounts = mounts::of(picture);
        Self {
            lately: mounts::lately(&context.state.past, &mounts),
            workers: picture.sum(|worker| u64::from(worker.pid > 0)),
            deep: mounts.values().any(|mount| !mount.app.responses.is_empty()),
            mounts,
        }
    }

    fn total(&self, of: fn(&Mount) -> u64) -> u64 {
        self.mounts.values().map(of).fold(0, u64::saturating_add)
    }
}

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    let sums = Sums::of(context, picture);
    if let Some(open) = &context.choice.open
        && let Some(mount) = sums.mounts.get(open)
    {
        return app::page(context, picture, &sums, (open, mount));
    }
    let mut all: Vec<(&String, &Mount)> = sums.mounts.iter().collect();
    // What takes the workers first; who does not tell that tells how often it was asked.
    all.sort_by_key(|(_, m)| std::cmp::Reverse((m.app.running_time, m.app.requests)));
    let rows = all.into_iter().map(|(name, mount)| row(&sums, name, mount)).collect();
    let mut table = Table::new(if sums.deep { DEEP } else { PLAIN }, rows);
    table.more.extend(kinds::table(context, picture, None));
    Page { head: vec![summary(&sums)], table: Some(table), tail: Vec::new() }
}

fn row(sums: &Sums, name: &str, mount: &Mount) -> Row {
    let lately = sums.lately.get(name);
    let app = &mount.app;
    let rated = |of: fn(&Lately) -> u64| rate(lately.map(|lately| lately.rate(of(lately))));
    let share = |of: fn(&Mount) -> u64| part(of(mount), sums.total(of));
    let directory = match app.chdir.as_str() {
        "" => Cell::none(),
        directory => Cell::text(directory),
    };
    let load = Cell::number(app.startup_time as f64, human::age(app.startup_time));
    let workers = Cell::number(mount.workers as f64, format!("{}/{}", mount.workers, sums.workers));
    let exceptions = failing(app.exceptions, lately.map(|lately| lately.exceptions));
    let mut cells = vec![Cell::text(name), Cell::count(app.requests), rated(|l| l.requests)];
    if sums.deep {
        let failed = failing(class(app, 4), lately.map(|lately| lately.failed));
        cells.extend([
            Cell::count(mount.running),
            oldest(mount),
            share(|m| m.app.requests),
            share(|m| m.app.running_time),
            cores(lately),
            Cell::count(class(app, 3)),
            failed,
            rated(|l| l.failed),
            exceptions,
            mean(mounts::mean(app)),
            mean(lately.and_then(Lately::mean)),
            bound(mounts::quantile(&app.buckets, 0.5)),
            bound(mounts::quantile(&app.buckets, 0.99)),
            lately.map_or_else(Cell::none, |l| size(l.rate(l.tx))),
            workers,
            load,
        ]);
    } else {
        let exceptions_now = rated(|l| l.exceptions);
        cells.extend([share(|m| m.app.requests), exceptions, exceptions_now, workers, load]);
    }
    cells.extend([Cell::count(app.modifier1), directory]);
    Row::new(name, cells)
}

/// A count of failures: one that has just grown is worse than one of the past.
pub(super) fn failing(count: u64, lately: Option<u64>) -> Cell {
    let paint = if lately.is_some_and(|grown| grown > 0) { Paint::Bad } else { Paint::Warn };
    unwanted(count, paint)
}

/// How long the oldest request that runs in it has been running.
fn oldest(mount: &Mount) -> Cell {
    mean((mount.running > 0).then_some(mount.oldest)).painted(age_paint(mount.oldest))
}

/// A share of a whole in percent.
pub(super) fn part(part: u64, whole: u64) -> Cell {
    match whole {
        0 => Cell::none(),
        _ => {
            let share = part as f64 / whole as f64;
            Cell::number(share * 100.0, human::share(share))
        }
    }
}

/// A mean duration.
pub(super) fn mean(us: Option<u64>) -> Cell {
    us.map_or_else(Cell::none, |us| Cell::number(us as f64, human::duration(us)))
}

/// How many cores were kept busy by the requests that ended lately.
pub(super) fn cores(lately: Option<&Lately>) -> Cell {
    lately.map_or_else(Cell::none, |lately| {
        let busy = lately.rate(lately.time) / 1e6;
        Cell::number(busy, format!("{busy:.1}"))
    })
}

/// A duration that is known by its bucket only.
pub(super) fn bound(bounds: Option<(u64, Option<u64>)>) -> Cell {
    match bounds {
        None => Cell::none(),
        Some((_, Some(upper))) => {
            Cell::number(upper as f64, format!("<{}", human::duration(upper)))
        }
        Some((lower, None)) => {
            Cell::number(lower as f64 + 1.0, format!(">{}", human::duration(lower)))
        }
    }
}

/// Bytes for each second.
fn size(per_second: f64) -> Cell {
    Cell::number(per_second, human::size(per_second as u64))
}

/// ` 2 applications, 260 req/s; 3.0/s answers 5xx; 1.0/s exceptions; /shop takes 81% of the time`.
fn summary(sums: &Sums) -> Line {
    let count = sums.mounts.len();
    let applications = if count == 1 { "application" } else { "applications" };
    let lately = |of: fn(&Lately) -> u64| -> Option<f64> {
        let rates = sums.lately.values().map(|lately| lately.rate(of(lately)));
        (!sums.lately.is_empty()).then(|| rates.sum())
    };
    let mut text = format!(" {count} {applications}");
    if let Some(requests) = lately(|l| l.requests) {
        text.push_str(&format!(", {} req/s", human::per_second(requests)));
    }
    let mut line = Line::of(text, Paint::Strong);
    let wrong = [(lately(|l| l.failed), "answers 5xx"), (lately(|l| l.exceptions), "exceptions")];
    for (rate, what) in wrong {
        if let Some(rate) = rate.filter(|rate| *rate > 0.0) {
            line = line.and(format!("; {}/s {what}", human::per_second(rate)), Paint::Bad);
        }
    }
    let time = sums.total(|m| m.app.running_time);
    let first = sums.mounts.iter().max_by_key(|(_, m)| m.app.running_time);
    if let Some((name, mount)) = first.filter(|_| count > 1 && time > 0) {
        let share = human::share(mount.app.running_time as f64 / time as f64);
        line = line.and(format!("; {name} takes {share} of the time"), Paint::Plain);
    }
    line
}

#[cfg(test)]
#[path = "apps/tests.rs"]
mod tests;
