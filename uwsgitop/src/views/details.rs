//! The second block: what the C server never could show.
//!
//! Answers: how slow is it really, what is running right now, since when, and what does it wait
//! for, is anybody waiting at the door, how was the last minute, and do the probes work? Owns the wording as plain lines; the
//! screen and `--once` show them. Pure.

use super::spark;
use crate::human;
use crate::page::Line;
use crate::picture::{Accept, InFlight, Latency, Picture, Probe, Socket, Waits};

/// Sockets listed; more of them would push out the requests in flight.
const MOST_SOCKETS: usize = 4;

/// The block for a screen of `width` columns, the most telling lines first, so that it can be
/// cut at any height.
pub(crate) fn lines(picture: &Picture, width: usize, utf8: bool) -> Vec<Line> {
    let mut lines = vec![title(format!(
        " {:<12}{:>9}{:>9}{:>9}{:>12}",
        "LATENCY", "p50", "p90", "p99", "COUNT"
    ))];
    lines.extend(picture.latencies.iter().map(latency));
    lines.push(history(requests(picture), width, utf8));
    let probed = picture.sockets.iter().any(|socket| socket.accept.is_some());
    lines.push(title(sockets_title(probed)));
    lines.extend(picture.sockets.iter().take(MOST_SOCKETS).map(|row| socket(row, probed)));
    if picture.sockets.len() > MOST_SOCKETS {
        lines.push(plain(format!(" and {} more", picture.sockets.len() - MOST_SOCKETS)));
    }
    lines.push(title(format!(
        " {:<12}{:>9}  {:<12}{:<16} {}",
        "IN FLIGHT", "AGE", "PHASE", "REMOTE", "REQUEST"
    )));
    lines.extend(picture.in_flight.iter().flat_map(|row| {
        std::iter::once(in_flight(row)).chain(row.waits.as_ref().map(|waits| wait(row.age, waits)))
    }));
    lines.extend(probes(&picture.probes));
    lines
}

fn title(text: String) -> Line {
    Line::title(text)
}

fn plain(text: String) -> Line {
    Line::plain(text)
}

/// Thousandths of requests per second, one value per second.
fn requests(picture: &Picture) -> &[u64] {
    let trail = picture.trails.iter().find(|trail| trail.name == "requests" && trail.step == 1);
    trail.map(|trail| trail.values.as_slice()).unwrap_or_default()
}

fn latency(row: &Latency) -> Line {
    let [p50, p90, p99] = match row.count {
        0 => ["-"; 3].map(str::to_owned),
        _ => [row.p50, row.p90, row.p99].map(human::duration),
    };
    plain(format!(" {:<12}{p50:>9}{p90:>9}{p99:>9}{:>12}", row.name, row.count))
}

/// ` REQ/S  max 120  ▂▃▅`: one column per second, the newest at the right end.
fn history(values: &[u64], width: usize, utf8: bool) -> Line {
    let lead = |largest: u64| format!(" {:<12}{:>9}  ", "REQ/S", format!("max {}", rate(largest)));
    let room = width.saturating_sub(lead(0).chars().count() + 1);
    let (spark, largest) = spark::line(values, room, utf8);
    plain(format!("{}{spark}", lead(largest)))
}

/// Thousandths as a number; a slow site is told from a dead one.
fn rate(thousandths: u64) -> String {
    match thousandths {
        1..10_000 => format!("{:.1}", thousandths as f64 / 1e3),
        _ => (thousandths / 1000).to_string(),
    }
}

fn sockets_title(probed: bool) -> String {
    let start = format!(" {:<12}{:>9}", "SOCKET", "QUEUE");
    let more = format!("{:>9}{:>9}{:>7}{:>7}{:>9}", "WAIT p50", "p99", "DEPTH", "FULL", "RETRANS");
    format!("{start}{}  NAME", if probed { &more } else { "" })
}

fn socket(row: &Socket, probed: bool) -> Line {
    // Sockets that only a probe tells of have no length here.
    let queue = match row.max_queue {
        0 if row.proto.is_empty() => "-".to_owned(),
        most => format!("{}/{most}", row.queue),
    };
    let more = if probed { accept(row.accept.as_ref()) } else { String::new() };
    let proto = if row.proto.is_empty() { "router" } else { &row.proto };
    plain(format!(" {proto:<12}{queue:>9}{more}  {}", row.name))
}

