//! The walk over families, turned into lines, and lines into messages of a bounded size.

use std::collections::VecDeque;

use uwsgi_metrics::prometheus::{Families, Head, Labels, Observed, Value, walk};

use super::line::{Lines, Tag};
use super::names::of_family;
use crate::datagrams::Datagrams;
use crate::instance::{Encoder, Load};
use crate::tick::Tick;
use crate::web::gzip;

/// Bytes of a message over HTTP, before it is compressed.
const LARGEST: usize = 1 << 20;

/// Bytes of a datagram: what passes through any network in one piece.
const DATAGRAM: usize = 1_400;

/// See the module.
pub(super) struct Encode {
    /// Tags of every line.
    pub(super) tags: Vec<Tag>,
    pub(super) udp: bool,
    pub(super) gzip: bool,
    pub(super) ready: VecDeque<Load<Datagrams>>,
}

struct Gather<'a> {
    tags: &'a [Tag],
    lines: Lines,
    values: u64,
}

impl Encoder for Encode {
    type Payload = Datagrams;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Datagrams>> {
        let mut gather = Gather { tags: &self.tags, lines: Lines::default(), values: 0 };
        walk(&(tick.full)(), tick.page, &mut gather);
        let (values, lines) = (gather.values, gather.lines.finish(tick.at_us * 1_000));
        let mut all = Datagrams::default();
        let most = if self.udp { DATAGRAM } else { LARGEST };
        for line in lines {
            let begun = all.bytes.len() - all.ends.last().copied().unwrap_or(0);
            if begun > 0 && begun + line.len() > most {
                all.end();
            }
            all.bytes.extend_from_slice(&line);
        }
        all.end();
        if self.udp {
            return Some(Load { bytes: all.bytes.len(), values, payload: all });
        }
        self.split(&all, values);
        self.ready.pop_front()
    }

    fn rest(&mut self) -> Option<Load<Datagrams>> {
        self.ready.pop_front()
    }
}

impl Encode {
    /// Over HTTP each message is a push of its own. All values are counted with the first.
    fn split(&mut self, all: &Datagrams, values: u64) {
        let starts = std::iter::once(0).chain(all.ends.iter().copied());
        for (start, end) in starts.zip(&all.ends) {
            let text = all.bytes.get(start..*end).unwrap_or_default();
            let bytes = if self.gzip { gzip(text) } else { text.to_vec() };
            let values = if start == 0 { values } else { 0 };
            let payload = Datagrams { ends: vec![bytes.len()], bytes };
            self.ready.push_back(Load { bytes: payload.bytes.len(), values, payload });
        }
    }
}

impl Gather<'_> {
    fn add(&mut self, head: &Head, suffix: &[&str], labels: &Labels<'_>, value: Value) {
        let (measurement, field) = of_family(&head.name);
        let mut name = vec![field];
        name.extend_from_slice(suffix);
        // The parts of a distribution that an application made need no word in front.
        if field == "value" && !suffix.is_empty() {
            name.remove(0);
        }
        self.values += 1;
        self.lines.add(measurement, self.tags, labels, &name, value);
    }
}

impl Families for Gather<'_> {
    fn family(&mut self, _: &Head, _: &str, _: Option<&str>) {}

    fn sample(&mut self, head: &Head, labels: &Labels<'_>, value: Value) {
        self.add(head, &[], labels, value);
    }

    fn histogram(&mut self, head: &Head, labels: &Labels<'_>, observed: &Observed<'_>) {
        for (bound, below, _) in observed.buckets().filter(|(bound, ..)| bound.is_finite()) {
            self.add(head, &["_le_", &bound.to_string()], labels, Value::Uint(below));
        }
        self.summary(head, labels, observed.sum, observed.count());
    }

    fn summary(&mut self, head: &Head, labels: &Labels<'_>, sum: Value, count: u64) {
        self.add(head, &["_sum"], labels, Value::Real(sum.as_f64()));
        self.add(head, &["_count"], labels, Value::Uint(count));
    }
}
