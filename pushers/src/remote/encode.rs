//! The walk over families, turned into series: histograms become the series that a scrape would
//! make of them, or native ones.

use std::collections::VecDeque;

use uwsgi_metrics::prometheus::{Families, Head, Labels, Observed, Type, Value, walk};
use uwsgi_metrics::{ExemplarView, Exponential};

use super::batch::{Batch, Family, Version, What};
use super::key;
use super::state::Known;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// Families are described again after so many seconds: nobody keeps that for long.
const DESCRIBED_FOR: u64 = 60;

/// How histograms are pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// As counters of buckets.
    Classic,
    /// As native histograms, where values are known finely enough.
    Native,
    /// Both ways.
    Both,
}

/// See the module.
pub(super) struct Encode {
    version: Version,
    shown: Shown,
    fixed: Vec<(String, String)>,
    known: Known,
    described_s: u64,
    ready: VecDeque<Load<Vec<u8>>>,
    // --- of the push at hand
    batch: Batch,
    about: Option<Batch>,
    family: Family,
    at_ms: u64,
    last: bool,
    key: Vec<u8>,
    name: String,
}

impl Encode {
    pub(super) fn new(version: Version, shown: Shown, fixed: Vec<(String, String)>) -> Encode {
        Encode {
            version,
            shown,
            fixed,
            known: Known::default(),
            described_s: 0,
            ready: VecDeque::new(),
            batch: Batch::new(version),
            about: None,
            family: Family::default(),
            at_ms: 0,
            last: false,
            key: Vec::new(),
            name: String::new(),
        }
    }

    /// One series, of the name in two pieces.
    fn series(
        &mut self,
        name: &[&str],
        labels: &Labels<'_>,
        more: Option<(&str, &[u8])>,
        what: What<'_>,
        example: Option<&ExemplarView>,
    ) {
        self.name.clear();
        name.iter().for_each(|part| self.name.push_str(part));
        key::write(&mut self.key, self.name.as_bytes(), labels, more, &self.fixed);
        let native = matches!(what, What::Native(..));
        if !self.known.see(&self.key, native) {
            return;
        }
        if self.batch.is_full() {
            self.flush();
        }
        // After the end of the instance there is nobody left to say that a series has ended.
        let said = [(what, self.at_ms), (What::Gone(native), self.at_ms + 1)];
        let said = if self.last { &said[..] } else { &said[..1] };
        self.batch.push(&self.key, said, &self.family, example);
    }

    fn flush(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Batch::new(self.version));
        self.keep(batch);
    }

    fn keep(&mut self, batch: Batch) {
        let values = batch.count;
        if values == 0 {
            return;
        }
        if let Some(payload) = batch.finish() {
            self.ready.push_back(Load { bytes: payload.len(), values, payload });
        }
    }
}

impl Encoder for Encode {
    type Payload = Vec<u8>;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Vec<u8>>> {
        (self.at_ms, self.last) = (tick.at_us / 1_000, tick.is_last());
        self.known.begin();
        let due = tick.at_s() >= self.described_s + DESCRIBED_FOR;
        if due && self.version == Version::One {
            self.described_s = tick.at_s();
            self.about = Some(Batch::new(self.version));
        }
        walk(&(tick.full)(), tick.page, self);
        self.family = Family::default();
        for (key, native) in self.known.gone() {
            if self.batch.is_full() {
                self.flush();
            }
            let said = [(What::Gone(native), self.at_ms)];
            self.batch.push(&key, &said, &self.family, None);
        }
        self.flush();
        if let Some(about) = self.about.take() {
            self.keep(about);
        }
        self.ready.pop_front()
    }

    fn rest(&mut self) -> Option<Load<Vec<u8>>> {
        self.ready.pop_front()
    }
}

impl Families for Encode {
    fn family(&mut self, head: &Head, help: &str, unit: Option<&str>) {
        self.family = Family {
            kind: head.kind.unwrap_or(Type::Unknown),
            help: help.to_owned(),
            unit: unit.unwrap_or_default().to_owned(),
            created_ms: head.created_us.unwrap_or(0) / 1_000,
        };
        if let Some(about) = &mut self.about {
            about.describe(&head.name, &self.family);
        }
        // A gauge has no beginning.
        if !matches!(self.family.kind, Type::Counter | Type::Histogram | Type::Summary) {
            self.family.created_ms = 0;
        }
    }

    fn sample(&mut self, head: &Head, labels: &Labels<'_>, value: Value) {
        self.series(&[&head.name], labels, None, What::Real(value.as_f64()), None);
    }

    fn histogram(&mut self, head: &Head, labels: &Labels<'_>, observed: &Observed<'_>) {
        let name = head.name.as_str();
        let native: Option<&Exponential> = observed.native.filter(|_| self.shown != Shown::Classic);
        if let Some(native) = native {
            let example = observed.exemplars.iter().flatten().max_by_key(|of| of.at_us);
            let what = What::Native(native, observed.sum.as_f64());
            self.series(&[name], labels, None, what, example);
            if self.shown == Shown::Native {
                return;
            }
        }
        for (bound, below, example) in observed.buckets() {
            let bound = if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() };
            let more = Some(("le", bound.as_bytes()));
            self.series(&[name, "_bucket"], labels, more, What::Real(below as f64), example);
        }
        let sum = What::Real(observed.sum.as_f64());
        self.series(&[name, "_sum"], labels, None, sum, None);
        let count = What::Real(observed.count() as f64);
        self.series(&[name, "_count"], labels, None, count, None);
    }

    fn summary(&mut self, head: &Head, labels: &Labels<'_>, sum: Value, count: u64) {
        self.series(&[&head.name, "_sum"], labels, None, What::Real(sum.as_f64()), None);
        self.series(&[&head.name, "_count"], labels, None, What::Real(count as f64), None);
    }
}
