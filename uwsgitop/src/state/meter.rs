//! How metrics went lately: one value a second of every metric that pictures hold.
//!
//! Owns at most [`MOST`] names and [`KEPT`] seconds of each; what is beyond has a value and no past.
//! Of a counter its growth per second is kept, of all else the value. A counter that went back was
//! reset and grows by nothing; seconds in which nobody looked are no number. Pure: moments come
//! with the pictures.

use std::collections::{HashMap, VecDeque};

use crate::picture::{Metric, Metrics, Picture};

/// Seconds kept.
pub(crate) const KEPT: usize = 300;

/// Names kept; with all their seconds they stay below 30 MB.
const MOST: usize = 10_000;

/// A value is that of so many seconds when nobody looked more often.
const SPREAD: u64 = 10;

/// What is known of one metric.
#[derive(Debug, Default)]
struct Line {
    /// The second of the newest value.
    end: u64,
    /// What the metric said then.
    raw: f64,
    /// Oldest first.
    values: VecDeque<f64>,
}

/// The past of all metrics of a source.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// When the last list was taken, epoch microseconds, and the list.
    last: Option<(u64, Metrics)>,
    lines: HashMap<String, Line>,
}

/// Whether its growth matters rather than its value.
pub(crate) fn counts(metric: &Metric) -> bool {
    metric.kind == 0
}

impl Meter {
    /// Takes in one picture; those without metrics and those of the same second are skipped.
    pub(crate) fn ingest(&mut self, picture: &Picture) {
        let (taken, metrics) = (picture.taken, &picture.metrics);
        if metrics.is_empty() || taken == 0 {
            return;
        }
        let before = self.last.as_ref().map_or(0, |(before, _)| *before);
        if before / 1_000_000 == taken / 1_000_000
            || self.last.as_ref().is_some_and(|(_, last)| last.is(metrics))
        {
            return;
        }
        if before > taken {
            self.clear();
        }
        let past = (before > 0 && before < taken).then_some(before);
        if self.lines.len() >= MOST {
            // Names come and go: those of now need the room.
            self.lines.retain(|_, line| line.end >= before / 1_000_000);
        }
        metrics.iter().for_each(|metric| self.put(metric, past, taken));
        let now = taken / 1_000_000;
        self.lines.retain(|_, line| line.end.saturating_add(KEPT as u64) > now);
        self.last = Some((taken, metrics.clone()));
    }

    fn put(&mut self, metric: &Metric, past: Option<u64>, taken: u64) {
        let now = taken / 1_000_000;
        if let Some(line) = self.lines.get_mut(&metric.name) {
            let known = past.filter(|past| past / 1_000_000 == line.end);
            line.put(metric, known, taken);
        } else if self.lines.len() < MOST {
            let value = if counts(metric) { f64::NAN } else { metric.value };
            let line = Line { end: now, raw: metric.value, values: VecDeque::from([value]) };
            self.lines.insert(metric.name.clone(), line);
        }
    }

    /// Forgets everything: another instance answers.
    pub(crate) fn clear(&mut self) {
        self.last = None;
        self.lines.clear();
    }

    /// One value a second, oldest first, the last one of the newest list; not a number where
    /// nobody looked. Empty for what is not known.
    pub(crate) fn values(&self, name: &str) -> Vec<f64> {
        let newest = self.last.as_ref().map_or(0, |(taken, _)| taken / 1_000_000);
        let Some(line) = self.lines.get(name).filter(|line| line.end == newest) else {
            return Vec::new();
        };
        line.values.iter().copied().collect()
    }

    /// What it grows by in a second; of a level, how it changed since the last look.
    pub(crate) fn rate(&self, metric: &Metric) -> Option<f64> {
        let values = &self.lines.get(&metric.name)?.values;
        let newest = values.back().copied()?;
        let rate = if counts(metric) {
            newest
        } else {
            newest - values.get(values.len().checked_sub(2)?)?
        };
        Some(rate).filter(|rate| rate.is_finite())
    }
}

