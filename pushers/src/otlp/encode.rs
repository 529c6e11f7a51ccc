//! The walk over families, turned into metrics of OpenTelemetry, and those into requests of a
//! bounded size.

use std::collections::VecDeque;

use uwsgi_metrics::prometheus::{Families, Head, Labels, Observed, Type, Value, walk};
use uwsgi_metrics::protobuf::Message;
use uwsgi_metrics::{ExemplarView, Kind, Snapshot};

use super::delta::Before;
use super::names;
use super::point::{Attributes, Metric, Number, Point, Said, Sender, Shape};
use super::{json, proto};
use crate::instance::{Encoder, Load};
use crate::tick::Tick;
use crate::web::gzip;

/// Bytes of a request before it is compressed. Servers of gRPC refuse messages beyond 4 MiB.
const LARGEST: usize = 2 << 20;

/// How requests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Proto,
    Json,
}

/// Which metrics say only what came since the push before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temporality {
    /// None.
    Cumulative,
    /// All that count.
    Delta,
    /// Those that applications count, and distributions.
    LowMemory,
}

/// What an encoder is told.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) form: Form,
    pub(super) gzip: bool,
    pub(super) temporality: Temporality,
    /// Distributions go in exponential buckets where values are known finely enough.
    pub(super) exponential: bool,
}

/// See the module.
pub(super) struct Encode {
    wanted: Wanted,
    sender: Sender,
    /// When the arena was made, epoch nanoseconds.
    since_ns: u64,
    /// False when somebody has pushed these counts before, so that a first difference would tell
    /// them twice.
    fresh: bool,
    before: Before,
    ready: VecDeque<Load<Vec<u8>>>,
    // --- of the push at hand
    at_ns: u64,
    metrics: Vec<u8>,
    values: u64,
    open: Option<Open>,
    points: Vec<u8>,
    key: Vec<u8>,
}

/// The metric whose points are coming.
#[derive(Clone)]
struct Open {
    metric: Metric,
    start_ns: u64,
    /// Of an application, which named everything itself.
    own: bool,
    /// About requests over HTTP.
    http: bool,
}

impl Encode {
    pub(super) fn new(wanted: Wanted, sender: Sender, since_ns: u64, fresh: bool) -> Encode {
        Encode {
            wanted,
            sender,
            since_ns,
            fresh,
            before: Before::default(),
            ready: VecDeque::new(),
            at_ns: 0,
            metrics: Vec::new(),
            values: 0,
            open: None,
            points: Vec::new(),
            key: Vec::new(),
        }
    }

    fn begin(&mut self, metric: Metric, own: bool) {
        self.close();
        let start_ns = match metric.shape {
            Shape::Gauge => 0,
            _ if metric.delta && self.before.at_ns() > 0 => self.before.at_ns(),
            _ => self.since_ns,
        };
        let http = metric.name.starts_with("http.server.");
        self.open = Some(Open { metric, start_ns, own, http });
    }

    /// Adds a point to the open metric.
    fn add(&mut self, attributes: Attributes<'_>, mut said: Said<'_>, examples: Vec<ExemplarView>) {
        let Some(open) = &self.open else { return };
        if open.metric.delta {
            self.key.clear();
            self.key.extend_from_slice(open.metric.name.as_bytes());
            proto::attributes(&mut Message::new(&mut self.key), 1, &attributes);
            self.before.since(&self.key, &mut said);
            if self.before.at_ns() == 0 && !self.fresh {
                return;
            }
        }
        let start_ns = open.start_ns;
        let point = Point { start_ns, at_ns: self.at_ns, attributes, said, examples };
        match self.wanted.form {
            Form::Proto => proto::point(&mut self.points, &point),
            Form::Json => json::point(&mut self.points, &point),
        }
        self.values += 1;
        // Both together are one request.
        if self.metrics.len() + self.points.len() >= LARGEST {
            let open = self.open.clone();
            self.close();
            self.flush();
            self.open = open;
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if self.points.is_empty() {
            return;
        }
        match self.wanted.form {
            Form::Proto => proto::metric(&mut self.metrics, &open.metric, &self.points),
            Form::Json => json::metric(&mut self.metrics, &open.metric, &self.points),
        }
        self.points.clear();
        if self.metrics.len() >= LARGEST {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.metrics.is_empty() {
            return;
        }
        let request = match self.wanted.form {
            Form::Proto => proto::request(&self.sender, &self.metrics),
            Form::Json => json::request(&self.sender, &self.metrics),
        };
        self.metrics.clear();
        let payload = if self.wanted.gzip { gzip(&request) } else { request };
        let values = std::mem::take(&mut self.values);
        self.ready.push_back(Load { bytes: payload.len(), values, payload });
    }

    /// Metrics of `metric = ...` and of the API, under their own names.
    fn user_metrics(&mut self, snapshot: &Snapshot) {
        for cells in &snapshot.metrics {
            let shape = match Kind::from_code(cells.kind) {
                Kind::Alias => continue,
                // One that was decreased below zero can only be a gauge.
                Kind::Counter if cells.value >= 0 => Shape::Sum(true),
                Kind::Counter | Kind::Gauge | Kind::Absolute => Shape::Gauge,
            };
            let counts = shape == Shape::Sum(true);
            let delta = counts && self.wanted.temporality != Temporality::Cumulative;
            let name = format!("uwsgi.metric.{}", String::from_utf8_lossy(&cells.name));
            self.begin(Metric { name, shape, delta, ..Metric::default() }, true);
            let said = Said::Number(Number::Int(cells.value));
            self.add(Attributes::new(), said, Vec::new());
        }
    }

    fn attributes<'a>(&self, labels: &Labels<'a>) -> Attributes<'a> {
        match &self.open {
            Some(open) if !open.own => names::of_labels(labels, open.http),
            _ => names::as_they_are(labels),
        }
    }
}

