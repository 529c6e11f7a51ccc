//! System calls of requests by class, all workers together.

use super::super::Context;
use super::super::parts::{below, nanos, rate};
use super::{Grown, attached, nothing};
use crate::human;
use crate::page::{Cell, Column, Line, Paint, Row, Table, bar, column};
use crate::picture::{Calls, KernelWorker, Picture, Times};

const COLUMNS: &[Column] = &[
    column("CLASS", false, 0),
    column("AT ONCE", true, 0),
    column("", false, 5),
    column("CALLS/S", true, 0),
    column("A REQUEST", true, 2),
    column("EACH", true, 1),
    column("P99", true, 3),
    column("ERRORS/S", true, 4),
    column("CALLS", true, 6),
    column("ERRORS", true, 7),
];

/// Columns of the bar.
const BAR: usize = 10;

/// One class of all workers together.
struct Sum {
    class: String,
    now: Option<Grown>,
    errors: Option<f64>,
    all: Times,
    failed: u64,
}

pub(super) fn form(context: &Context<'_>, picture: &Picture) -> (Line, Table) {
    let workers = picture.kernel.as_ref().map_or(&[][..], |kernel| &kernel.workers);
    let classes = workers.first().map_or(&[][..], |worker| &worker.calls);
    if classes.is_empty() || !attached(picture, "syscalls") {
        return nothing(picture, "syscalls");
    }
    let sums = classes.iter().map(|calls| sum(context, workers, &calls.class));
    let mut sums: Vec<Sum> = sums.filter(|sum| sum.all.count > 0).collect();
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.now.as_ref().map_or(0, |now| now.sum)));
    let whole = sums.iter().filter_map(|sum| sum.now.as_ref().map(Grown::share)).sum::<f64>();
    let requests = context.state.past.total().filter(|rate| *rate > 0.0);
    let rows = sums.iter().map(|sum| row(context, workers, sum, whole, requests)).collect();
    let head = match sums.first().filter(|_| whole > 0.0) {
        Some(most) => {
            let text = format!(" {whole:.2} requests at a time are in system calls");
            Line::title(text).and(format!(", most of them in {}", most.class), Paint::Strong)
        }
        None => Line::title(" system calls of requests"),
    };
    (head, Table { empty: "No request has made a system call.", ..Table::new(COLUMNS, rows) })
}

fn of<'a>(worker: &'a KernelWorker, class: &str) -> Option<&'a Calls> {
    worker.calls.iter().find(|calls| calls.class == class)
}

/// The sum of a class over the workers of a picture; nothing where they are not read.
fn total(picture: &Picture, class: &str, value: fn(&Calls) -> u64) -> Option<u64> {
    let workers = &picture.kernel.as_ref()?.workers;
    Some(
        workers
            .iter()
            .filter_map(|worker| of(worker, class))
            .map(value)
            .fold(0, u64::saturating_add),
    )
}

fn sum(context: &Context<'_>, workers: &[KernelWorker], class: &str) -> Sum {
    let past = &context.state.past;
    let times = |p: &Picture| {
        let [count, sum] = [|c: &Calls| c.times.count, |c: &Calls| c.times.sum];
        Some(Times { count: total(p, class, count)?, sum: total(p, class, sum)?, p99: 0 })
    };
    let slowest = workers.iter().filter_map(|worker| Some(of(worker, class)?.times.p99)).max();
    let known = context.picture();
    Sum {
        class: class.to_owned(),
        now: Grown::of(past, times),
        errors: past.rate(|p| total(p, class, |calls| calls.errors)),
        all: Times { p99: slowest.unwrap_or(0), ..known.and_then(times).unwrap_or_default() },
        failed: known.and_then(|p| total(p, class, |calls| calls.errors)).unwrap_or(0),
    }
}

fn row(
    context: &Context<'_>,
    workers: &[KernelWorker],
    sum: &Sum,
    whole: f64,
    requests: Option<f64>,
) -> Row {
    let now = sum.now.as_ref();
    let time = now.map(Grown::share);
    let each = now.zip(requests).map(|(now, requests)| now.rate() / requests);
    let cells = vec![
        Cell::text(sum.class.as_str()),
        time.map_or_else(Cell::none, |time| Cell::number(time, format!("{time:.2}"))),
        time.map_or_else(Cell::none, |time| {
            Cell::number(time, bar(time / whole, BAR, context.utf8))
        }),
        rate(now.map(Grown::rate)),
        each.map_or_else(Cell::none, |each| Cell::number(each, human::per_second(each))),
        nanos(now.and_then(Grown::mean)),
        nanos(Some(sum.all.p99)),
        match sum.errors {
            Some(errors) if errors > 0.0 => rate(Some(errors)).painted(Paint::Warn),
            errors => rate(errors),
        },
        Cell::count(sum.all.count),
        Cell::count(sum.failed),
    ];
    let mut row = Row::new(sum.class.as_str(), cells);
    if context.choice.open.as_deref() == Some(row.key.as_str()) {
        row.below = opened(workers, &sum.class, context.width);
    }
    row
}

/// The class by worker, since the start.
fn opened(workers: &[KernelWorker], class: &str, width: usize) -> Vec<Line> {
    let each = workers.iter().filter_map(|worker| {
        let times = of(worker, class)?.times;
        let mean = human::nanos(times.sum.checked_div(times.count)?);
        Some(format!("worker {}: {} of {mean}", worker.id, times.count))
    });
    let text = each.collect::<Vec<_>>().join(", ");
    below(&format!("since the start, {text}"), width, Paint::Strong)
}
