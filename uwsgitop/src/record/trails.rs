//! The past that pictures carry, told once in a recording instead of in every picture.
//!
//! A picture may hold a day of history in dozens of series, far more than all else in it. The first
//! of each minute is recorded with all of that, the others with what is new and some values before
//! it, so that a replay may pass over some of them and a damaged block costs a few values. The
//! metrics by name, thousands of a large server, are in the first picture of each second. Pure.

use std::collections::BTreeMap;

use crate::picture::{Metrics, Picture, Trail};
use crate::rings::Rings;

/// Values that are told a second time. A replay that jumps takes a picture of each second, which
/// must not leave a hole.
const AGAIN: u64 = 5;

/// Epoch microseconds of a minute.
const MINUTE: u64 = 60_000_000;

/// Those of a second.
const SECOND: u64 = 1_000_000;

/// What was told of one source.
#[derive(Debug, Default)]
pub(crate) struct Shortener {
    /// The minute and the instance of the last picture.
    last: Option<(u64, Option<u64>)>,
    /// The second in which metrics were told last.
    metrics: Option<u64>,
    /// The last moment of each series, by name and resolution.
    ends: BTreeMap<(String, u64), u64>,
}

impl Shortener {
    /// Takes away what pictures of the same minute and instance told.
    pub(crate) fn shorten(&mut self, moment: u64, picture: &mut Picture) {
        let now = (moment / MINUTE, picture.pid);
        if self.last.replace(now) != Some(now) {
            self.ends.clear();
            self.metrics = None;
        }
        let second = moment / SECOND;
        if !picture.metrics.is_empty() && self.metrics.replace(second) == Some(second) {
            picture.metrics = Metrics::default();
        }
        for trail in &mut picture.trails {
            let known = self.ends.insert((trail.name.clone(), trail.step), trail.end);
            if let Some(known) = known {
                keep_new(trail, known);
            }
        }
    }
}

fn keep_new(trail: &mut Trail, known: u64) {
    let Some(new) = trail.end.checked_sub(known).and_then(|on| on.checked_div(trail.step)) else {
        return;
    };
    let kept = usize::try_from(new.saturating_add(AGAIN)).unwrap_or(usize::MAX);
    let passed = trail.values.len().saturating_sub(kept);
    trail.values.drain(..passed);
}

/// Puts the past of one source together again.
#[derive(Debug, Default)]
pub(crate) struct Restorer {
    rings: Rings,
    metrics: Metrics,
    pid: Option<u64>,
}

impl Restorer {
    /// Gives the picture all that was told so far.
    pub(crate) fn restore(&mut self, picture: &mut Picture) {
        if self.pid != picture.pid {
            self.rings.clear();
            self.metrics = Metrics::default();
            self.pid = picture.pid;
        }
        if picture.metrics.is_empty() {
            picture.metrics = self.metrics.clone();
        } else {
            self.metrics = picture.metrics.clone();
        }
        if picture.trails.is_empty() {
            return;
        }
        for trail in picture.trails.drain(..) {
            self.rings.merge(trail);
        }
        picture.trails = self.rings.trails().to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Metric;

    /// A picture of this second whose server remembers the last hundred.
    fn picture(second: u64) -> Picture {
        let trail = |step: u64| Trail {
            name: "requests".into(),
            step,
            end: second / step * step,
            scale: 1,
            values: (1..=100).map(|n| (second / step + n - 100) * 7).collect(),
        };
        Picture { pid: Some(9), trails: vec![trail(1), trail(10)], ..Picture::default() }
    }

    fn shortened(seconds: impl Iterator<Item = u64>) -> Vec<(u64, Picture)> {
        let mut shortener = Shortener::default();
        let short = |second| {
            let mut picture = picture(second);
            shortener.shorten(second * 1_000_000, &mut picture);
            (second, picture)
        };
        seconds.map(short).collect()
    }

    #[test]
    fn the_past_is_told_once_a_minute_and_is_whole_again() {
        let told = shortened(6_000..6_130);
        let lengths: Vec<usize> = told.iter().map(|(_, p)| p.trails[0].values.len()).collect();
        assert_eq!((lengths[0], lengths[1], lengths[59], lengths[60]), (100, 6, 6, 100));
        let mut restorer = Restorer::default();
        for (second, mut picture_told) in told {
            restorer.restore(&mut picture_told);
            let wanted = picture(second).trails[0].values.clone();
            assert!(picture_told.trails[0].values.ends_with(&wanted), "at {second}");
            assert!(picture_told.trails[1].values.ends_with(&picture(second).trails[1].values));
        }
    }

    #[test]
    fn a_few_pictures_may_be_missing() {
        let told = shortened(6_000..6_060);
        let mut restorer = Restorer::default();
        for (second, mut picture_told) in told.into_iter().filter(|(n, _)| n % 5 == 0) {
            restorer.restore(&mut picture_told);
            let wanted = picture(second).trails[0].values.clone();
            assert!(picture_told.trails[0].values.ends_with(&wanted), "at {second}");
        }
    }

    #[test]
    fn slow_readings_and_clocks_that_went_back_leave_no_hole() {
        for seconds in [vec![6_000, 6_030, 6_059], vec![6_030, 6_010, 6_031]] {
            let mut restorer = Restorer::default();
            for (second, mut told) in shortened(seconds.clone().into_iter()) {
                restorer.restore(&mut told);
                let last = *picture(second).trails[0].values.last().unwrap();
                assert!(told.trails[0].values.contains(&last), "{seconds:?} at {second}");
                assert!(!told.trails[0].values[1..].contains(&0), "{seconds:?} at {second}");
            }
        }
    }

    #[test]
    fn metrics_are_told_once_a_second_and_shown_in_every_picture() {
        let (mut shortener, mut restorer) = (Shortener::default(), Restorer::default());
        let lengths: Vec<[usize; 2]> = (0..25)
            .map(|tenth| {
                let mut told =
                    Picture { metrics: vec![Metric::default()].into(), ..picture(6_000) };
                shortener.shorten(6_000_000_000 + tenth * 100_000, &mut told);
                let length = told.metrics.len();
                restorer.restore(&mut told);
                [length, told.metrics.len()]
            })
            .collect();
        assert_eq!(lengths.iter().filter(|[told, _]| *told == 1).count(), 3, "{lengths:?}");
        assert!(lengths.iter().all(|[_, shown]| *shown == 1), "{lengths:?}");
    }

    #[test]
    fn another_instance_has_another_past() {
        let mut shortener = Shortener::default();
        shortener.shorten(6_000_000_000, &mut picture(6_000));
        let mut other = Picture { pid: Some(10), ..picture(6_001) };
        shortener.shorten(6_001_000_000, &mut other);
        assert_eq!(other.trails[0].values.len(), 100, "it is told whole");
        let mut restorer = Restorer::default();
        restorer.restore(&mut picture(6_000));
        let mut other = Picture { pid: Some(10), ..picture(6_001) };
        other.trails[0].values = vec![3];
        restorer.restore(&mut other);
        assert_eq!(other.trails[0].values, [3]);
    }
}
