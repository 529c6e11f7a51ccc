//! One request in flight, whole: what the operator asks once he knows which one hangs.
//!
//! Answers: what exactly was asked and by whom, where did its time go, which system call holds it,
//! when will harakiri end it? Lines for the view of cores. Pure; secrets are hidden by the readers.

use super::Context;
use super::cores::{age_paint, age_text, left, waiting};
use crate::human;
use crate::page::{Line, Paint, bar, columns_of};
use crate::picture::{Core, InFlight, Picture, Waits, Worker};

/// Columns of a bar.
const BAR: usize = 20;

/// The lines for a core and the request it is in, if any.
pub(super) fn lines(
    context: &Context<'_>,
    picture: &Picture,
    worker: &Worker,
    core: &Core,
    request: Option<&InFlight>,
) -> Vec<Line> {
    let mut lines = vec![
        Line::title(format!(" CORE {}:{} of process {}", worker.id, core.id, worker.pid))
            .and("   Esc: back to the table", Paint::Hint),
    ];
    match request {
        Some(request) => {
            lines.extend(asked(context, request));
            lines.extend(deadline(context, picture, worker, request));
            lines.extend(request.waits.iter().flat_map(|w| waits(request.age, w, context.utf8)));
        }
        None => lines.push(Line::plain(" It has no request now.")),
    }
    lines.push(counters(core));
    lines.extend(request.map(|request| variables(context, request)).unwrap_or_default());
    lines
}

/// The request line, whole, and what is known beside it.
fn asked(context: &Context<'_>, request: &InFlight) -> Vec<Line> {
    let text = format!("{} {}", request.method, request.uri);
    let mut lines: Vec<Line> = wrapped(text.trim(), context.width.saturating_sub(2))
        .into_iter()
        .map(|part| Line::of(format!(" {part}"), Paint::Strong))
        .collect();
    let known = [
        ("host", &request.host),
        ("client", &request.remote),
        ("protocol", &request.proto),
        ("application", &request.app),
    ];
    let known: Vec<String> = known
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    lines.push(Line::plain(format!(" {}", known.join("   "))));
    let mut since = Line::plain(" running for ").and(age_text(request), age_paint(request.age));
    if request.start > 0 {
        since = since.and(
            format!(", since {}", human::clock(request.start / 1_000_000, context.zone)),
            Paint::Plain,
        );
    }
    if !request.phase.is_empty() {
        since = since.and(format!("; phase: {}", request.phase), Paint::Plain);
    }
    lines.push(since);
    lines
}

fn deadline(
    context: &Context<'_>,
    picture: &Picture,
    worker: &Worker,
    request: &InFlight,
) -> Option<Line> {
    let left = left(picture, worker)?;
    let share = request.age as f64 / request.age.saturating_add(left).max(1) as f64;
    let paint = if left < 5_000_000 { Paint::Bad } else { Paint::Plain };
    let at = human::clock(worker.harakiri_pending, context.zone);
    let text = format!(" harakiri of its worker at {at}, in {}s ", left / 1_000_000);
    Some(Line::of(text, paint).and(bar(share, BAR, context.utf8), paint))
}

/// Where its time went, the most first.
fn waits(age: u64, waits: &Waits, utf8: bool) -> Vec<Line> {
    let mut lines = vec![Line::title(" WAITS")];
    let call = waits.call.as_ref();
    let call = call.map(|(call, us)| format!("in {call} for {}", human::duration(*us)));
    let now = waiting(waits).map(|what| match (what.as_str(), call) {
        ("runs", _) => " now it runs".to_owned(),
        (what, Some(call)) if what.starts_with("in ") => format!(" now it is {call}"),
        (what, Some(call)) => format!(" now it waits for {what}, {call}"),
        (what, None) => format!(" now it waits for {what}"),
    });
    lines.extend(now.map(|now| Line::of(now, Paint::Strong)));
    if !waits.parts.is_empty() {
        let waited = waits.parts.iter().map(|(_, us)| *us).fold(0, u64::saturating_add);
        let mut parts = waits.parts.clone();
        parts.push(("running".to_owned(), age.saturating_sub(waited)));
        parts.retain(|(_, us)| *us > 0);
        parts.sort_by_key(|(_, us)| std::cmp::Reverse(*us));
        for (name, us) in parts {
            let share = us as f64 / age.max(1) as f64;
            let name = name.replace('_', " ");
            let text = format!(" {name:<12}{:>9} ", human::duration(us));
            let percent = human::percent(age, us);
            lines.push(
                Line::plain(text)
                    .and(bar(share, BAR, utf8), Paint::Strong)
                    .and(format!(" {percent:>5}%"), Paint::Plain),
            );
        }
    }
    if let Some((call, us)) = &waits.slowest {
        let text = format!(" slowest system call that has ended: {call}, {}", human::duration(*us));
        lines.push(Line::plain(text));
    }
    lines
}

