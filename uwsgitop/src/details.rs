//! The second block: what the C server never could show.
//!
//! Answers: how slow is it really, what is running right now and since when, is anybody
//! waiting at the door, and how was the last minute? Owns the wording as plain lines; the
//! screen and `--once` show them. Pure.

use crate::human;
use crate::picture::{Details, InFlight, Latency, Socket};
use crate::spark;

/// Sockets listed; more of them would push out the requests in flight.
const MOST_SOCKETS: usize = 4;

/// One line of the block.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    /// Its text.
    pub(crate) text: String,
    /// It names what follows.
    pub(crate) title: bool,
}

/// The block for a screen of `width` columns, the most telling lines first, so that it can be
/// cut at any height.
pub(crate) fn lines(details: &Details, width: usize, utf8: bool) -> Vec<Line> {
    let mut lines = vec![title(format!(
        " {:<12}{:>9}{:>9}{:>9}{:>12}",
        "LATENCY", "p50", "p90", "p99", "COUNT"
    ))];
    lines.extend(details.latencies.iter().map(latency));
    lines.push(history(&details.history, width, utf8));
    lines.push(title(format!(" {:<12}{:>9}  {}", "SOCKET", "QUEUE", "NAME")));
    lines.extend(details.sockets.iter().take(MOST_SOCKETS).map(socket));
    if details.sockets.len() > MOST_SOCKETS {
        lines.push(plain(format!(" and {} more", details.sockets.len() - MOST_SOCKETS)));
    }
    lines.push(title(format!(
        " {:<12}{:>9}  {:<12}{:<16} {}",
        "IN FLIGHT", "AGE", "PHASE", "REMOTE", "REQUEST"
    )));
    lines.extend(details.in_flight.iter().map(in_flight));
    lines
}

fn title(text: String) -> Line {
    Line { text, title: true }
}

fn plain(text: String) -> Line {
    Line { text, title: false }
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

fn socket(row: &Socket) -> Line {
    let queue = format!("{}/{}", row.queue, row.max_queue);
    plain(format!(" {:<12}{queue:>9}  {}", row.proto, row.name))
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
        let row = Latency { name: "write", ..Latency::default() };
        assert_eq!(latency(&row).text, " write               -        -        -           0");
        let row = Latency { name: "request", count: 9, p50: 900, p90: 1500, p99: 2_000_000 };
        assert_eq!(latency(&row).text, " request         900us    1.5ms     2.0s           9");
    }

    #[test]
    fn many_sockets_are_counted_not_listed() {
        let sockets = vec![Socket::default(); 7];
        let lines = lines(&Details { sockets, ..Details::default() }, 80, true);
        assert!(lines.iter().any(|line| line.text == " and 3 more"), "{lines:?}");
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
            let count = line.text.chars().count();
            assert!(count <= width.max(24), "{count} of {width}");
        }
        assert_eq!(history(&[7; 300], 80, true).text.matches('█').count(), 55);
    }
}
