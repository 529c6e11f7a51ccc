//! What requests of each worker wait for, and what the scheduler and the disk do to them.
//!
//! The kernel counts a wait when it is over: a long one comes all at once, as more than the whole of
//! a second. What a request waits for now is told by the view of cores.

use super::super::Context;
use super::super::parts::{below, nanos, rate, unwanted};
use super::{Grown, attached, nothing, only};
use crate::human;
use crate::page::{Cell, Column, Line, Paint, Row, Table, column};
use crate::picture::{KernelWorker, Picture, Times};

const COLUMNS: &[Column] = &[
    column("WID", false, 0),
    column("WAITS MOST FOR", false, 0),
    column("CPU WAIT", true, 0),
    column("EACH", true, 3),
    column("P99", true, 1),
    column("OFF CPU", true, 4),
    column("SWITCH/S", true, 7),
    column("FORCED/S", true, 2),
    column("MOVED/S", true, 10),
    column("FAULTS/S", true, 9),
    column("MAJOR/S", true, 5),
    column("READ/S", true, 6),
    column("WRITE/S", true, 6),
    column("READ TIME", true, 8),
    column("WRITE TIME", true, 8),
    column("I/O ERR", true, 11),
    column("OOM", true, 3),
];

/// Part of the time that requests may wait for a processor before it is worth a look.
const CROWDED: f64 = 0.1;

pub(super) fn form(context: &Context<'_>, picture: &Picture) -> (Line, Table) {
    let Some(kernel) = picture.kernel.as_ref().filter(|kernel| !kernel.workers.is_empty()) else {
        return nothing(picture, "scheduler");
    };
    let rows = (0..).zip(&kernel.workers).map(|(at, worker)| row(context, picture, at, worker));
    let table = Table::new(COLUMNS, rows.collect());
    (summary(context, picture), table)
}

/// How many requests waited for what, on the average of the last second.
fn summary(context: &Context<'_>, picture: &Picture) -> Line {
    if !attached(picture, "scheduler") {
        let text = " waits are not counted: the probe \"scheduler\" is not loaded";
        return Line::of(text, Paint::Hint);
    }
    let workers = picture.kernel.as_ref().map_or(0, |kernel| kernel.workers.len());
    let mut all: Vec<(String, f64)> = Vec::new();
    for (name, share) in (0..workers).flat_map(|at| waits(context, at)) {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += share,
            None => all.push((name, share)),
        }
    }
    all.retain(|(_, share)| *share >= 0.005);
    all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let mut line = Line::title(" requests waiting, on average:");
    for (name, share) in &all {
        let paint = if name == "run queue" { Paint::Warn } else { Paint::Strong };
        line = line.and(format!("  {share:.2} for {}", named(name)), paint);
    }
    if all.is_empty() { line.and("  none", Paint::Good) } else { line }
}

/// What a wait is for, in words that need no manual.
fn named(name: &str) -> &str {
    if name == "run queue" { "a processor" } else { name }
}

/// What requests of a worker waited for in the last second: part of the time, the largest first.
fn waits(context: &Context<'_>, at: usize) -> Vec<(String, f64)> {
    let Some(worker) = context.picture().and_then(|p| find(p, at)) else { return Vec::new() };
    let each = worker.waited.iter().enumerate().filter_map(|(wait, (name, _))| {
        let waited = |p: &Picture| Some(find(p, at)?.waited.get(wait)?.1);
        Some((name.replace('_', " "), context.state.past.rate(waited)? / 1e9))
    });
    let mut all: Vec<(String, f64)> = each.collect();
    all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    all
}

fn find(picture: &Picture, at: usize) -> Option<&KernelWorker> {
    picture.kernel.as_ref()?.workers.get(at)
}

fn row(context: &Context<'_>, picture: &Picture, at: usize, worker: &KernelWorker) -> Row {
    let past = &context.state.past;
    let [scheduler, memory] = ["scheduler", "memory"].map(|name| attached(picture, name));
    let grown = |times: fn(&KernelWorker) -> Times| Grown::of(past, |p| Some(times(find(p, at)?)));
    let growing = |value: fn(&KernelWorker) -> u64| rate(past.rate(|p| Some(value(find(p, at)?))));
    let sized = |value: fn(&KernelWorker) -> u64| {
        let rate = past.rate(|p| Some(value(find(p, at)?)));
        rate.map_or_else(Cell::none, |rate| Cell::number(rate, human::size(rate as u64)))
    };
    let queued = grown(|worker| worker.run_queue);
    let off = grown(|worker| worker.off_cpu);
    let waits = waits(context, at);
    let cells = vec![
        Cell::count(worker.id),
        only(scheduler, most(&waits)),
        only(scheduler, share(queued.as_ref(), CROWDED)),
        nanos(queued.and_then(|grown| grown.mean())),
        nanos(Some(worker.run_queue.p99).filter(|ns| *ns > 0)),
        only(scheduler, share(off.as_ref(), f64::INFINITY)),
        only(scheduler, growing(|worker| worker.switches[0])),
        only(scheduler, growing(|worker| worker.switches[1])),
        only(scheduler, growing(|worker| worker.migrations)),
        only(memory, growing(|worker| worker.faults[0])),
        only(memory, growing(|worker| worker.faults[1])),
        only(memory, sized(|worker| worker.block_bytes[0])),
        only(memory, sized(|worker| worker.block_bytes[1])),
        nanos(grown(|worker| worker.block[0]).and_then(|grown| grown.mean())),
        nanos(grown(|worker| worker.block[1]).and_then(|grown| grown.mean())),
        only(memory, unwanted(worker.block_errors, Paint::Bad)),
        only(memory, unwanted(worker.oom, Paint::Bad)),
    ];
    let mut row = Row::new(worker.id.to_string(), cells);
    if context.choice.open.as_deref() == Some(row.key.as_str()) {
        row.below = opened(worker, &waits, context.width);
    }
    row
}

/// Its largest wait, and part of the time.
fn most(waits: &[(String, f64)]) -> Cell {
    match waits.first() {
        Some((name, most)) if *most >= 0.0005 => {
            Cell::text(format!("{} {}", named(name), human::share(*most)))
        }
        Some(_) => Cell::text("nothing"),
        None => Cell::none(),
    }
}

fn share(grown: Option<&Grown>, worth: f64) -> Cell {
    grown.map_or_else(Cell::none, |grown| {
        let cell = Cell::number(grown.share(), human::share(grown.share()));
        if grown.share() > worth { cell.painted(Paint::Warn) } else { cell }
    })
}

/// Every wait, now and since the start.
fn opened(worker: &KernelWorker, waits: &[(String, f64)], width: usize) -> Vec<Line> {
    let now: Vec<String> = waits
        .iter()
        .map(|(name, part)| format!("{} {}", named(name), human::share(*part)))
        .collect();
    let ever: Vec<String> = worker
        .waited
        .iter()
        .filter(|(_, ns)| *ns > 0)
        .map(|(name, ns)| {
            let name = name.replace('_', " ");
            format!("{} {}", named(&name), human::nanos(*ns))
        })
        .collect();
    let mut lines = below(&format!("waits now: {}", now.join(", ")), width, Paint::Strong);
    lines.extend(below(&format!("since the start: {}", ever.join(", ")), width, Paint::Plain));
    lines
}