/// Waits to be accepted, the mean length of the queue that a connection found, how often it was
/// full, and segments sent again.
fn accept(row: Option<&Accept>) -> String {
    let [mut p50, mut p99, mut depth, mut full, mut again] = ["-"; 5].map(str::to_owned);
    if let Some(row) = row {
        if row.count > 0 {
            [p50, p99] = [row.p50, row.p99].map(human::duration);
        }
        if row.established > 0 {
            depth = format!("{:.1}", row.depth_sum as f64 / row.established as f64);
        }
        full = row.full.to_string();
        again = row.retransmits.map_or(again, |count| count.to_string());
    }
    format!("{p50:>9}{p99:>9}{depth:>7}{full:>7}{again:>9}")
}

/// What a request waits for, under its line: what now, since when in which call, and where its time
/// went.
fn wait(age: u64, waits: &Waits) -> Line {
    let spaced = |name: &str| name.replace('_', " ");
    let mut facts = Vec::new();
    if !waits.parts.is_empty() {
        facts.push(match &waits.now {
            Some(now) => format!("waits for {}", spaced(now)),
            None => "runs".to_owned(),
        });
    }
    if let Some((call, us)) = &waits.call {
        facts.push(format!("in {call} for {}", human::duration(*us)));
    }
    if !waits.parts.is_empty() {
        let mut parts: Vec<_> = waits.parts.iter().filter(|(_, us)| *us >= 1_000).collect();
        parts.sort_by_key(|(_, us)| std::cmp::Reverse(*us));
        let waited = crate::picture::total(waits.parts.iter().map(|(_, us)| *us));
        let mut sum = format!("{} running", human::duration(age.saturating_sub(waited)));
        for (name, us) in parts {
            sum.push_str(&format!(" + {} {}", human::duration(*us), spaced(name)));
        }
        facts.push(sum);
    }
    if let Some((call, us)) = &waits.slowest {
        facts.push(format!("slowest {call} {}", human::duration(*us)));
    }
    plain(format!(" {:<12}{}", "", facts.join("; ")))
}

fn probes(rows: &[Probe]) -> Vec<Line> {
    let mut lines = Vec::new();
    if !rows.is_empty() {
        lines.push(title(format!(
            " {:<12}{:>9}  {:<12}{:>9}{:>9}  {}",
            "PROBE", "PROGRAMS", "STATE", "RUNS", "COST", "REASON"
        )));
    }
    lines.extend(rows.iter().map(|row| {
        let [mut runs, mut cost] = ["-"; 2].map(str::to_owned);
        if row.runs > 0 {
            runs = row.runs.to_string();
            cost = format!("{}ns", row.run_ns / row.runs);
        }
        let (name, state) = (&row.name, &row.state);
        plain(format!(
            " {name:<12}{:>9}  {state:<12}{runs:>9}{cost:>9}  {}",
            row.programs, row.reason
        ))
    }));
    lines
}

fn in_flight(row: &InFlight) -> Line {
    let id = format!("{}:{}", row.worker, row.core);
    plain(format!(
        " {id:<12}{:>9}  {:<12}{:<16} {} {}",
        human::duration(row.age),
        row.phase,
        row.remote,
        row.method,
        row.uri
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_without_samples_are_dashes() {
        let row = Latency { name: "write".into(), ..Latency::default() };
        assert_eq!(latency(&row).text(), " write               -        -        -           0");
        let row = Latency {
            name: "request".into(),
            count: 9,
            p50: 900,
            p90: 1500,
            p99: 2_000_000,
            ..Latency::default()
        };
        assert_eq!(latency(&row).text(), " request         900us    1.5ms     2.0s           9");
    }

    #[test]
    fn many_sockets_are_counted_not_listed() {
        let sockets = vec![Socket::default(); 7];
        let lines = lines(&Picture { sockets, ..Picture::default() }, 80, true);
        assert!(lines.iter().any(|line| line.text() == " and 3 more"), "{lines:?}");
    }

    #[test]
    fn slow_sites_show_a_fraction() {
        for (thousandths, text) in [(0, "0"), (500, "0.5"), (9_949, "9.9"), (236_000, "236")] {
            assert_eq!(rate(thousandths), text);
        }
    }

    #[test]
    fn the_history_fills_the_width_and_no_more() {
        for width in [60, 80, 200, 10, 0] {
            let line = history(&[7; 300], width, true);
            let count = line.text().chars().count();
            assert!(count <= width.max(24), "{count} of {width}");
        }
        assert_eq!(history(&[7; 300], 80, true).text().matches('█').count(), 55);
    }
}
