//! What changed lately, from counters that only grow.
//!
//! Owns the pictures of the last second. A rate spans at least [`SPAN`] where so much is known,
//! so that ten refreshes a second do not print multiples of ten. A counter that went back was
//! reset and has rate zero; the first picture has no rate. Pure: the clock is an argument.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::picture::Picture;

/// Time a rate looks back over, where so much is known.
const SPAN: Duration = Duration::from_secs(1);

/// The pictures of the last second, and the newest before it.
#[derive(Debug, Default)]
pub(crate) struct Past {
    seen: VecDeque<(Duration, Arc<Picture>)>,
}

impl Past {
    /// Takes in one picture; `at` must not go back.
    pub(crate) fn ingest(&mut self, picture: Arc<Picture>, at: Duration) {
        self.seen.push_back((at, picture));
        while self.seen.get(1).is_some_and(|(next, _)| at.saturating_sub(*next) >= SPAN) {
            self.seen.pop_front();
        }
    }

    /// Forgets everything: another instance answers.
    pub(crate) fn clear(&mut self) {
        self.seen.clear();
    }

    /// Seconds between the two pictures that are compared; `None` while there is only one.
    pub(crate) fn seconds(&self) -> Option<f64> {
        let ((old, _), (new, _)) = (self.seen.front()?, self.seen.back()?);
        Some(new.saturating_sub(*old).as_secs_f64()).filter(|seconds| *seconds > 0.0)
    }

    /// The older of the two.
    pub(crate) fn then(&self) -> Option<&Picture> {
        self.seconds()?;
        self.seen.front().map(|(_, picture)| picture.as_ref())
    }

    /// How much a counter has grown between them; `None` where either does not have it.
    pub(crate) fn grown(&self, value: impl Fn(&Picture) -> Option<u64>) -> Option<u64> {
        let (_, now) = self.seen.back()?;
        Some(value(now)?.saturating_sub(value(self.then()?)?))
    }

    /// The same for each second.
    pub(crate) fn rate(&self, value: impl Fn(&Picture) -> Option<u64>) -> Option<f64> {
        Some(self.grown(value)? as f64 / self.seconds()?)
    }

    /// Requests per second of the worker at `index`; `None` before its second picture.
    pub(crate) fn worker(&self, index: usize) -> Option<f64> {
        self.rate(|picture| picture.workers().get(index).map(|worker| worker.requests))
    }

    /// Requests per second of a worker's core, both by position.
    pub(crate) fn core(&self, index: usize, core: usize) -> Option<f64> {
        self.rate(|picture| Some(picture.workers().get(index)?.cores.get(core)?.requests))
    }

    /// Requests per second of all workers together; workers that just appeared count as zero.
    pub(crate) fn total(&self) -> Option<f64> {
        self.seconds()?;
        let (_, newest) = self.seen.back()?;
        Some((0..newest.workers().len()).filter_map(|index| self.worker(index)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, Core, Worker};

    fn picture(counts: &[u64]) -> Arc<Picture> {
        let core = |requests| Core { requests, ..Core::default() };
        let worker =
            |&requests| Worker { requests, cores: vec![core(requests / 2)], ..Worker::default() };
        let body = Body::Workers(counts.iter().map(worker).collect());
        Arc::new(Picture { body, ..Picture::default() })
    }

    fn fed(samples: &[(u64, &[u64])]) -> Past {
        let mut past = Past::default();
        for (millis, counts) in samples {
            past.ingest(picture(counts), Duration::from_millis(*millis));
        }
        past
    }

    #[test]
    fn the_first_picture_has_no_rate_and_the_second_has() {
        let past = fed(&[(0, &[1000])]);
        assert_eq!((past.worker(0), past.total(), past.core(0, 0)), (None, None, None));
        assert!(past.then().is_none());
        let past = fed(&[(0, &[1000, 7]), (2000, &[1200, 7])]);
        assert_eq!((past.worker(0), past.worker(1)), (Some(100.0), Some(0.0)));
        assert_eq!((past.total(), past.core(0, 0)), (Some(100.0), Some(50.0)));
        assert_eq!(past.grown(|p| Some(p.sum(|w| w.requests))), Some(200));
    }

    #[test]
    fn a_counter_reset_gives_zero_not_a_spike() {
        let past = fed(&[(0, &[1000]), (1000, &[10])]);
        assert_eq!((past.worker(0), past.total()), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn fast_refreshes_look_back_over_a_second() {
        let counts: Vec<[u64; 1]> = (0..30).map(|n| [n * 5]).collect();
        let samples: Vec<(u64, &[u64])> =
            counts.iter().enumerate().map(|(n, c)| (n as u64 * 100, &c[..])).collect();
        let past = fed(&samples);
        assert!((past.worker(0).unwrap() - 50.0).abs() < 1e-9);
        assert!(past.seen.len() <= 11, "old pictures are let go: {}", past.seen.len());
    }

    #[test]
    fn a_worker_that_appears_has_no_rate_yet() {
        let past = fed(&[(0, &[10]), (1000, &[20, 500])]);
        assert_eq!((past.worker(1), past.total()), (None, Some(10.0)));
        assert_eq!(past.worker(9), None);
    }

    #[test]
    fn two_pictures_of_one_moment_divide_nothing() {
        assert_eq!(fed(&[(5, &[1]), (5, &[9])]).worker(0), None);
    }
}
