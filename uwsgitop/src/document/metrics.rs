//! The metrics object of a stats document: name, kind, OID and value of each.
//!
//! The order of the names is lost on the way, so numbers in them are put in their order again:
//! worker 10 stands behind worker 2.

use serde_json::{Map, Value};

use super::{number, object, text};
use crate::human::clean;
use crate::picture::{Metric, Metrics};

/// Nothing where the server has no metrics subsystem or leaves them out.
pub(super) fn read(top: &Map<String, Value>) -> Option<Metrics> {
    let rows = object(top, "metrics")?.iter();
    let mut all: Vec<Metric> =
        rows.filter_map(|(name, row)| Some(metric(name, row.as_object()?))).collect();
    all.sort_by_cached_key(|metric| place(&metric.name));
    Some(all.into())
}

fn metric(name: &str, row: &Map<String, Value>) -> Metric {
    Metric {
        name: clean(name),
        oid: text(row, "oid"),
        kind: number(row, "type"),
        value: row.get("value").and_then(Value::as_f64).unwrap_or(f64::NAN),
        ..Metric::default()
    }
}

/// The parts of a name, numbers as numbers.
fn place(name: &str) -> Vec<(Option<u64>, String)> {
    name.split('.').map(|part| (part.parse().ok(), part.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use crate::document::parse;

    #[test]
    fn metrics_are_read_in_the_order_of_their_numbers() {
        let json = br#"{"metrics":{"worker.10.rss":{"type":1,"oid":"3.10.8","value":-4},
            "worker.2.rss":{"type":1,"oid":"3.2.8","value":9},"core.x":{"type":0,"value":1.5},
            "odd":7,"none\u001b":{"value":"x"}}}"#;
        let picture = parse(json).unwrap();
        let seen: Vec<(&str, u64, &str)> =
            picture.metrics.iter().map(|m| (m.name.as_str(), m.kind, m.oid.as_str())).collect();
        let wanted = [
            ("core.x", 0, ""),
            ("none?", 0, ""),
            ("worker.2.rss", 1, "3.2.8"),
            ("worker.10.rss", 1, "3.10.8"),
        ];
        assert_eq!(seen, wanted);
        let values: Vec<f64> = picture.metrics.iter().map(|m| m.value).collect();
        assert_eq!((values[0], values[2], values[3]), (1.5, 9.0, -4.0));
        assert!(values[1].is_nan() && picture.lists_metrics);
        assert!(!parse(b"{\"metrics\":[]}").unwrap().lists_metrics);
    }
}