impl Encoder for Encode {
    type Payload = Vec<u8>;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Vec<u8>>> {
        self.at_ns = tick.at_us * 1_000;
        let snapshot = (tick.full)();
        walk(&snapshot, tick.page, self);
        self.user_metrics(&snapshot);
        self.close();
        self.flush();
        self.before.end(self.at_ns);
        self.ready.pop_front()
    }

    fn rest(&mut self) -> Option<Load<Vec<u8>>> {
        self.ready.pop_front()
    }
}

impl Families for Encode {
    fn family(&mut self, head: &Head, help: &str, unit: Option<&str>) {
        self.close();
        let kind = head.kind.unwrap_or(Type::Unknown);
        let own = head.created_us.is_none();
        let (name, unit) = if own {
            (kind.base(&head.name).to_owned(), unit.unwrap_or_default())
        } else {
            let Some((name, unit)) = names::of_server(&head.name, kind) else { return };
            (name.into_owned(), unit)
        };
        let shape = match kind {
            Type::Counter => Shape::Sum(true),
            Type::Histogram => Shape::Buckets,
            Type::Summary => Shape::Summary,
            // By the conventions it is a sum of those that began and those that ended.
            Type::Gauge if name == "http.server.active_requests" => Shape::Sum(false),
            Type::Gauge | Type::StateSet | Type::Info | Type::Unknown => Shape::Gauge,
        };
        let delta = match self.wanted.temporality {
            Temporality::Cumulative => false,
            Temporality::Delta => matches!(kind, Type::Counter | Type::Histogram),
            Temporality::LowMemory => kind == Type::Histogram || (kind == Type::Counter && own),
        };
        let (help, unit) = (help.to_owned(), unit.to_owned());
        self.begin(Metric { name, help, unit, shape, delta }, own);
    }

    fn sample(&mut self, _: &Head, labels: &Labels<'_>, value: Value) {
        let number = match value {
            Value::Uint(value) => Number::Int(i64::try_from(value).unwrap_or(i64::MAX)),
            Value::Int(value) => Number::Int(value),
            Value::Decimal(..) | Value::Milli(_) | Value::Real(_) => Number::Real(value.as_f64()),
        };
        self.add(self.attributes(labels), Said::Number(number), Vec::new());
    }

    fn histogram(&mut self, _: &Head, labels: &Labels<'_>, observed: &Observed<'_>) {
        let sum = observed.sum.as_f64();
        let examples: Vec<ExemplarView> = observed.exemplars.iter().flatten().copied().collect();
        let native = observed.native.filter(|_| self.wanted.exponential);
        let shape = if native.is_some() { Shape::Exponential } else { Shape::Buckets };
        if let Some(open) = &mut self.open {
            open.metric.shape = shape;
        }
        let said = match native {
            Some(all) => Said::Exponential { all: all.clone(), sum },
            None => {
                let mut before = 0;
                let count = |below: &u64| *below - std::mem::replace(&mut before, *below);
                let counts = observed.below.iter().map(count).collect();
                Said::Buckets { bounds: observed.bounds, counts, sum }
            }
        };
        self.add(self.attributes(labels), said, examples);
    }

    fn summary(&mut self, _: &Head, labels: &Labels<'_>, sum: Value, count: u64) {
        let said = Said::Summary { sum: sum.as_f64(), count };
        self.add(self.attributes(labels), said, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::point::Attribute;

    #[test]
    fn no_request_is_larger_than_receivers_are_made_for() {
        for form in [Form::Proto, Form::Json] {
            let temporality = Temporality::Cumulative;
            let wanted = Wanted { form, gzip: false, temporality, exponential: false };
            let mut encode = Encode::new(wanted, Sender::default(), 1, true);
            for (name, points) in [("a", 10_000), ("b", 30_000)] {
                let shape = Shape::Sum(true);
                encode.begin(Metric { name: name.into(), shape, ..Metric::default() }, true);
                for n in 0..points {
                    let text = Attribute::Text(format!("{n:0100}").into());
                    encode.add(
                        vec![("shop".into(), text)],
                        Said::Number(Number::Int(n)),
                        Vec::new(),
                    );
                }
            }
            encode.close();
            encode.flush();
            let sizes: Vec<usize> = encode.ready.iter().map(|load| load.bytes).collect();
            assert!(sizes.iter().all(|size| *size < LARGEST + 2_048), "{form:?}: {sizes:?}");
            assert_eq!(encode.ready.iter().map(|load| load.values).sum::<u64>(), 40_000);
        }
    }
}
