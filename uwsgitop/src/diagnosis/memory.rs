//! What the diagnosis remembers: one sample of each second of the last minute.
//!
//! Owns the samples and what is derived from two of them. Where the source keeps a history of its
//! own, the time before the screen opened is known from there. Pure: moments are those of the
//! pictures.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::picture::{Picture, Worker, total};

/// Seconds that a latency among other numbers looks back over.
const LATELY: u64 = 10;

/// Seconds that are remembered.
const MINUTE: u64 = 60;

/// Counters of one moment, and how busy it was.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    /// Epoch microseconds.
    pub(super) taken: u64,
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) exceptions: u64,
    pub(super) harakiri: u64,
    pub(super) respawns: u64,
    pub(super) reloads: u64,
    pub(super) drops: u64,
    pub(super) cpu: u64,
    pub(super) throttled: u64,
    pub(super) running: u64,
    pub(super) busy: u64,
    pub(super) queue: u64,
    /// Request latencies, as in [`crate::picture::Latency::cells`].
    pub(super) cells: Vec<(u64, u64)>,
    /// Mount point, requests, time in them.
    pub(super) apps: Vec<(String, u64, u64)>,
    /// Reason of an end and how often it happened.
    pub(super) exits: Vec<(String, u64)>,
}

impl Sample {
    fn of(picture: &Picture) -> Self {
        Self {
            taken: picture.taken,
            requests: picture.sum(|w| w.requests),
            failed: picture.sum(|w| w.failed_requests),
            exceptions: picture.sum(|w| w.exceptions),
            harakiri: picture.sum(|w| w.harakiri_count),
            respawns: picture.sum(|w| w.respawn_count),
            reloads: picture.reloads,
            drops: picture
                .listen_queue_errors
                .max(total(picture.sockets.iter().filter_map(|s| s.drops))),
            cpu: picture.sum(|w| w.cpu_time),
            throttled: picture.system.as_ref().and_then(|s| s.cpu_throttled).unwrap_or(0),
            running: picture.sum(|w| w.running_time),
            busy: busy_cores(picture),
            queue: picture.listen_queue,
            cells: picture.latency("request").map(|l| l.cells.clone()).unwrap_or_default(),
            apps: apps(picture),
            exits: exits(picture.workers()),
        }
    }
}

/// Cores in a request; workers in one where the source leaves cores out.
pub(super) fn busy_cores(picture: &Picture) -> u64 {
    picture.sum(|worker| match worker.cores.as_slice() {
        [] => u64::from(worker.status == "busy"),
        cores => cores.iter().filter(|core| core.in_request).count() as u64,
    })
}

/// Cores that may take requests: those of workers that run and are neither put away nor suspended.
pub(super) fn cores(picture: &Picture) -> u64 {
    let serves =
        |worker: &Worker| worker.pid != 0 && worker.status != "cheap" && worker.status != "pause";
    picture.sum(|worker| if serves(worker) { (worker.cores.len() as u64).max(1) } else { 0 })
}

fn apps(picture: &Picture) -> Vec<(String, u64, u64)> {
    let mut all: Vec<(String, u64, u64)> = Vec::new();
    for app in picture.workers().iter().flat_map(|worker| &worker.apps) {
        match all.iter_mut().find(|(mountpoint, _, _)| *mountpoint == app.mountpoint) {
            Some((_, requests, time)) => {
                *requests = requests.saturating_add(app.requests);
                *time = time.saturating_add(app.running_time);
            }
            None => all.push((app.mountpoint.clone(), app.requests, app.running_time)),
        }
    }
    all
}

fn exits(workers: &[Worker]) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = Vec::new();
    for end in workers.iter().flat_map(|worker| &worker.exits) {
        match all.iter_mut().find(|(reason, _)| *reason == end.reason) {
            Some((_, count)) => *count = count.saturating_add(end.count),
            None => all.push((end.reason.clone(), end.count)),
        }
    }
    all
}

/// The last minute of one source.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    samples: VecDeque<Sample>,
    newest: Option<(Arc<Picture>, Sample)>,
}

impl Memory {
    /// Takes in one picture; a second is kept once.
    pub(crate) fn ingest(&mut self, picture: &Arc<Picture>) {
        let sample = Sample::of(picture);
        let second = |sample: &Sample| sample.taken / 1_000_000;
        if self.samples.back().is_none_or(|last| second(last) < second(&sample)) {
            self.samples.push_back(sample.clone());
        }
        while self.samples.front().is_some_and(|old| second(old) + MINUTE < second(&sample)) {
            self.samples.pop_front();
        }
        self.newest = Some((Arc::clone(picture), sample));
    }

    /// Forgets everything: another instance answers.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The time within which 99 of 100 requests of the last seconds were answered, microseconds.
    pub(crate) fn p99(&self) -> Option<u64> {
        self.window()?.quantile(LATELY, 0.99)
    }

    /// What the rules look at; `None` before the first picture of an instance with workers.
    pub(super) fn window(&self) -> Option<Window<'_>> {
        let (now, newest) = self.newest.as_ref()?;
        if now.workers().is_empty() {
            return None;
        }
        Some(Window { now, newest, samples: &self.samples })
    }
}

/// The newest picture and the minute before it.
pub(super) struct Window<'a> {
    /// The newest picture.
    pub(super) now: &'a Picture,
    newest: &'a Sample,
    samples: &'a VecDeque<Sample>,
}

