//! What a closed request adds to the numbers of requests like it: duration by app, method and
//! code, sizes of bodies, time in front of the server, and an example when it is traced.
//!
//! A few additions to cells of this worker; nothing is allocated but for a label set that this core
//! meets for the first time.

use uwsgi_metrics::{ExemplarView, Histogram, Latency, RequestKey, Size};

use super::phases::Times;
use crate::instance::Instance;

/// A stamp older than this is a mistake, not a queue.
const LONGEST_QUEUE_US: u64 = 3_600_000_000;

/// A closed request.
pub(super) struct Done<'a> {
    pub(super) app: Option<u32>,
    pub(super) method: &'a [u8],
    pub(super) status: u16,
    /// Start, epoch microseconds.
    pub(super) start_us: u64,
    pub(super) duration_us: u64,
    pub(super) request_body: u64,
    pub(super) response_body: u64,
    /// Header `traceparent`, or empty.
    pub(super) traceparent: &'a [u8],
    /// Header `X-Request-Start`, or empty.
    pub(super) queued: &'a [u8],
    /// How long its connection waited to be accepted, for the first request on it.
    pub(super) accept_us: Option<u64>,
}

/// Where a core adds.
pub(super) struct Tally {
    instance: &'static Instance,
    worker: u32,
    core: u32,
    /// Several threads write the cells of this worker.
    shared: bool,
    exact_codes: bool,
    /// The slots of label sets this core has met.
    slots: Vec<(RequestKey, u32)>,
}

impl Tally {
    pub(super) fn new(instance: &'static Instance, worker: u32, core: u32) -> Tally {
        let settings = &instance.settings;
        Tally {
            instance,
            worker,
            core,
            shared: settings.threads > 1,
            exact_codes: settings.prometheus.exact_codes,
            slots: Vec::with_capacity(16),
        }
    }

    pub(super) fn add(&mut self, done: &Done<'_>) {
        let key = RequestKey::new(done.app, done.method, done.status, self.exact_codes);
        let slot = self.slot(key);
        let (arena, worker) = (&self.instance.arena, self.worker);
        self.record(arena.duration(worker, slot), done.duration_us);
        self.record(arena.size_of(worker, Size::RequestBody), done.request_body);
        self.record(arena.size_of(worker, Size::ResponseBody), done.response_body);
        // Who stamps in front of this server knows more than its own queue.
        let queued = match done.queued {
            b"" => done.accept_us,
            stamp => waited(stamp, done.start_us),
        };
        if let Some(us) = queued {
            self.record(arena.histogram(worker, Latency::Queue), us);
        }
        if !done.traceparent.is_empty()
            && let Some(example) = ExemplarView::of_traceparent(done.traceparent)
        {
            let (value_us, at_us) = (done.duration_us, done.start_us + done.duration_us);
            let example = ExemplarView { value_us, at_us, ..example };
            arena.keep_exemplar(worker, self.core, key, &example);
        }
    }

    /// Where the time of a request went.
    pub(super) fn times(&self, times: &Times) {
        let always = [
            (Latency::Request, Some(times.whole)),
            (Latency::Application, Some(times.application)),
            (Latency::Write, Some(times.write)),
            (Latency::FirstByte, times.first_byte),
            (Latency::Read, times.read),
        ];
        for (what, us) in always {
            if let Some(us) = us {
                self.record(self.instance.arena.histogram(self.worker, what), us);
            }
        }
    }

    fn record(&self, histogram: &Histogram, value: u64) {
        if self.shared { histogram.record_shared(value) } else { histogram.record(value) }
    }

    fn slot(&mut self, key: RequestKey) -> u32 {
        if let Some((_, slot)) = self.slots.iter().find(|(known, _)| *known == key) {
            return *slot;
        }
        let slot = self.instance.arena.duration_slot(self.worker, key);
        // Clients cannot make it grow: what found no room is asked for again.
        if self.slots.len() < self.slots.capacity() {
            self.slots.push((key, slot));
        }
        slot
    }
}

/// How long a request waited since a server in front stamped it: `t=` and a time since the epoch in
/// seconds with a fraction, or in whole milli-, micro- or nanoseconds, which their size tells apart.
fn waited(stamp: &[u8], start_us: u64) -> Option<u64> {
    let text = str::from_utf8(stamp).ok()?.trim();
    let text = text.strip_prefix("t=").unwrap_or(text);
    let stamp_us = match text.split_once('.') {
        Some((seconds, fraction)) => {
            let digits = fraction.get(..fraction.len().min(6))?;
            let scale = 10u64.checked_pow(6 - u32::try_from(digits.len()).ok()?)?;
            let rest = if digits.is_empty() { 0 } else { digits.parse::<u64>().ok()? * scale };
            seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(rest)?
        }
        None => match text.parse::<u64>().ok()? {
            n @ 0..100_000_000_000 => n * 1_000_000,
            n @ 100_000_000_000..100_000_000_000_000 => n * 1_000,
            n @ 100_000_000_000_000..100_000_000_000_000_000 => n,
            n => n / 1_000,
        },
    };
    // Clocks of two machines differ a little: a stamp of the near future is no wait.
    Some(start_us.saturating_sub(stamp_us)).filter(|us| *us < LONGEST_QUEUE_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_every_front_server_are_understood() {
        let start = 1_795_000_000_500_000;
        let cases: [(&str, Option<u64>); 12] = [
            ("t=1795000000.250", Some(250_000)),
            ("t=1795000000.5", Some(0)),
            ("1795000000.", Some(500_000)),
            ("t=1795000000", Some(500_000)),
            ("1795000000400", Some(100_000)),
            ("t=1795000000499999", Some(1)),
            ("1795000000499000000", Some(1_000)),
            ("t=1795000001.0", Some(0)),
            ("t=1794000000.0", None),
            ("t=", None),
            ("t=1.x", None),
            ("t=99999999999999999999", None),
        ];
        for (stamp, want) in cases {
            assert_eq!(waited(stamp.as_bytes(), start), want, "{stamp}");
        }
    }
}