impl Line {
    /// Adds the value of `taken`; `known` is when the last one was taken, where it is that of the
    /// list before.
    fn put(&mut self, metric: &Metric, known: Option<u64>, taken: u64) {
        let now = taken / 1_000_000;
        let seconds = now.saturating_sub(self.end);
        let value = match (counts(metric), known) {
            (false, _) => metric.value,
            (true, Some(known)) => {
                let grown = (metric.value - self.raw).max(0.0);
                grown * 1e6 / taken.saturating_sub(known).max(1) as f64
            }
            (true, None) => f64::NAN,
        };
        let gap = if seconds <= SPREAD { value } else { f64::NAN };
        let blanks = usize::try_from(seconds.saturating_sub(1)).unwrap_or(KEPT).min(KEPT);
        self.values.extend(std::iter::repeat_n(gap, blanks).chain([value]));
        self.values.drain(..self.values.len().saturating_sub(KEPT));
        (self.end, self.raw) = (now, metric.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, kind: u64, value: f64) -> Metric {
        Metric { name: name.to_owned(), kind, value, ..Metric::default() }
    }

    fn look(meter: &mut Meter, millis: u64, all: &[Metric]) {
        let metrics = all.to_vec().into();
        meter.ingest(&Picture { taken: millis * 1_000, metrics, ..Picture::default() });
    }

    fn both(at: f64, count: f64) -> [Metric; 2] {
        [metric("level", 1, at), metric("count", 0, count)]
    }

    fn text(meter: &Meter, name: &str) -> String {
        meter.values(name).iter().map(|v| format!("{v:.0}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn levels_are_kept_and_counters_as_their_growth() {
        let mut meter = Meter::default();
        look(&mut meter, 1_000, &both(5.0, 100.0));
        assert_eq!(
            (meter.rate(&metric("level", 1, 0.0)), text(&meter, "count")),
            (None, "NaN".into())
        );
        look(&mut meter, 1_400, &both(6.0, 130.0));
        look(&mut meter, 2_000, &both(7.0, 130.0));
        look(&mut meter, 4_000, &both(3.0, 150.0));
        look(&mut meter, 5_000, &both(3.0, 20.0));
        assert_eq!(text(&meter, "level"), "5 7 3 3 3", "one look a second, and a value for each");
        assert_eq!(text(&meter, "count"), "NaN 30 10 10 0", "a reset is no growth");
        assert_eq!(meter.rate(&metric("count", 0, 0.0)), Some(0.0));
        assert_eq!(meter.rate(&metric("nobody", 0, 0.0)), None);
    }

    #[test]
    fn where_nobody_looked_there_is_nothing() {
        let mut meter = Meter::default();
        look(&mut meter, 1_000, &both(5.0, 100.0));
        look(&mut meter, 21_000, &both(6.0, 300.0));
        assert_eq!(text(&meter, "level"), format!("5 {}6", "NaN ".repeat(19)));
        assert!(text(&meter, "count").ends_with("NaN 10"), "the mean of the time between");
        look(&mut meter, 22_000, &[metric("level", 1, 7.0)]);
        assert_eq!(text(&meter, "count"), "", "it is gone");
        look(&mut meter, 23_000, &both(6.0, 400.0));
        assert!(text(&meter, "count").ends_with("10 NaN NaN"), "and is back");
        look(&mut meter, 500, &both(6.0, 400.0));
        assert_eq!(text(&meter, "level"), "6", "a clock that went back starts anew");
    }

    #[test]
    fn it_is_bounded() {
        let mut meter = Meter::default();
        let many: Vec<Metric> = (0..MOST + 5).map(|n| metric(&n.to_string(), 1, 1.0)).collect();
        look(&mut meter, 1_000, &many);
        assert_eq!(meter.lines.len(), MOST);
        (2..400).for_each(|second| look(&mut meter, second * 1_000, &both(1.0, 1.0)));
        look(&mut meter, 401_000, &many[..2]);
        assert_eq!(meter.lines.len(), 4, "what is gone is forgotten");
        assert_eq!(meter.lines.values().map(|line| line.values.len()).max(), Some(KEPT));
    }
}
