//! The past of one metric, ready to be drawn: folded to columns, with its least, mean and most.
//!
//! Pure. A column is a whole number of seconds and begins at a multiple of its length, so that a
//! line moves by columns and never trembles; it shows the mean of its seconds. Growth is drawn above
//! zero, levels above the least that was seen: what is asked of them is how they changed.

use crate::picture::Metric;
use crate::state::State;
use crate::state::meter::{KEPT, counts};

/// Steps from the ground to the most: graphs are drawn from whole numbers.
pub(super) const FINE: u64 = 1_000_000;

/// What was seen of a metric.
pub(super) struct Past {
    /// One a second, oldest first; not a number where nobody looked.
    values: Vec<f64>,
    /// The second of the newest.
    end: u64,
    /// Growth per second rather than levels.
    pub(super) counts: bool,
}

/// Least, mean and most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) mean: f64,
    pub(super) most: f64,
    /// From the first value to the last, whether somebody looked or not.
    pub(super) seconds: usize,
}

/// Seconds that a column of a line of so many columns stands for.
pub(super) fn step(width: usize) -> usize {
    KEPT.div_ceil(width.max(1)).max(1)
}

impl Past {
    /// That of a metric of this source.
    pub(super) fn of(state: &State, metric: &Metric) -> Self {
        let taken = state.picture.as_ref().map_or(0, |picture| picture.taken);
        let (values, end) = (state.meter.values(&metric.name), taken / 1_000_000);
        Self { values, end, counts: counts(metric) }
    }

    /// Nothing before the first value.
    pub(super) fn spread(&self) -> Option<Spread> {
        let seen = || self.values.iter().copied().filter(|value| value.is_finite());
        let (count, sum) = seen().fold((0usize, 0.0), |(n, sum), value| (n + 1, sum + value));
        (count > 0).then(|| Spread {
            least: seen().fold(f64::INFINITY, f64::min),
            mean: sum / count as f64,
            most: seen().fold(f64::NEG_INFINITY, f64::max),
            seconds: self.values.len(),
        })
    }

    /// The newest columns of so many seconds each, oldest first, in small steps above the ground.
    pub(super) fn columns(&self, width: usize, step: usize) -> Vec<Option<u64>> {
        let step = step.max(1) as u64;
        let mut sums: Vec<(u32, f64)> = vec![(0, 0.0); width];
        let last = self.end / step;
        for (back, value) in (0u64..).zip(self.values.iter().rev()) {
            let age = last.saturating_sub(self.end.saturating_sub(back) / step);
            let place = usize::try_from(age).ok().and_then(|age| width.checked_sub(age + 1));
            let Some(place) = place else { break };
            if let Some((count, sum)) = sums.get_mut(place).filter(|_| value.is_finite()) {
                (*count, *sum) = (*count + 1, *sum + value);
            }
        }
        let Some(spread) = self.spread() else { return vec![None; width] };
        let ground = self.ground();
        let range = spread.most - ground;
        let scale = if range > 0.0 { FINE as f64 / range } else { 0.0 };
        let level = |(count, sum): (u32, f64)| {
            let height = (sum / f64::from(count) - ground) * scale;
            // A level that was seen stands on its ground; no growth leaves it empty.
            let least = if self.counts && height <= 0.0 { 0 } else { 1 };
            (count > 0).then(|| (height.ceil() as u64).max(least))
        };
        sums.into_iter().map(level).collect()
    }

    /// What the bottom of a graph stands for: no growth, or the least level.
    pub(super) fn ground(&self) -> f64 {
        let least = self.spread().map_or(0.0, |spread| spread.least);
        if self.counts { 0.0 } else { least }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(values: &[f64], end: u64) -> Past {
        Past { values: values.to_vec(), end, counts: false }
    }

    #[test]
    fn columns_are_means_above_the_ground() {
        let mut seen = past(&[1.0, 2.0, f64::NAN, 7.0, 4.0], 9);
        // In thousandths, rounded up; -1 where nothing is known.
        let columns = |seen: &Past, width| -> Vec<i64> {
            let columns = seen.columns(width, 2).into_iter();
            columns.map(|c| c.map_or(-1, |c| c.div_ceil(FINE / 1000) as i64)).collect()
        };
        assert_eq!(columns(&seen, 4), [-1, 1, 167, 750], "seconds 5, 6-7, 8-9 from 1 to 7");
        assert_eq!(columns(&seen, 1), [750]);
        assert_eq!(columns(&seen, 0), [0; 0]);
        seen.counts = true;
        assert_eq!(columns(&seen, 3), [143, 286, 786], "of 7");
        assert_eq!(columns(&past(&[], 9), 2), [-1; 2]);
        assert_eq!(columns(&past(&[5.0; 4], 9), 2), [1, 1], "a level that does not change");
        assert_eq!(columns(&Past { counts: true, ..past(&[0.0; 4], 9) }, 2), [0, 0]);
        assert_eq!(columns(&past(&[-2.0, 0.0, 2.0, 2.0], 3), 2), [250, 1000]);
    }

    #[test]
    fn a_spread_leaves_out_what_nobody_saw() {
        let spread = past(&[1.0, f64::NAN, 4.0, 4.0], 3).spread().unwrap();
        assert_eq!((spread.least, spread.mean, spread.most, spread.seconds), (1.0, 3.0, 4.0, 4));
        assert_eq!(past(&[f64::NAN], 3).spread(), None);
    }

    #[test]
    fn five_minutes_fit_into_any_line() {
        assert_eq!([1, 10, 60, 299, 300, 500, 0].map(step), [300, 30, 5, 2, 1, 1, 300]);
    }
}
