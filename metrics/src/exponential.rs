//! Exponential histograms: what Prometheus calls native and OTLP exponential.
//!
//! Bucket `i` of resolution `n` (schema there, scale here) covers `(2^((i-1)/2^n), 2^(i/2^n)]`. They
//! are made when somebody asks, out of the finer cells that workers count in: each cell goes to the
//! bucket of its middle, so a value within half a cell (0.4 %) of a border may stand on its other
//! side. Counts, and sums beside them, are exact. This file owns the arithmetic of indices and the
//! merging of buckets; it knows no wire format.

use crate::histogram::LatencySnap;

/// Resolution to begin with: eight buckets for each doubling.
const FINEST: i32 = 3;
const PER_DOUBLING: usize = 1 << FINEST;

/// Coarsest resolution that exists.
const COARSEST: i32 = -4;

/// Buckets beyond which the resolution is halved.
pub const MOST_BUCKETS: usize = 160;

/// Values up to here count as zero.
pub const ZERO_THRESHOLD: f64 = 1.0 / (u128::MAX as f64);

/// Upper bounds of the buckets of one doubling, as fractions of its end.
const BORDERS: [f64; PER_DOUBLING] = [
    0.5,
    0.545_253_866_332_628_8,
    0.594_603_557_501_360_5,
    0.648_419_777_325_504_8,
    std::f64::consts::FRAC_1_SQRT_2,
    0.771_105_412_703_970_4,
    0.840_896_415_253_714_6,
    0.917_004_043_204_671_3,
];

/// A histogram of positive values and zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct Exponential {
    /// Resolution.
    pub schema: i32,
    /// How many values were zero.
    pub zeros: u64,
    /// Index and count of every bucket that holds something, ascending.
    pub buckets: Vec<(i32, u64)>,
}

impl Exponential {
    /// Of latencies, in seconds.
    pub fn of_latency(latency: &LatencySnap) -> Exponential {
        Exponential::of_cells(latency, 1e6)
    }

    /// Of cells whose numbers are `per_unit` to the unit that is shown.
    pub fn of_cells(cells: &LatencySnap, per_unit: f64) -> Exponential {
        let mut out = Exponential { schema: FINEST, zeros: 0, buckets: Vec::new() };
        for (low, high, count) in cells.cells() {
            let middle = (low + high) as f64 / 2.0;
            if middle == 0.0 {
                out.zeros += count;
            } else {
                out.push(index_of(middle / per_unit), count);
            }
        }
        while out.buckets.len() > MOST_BUCKETS && out.schema > COARSEST {
            out.halve();
        }
        out
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.zeros + self.buckets.iter().map(|(_, count)| count).sum::<u64>()
    }

    /// Runs of neighbouring buckets: the distance from the end of the run before (of the first one:
    /// its index) and the length.
    pub fn spans(&self) -> Vec<(i32, u32)> {
        let mut spans: Vec<(i32, u32)> = Vec::new();
        let mut end = 0;
        for (index, _) in &self.buckets {
            match spans.last_mut().filter(|_| *index == end) {
                Some((_, length)) => *length += 1,
                None => spans.push((index - end, 1)),
            }
            end = index + 1;
        }
        spans
    }

    /// Counts as differences: the first as it is, each other to the one before.
    pub fn deltas(&self) -> impl Iterator<Item = i64> + '_ {
        let mut before = 0;
        self.buckets.iter().map(move |(_, count)| {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            count - std::mem::replace(&mut before, count)
        })
    }

    /// Adds to the last bucket or begins one behind it.
    fn push(&mut self, index: i32, count: u64) {
        match self.buckets.last_mut().filter(|(last, _)| *last == index) {
            Some((_, sum)) => *sum += count,
            None => self.buckets.push((index, count)),
        }
    }

    /// Pairs of neighbours become one bucket.
    fn halve(&mut self) {
        let fine = std::mem::take(&mut self.buckets);
        self.schema -= 1;
        fine.into_iter().for_each(|(index, count)| self.push((index + 1) >> 1, count));
    }
}

/// The bucket of a normal positive value at the finest resolution. The exponent and the fraction
/// are read off the bits, so powers of two land exactly on the border they are.
fn index_of(value: f64) -> i32 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = value.to_bits();
    // As `value == fraction * 2^exponent` with a fraction of 0.5 up to 1.
    let exponent = i32::try_from(bits >> 52).unwrap_or(0) - 1022;
    let fraction = f64::from_bits(bits & FRACTION | 1022 << 52);
    let within = BORDERS.partition_point(|border| *border < fraction) as i32;
    within + (exponent - 1) * PER_DOUBLING as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arena, Latency, Shape};
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Exponential {
        let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
        values.iter().for_each(|us| arena.histogram(1, Latency::Request).record(*us));
        Exponential::of_latency(arena.snapshot().latency(Latency::Request))
    }

    #[test]
    fn borders_are_the_powers_of_the_eighth_root() {
        for (place, border) in BORDERS.iter().enumerate() {
            let exact = 2f64.powf(place as f64 / 8.0 - 1.0);
            assert!((border - exact).abs() < 1e-15, "{place}: {border} and {exact}");
        }
        assert!(ZERO_THRESHOLD > 0.0 && ZERO_THRESHOLD <= 2f64.powi(-127));
    }

    #[test]
    fn powers_of_two_belong_to_the_bucket_they_end() {
        for power in -30..30 {
            let value = 2f64.powi(power);
            assert_eq!(index_of(value), power * 8, "2^{power}");
            assert_eq!(index_of(value * 1.0001), power * 8 + 1, "just above 2^{power}");
        }
    }

    #[test]
    fn spans_and_deltas_are_those_of_the_example() {
        let buckets = vec![(-2, 3), (-1, 5), (2, 1), (4, 3), (5, 2)];
        let example = Exponential { schema: 3, zeros: 2, buckets };
        assert_eq!(example.spans(), [(-2, 2), (2, 1), (1, 2)]);
        assert_eq!(example.deltas().collect::<Vec<_>>(), [3, 2, -4, 2, -1]);
        assert_eq!(example.count(), 16);
    }

    #[test]
    fn too_many_buckets_are_merged_and_zeros_stand_apart() {
        let wide: Vec<u64> = (0..32).flat_map(|p| (8..16).map(move |n| (n << p) >> 3)).collect();
        let all = of(&wide);
        assert!(all.schema < FINEST && all.buckets.len() <= MOST_BUCKETS, "{all:?}");
        assert_eq!(all.count(), wide.len() as u64);
        let few = of(&[0, 0, 1_000_000]);
        assert_eq!((few.schema, few.zeros, few.buckets.len()), (FINEST, 2, 1));
    }

    proptest! {
        #[test]
        fn values_lie_in_their_buckets(values in prop::collection::vec(1u64..3_600_000_000, 1..50)) {
            let all = of(&values);
            prop_assert_eq!(all.count(), values.len() as u64);
            let step = 2f64.powf(2f64.powi(-all.schema));
            for us in values {
                let seconds = us as f64 / 1e6;
                let near = |(index, _): &(i32, u64)| {
                    let end = step.powi(*index);
                    seconds <= end * 1.005 && seconds >= end / step / 1.005
                };
                prop_assert!(all.buckets.iter().any(near), "{} in {:?}", seconds, all);
            }
        }
    }
}
