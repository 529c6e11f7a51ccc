//! Metrics by name.
//!
//! What is the value of any metric, how fast does it change, how was it in the last minutes? What
//! does it mean, and what is it called elsewhere? How do the few that matter today compare with
//! their largest values? Pinned ones stand first whatever is sorted and filtered.

mod about;
mod bars;
mod one;
mod past;

use super::{Context, Id, View, parts, spark};
use crate::page::{Cell, Column, Line, Page, Paint, Row, Table, column, flexible};
use crate::picture::{Metric, Picture};
use about::Unit;
use past::Past;

/// The view.
pub(crate) const VIEW: View = View {
    id: Id::Metrics,
    key: '4',
    name: "metrics",
    answers: "What is the value of any metric, and how did it change?",
    keys: &[
        ("/", "words, or a path of beginnings: w.2.r finds worker.2.rss_size"),
        ("Space", "pins a metric: it stays on top, and is kept while other views are shown"),
        ("m", "the list, or bars of what is pinned"),
        ("Enter", "one metric: its graph, what it means, its names"),
    ],
    absent: "The source lists no metrics (option enable-metrics).",
    present: |_, picture| picture.lists_metrics || !picture.metrics.is_empty(),
    build: page,
};

/// The forms.
const FORMS: [&str; 2] = ["list", "bars"];

const COLUMNS: &[Column] = &[
    flexible("METRIC", 0, 22),
    column("VALUE", true, 0),
    column("PER S", true, 1),
    column("PAST", false, 2),
    column("LEAST", true, 4),
    column("MOST", true, 3),
    column("KIND", false, 5),
    column("OID", false, 7),
    flexible("MEANING", 6, 20),
];

fn page(context: &Context<'_>) -> Page {
    let Some(picture) = context.picture() else { return Page::default() };
    if let Some(name) = &context.choice.open {
        return one::page(context, picture, name);
    }
    let (form, line) = parts::forms(&FORMS, context.choice.form);
    if form == 1 {
        return bars::page(context, picture, line);
    }
    let width = graph_width(context.width);
    let rows = ordered(context, picture).into_iter();
    let rows = rows.map(|metric| row(context, metric, width)).collect();
    let head = vec![summary(context, picture, width, line)];
    let empty = "waiting for the list";
    let table = Table { empty, ..Table::new(COLUMNS, rows) };
    Page { head, table: Some(table), ..Page::default() }
}

/// Those that are pinned first, otherwise as the source lists them.
fn ordered<'a>(context: &Context<'_>, picture: &'a Picture) -> Vec<&'a Metric> {
    let mut all: Vec<&Metric> = picture.metrics.iter().collect();
    if !context.choice.marks.is_empty() {
        all.sort_by_key(|metric| !is_pinned(context, metric));
    }
    all
}

fn is_pinned(context: &Context<'_>, metric: &Metric) -> bool {
    context.choice.marks.contains(&metric.name)
}

/// Columns of the line of the past, by those of the terminal.
fn graph_width(columns: usize) -> usize {
    match columns {
        ..72 => 10,
        72..100 => 20,
        100..160 => 30,
        _ => 60,
    }
}

/// ` 231 metrics, 2 pinned | a column of the past is 5 s | m shows [list]  bars`
fn summary(context: &Context<'_>, picture: &Picture, width: usize, forms: Line) -> Line {
    let count = picture.metrics.len();
    let pinned = picture.metrics.iter().filter(|metric| is_pinned(context, metric)).count();
    let pinned = if pinned > 0 { format!(", {pinned} pinned") } else { String::new() };
    let mut line =
        Line::title(format!(" {count} metric{}{pinned}", if count == 1 { "" } else { "s" }));
    if context.width >= 72 {
        let step = past::step(width);
        line = line.and(format!(" | a column of the past is {step} s"), Paint::Hint);
    }
    line.spans.extend(forms.spans);
    line
}

fn row(context: &Context<'_>, metric: &Metric, width: usize) -> Row {
    let pinned = is_pinned(context, metric);
    let (unit, past) = (about::unit(metric), Past::of(context.state, metric));
    let name = if pinned { format!("* {}", metric.name) } else { metric.name.clone() };
    let spread = past.spread();
    let seen = |value: Option<f64>| {
        value.map_or_else(Cell::none, |v| Cell::number(v, shown(context, &past, unit, v)))
    };
    let cells = vec![
        Cell::text(name),
        value(context, unit, metric.value),
        rate(context, metric, unit),
        Cell::number(f64::NEG_INFINITY, line(&past, width, context.utf8)).painted(Paint::Strong),
        seen(spread.map(|spread| spread.least)),
        seen(spread.map(|spread| spread.most)),
        Cell::text(about::kind(metric)),
        Cell::text(metric.oid.as_str()),
        Cell::text(about::help(metric)),
    ];
    Row { pinned, ..Row::new(metric.name.as_str(), cells) }
}

/// The past in one line.
fn line(past: &Past, width: usize, utf8: bool) -> String {
    let columns = past.columns(width, past::step(width));
    spark::tall_of(&columns, past::FINE, 1, utf8).pop().unwrap_or_default()
}

fn value(context: &Context<'_>, unit: Unit, value: f64) -> Cell {
    match value.is_finite() {
        true => Cell::number(value, unit.value(value, context.seconds())),
        false => Cell::none(),
    }
}

/// A value of the past: of a counter its growth in a second.
fn shown(context: &Context<'_>, past: &Past, unit: Unit, value: f64) -> String {
    match past.counts {
        true => format!("{}/s", unit.rate(value)),
        false => unit.value(value, context.seconds()),
    }
}

fn rate(context: &Context<'_>, metric: &Metric, unit: Unit) -> Cell {
    let rate = context.state.meter.rate(metric).filter(|_| unit != Unit::Epoch);
    rate.map_or_else(Cell::none, |rate| Cell::number(rate, unit.rate(rate)))
}

#[cfg(test)]
mod tests;
