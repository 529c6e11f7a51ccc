//! The time axis that every graph of the overview shares.
//!
//! Owns which columns there are and which moment belongs to which of them: a column is a whole
//! number of steps and begins at a multiple of its length, so that a graph moves by columns and
//! never trembles. Pure.

use crate::picture::Trail;

/// How far back the view looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// In words.
    pub(super) name: &'static str,
    /// Seconds from one value to the next.
    pub(super) step: u64,
    /// Seconds it covers.
    seconds: u64,
}

/// What the key `m` goes through.
pub(super) const SPANS: [Span; 3] = [
    Span { name: "5 min", step: 1, seconds: 300 },
    Span { name: "2 h", step: 10, seconds: 7_200 },
    Span { name: "24 h", step: 60, seconds: 86_400 },
];

impl Span {
    /// The span of a form of the view.
    pub(super) fn of(form: usize) -> Self {
        let [first, ..] = SPANS;
        SPANS.get(form % SPANS.len()).copied().unwrap_or(first)
    }
}

/// How the values of one column become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// Rounded up, so that what happened once does not vanish.
    Mean,
    Most,
}

/// The axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The span.
    pub(super) span: Span,
    /// Seconds of a column.
    pub(super) length: u64,
    /// Columns.
    pub(super) count: usize,
    /// The newest moment, epoch seconds.
    pub(super) now: u64,
}

impl Clock {
    /// The axis over `width` columns of a terminal, up to `now`.
    pub(super) fn new(span: Span, width: usize, now: u64) -> Self {
        let values = span.seconds / span.step;
        let each = values.div_ceil((width as u64).max(1)).max(1);
        let count = usize::try_from(values.div_ceil(each)).unwrap_or(width).min(width);
        Self { span, length: each * span.step, count, now }
    }

    /// Where the first column begins, epoch seconds.
    pub(super) fn begin(&self) -> u64 {
        let last = self.now / self.length;
        (last + 1).saturating_sub(self.count as u64) * self.length
    }

    /// The column of a moment.
    pub(super) fn column(&self, moment: u64) -> Option<usize> {
        let column = moment.checked_sub(self.begin())? / self.length;
        usize::try_from(column).ok().filter(|column| *column < self.count)
    }

    /// A series as columns. Moments that the series of the span does not tell yet, the newest ones,
    /// come from the finer series, which are given after it.
    pub(super) fn columns(&self, trails: &[&Trail], fold: Fold) -> Vec<Option<u64>> {
        let mut sums = vec![(0u64, 0u64, 0u64); self.count];
        let mut told = 0;
        for trail in trails {
            for (moment, value) in moments(trail).filter(|(moment, _)| *moment >= told) {
                let sum = self.column(moment).and_then(|column| sums.get_mut(column));
                if let Some((count, sum, most)) = sum {
                    (*count, *most) = (*count + 1, (*most).max(value));
                    *sum = sum.saturating_add(value);
                }
            }
            told = told.max(trail.end.saturating_add(trail.step));
        }
        let one = |(count, sum, most): (u64, u64, u64)| match fold {
            _ if count == 0 => None,
            Fold::Mean => Some(sum.div_ceil(count)),
            Fold::Most => Some(most),
        };
        sums.into_iter().map(one).collect()
    }
}

/// The values of a series with their moments, oldest first.
pub(super) fn moments(trail: &Trail) -> impl Iterator<Item = (u64, u64)> + '_ {
    let count = trail.values.len() as u64;
    let back = move |index: u64| (count - 1 - index).saturating_mul(trail.step);
    (0..count)
        .map(move |index| trail.end.saturating_sub(back(index)))
        .zip(trail.values.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Span = SPANS[0];

    fn trail(step: u64, end: u64, values: &[u64]) -> Trail {
        Trail { step, end, values: values.to_vec(), ..Trail::default() }
    }

    #[test]
    fn columns_are_whole_steps_and_fit() {
        for (span, width, length, count) in
            [(0, 50, 6, 50), (0, 34, 9, 34), (0, 190, 2, 150), (1, 96, 80, 90), (2, 96, 900, 96)]
        {
            let clock = Clock::new(Span::of(span), width, 1_000_000);
            assert_eq!((clock.length, clock.count), (length, count), "{span} {width}");
            assert!(clock.count <= width);
            assert_eq!(clock.begin() % clock.length, 0);
            assert_eq!(clock.column(1_000_000), Some(count - 1));
            assert_eq!(clock.column(1_000_000 + length), None);
            assert_eq!(clock.column(clock.begin()), Some(0));
            assert_eq!(clock.column(clock.begin() - 1), None);
        }
        assert_eq!(Clock::new(FIVE, 0, 10).count, 0);
    }

    #[test]
    fn values_fold_into_their_columns_and_what_nobody_told_is_absent() {
        let clock = Clock { span: FIVE, length: 2, count: 3, now: 9 };
        let trail = trail(1, 9, &[3, 1, 2]);
        assert_eq!(clock.columns(&[&trail], Fold::Mean), [None, Some(3), Some(2)]);
        assert_eq!(clock.columns(&[&trail], Fold::Most), [None, Some(3), Some(2)]);
        assert_eq!(clock.columns(&[], Fold::Most), [None; 3]);
    }

    #[test]
    fn the_newest_moments_come_from_the_finer_series() {
        let clock = Clock { span: SPANS[1], length: 10, count: 3, now: 35 };
        let (coarse, fine) = (trail(10, 20, &[5, 7]), trail(1, 35, &[9, 9, 1, 3]));
        assert_eq!(clock.columns(&[&coarse, &fine], Fold::Most), [Some(5), Some(7), Some(9)]);
        let fine = trail(1, 25, &[9, 9]);
        assert_eq!(clock.columns(&[&coarse, &fine], Fold::Most), [Some(5), Some(7), None]);
    }
}
