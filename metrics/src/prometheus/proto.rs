//! The protobuf exposition: `io.prometheus.client.MetricFamily` messages, each behind its length.
//!
//! The only format that carries native histograms; classic buckets stand beside them. Names are
//! those of the text format, so a series is the same whichever format a scraper prefers.

use super::value::Value;
use super::writer::{Head, Labels, Observed, Type};
use crate::exemplar::ExemplarView;
use crate::exponential::{Exponential, ZERO_THRESHOLD};
use crate::protobuf::{Message, push_varint};

/// Field numbers of `MetricFamily`.
mod family {
    pub(super) const NAME: u32 = 1;
    pub(super) const HELP: u32 = 2;
    pub(super) const TYPE: u32 = 3;
    pub(super) const METRIC: u32 = 4;
    pub(super) const UNIT: u32 = 5;
}

/// Field numbers of `Metric`.
mod metric {
    pub(super) const LABEL: u32 = 1;
    pub(super) const GAUGE: u32 = 2;
    pub(super) const COUNTER: u32 = 3;
    pub(super) const SUMMARY: u32 = 4;
    pub(super) const UNTYPED: u32 = 5;
    pub(super) const HISTOGRAM: u32 = 7;
}

/// Field numbers of `Histogram`.
mod histogram {
    pub(super) const COUNT: u32 = 1;
    pub(super) const SUM: u32 = 2;
    pub(super) const BUCKET: u32 = 3;
    pub(super) const SCHEMA: u32 = 5;
    pub(super) const ZERO_THRESHOLD: u32 = 6;
    pub(super) const ZERO_COUNT: u32 = 7;
    pub(super) const POSITIVE_SPAN: u32 = 12;
    pub(super) const POSITIVE_DELTA: u32 = 13;
    pub(super) const CREATED: u32 = 15;
}

/// Messages being written.
#[derive(Default)]
pub(super) struct Messages {
    out: Vec<u8>,
    /// The open family without its length.
    family: Vec<u8>,
}

impl Messages {
    pub(super) fn header(&mut self, name: &str, kind: Type, help: &str, unit: Option<&str>) {
        self.flush();
        let mut family = Message::new(&mut self.family);
        family.string(family::NAME, name);
        family.string(family::HELP, help);
        family.uint(family::TYPE, code_of(kind));
        if let Some(unit) = unit {
            family.string(family::UNIT, unit);
        }
    }

    pub(super) fn sample(&mut self, head: &Head, labels: &Labels<'_>, value: Value) {
        let kind = head.kind.unwrap_or(Type::Unknown);
        self.metric(labels, |metric| {
            let field = match kind {
                Type::Counter => metric::COUNTER,
                Type::Unknown => metric::UNTYPED,
                _ => metric::GAUGE,
            };
            metric.message(field, |of| {
                of.double(1, value.as_f64());
                if kind == Type::Counter {
                    created(of, 3, head);
                }
            });
        });
    }

    pub(super) fn histogram(&mut self, head: &Head, labels: &Labels<'_>, observed: &Observed<'_>) {
        self.metric(labels, |metric| {
            metric.message(metric::HISTOGRAM, |of| {
                of.uint(histogram::COUNT, observed.count());
                of.double(histogram::SUM, observed.sum.as_f64());
                for (bound, below, example) in observed.buckets() {
                    of.message(histogram::BUCKET, |bucket| {
                        bucket.uint(1, below);
                        bucket.double(2, bound);
                        if let Some(example) = example {
                            bucket.message(3, |of| write_example(of, example));
                        }
                    });
                }
                if let Some(exponential) = observed.native {
                    native(of, exponential);
                }
                created(of, histogram::CREATED, head);
            });
        });
    }

    pub(super) fn summary(&mut self, head: &Head, labels: &Labels<'_>, sum: Value, count: u64) {
        self.metric(labels, |metric| {
            metric.message(metric::SUMMARY, |of| {
                of.uint(1, count);
                of.double(2, sum.as_f64());
                created(of, 4, head);
            });
        });
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.out
    }

    fn metric(&mut self, labels: &Labels<'_>, write: impl FnOnce(&mut Message<'_>)) {
        Message::new(&mut self.family).message(family::METRIC, |metric| {
            for (name, value) in labels {
                metric.message(metric::LABEL, |pair| {
                    pair.string(1, name);
                    pair.text(2, value);
                });
            }
            write(metric);
        });
    }

    fn flush(&mut self) {
        if !self.family.is_empty() {
            push_varint(&mut self.out, self.family.len() as u64);
            self.out.append(&mut self.family);
        }
    }
}

fn code_of(kind: Type) -> u64 {
    match kind {
        Type::Counter => 0,
        Type::Gauge | Type::StateSet | Type::Info => 1,
        Type::Summary => 2,
        Type::Unknown => 3,
        Type::Histogram => 4,
    }
}

fn native(of: &mut Message<'_>, exponential: &Exponential) {
    of.sint(histogram::SCHEMA, exponential.schema.into());
    of.double(histogram::ZERO_THRESHOLD, ZERO_THRESHOLD);
    of.uint(histogram::ZERO_COUNT, exponential.zeros);
    for (offset, length) in exponential.spans() {
        of.message(histogram::POSITIVE_SPAN, |span| {
            span.sint(1, offset.into());
            span.uint(2, length.into());
        });
    }
    // The message is of the older syntax, in which lists are not packed; readers take both.
    for delta in exponential.deltas() {
        of.sint(histogram::POSITIVE_DELTA, delta);
    }
}

fn write_example(of: &mut Message<'_>, example: &ExemplarView) {
    for (name, value) in
        [("trace_id", &example.trace_id()[..]), ("span_id", &example.span_id()[..])]
    {
        of.message(1, |pair| {
            pair.string(1, name);
            pair.text(2, value);
        });
    }
    of.double(2, example.value_us as f64 / 1e6);
    of.message(3, |at| timestamp(at, example.at_us));
}

fn created(of: &mut Message<'_>, field: u32, head: &Head) {
    if let Some(us) = head.created_us {
        of.message(field, |at| timestamp(at, us));
    }
}

/// `google.protobuf.Timestamp`.
fn timestamp(of: &mut Message<'_>, us: u64) {
    of.uint(1, us / 1_000_000);
    of.uint(2, us % 1_000_000 * 1_000);
}
