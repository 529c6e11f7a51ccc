//! Where the thresholds stand, one sample each: the same key may be watched several times, so a
//! label numbers them in the order of the configuration.

use super::value::Value;
use super::writer::{Type, Writer};
use crate::rows::ThresholdCells;
use crate::snapshot::Snapshot;

/// How the value of a family is written.
type Show = fn(&ThresholdCells) -> Value;

/// Name, type, help, value.
const FAMILIES: [(&str, Type, &str, Show); 5] = [
    ("uwsgi_threshold_state", Type::Gauge, "0 quiet, 1 pending, 2 firing.", |t| {
        Value::Uint(t.state)
    }),
    (
        "uwsgi_threshold_value",
        Type::Gauge,
        "Value last compared, in the unit of the metric.",
        |t| Value::Milli(t.value_milli),
    ),
    ("uwsgi_threshold_bound", Type::Gauge, "Bound it is compared with.", |t| {
        Value::Milli(t.bound_milli)
    }),
    ("uwsgi_threshold_fired_total", Type::Counter, "Times it began to fire.", |t| {
        Value::Uint(t.fired)
    }),
    (
        "uwsgi_threshold_last_alarm_time_seconds",
        Type::Gauge,
        "Last alarm raised, 0 when there was none.",
        |t| Value::Uint(t.last_alarm),
    ),
];

/// Writes them.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot) {
    if snapshot.thresholds.is_empty() {
        return;
    }
    for (name, kind, help, show) in FAMILIES {
        if !out.family(name, kind, help, true) {
            continue;
        }
        for (index, threshold) in snapshot.thresholds.iter().enumerate() {
            let index = index.to_string();
            let labels = [("key", threshold.key.as_slice()), ("threshold", index.as_bytes())];
            out.sample(&labels, show(threshold));
        }
    }
}

/// Takes the names, also when nothing is watched.
pub(super) fn claim(out: &mut Writer<'_>) {
    FAMILIES.iter().for_each(|(name, kind, ..)| {
        out.claim(name, *kind);
    });
}

#[cfg(test)]
mod tests {
    use crate::prometheus::{Format, PromOptions, render};
    use crate::{Arena, Shape};

    #[test]
    fn two_thresholds_of_one_metric_are_told_apart() {
        let arena = Arena::create(&Shape { thresholds: 3, ..Shape::default() }).unwrap();
        for index in 0..2 {
            let row = arena.threshold(index);
            row.text.set(b"key=a,value=1");
            row.key.set(b"a");
            row.state.set(u64::from(index * 2));
            row.value_milli.set(1_250);
            row.fired.set(3);
        }
        let (_, text) = render(&arena.snapshot(), Format::Text, &PromOptions::default());
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<_> = text.lines().filter(|l| l.starts_with("uwsgi_threshold_")).collect();
        assert_eq!(lines.len(), 10, "{lines:#?}");
        assert_eq!(lines[0], "uwsgi_threshold_state{key=\"a\",threshold=\"0\"} 0");
        assert_eq!(lines[1], "uwsgi_threshold_state{key=\"a\",threshold=\"1\"} 2");
        assert_eq!(lines[3], "uwsgi_threshold_value{key=\"a\",threshold=\"1\"} 1.25");
        assert_eq!(lines[7], "uwsgi_threshold_fired_total{key=\"a\",threshold=\"1\"} 3");
    }
}
