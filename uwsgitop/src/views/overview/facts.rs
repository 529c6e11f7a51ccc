//! What the overview says in sentences: the oldest request, the machine, the life of the instance.

use crate::human;
use crate::page::{Line, Paint, Span, columns_of};
use crate::picture::{Picture, System, Worker};
use crate::views::Context;

/// Columns of the name of a fact.
const INDENT: usize = 11;

/// The lines, the most telling first.
pub(super) fn lines(context: &Context<'_>, picture: &Picture) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(oldest(picture));
    lines.extend(picture.system.iter().flat_map(|system| machine(context, system)));
    lines.extend(life(context, picture));
    lines.extend(deaths(context, picture));
    lines
}

fn fact(name: &str) -> Line {
    Line::title(format!(" {name:<10}"))
}

/// The request that has been running longest.
fn oldest(picture: &Picture) -> Option<Line> {
    let request = picture.in_flight.iter().max_by_key(|request| request.age)?;
    let paint = if request.age >= 1_000_000 { Paint::Warn } else { Paint::Plain };
    let place = format!("worker {} core {}", request.worker, request.core);
    let phase = if request.phase.is_empty() { "" } else { ", " };
    let waits = request.waits.as_ref().and_then(|waits| waits.now.as_deref());
    let waits = waits.map_or(String::new(), |now| format!(", waits for {}", now.replace('_', " ")));
    let rest = match picture.in_flight.len() - 1 {
        0 => String::new(),
        more => format!("; {more} more running"),
    };
    Some(
        fact("oldest")
            .and(human::duration(request.age), paint)
            .and(format!("  {} {}", request.method, request.uri), Paint::Plain)
            .and(format!("  ({place}{phase}{}{waits}){rest}", request.phase), Paint::Hint),
    )
}

/// Load, memory, and what the group is held back by: what is wrong comes first.
fn machine(context: &Context<'_>, system: &System) -> Vec<Line> {
    let mut said: Vec<(String, Paint)> = Vec::new();
    let throttled = context.state.past.rate(|p| p.system.as_ref()?.cpu_throttled);
    if let Some(throttled) = throttled.filter(|us| *us >= 1.0) {
        said.push((format!("throttled {}/s !", human::duration(throttled as u64)), Paint::Bad));
    }
    if let Some(kills) = system.oom_kills.filter(|kills| *kills > 0) {
        said.push((format!("{kills} killed for memory !"), Paint::Bad));
    }
    let group = system.memory_usage.zip(system.memory_limit).map(|(used, limit)| {
        let near = used.saturating_mul(10) >= limit.saturating_mul(9);
        let (mark, paint) = if near { (" !", Paint::Bad) } else { ("", Paint::Plain) };
        (format!("group {} of {}{mark}", human::size(used), human::size(limit)), paint)
    });
    said.extend(group);
    for (what, share) in ["processor", "memory", "disk"].iter().zip(system.stalls) {
        // The wish for a processor is common; any wait of a tenth of the time is worth a word.
        if let Some(share) = share.filter(|share| *share >= 10.0) {
            said.push((format!("{share:.0}% stalled by {what} !"), Paint::Warn));
        }
    }
    let load =
        system.load.map(|[one, five, fifteen]| format!("load {one:.2} {five:.2} {fifteen:.2}"));
    let limit = system.cpu_limit_milli.map(|milli| format!("{:.1} processors", milli as f64 / 1e3));
    let free = system.mem_available.map(|free| format!("{} free", human::size(free)));
    said.extend([load, limit, free].into_iter().flatten().map(|text| (text, Paint::Plain)));
    said.sort_by_key(|(_, paint)| *paint == Paint::Plain);
    packed("machine", &said, context.width)
}

/// Items with commas between them, over two lines at most.
fn packed(name: &str, items: &[(String, Paint)], width: usize) -> Vec<Line> {
    let mut lines = vec![fact(name)];
    let mut used = INDENT;
    for (index, (text, paint)) in items.iter().enumerate() {
        let comma = if index + 1 < items.len() { ", " } else { "" };
        let length = columns_of(text) + comma.len();
        if used + length > width && used > INDENT && lines.len() < 2 {
            lines.push(fact(""));
            used = INDENT;
        }
        used += length;
        if let Some(line) = lines.last_mut() {
            line.spans.push(Span { text: text.clone(), paint: *paint });
            line.spans.push(Span { text: comma.to_owned(), paint: Paint::Plain });
        }
    }
    lines
}

/// Since when it runs and how often it was reloaded; nothing where the source does not say.
fn life(context: &Context<'_>, picture: &Picture) -> Option<Line> {
    let started = Some(picture.started_at).filter(|started| *started > 0)?;
    let now = u64::try_from(context.now.as_second()).unwrap_or(0);
    let ago = |then: u64| long(now.saturating_sub(then));
    let mut text = format!("up {}, {} reloads", ago(started), picture.reloads);
    if picture.reloads == 1 {
        text.pop();
    }
    if picture.last_reload > 0 {
        text.push_str(&format!(", the last {} ago", ago(picture.last_reload)));
    }
    Some(fact("life").and(text, Paint::Plain))
}

/// How workers ended, by reason, and the latest end that nobody wished for.
fn deaths(context: &Context<'_>, picture: &Picture) -> Option<Line> {
    let mut ends: Vec<(&str, u64)> = Vec::new();
    for end in picture.workers().iter().flat_map(|worker| &worker.exits) {
        match ends.iter_mut().find(|(reason, _)| *reason == end.reason) {
            Some((_, count)) => *count = count.saturating_add(end.count),
            None => ends.push((&end.reason, end.count)),
        }
    }
    let wished = |reason: &str| matches!(reason, "asked" | "recycled" | "cheap" | "no app");
    let bad = |worker: &&Worker| !worker.last_exit.is_empty() && !wished(&worker.last_exit);
    let latest = picture.workers().iter().filter(bad).max_by_key(|worker| worker.last_spawn);
    if ends.is_empty() && latest.is_none() {
        return None;
    }
    let counts: Vec<String> = ends
        .iter()
        .map(|(reason, count)| format!("{count} {}", reason.replace('_', " ")))
        .collect();
    let mut line = fact("ends").and(counts.join(", "), Paint::Plain);
    if let Some(worker) = latest {
        let since = human::clock(worker.last_spawn, context.zone);
        let text = format!("worker {} by {}, {since}", worker.id, worker.last_exit);
        line = line.and("; last ", Paint::Plain).and(text, Paint::Warn);
    }
    Some(line)
}

/// A long time in its two largest units.
pub(super) fn long(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_have_two_units() {
        for (seconds, text) in [
            (5, "5s"),
            (65, "1m05s"),
            (3_660, "1h01m"),
            (90_000, "1d01h"),
            (u64::MAX, "213503982334601d07h"),
        ] {
            assert_eq!(long(seconds), text);
        }
    }
}