fn counters(core: &Core) -> Line {
    let counts = [
        ("static", core.static_requests),
        ("routed", core.routed_requests),
        ("offloaded", core.offloaded_requests),
        ("read errors", core.read_errors),
        ("write errors", core.write_errors),
    ];
    let some = counts.iter().filter(|(_, count)| *count > 0);
    let more: String = some.map(|(name, count)| format!(", {count} {name}")).collect();
    Line::plain(format!(" served by this core so far: {} requests{more}", core.requests))
}

fn variables(context: &Context<'_>, request: &InFlight) -> Vec<Line> {
    if request.vars.is_empty() {
        return Vec::new();
    }
    let cut = if request.more_vars { ", and some that were not kept" } else { "" };
    let title = format!(" VARIABLES ({}{cut})", request.vars.len());
    let mut lines = vec![Line::title(title).and("   ... hides a secret", Paint::Hint)];
    let most = context.width / 3;
    let names = request.vars.iter().map(|(name, _)| columns_of(name));
    let width = names.filter(|width| *width <= most).max().unwrap_or(0);
    for (name, value) in &request.vars {
        let blank = " ".repeat(width.saturating_sub(columns_of(name)));
        let room = context.width.saturating_sub(width + 4);
        for (number, part) in wrapped(value, room).into_iter().enumerate() {
            lines.push(match number {
                0 => Line::of(format!(" {name}{blank}  "), Paint::Hint).and(part, Paint::Plain),
                _ => Line::plain(format!(" {}  {part}", " ".repeat(width))),
            });
        }
    }
    lines
}

/// A text in pieces of `width` columns; an empty one is one piece.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        let columns = columns_of(c.encode_utf8(&mut [0; 4]));
        if used + columns > width.max(10) {
            pieces.push(String::new());
            used = 0;
        }
        used += columns;
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_broken_not_cut() {
        assert_eq!(wrapped("", 20), [""]);
        assert_eq!(wrapped("abcdefghijkl", 10), ["abcdefghij", "kl"]);
        assert_eq!(wrapped("日本語日本語", 10), ["日本語日本", "語"]);
        assert_eq!(wrapped("abcdefghijkl", 0).concat(), "abcdefghijkl");
    }

    #[test]
    fn the_call_is_named_once() {
        let said = |now: &str| {
            let call = Some(("openat".to_owned(), 2_000_000));
            let waits = Waits { now: Some(now.to_owned()), call, ..Waits::default() };
            super::waits(3_000_000, &waits, false)[1].text()
        };
        assert_eq!(said("system_call"), " now it is in openat for 2.0s");
        assert_eq!(said("disk"), " now it waits for disk, in openat for 2.0s");
    }

    #[test]
    fn time_that_no_wait_explains_is_running() {
        let parts = vec![("network".to_owned(), 3_000_000), ("disk".to_owned(), 0)];
        let lines = waits(4_000_000, &Waits { parts, ..Waits::default() }, false);
        let texts: Vec<String> = lines.iter().map(Line::text).collect();
        assert_eq!(texts[1], " now it runs");
        assert_eq!(texts[2], " network          3.0s ###############.....  75.0%");
        assert_eq!(texts[3], " running          1.0s #####...............  25.0%");
        assert_eq!(texts.len(), 4);
    }
}