impl Window<'_> {
    /// The sample that is `seconds` old, or the oldest there is.
    fn before(&self, seconds: u64) -> Option<&Sample> {
        let then = self.newest.taken.saturating_sub(seconds * 1_000_000);
        let older = self.samples.iter().filter(|sample| sample.taken < self.newest.taken);
        let mut older: Vec<&Sample> = older.collect();
        let near = older.iter().rposition(|sample| sample.taken <= then);
        if older.is_empty() {
            return None;
        }
        Some(older.swap_remove(near.unwrap_or(0)))
    }

    /// Seconds that a look back over `seconds` really spans.
    pub(super) fn span(&self, seconds: u64) -> Option<f64> {
        let before = self.before(seconds)?;
        Some(self.newest.taken.saturating_sub(before.taken) as f64 / 1e6).filter(|span| *span > 0.0)
    }

    /// How much a counter grew in the last `seconds`; 0 where nothing is known or it was reset.
    pub(super) fn grown(&self, seconds: u64, value: impl Fn(&Sample) -> u64) -> u64 {
        self.before(seconds).map_or(0, |before| value(self.newest).saturating_sub(value(before)))
    }

    /// The same for each second.
    pub(super) fn rate(&self, seconds: u64, value: impl Fn(&Sample) -> u64) -> Option<f64> {
        Some(self.grown(seconds, value) as f64 / self.span(seconds)?)
    }

    /// For how many seconds without a break a condition has held, the newest sample included; `None`
    /// when it does not hold now. Where all that is remembered fits, the source's own history tells
    /// of the time before.
    pub(super) fn lasting(
        &self,
        holds: impl Fn(&Sample) -> bool,
        trail: Option<(&str, &dyn Fn(f64) -> bool)>,
    ) -> Option<u64> {
        if !holds(self.newest) {
            return None;
        }
        let since = self.samples.iter().rev().take_while(|sample| holds(sample)).last();
        let since = since.map_or(self.newest.taken, |sample| sample.taken);
        let all = self.samples.front().is_none_or(|oldest| oldest.taken == since);
        let mut seconds = self.newest.taken.saturating_sub(since) / 1_000_000;
        if let Some((name, holds)) = trail.filter(|_| all) {
            seconds = seconds.max(self.trailed(name, holds));
        }
        Some(seconds)
    }

    /// How many of the newest values of a series of the source, one for each second, hold.
    fn trailed(&self, name: &str, holds: &dyn Fn(f64) -> bool) -> u64 {
        let trail = self.now.trails.iter().find(|trail| trail.name == name && trail.step == 1);
        let Some(trail) = trail else { return 0 };
        let scale = trail.scale.max(1) as f64;
        let held = trail.values.iter().rev().take_while(|value| holds(**value as f64 / scale));
        held.count() as u64
    }

    /// Values of a series of the source, one for each second, oldest first.
    pub(super) fn series(&self, name: &str) -> &[u64] {
        let trail = self.now.trails.iter().find(|trail| trail.name == name && trail.step == 1);
        trail.map(|trail| trail.values.as_slice()).unwrap_or_default()
    }

    /// The request time, µs, that this share of the requests of the last `seconds` did not exceed;
    /// `None` without requests, or where the source does not tell.
    pub(super) fn quantile(&self, seconds: u64, share: f64) -> Option<u64> {
        let before = self.before(seconds)?;
        let count_then = |bound: u64| {
            let cell = before.cells.binary_search_by_key(&bound, |(bound, _)| *bound).ok();
            cell.and_then(|at| before.cells.get(at)).map_or(0, |(_, count)| *count)
        };
        let cells = self.newest.cells.iter();
        let grown = cells.map(|(bound, count)| (*bound, count.saturating_sub(count_then(*bound))));
        let grown: Vec<(u64, u64)> = grown.filter(|(_, count)| *count > 0).collect();
        let total = total(grown.iter().map(|(_, count)| *count));
        let rank = (total as f64 * share).ceil() as u64;
        let mut seen = 0_u64;
        let mut found = grown.iter().skip_while(|(_, count)| {
            seen += count;
            seen < rank
        });
        found.next().map(|(bound, _)| *bound)
    }

    /// Mount point, mean request time in µs and share of the time in requests of the application
    /// that took most of it in the last `seconds`.
    pub(super) fn slowest_app(&self, seconds: u64) -> Option<(String, u64, f64)> {
        let before = self.before(seconds)?;
        let then = |mountpoint: &str| {
            let app = before.apps.iter().find(|(other, _, _)| other == mountpoint);
            app.map_or((0, 0), |(_, requests, time)| (*requests, *time))
        };
        let grown = self.newest.apps.iter().map(|(mountpoint, requests, time)| {
            let (requests_then, time_then) = then(mountpoint);
            (mountpoint, requests.saturating_sub(requests_then), time.saturating_sub(time_then))
        });
        let grown: Vec<_> = grown.collect();
        let total = total(grown.iter().map(|(_, _, time)| *time));
        let (name, requests, time) = grown.into_iter().max_by_key(|(_, _, time)| *time)?;
        let mean = time.checked_div(requests).filter(|_| time > 0)?;
        Some((name.clone(), mean, time as f64 / total as f64))
    }

    /// Ends of workers in the last `seconds` by reason, the most frequent first.
    pub(super) fn ends(&self, seconds: u64) -> Vec<(String, u64)> {
        let Some(before) = self.before(seconds) else { return Vec::new() };
        let then = |reason: &str| {
            before.exits.iter().find(|(other, _)| other == reason).map_or(0, |(_, count)| *count)
        };
        let ends = self.newest.exits.iter();
        let ends = ends.map(|(reason, count)| (reason.clone(), count.saturating_sub(then(reason))));
        let mut ends: Vec<(String, u64)> = ends.filter(|(_, count)| *count > 0).collect();
        ends.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        ends
    }
}
