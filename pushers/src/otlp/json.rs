//! The JSON form: names in camel case, 64-bit integers as texts, ids as hexadecimal digits.

use serde_json::{Value, json};
use uwsgi_metrics::{ExemplarView, ZERO_THRESHOLD};

use super::point::{
    Attribute, Attributes, Metric, Number, Point, SCOPE, Said, Sender, Shape, dense,
};

/// A whole request around metrics that are written already, with commas between them.
pub(super) fn request(sender: &Sender, metrics: &[u8]) -> Vec<u8> {
    let resource = json!({ "attributes": attributes(&sender.attributes) });
    let scope = json!({ "name": SCOPE, "version": sender.version });
    let mut out = format!(
        "{{\"resourceMetrics\":[{{\"resource\":{resource},\"scopeMetrics\":[{{\"scope\":{scope},\"metrics\":["
    )
    .into_bytes();
    out.extend_from_slice(metrics);
    out.extend_from_slice(b"]}]}]}");
    out
}

/// Appends a metric with its points.
pub(super) fn metric(out: &mut Vec<u8>, metric: &Metric, points: &[u8]) {
    let kind = match metric.shape {
        Shape::Gauge => "gauge",
        Shape::Sum(_) => "sum",
        Shape::Buckets => "histogram",
        Shape::Exponential => "exponentialHistogram",
        Shape::Summary => "summary",
    };
    let mut rest = String::new();
    if !matches!(metric.shape, Shape::Gauge | Shape::Summary) {
        rest = format!(",\"aggregationTemporality\":{}", metric.temporality());
    }
    if metric.shape == Shape::Sum(true) {
        rest.push_str(",\"isMonotonic\":true");
    }
    let (name, help, unit) = (json!(metric.name), json!(metric.help), json!(metric.unit));
    comma(out);
    let head = format!(
        "{{\"name\":{name},\"description\":{help},\"unit\":{unit},\"{kind}\":{{\"dataPoints\":["
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(points);
    out.extend_from_slice(format!("]{rest}}}}}").as_bytes());
}

/// Appends a point.
pub(super) fn point(out: &mut Vec<u8>, point: &Point<'_>) {
    let mut of = json!({
        "timeUnixNano": point.at_ns.to_string(),
        "attributes": attributes(&point.attributes),
    });
    if point.start_ns > 0 {
        of["startTimeUnixNano"] = json!(point.start_ns.to_string());
    }
    if !point.examples.is_empty() {
        of["exemplars"] = point.examples.iter().map(example).collect();
    }
    match &point.said {
        Said::Number(Number::Int(value)) => of["asInt"] = json!(value.to_string()),
        Said::Number(Number::Real(value)) => of["asDouble"] = real(*value),
        Said::Buckets { bounds, counts, sum } => {
            of["count"] = json!(counts.iter().sum::<u64>().to_string());
            of["sum"] = real(*sum);
            of["bucketCounts"] = counts.iter().map(u64::to_string).collect();
            of["explicitBounds"] = bounds.iter().map(|bound| real(*bound)).collect();
        }
        Said::Exponential { all, sum } => {
            let (scale, first, counts) = dense(all);
            of["count"] = json!(all.count().to_string());
            of["sum"] = real(*sum);
            of["scale"] = json!(scale);
            of["zeroCount"] = json!(all.zeros.to_string());
            of["zeroThreshold"] = real(ZERO_THRESHOLD);
            let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
            of["positive"] = json!({ "offset": first - 1, "bucketCounts": counts });
        }
        Said::Summary { sum, count } => {
            of["count"] = json!(count.to_string());
            of["sum"] = real(*sum);
        }
    }
    comma(out);
    out.extend_from_slice(of.to_string().as_bytes());
}

fn comma(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b',');
    }
}

/// What JSON has no number for goes as the words that readers of protobuf's JSON know.
fn real(value: f64) -> Value {
    match value {
        value if value.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        value => json!(value),
    }
}

fn attributes(attributes: &Attributes<'_>) -> Value {
    let pair = |(name, value): &(_, Attribute<'_>)| {
        let value = match value {
            Attribute::Text(text) => json!({ "stringValue": text }),
            Attribute::Int(value) => json!({ "intValue": value.to_string() }),
        };
        json!({ "key": name, "value": value })
    };
    attributes.iter().map(pair).collect()
}

fn example(example: &ExemplarView) -> Value {
    json!({
        "timeUnixNano": (example.at_us * 1_000).to_string(),
        "asDouble": example.value_us as f64 / 1e6,
        "spanId": String::from_utf8_lossy(&example.span_id()),
        "traceId": String::from_utf8_lossy(&example.trace_id()),
    })
}
