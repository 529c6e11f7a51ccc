//! Requests per second from counters that only grow.
//!
//! Owns the samples of the last second. A rate spans at least [`SPAN`] where so much is known,
//! so that ten refreshes a second do not print multiples of ten. A counter that went back was
//! reset and has rate zero; the first sample has no rate. Pure: the clock is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use crate::picture::Worker;

/// Time a rate looks back over. Just under the usual refresh of one second, whose jitter must
/// not make it look back over two.
const SPAN: Duration = Duration::from_millis(900);

struct Sample {
    at: Duration,
    /// Per worker by position (never-spawned workers share the id 0): requests, and those of
    /// its cores.
    workers: Vec<(u64, Vec<u64>)>,
}

/// The samples, oldest first.
#[derive(Default)]
pub(crate) struct Rates {
    samples: VecDeque<Sample>,
}

impl Rates {
    /// Takes in one picture's workers; `at` must not go back.
    pub(crate) fn ingest(&mut self, workers: &[Worker], at: Duration) {
        let cores = |worker: &Worker| worker.cores.iter().map(|core| core.requests).collect();
        let workers = workers.iter().map(|worker| (worker.requests, cores(worker))).collect();
        self.samples.push_back(Sample { at, workers });
        while self.samples.get(1).is_some_and(|next| at.saturating_sub(next.at) >= SPAN) {
            self.samples.pop_front();
        }
    }

    /// Forgets everything: another instance answers.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
    }

    /// Requests per second of the worker at `index`; `None` before its second sample.
    pub(crate) fn worker(&self, index: usize) -> Option<f64> {
        self.between(|sample| sample.workers.get(index).map(|worker| worker.0))
    }

    /// Requests per second of a worker's core, both by position.
    pub(crate) fn core(&self, index: usize, core: usize) -> Option<f64> {
        self.between(|sample| sample.workers.get(index)?.1.get(core).copied())
    }

    /// Requests per second of all workers together; workers that just appeared count as zero.
    pub(crate) fn total(&self) -> Option<f64> {
        let newest = self.samples.back()?;
        if self.samples.len() < 2 {
            return None;
        }
        Some((0..newest.workers.len()).filter_map(|index| self.worker(index)).sum())
    }

    fn between(&self, value: impl Fn(&Sample) -> Option<u64>) -> Option<f64> {
        let (old, new) = (self.samples.front()?, self.samples.back()?);
        let seconds = new.at.saturating_sub(old.at).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        Some(value(new)?.saturating_sub(value(old)?) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Core;

    fn workers(counts: &[u64]) -> Vec<Worker> {
        let core = |requests| Core { requests, ..Core::default() };
        let worker =
            |&requests| Worker { requests, cores: vec![core(requests / 2)], ..Worker::default() };
        counts.iter().map(worker).collect()
    }

    fn fed(samples: &[(u64, &[u64])]) -> Rates {
        let mut rates = Rates::default();
        for (millis, counts) in samples {
            rates.ingest(&workers(counts), Duration::from_millis(*millis));
        }
        rates
    }

    #[test]
    fn the_first_sample_has_no_rate_and_the_second_has() {
        let rates = fed(&[(0, &[1000])]);
        assert_eq!((rates.worker(0), rates.total(), rates.core(0, 0)), (None, None, None));
        let rates = fed(&[(0, &[1000, 7]), (2000, &[1200, 7])]);
        assert_eq!((rates.worker(0), rates.worker(1)), (Some(100.0), Some(0.0)));
        assert_eq!((rates.total(), rates.core(0, 0)), (Some(100.0), Some(50.0)));
    }

    #[test]
    fn a_counter_reset_gives_zero_not_a_spike() {
        let rates = fed(&[(0, &[1000]), (1000, &[10])]);
        assert_eq!((rates.worker(0), rates.total()), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn fast_refreshes_look_back_over_a_second() {
        let counts: Vec<[u64; 1]> = (0..30).map(|n| [n * 5]).collect();
        let samples: Vec<(u64, &[u64])> =
            counts.iter().enumerate().map(|(n, c)| (n as u64 * 100, &c[..])).collect();
        let rates = fed(&samples);
        assert!((rates.worker(0).unwrap() - 50.0).abs() < 1e-9);
        assert!(rates.samples.len() <= 11, "old samples are let go: {}", rates.samples.len());
    }

    #[test]
    fn a_worker_that_appears_has_no_rate_yet() {
        let rates = fed(&[(0, &[10]), (1000, &[20, 500])]);
        assert_eq!((rates.worker(1), rates.total()), (None, Some(10.0)));
        assert_eq!(rates.worker(9), None);
    }

    #[test]
    fn two_samples_of_one_moment_divide_nothing() {
        assert_eq!(fed(&[(5, &[1]), (5, &[9])]).worker(0), None);
    }
}
