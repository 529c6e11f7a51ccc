//! One metric, whole: now, its spread, a graph as large as there is room, and what it means.

use super::about::{self, Unit};
use super::past::{FINE, Past, step};
use super::{Context, shown, spark};
use crate::human;
use crate::page::{Line, Page, Paint, columns_of};
use crate::picture::{Metric, Picture};
use crate::state::meter::KEPT;

/// Lines around the graph: title, spread, axis, facts, meaning.
const AROUND: usize = 5;

/// Lines of the graph at least and at most.
const HEIGHT: (usize, usize) = (3, 24);

/// The page of the metric of this name.
pub(super) fn page(context: &Context<'_>, picture: &Picture, name: &str) -> Page {
    let Some(metric) = picture.metrics.iter().find(|metric| metric.name == name) else {
        let text = format!(" {name} is not listed any more.   Esc: back to the list");
        return Page { tail: vec![Line::of(text, Paint::Warn)], ..Page::default() };
    };
    let (unit, past) = (about::unit(metric), Past::of(context.state, metric));
    let mut lines = vec![title(context, metric, unit)];
    lines.push(spread(context, &past, unit));
    let facts = facts(context, metric, unit);
    let height = context.height.saturating_sub(AROUND - 1 + facts.len());
    lines.extend(graph(context, &past, unit, height.clamp(HEIGHT.0, HEIGHT.1)));
    lines.extend(facts);
    Page { tail: lines, ..Page::default() }
}

/// ` worker.2.rss_size   34.0M   1.2K/s   Esc: back`
fn title(context: &Context<'_>, metric: &Metric, unit: Unit) -> Line {
    let value = unit.value(metric.value, context.seconds());
    let exact = human::amount(metric.value);
    let exact = if exact == value { String::new() } else { format!(" ({})", digits(metric.value)) };
    let rate = context.state.meter.rate(metric).filter(|_| unit != Unit::Epoch);
    let rate = rate.map_or(String::new(), |rate| format!("   {}/s", unit.rate(rate)));
    Line::title(format!(" {}", metric.name))
        .and(format!("   {value}"), Paint::Strong)
        .and(format!("{exact}{rate}"), Paint::Plain)
        .and("   Esc: back", Paint::Hint)
}

/// The number as it is.
fn digits(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { value.to_string() }
}

fn spread(context: &Context<'_>, past: &Past, unit: Unit) -> Line {
    let Some(spread) = past.spread() else {
        return Line::of(
            " nothing was seen of it yet: its past begins with the second look",
            Paint::Hint,
        );
    };
    let [least, mean, most] =
        [spread.least, spread.mean, spread.most].map(|value| shown(context, past, unit, value));
    let age = human::age(spread.seconds as u64);
    Line::plain(format!(" least {least}   mean {mean}   most {most}"))
        .and(format!("   in {age}"), Paint::Hint)
}

/// The graph over its axis; what the top and the bottom stand for is said on its left.
fn graph(context: &Context<'_>, past: &Past, unit: Unit, height: usize) -> Vec<Line> {
    let most = past.spread().map_or(0.0, |spread| spread.most);
    let (top, ground) =
        (shown(context, past, unit, most), shown(context, past, unit, past.ground()));
    let gutter = columns_of(&top).max(columns_of(&ground)).max(6) + 2;
    let width = context.width.saturating_sub(gutter + 1).clamp(1, KEPT);
    let each = step(width);
    let columns = KEPT.div_ceil(each).min(width);
    let drawn = spark::tall_of(&past.columns(columns, each), FINE, height, context.utf8);
    let last = drawn.len().saturating_sub(1);
    let label = |index: usize| match index {
        0 => top.as_str(),
        _ if index == last => ground.as_str(),
        _ => "",
    };
    let mut lines: Vec<Line> = (0..)
        .zip(drawn)
        .map(|(index, text)| {
            Line::of(format!("{:>gutter$} ", label(index)), Paint::Hint).and(text, Paint::Strong)
        })
        .collect();
    let begin = format!("{} ago", human::age((columns * each) as u64));
    let axis = format!("{begin}{:>rest$}", "now", rest = columns.saturating_sub(begin.len()));
    lines.push(Line::of(format!("{:gutter$} {axis}", ""), Paint::Hint));
    lines
}

/// What it is, its names elsewhere, its meaning.
fn facts(context: &Context<'_>, metric: &Metric, unit: Unit) -> Vec<Line> {
    let mut what = vec![about::kind(metric).to_owned()];
    what.extend(Some(unit.name().to_owned()).filter(|name| !name.is_empty()));
    what.extend(Some(format!("OID {}", metric.oid)).filter(|_| !metric.oid.is_empty()));
    what.extend(scraped(metric).map(|name| format!("scraped as {name}")));
    let mut lines = vec![Line::plain(format!(" {}", what.join(", ")))];
    let help = about::help(metric);
    if !help.is_empty() {
        let told = super::parts::below(help, context.width, Paint::Plain);
        lines.extend(told.into_iter().map(|line| Line::plain(format!(" {}", line.text().trim()))));
    }
    lines
}

/// Its family in an exposition, with the label that tells it from others of the family.
fn scraped(metric: &Metric) -> Option<String> {
    let row = about::row(&metric.name)?;
    let label = row.label.map_or(String::new(), |(name, value)| format!("{{{name}=\"{value}\"}}"));
    Some(format!("{}{label}", row.family?))
}
