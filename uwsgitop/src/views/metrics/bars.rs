//! Bars of the pinned metrics, each against its limit where it has one, else against the most that
//! was seen of it.

use super::about;
use super::past::Past;
use super::{Context, is_pinned, shown};
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, bar, column, columns_of, flexible};
use crate::picture::{Metric, Picture};

/// What is shown while nothing is pinned.
const USUAL: [&str; 7] = [
    "core.busy_workers",
    "socket.0.listen_queue",
    "worker.0.requests",
    "core.avg_response_time",
    "core.total_rss",
    "core.total_tx",
    "core.overloaded",
];

/// A share of a limit from which on it is worth a look.
const NEAR: f64 = 0.9;

const COLUMNS: &[Column] = &[
    flexible("METRIC", 0, 16),
    column("NOW", true, 0),
    column("SHARE", false, 0),
    column("OF", true, 1),
    column("WHICH IS", false, 2),
];

/// Columns of the numbers beside the name and the bar, and of the word behind them.
const NUMBERS: usize = 10 + 10;
const WORD: usize = 14;

/// From so many columns on there is room for the word.
const WIDE: usize = 72;

/// The page; `forms` ends its first line.
pub(super) fn page(context: &Context<'_>, picture: &Picture, forms: Line) -> Page {
    let pinned = picture.metrics.iter().filter(|metric| is_pinned(context, metric));
    let mut chosen: Vec<&Metric> = pinned.collect();
    let mut head = Line::title(format!(" {} pinned", chosen.len()));
    if context.choice.marks.is_empty() {
        let find = |name: &&str| picture.metrics.iter().find(|metric| metric.name == **name);
        chosen = USUAL.iter().filter_map(find).collect();
        head =
            Line::title(" nothing is pinned").and(": the usual ones; pin with Space", Paint::Hint);
    }
    head.spans.extend(forms.spans);
    let names = chosen.iter().map(|metric| columns_of(&metric.name)).max().unwrap_or(0);
    let names = names.clamp(6, context.width / 3);
    let beside = NUMBERS + if context.width < WIDE { 2 } else { 4 + WORD };
    let width = context.width.saturating_sub(names + beside).clamp(8, 100);
    let rows = chosen.into_iter().map(|metric| row(context, picture, metric, width)).collect();
    let empty = "nothing that is pinned is listed by this source";
    let table = Table { empty, ..Table::new(COLUMNS, rows) };
    Page { head: vec![head], table: Some(table), ..Page::default() }
}

fn row(context: &Context<'_>, picture: &Picture, metric: &Metric, width: usize) -> Row {
    let (unit, past) = (about::unit(metric), Past::of(context.state, metric));
    let now = if past.counts { context.state.meter.rate(metric) } else { Some(metric.value) };
    let now = now.filter(|value| value.is_finite());
    let limit = limit(picture, &metric.name);
    let most = limit.or_else(|| past.spread().map(|spread| spread.most.max(0.0)));
    let share = now.zip(most).map_or(0.0, |(now, most)| if most > 0.0 { now / most } else { 0.0 });
    let paint = match limit {
        Some(_) if share >= NEAR => Paint::Bad,
        _ => Paint::Strong,
    };
    let cell = |value: Option<f64>| {
        value.map_or_else(Cell::none, |v| Cell::number(v, shown(context, &past, unit, v)))
    };
    let cells = vec![
        Cell::text(metric.name.as_str()),
        cell(now),
        Cell::number(share, bar(share, width, context.utf8)).painted(paint),
        cell(most),
        Cell::text(if limit.is_some() { "the limit" } else { "the most seen" }),
    ];
    Row::new(metric.name.as_str(), cells)
}

/// What it cannot exceed.
fn limit(picture: &Picture, name: &str) -> Option<f64> {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        ["core", "busy_workers" | "idle_workers"] => Some(picture.workers().len() as f64),
        ["socket", number, "listen_queue"] => {
            let socket = picture.sockets.get(number.parse::<usize>().ok()?)?;
            Some(socket.max_queue as f64).filter(|most| *most > 0.0)
        }
        _ => None,
    }
}
