//! How long requests took, second by second: a column of latency bands for each moment.
//!
//! Owns the columns that a heat map is made of, from the differences of [`Latency::cells`] between
//! pictures a second apart, at the three resolutions of the server's history. Sources without cells
//! have none. Bounded, and pure: moments come with the pictures.
//!
//! [`Latency::cells`]: crate::picture::Latency::cells

use std::collections::VecDeque;

use crate::picture::Picture;
use crate::rings::RINGS;

/// Upper ends of the bands, µs; one more band holds what is slower.
pub(crate) const BOUNDS: [u64; 18] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 60_000_000,
];

/// Bands of a column.
pub(crate) const BANDS: usize = BOUNDS.len() + 1;

/// Requests by band, the fastest first.
pub(crate) type Bands = [u64; BANDS];

/// The band of a latency.
pub(crate) fn band_of(us: u64) -> usize {
    BOUNDS.partition_point(|bound| *bound < us)
}

/// The columns.
#[derive(Debug, Default)]
pub(crate) struct Heat {
    /// The totals of the second before and that second.
    before: Option<(u64, Bands)>,
    /// By resolution: the moment a column begins, and its requests.
    columns: [VecDeque<(u64, Bands)>; 3],
}

impl Heat {
    /// Takes in one picture; those of the same second are one look.
    pub(crate) fn ingest(&mut self, picture: &Picture) {
        let now = picture.taken / 1_000_000;
        let cells = picture.latency("request").map(|latency| latency.cells.as_slice());
        let Some(cells) = cells.filter(|_| now > 0) else { return };
        if self.before.is_some_and(|(then, _)| then == now) {
            return;
        }
        let totals = banded(cells);
        if let Some((then, before)) = self.before.replace((now, totals)) {
            let mut grown = totals;
            grown.iter_mut().zip(before).for_each(|(now, then)| *now = now.saturating_sub(then));
            // Taken just after a second began, it tells of the one before.
            if now > then {
                self.add(now, &grown);
            }
        }
    }

    /// Forgets everything: another instance answers.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The columns of this resolution: (epoch second at its begin, requests), oldest first.
    pub(crate) fn columns(&self, step: u64) -> impl Iterator<Item = &(u64, Bands)> {
        let rings = RINGS.iter().zip(&self.columns);
        rings.filter(move |((known, _), _)| *known == step).flat_map(|(_, columns)| columns)
    }

    fn add(&mut self, now: u64, grown: &Bands) {
        for ((step, most), columns) in RINGS.iter().zip(&mut self.columns) {
            let begin = now / step * step;
            match columns.back_mut().filter(|(last, _)| *last == begin) {
                Some((_, sum)) => sum.iter_mut().zip(grown).for_each(|(sum, new)| *sum += new),
                None => columns.push_back((begin, *grown)),
            }
            if columns.len() > *most {
                columns.pop_front();
            }
        }
    }
}

fn banded(cells: &[(u64, u64)]) -> Bands {
    let mut bands: Bands = [0; BANDS];
    for (highest, count) in cells {
        if let Some(band) = bands.get_mut(band_of(*highest)) {
            *band = band.saturating_add(*count);
        }
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Latency;

    fn picture(second: u64, cells: &[(u64, u64)]) -> Picture {
        let cells = cells.to_vec();
        let latency = Latency { name: "request".into(), cells, ..Latency::default() };
        Picture { taken: second * 1_000_000, latencies: vec![latency], ..Picture::default() }
    }

    fn filled(bands: &Bands) -> Vec<(usize, u64)> {
        bands.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect()
    }

    #[test]
    fn latencies_fall_into_the_band_that_ends_above_them() {
        for (us, band) in [(0, 0), (100, 0), (101, 1), (1_000, 3), (60_000_001, 18)] {
            assert_eq!(band_of(us), band, "{us}");
        }
        assert_eq!(band_of(u64::MAX), BANDS - 1);
    }

    #[test]
    fn a_column_is_what_was_recorded_since() {
        let mut heat = Heat::default();
        heat.ingest(&picture(100, &[(90, 5)]));
        heat.ingest(&picture(101, &[(90, 7), (900, 3)]));
        heat.ingest(&picture(101, &[(90, 8), (900, 3)]));
        heat.ingest(&picture(102, &[(90, 9), (900, 4)]));
        let seen: Vec<_> = heat.columns(1).map(|(at, b)| (*at, filled(b))).collect();
        assert_eq!(seen, [(101, vec![(0, 2), (3, 3)]), (102, vec![(0, 2), (3, 1)])]);
        let tens: Vec<_> = heat.columns(10).map(|(at, b)| (*at, filled(b))).collect();
        assert_eq!(tens, [(100, vec![(0, 4), (3, 4)])]);
        heat.ingest(&picture(103, &[]));
        assert_eq!(filled(&heat.columns(1).last().unwrap().1), [], "a reset is nothing");
    }

    #[test]
    fn no_more_is_kept_than_the_server_keeps() {
        let mut heat = Heat::default();
        (1..500).for_each(|second| heat.ingest(&picture(second, &[(1, second)])));
        assert_eq!((heat.columns(1).count(), heat.columns(10).count()), (300, 50));
        assert_eq!(heat.columns(7).count(), 0);
    }
}
