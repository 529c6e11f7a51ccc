//! The past as this screen saw it, for sources that tell none: the C server, a plain document.
//!
//! Owns one value per second of what any document holds, in the names and units of the server's
//! own history, folded into tens of seconds and minutes as that is. A source that has a history
//! of its own is not written down a second time. Pure: moments come with the pictures.

use crate::picture::{Picture, Trail};
use crate::rings::{RINGS, Rings};

/// Stored units per unit of rates and shares.
const THOUSANDTHS: u64 = 1000;

/// Longest time between two pictures that still counts as one look after the other, seconds.
const LONGEST: u64 = 300;

/// What is counted from one picture to the next.
type Count = (&'static str, fn(&Picture) -> u64);

const RATES: [Count; 7] = [
    ("requests", |p| p.sum(|w| w.requests)),
    ("errors", Picture::failures),
    ("exceptions", |p| p.sum(|w| w.exceptions)),
    ("tx", |p| p.sum(|w| w.tx)),
    ("rx", |p| p.sum(|w| w.rx)),
    ("kills", |p| p.sum(|w| w.killed_count)),
    ("drops", |p| p.listen_queue_errors),
];

/// Name, stored units per unit, value now.
type Level = (&'static str, u64, fn(&Picture) -> u64);

const LEVELS: [Level; 5] = [
    ("busy_workers", 1, busy),
    ("listen_queue", 1, |p| p.listen_queue),
    ("rss", 1, |p| p.sum(|w| w.rss)),
    ("in_flight", 1, in_request),
    ("busy_cores", THOUSANDTHS, |p| {
        let cores = p.sum(|w| w.cores.len() as u64).max(1);
        in_request(p).saturating_mul(100 * THOUSANDTHS) / cores
    }),
];

/// Workers in a request or a signal handler.
pub(crate) fn busy(picture: &Picture) -> u64 {
    picture.sum(|w| u64::from(w.status == "busy" || w.status.starts_with("sig")))
}

/// Cores in a request; workers where the source leaves the cores out.
fn in_request(picture: &Picture) -> u64 {
    let cores = |w: &crate::picture::Worker| w.cores.iter().filter(|c| c.in_request).count() as u64;
    let count = picture.sum(cores);
    if picture.workers().iter().all(|w| w.cores.is_empty()) { busy(picture) } else { count }
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    rings: Rings,
    before: Option<Totals>,
}

#[derive(Debug)]
struct Totals {
    /// Epoch microseconds.
    taken: u64,
    counts: [u64; 7],
    running_time: u64,
}

impl Seen {
    /// Takes in one picture; those of the same second are one look.
    pub(crate) fn ingest(&mut self, picture: &Picture) {
        if picture.taken == 0 || !picture.trails.is_empty() {
            return;
        }
        let now = picture.taken / 1_000_000;
        let then = self.before.as_ref().map(|before| before.taken / 1_000_000);
        if then == Some(now) {
            return;
        }
        let totals = Totals {
            taken: picture.taken,
            counts: RATES.map(|(_, count)| count(picture)),
            running_time: picture.sum(|w| w.running_time),
        };
        if let Some(before) = &self.before {
            let then = before.taken / 1_000_000;
            if (1..=LONGEST).contains(&now.saturating_sub(then)) {
                let looked: Vec<_> = looked(before, &totals, picture).collect();
                self.store(&looked, (then, now));
            }
        }
        self.before = Some(totals);
    }

    fn store(&mut self, looked: &[(&str, u64, u64)], (then, now): (u64, u64)) {
        let seconds = usize::try_from(now.saturating_sub(then)).unwrap_or(1);
        for (name, scale, value) in looked {
            let (values, scale) = (vec![*value; seconds], *scale);
            self.rings.merge(Trail { name: (*name).to_owned(), step: 1, end: now, scale, values });
            self.fold(name, scale, (then, now));
        }
    }

    /// Forgets everything: another instance answers.
    pub(crate) fn clear(&mut self) {
        self.rings.clear();
        self.before = None;
    }

    /// The series of this name and resolution.
    pub(crate) fn get(&self, name: &str, step: u64) -> Option<&Trail> {
        self.rings.get(name, step)
    }

    /// Makes the coarser values whose time has come since `then`.
    fn fold(&mut self, name: &str, scale: u64, (then, now): (u64, u64)) {
        let finer = RINGS.iter().zip(RINGS.iter().skip(1));
        for ((fine, _), (step, _)) in finer {
            for turn in (then + 1) / step..(now + 1) / step {
                let Some(known) = self.rings.get(name, *fine) else { continue };
                let Some(value) = folded(known, turn * step, *step) else { continue };
                let (name, end) = (name.to_owned(), turn * step);
                self.rings.merge(Trail { name, step: *step, end, scale, values: vec![value] });
            }
        }
    }
}

/// Values of the time from one look to the next: (name, stored units per unit, value).
fn looked<'a>(
    before: &'a Totals,
    now: &'a Totals,
    picture: &'a Picture,
) -> impl Iterator<Item = (&'static str, u64, u64)> + 'a {
    let micros = now.taken.saturating_sub(before.taken).max(1);
    // A count that fell was reset: no rate rather than a spike.
    let grown = |index: usize| {
        let of = |totals: &Totals| totals.counts.get(index).copied().unwrap_or(0);
        of(now).saturating_sub(of(before))
    };
    let per_second = move |index| {
        let milli = u128::from(grown(index)) * 1_000_000_000 / u128::from(micros);
        u64::try_from(milli).unwrap_or(u64::MAX)
    };
    let spent = now.running_time.saturating_sub(before.running_time);
    let mean = spent.checked_div(grown(0)).unwrap_or(0);
    let rates = RATES.iter().enumerate();
    let rates = rates.map(move |(index, (name, _))| (*name, THOUSANDTHS, per_second(index)));
    let levels = LEVELS.iter().map(|(name, scale, value)| (*name, *scale, value(picture)));
    rates.chain(levels).chain([("mean", 1, mean)])
}

/// The values of one coarser interval as one: the peak of a queue, the mean of all else.
fn folded(known: &Trail, start: u64, length: u64) -> Option<u64> {
    let step = known.step.max(1);
    let first = known.end.saturating_sub((known.values.len() as u64).saturating_sub(1) * step);
    let times = (0u64..).map(|n| first.saturating_add(n.saturating_mul(step)));
    let inside = times.zip(&known.values).filter(|(t, _)| (start..start + length).contains(t));
    let (mut count, mut sum, mut most) = (0u64, 0u64, 0u64);
    for (_, value) in inside {
        (count, sum, most) = (count + 1, sum.saturating_add(*value), most.max(*value));
    }
    if known.name == "listen_queue" {
        return (count > 0).then_some(most);
    }
    sum.checked_div(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, Core, Worker};

    fn picture(taken_ms: u64, requests: u64) -> Picture {
        let core = |in_request| Core { in_request, ..Core::default() };
        let worker = Worker {
            requests,
            running_time: requests * 2_000,
            status: "busy".into(),
            cores: vec![core(true), core(false)],
            ..Worker::default()
        };
        Picture {
            taken: taken_ms * 1_000,
            listen_queue: taken_ms / 1_000 % 10,
            body: Body::Workers(vec![worker]),
            ..Picture::default()
        }
    }

    fn values(seen: &Seen, name: &str, step: u64) -> Vec<u64> {
        seen.get(name, step).map(|trail| trail.values.clone()).unwrap_or_default()
    }

    #[test]
    fn each_second_has_its_values() {
        let mut seen = Seen::default();
        // Two looks within one second are one, and a look every two seconds fills both.
        for (at, requests) in [(1_000, 0), (1_500, 5), (2_000, 10), (4_000, 50), (5_000, 3)] {
            seen.ingest(&picture(at, requests));
        }
        assert_eq!(values(&seen, "requests", 1), [10_000, 20_000, 20_000, 0]);
        assert_eq!(values(&seen, "mean", 1), [2_000, 2_000, 2_000, 0]);
        assert_eq!(values(&seen, "busy_cores", 1), [50_000; 4]);
        assert_eq!(seen.get("requests", 1).unwrap().end, 5);
    }

    #[test]
    fn exceptions_are_errors_where_no_other_failures_are_told() {
        let mut seen = Seen::default();
        for second in 1..4 {
            let mut picture = picture(second * 1_000, second * 9);
            if let Body::Workers(workers) = &mut picture.body {
                workers[0].exceptions = second * 2;
            }
            seen.ingest(&picture);
        }
        assert_eq!(values(&seen, "errors", 1), [2_000, 2_000]);
    }

    #[test]
    fn tens_and_minutes_are_folded() {
        let mut seen = Seen::default();
        (600..730).for_each(|second| seen.ingest(&picture(second * 1_000, second * 7)));
        assert_eq!(values(&seen, "requests", 10), [7_000; 13]);
        assert_eq!(values(&seen, "requests", 60), [7_000; 2]);
        assert_eq!(values(&seen, "listen_queue", 60), [9, 9], "the peak");
        assert_eq!(seen.get("requests", 60).unwrap().end, 660);
    }

    #[test]
    fn a_source_with_a_past_of_its_own_is_not_written_down() {
        let mut seen = Seen::default();
        let told = |second: u64| Picture {
            trails: vec![Trail { name: "requests".into(), ..Trail::default() }],
            ..picture(second * 1_000, second)
        };
        (1..4).for_each(|second| seen.ingest(&told(second)));
        assert!(seen.get("requests", 1).is_none());
    }
}
