//! Latencies as a log for HdrHistogram tools: format version 1.3, one line per kind and interval.
//!
//! Owns what is counted in an interval: of a source that is asked once everything since its start,
//! otherwise what was added from one refresh to the next. Counters that went back were begun
//! anew, so all of them are new. Values are microseconds from 1 µs to 1 h at two significant
//! digits, cell by cell those of the server. Refuses sources that tell percentiles only.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::Printer;
use crate::picture::{Latency, Picture};

/// Bounds and significant digits of the histograms of the server.
const SHAPE: (u64, u64, u8) = (1, 3_600_000_000, 2);

/// What other readers skip, and people read as titles.
const LEGEND: &[u8] =
    b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

/// The last picture of each source.
#[derive(Default)]
pub(super) struct Log {
    last: Vec<Option<Arc<Picture>>>,
}

/// From when to when, epoch microseconds.
type Span = (u64, u64);

/// The lines of one source, and the header in front of the first ones.
///
/// # Errors
/// Why there are none.
pub(super) fn print(printer: &mut Printer<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let feed = printer.app.feed();
    let Some(now) = feed.state.picture.clone() else { return Ok(()) };
    let blind = |latency: &Latency| latency.count > 0 && latency.cells.is_empty();
    if now.latencies.is_empty() || now.latencies.iter().any(blind) {
        return Err(format!(
            "{}: no histograms of latencies are told here, read them with --pid or --arena, or \
             over http:// from a server of ours with stats-http",
            feed.name
        ));
    }
    let several = printer.app.feeds.len() > 1;
    let name = several.then(|| feed.name.replace([' ', ',', '\r', '\n'], "_"));
    let once = !printer.is_repeated_in_time();
    let from = if once { now.started_at.saturating_mul(1_000_000) } else { now.taken };
    if printer.first && out.is_empty() {
        header(from, out)?;
    }
    let feeds = printer.app.feeds.len();
    printer.log.last.resize(feeds, None);
    let Some(slot) = printer.log.last.get_mut(printer.app.current) else { return Ok(()) };
    let last = slot.replace(Arc::clone(&now));
    match last {
        Some(last) => lines(Some(&last), &now, (last.taken, now.taken), name.as_deref(), out),
        None if once => lines(None, &now, (from, now.taken), name.as_deref(), out),
        None => Ok(()),
    }
}

fn header(from: u64, out: &mut Vec<u8>) -> Result<(), String> {
    IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("[Values: microseconds, logged by uwsgitop]")
        .with_start_time(UNIX_EPOCH + Duration::from_micros(from))
        .begin_log_with(out, &mut V2DeflateSerializer::new())
        .map(|_| ())
        .map_err(|error| error.to_string())?;
    out.extend_from_slice(LEGEND);
    Ok(())
}

fn lines(
    last: Option<&Picture>,
    now: &Picture,
    (from, to): Span,
    name: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), String> {
    let (mut out, mut serializer) = (out, V2DeflateSerializer::new());
    let mut log = IntervalLogWriterBuilder::new()
        .begin_log_with(&mut out, &mut serializer)
        .map_err(|error| error.to_string())?;
    for latency in &now.latencies {
        let grown = grown(last.and_then(|last| last.latency(&latency.name)), latency)?;
        let tag = match name {
            Some(name) => format!("{}@{name}", latency.name),
            None => latency.name.clone(),
        };
        let length = Duration::from_micros(to.saturating_sub(from));
        log.write_histogram(&grown, Duration::from_micros(from), length, Tag::new(&tag))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What one look has more than the one before.
fn grown(before: Option<&Latency>, now: &Latency) -> Result<Histogram<u64>, String> {
    let (low, high, digits) = SHAPE;
    let mut histogram =
        Histogram::new_with_bounds(low, high, digits).map_err(|error| error.to_string())?;
    let before = before.filter(|before| before.count <= now.count);
    let then = |bound: u64| {
        let cells = before.map(|before| before.cells.as_slice()).unwrap_or_default();
        let at = cells.binary_search_by_key(&bound, |(bound, _)| *bound).ok();
        at.and_then(|at| cells.get(at)).map_or(0, |(_, count)| *count)
    };
    for (bound, count) in &now.cells {
        let added = count.saturating_sub(then(*bound));
        // Even none of them would move the bounds of the histogram.
        if added > 0 {
            histogram.saturating_record_n(*bound, added);
        }
    }
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    fn latency(name: &str, cells: &[(u64, u64)]) -> Latency {
        let count = cells.iter().fold(0, |all: u64, (_, count)| all.saturating_add(*count));
        Latency { name: name.into(), count, cells: cells.to_vec(), ..Latency::default() }
    }

    fn picture(cells: &[(u64, u64)]) -> Picture {
        Picture { latencies: vec![latency("request", cells)], ..Picture::default() }
    }

    #[test]
    fn an_interval_holds_what_was_added() {
        let before = latency("request", &[(10, 5), (1023, 2)]);
        let now = latency("request", &[(10, 5), (20, 1), (1023, 4)]);
        let added = grown(Some(&before), &now).unwrap();
        assert_eq!((added.len(), added.count_at(20), added.count_at(1020)), (3, 1, 2));
        assert_eq!((added.min(), added.max()), (20, 1023));
        assert_eq!(grown(None, &now).unwrap().len(), 10, "everything so far");
        let anew = latency("request", &[(10, 2)]);
        assert_eq!(grown(Some(&now), &anew).unwrap().len(), 2, "counters were begun anew");
    }

    #[test]
    fn odd_cells_do_no_harm() {
        let odd = latency("x", &[(0, 1), (5, 1), (u64::MAX, u64::MAX)]);
        assert!(grown(Some(&odd), &odd).unwrap().is_empty());
        assert_eq!(grown(None, &latency("x", &[(u64::MAX, 3)])).unwrap().len(), 3);
    }

    #[test]
    fn lines_have_their_moment_their_length_and_the_source_where_there_are_several() {
        let mut out = Vec::new();
        header(7_000_000, &mut out).unwrap();
        let (last, now) = (picture(&[(10, 1)]), picture(&[(10, 3)]));
        lines(Some(&last), &now, (8_000_000, 9_500_000), None, &mut out).unwrap();
        lines(None, &now, (8_000_000, 9_500_000), Some("h:1"), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let start = "#[Histogram log format version 1.3]\n#[Values: microseconds, logged by \
                     uwsgitop]\n#[StartTime: 7.000 (seconds since epoch)]\n\"StartTimestamp\"";
        assert!(text.starts_with(start), "{text}");
        let body: String =
            text.lines().filter(|l| !l.starts_with('"')).map(|l| format!("{l}\n")).collect();
        let entries: Vec<_> =
            IntervalLogIterator::new(body.as_bytes()).map(Result::unwrap).collect();
        let [LogEntry::StartTime(_), LogEntry::Interval(one), LogEntry::Interval(two)] =
            entries.as_slice()
        else {
            panic!("{text}")
        };
        assert_eq!(one.tag().unwrap().as_str(), "request");
        assert_eq!(two.tag().unwrap().as_str(), "request@h:1");
        assert_eq!((one.start_timestamp().as_secs(), one.duration().as_millis()), (8, 1500));
        assert!((one.max() - 10.0).abs() < 1e-9);
    }
}
