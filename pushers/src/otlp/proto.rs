//! The binary form. Numbers of fields are those of the published proto files.

use uwsgi_metrics::protobuf::Message;
use uwsgi_metrics::{ExemplarView, ZERO_THRESHOLD};

use super::point::{
    Attribute, Attributes, Metric, Number, Point, SCOPE, Said, Sender, Shape, dense,
};

/// A whole request around metrics that are written already.
pub(super) fn request(sender: &Sender, metrics: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(metrics.len() + 1024);
    Message::new(&mut out).message(1, |of| {
        of.message(1, |resource| attributes(resource, 1, &sender.attributes));
        of.message(2, |scoped| {
            scoped.message(1, |scope| {
                scope.string(1, SCOPE);
                scope.string(2, &sender.version);
            });
            scoped.append(metrics);
        });
    });
    out
}

/// Appends a metric with its points.
pub(super) fn metric(out: &mut Vec<u8>, metric: &Metric, points: &[u8]) {
    Message::new(out).message(2, |of| {
        of.string(1, &metric.name);
        of.string(2, &metric.help);
        of.string(3, &metric.unit);
        let field = match metric.shape {
            Shape::Gauge => 5,
            Shape::Sum(_) => 7,
            Shape::Buckets => 9,
            Shape::Exponential => 10,
            Shape::Summary => 11,
        };
        of.message(field, |data| {
            data.append(points);
            if !matches!(metric.shape, Shape::Gauge | Shape::Summary) {
                data.uint(2, metric.temporality());
            }
            if metric.shape == Shape::Sum(true) {
                data.boolean(3, true);
            }
        });
    });
}

/// Appends a point.
pub(super) fn point(out: &mut Vec<u8>, point: &Point<'_>) {
    Message::new(out).message(1, |of| match &point.said {
        Said::Number(number) => {
            times(of, point);
            match number {
                Number::Real(value) => of.double(4, *value),
                Number::Int(value) => of.sfixed64(6, *value),
            }
            examples(of, 5, &point.examples);
            attributes(of, 7, &point.attributes);
        }
        Said::Buckets { bounds, counts, sum } => {
            times(of, point);
            of.fixed64(4, counts.iter().sum());
            of.double(5, *sum);
            of.packed_fixed64(6, counts.iter().copied());
            of.packed_doubles(7, bounds.iter().copied());
            examples(of, 8, &point.examples);
            attributes(of, 9, &point.attributes);
        }
        Said::Exponential { all, sum } => {
            let (scale, first, counts) = dense(all);
            attributes(of, 1, &point.attributes);
            times(of, point);
            of.fixed64(4, all.count());
            of.double(5, *sum);
            of.sint(6, scale.into());
            of.fixed64(7, all.zeros);
            of.message(8, |buckets| {
                // Bucket i of Prometheus begins where i - 1 of this protocol does.
                buckets.sint(1, i64::from(first) - 1);
                buckets.packed_uints(2, counts);
            });
            examples(of, 11, &point.examples);
            of.double(14, ZERO_THRESHOLD);
        }
        Said::Summary { sum, count } => {
            times(of, point);
            of.fixed64(4, *count);
            of.double(5, *sum);
            attributes(of, 7, &point.attributes);
        }
    });
}

fn times(of: &mut Message<'_>, point: &Point<'_>) {
    if point.start_ns > 0 {
        of.fixed64(2, point.start_ns);
    }
    of.fixed64(3, point.at_ns);
}

/// `KeyValue` messages; also what tells points of one metric apart.
pub(super) fn attributes(of: &mut Message<'_>, field: u32, attributes: &Attributes<'_>) {
    for (name, value) in attributes {
        of.message(field, |pair| {
            pair.string(1, name);
            pair.message(2, |any| match value {
                Attribute::Text(text) => any.string(1, text),
                Attribute::Int(value) => any.int(3, *value),
            });
        });
    }
}

fn examples(of: &mut Message<'_>, field: u32, examples: &[ExemplarView]) {
    for example in examples {
        of.message(field, |of| {
            of.fixed64(2, example.at_us * 1_000);
            of.double(3, example.value_us as f64 / 1e6);
            of.bytes(4, &example.span);
            of.bytes(5, &example.trace);
        });
    }
}
