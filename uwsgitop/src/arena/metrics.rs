//! The metrics of an arena by name: the server's own, and the series that applications made.
//!
//! There may be thousands, so the list is made once a second at most and shared by all pictures of
//! that second. Series stand under the names that a scraper sees; of a histogram or summary that
//! is its count and its sum.

use uwsgi_metrics::schema::{self, Item, ListOptions};
use uwsgi_metrics::series::families;
use uwsgi_metrics::{FamilyKind, FamilySnap, Sample, Snapshot, View};

use super::text;
use crate::human::clean;
use crate::picture::{Metric, Metrics};

/// What a metric does, in the codes of the classic list.
const COUNTER: u64 = 0;
const GAUGE: u64 = 1;

/// The list that was made last.
#[derive(Default)]
pub(super) struct Reading {
    /// The second it belongs to.
    last: Option<(u64, Metrics)>,
}

impl Reading {
    /// All metrics as they were in the second of the snapshot.
    pub(super) fn list(&mut self, view: &View, snapshot: &Snapshot) -> Metrics {
        let second = snapshot.taken_us / 1_000_000;
        if let Some((_, list)) = self.last.as_ref().filter(|(made, _)| *made == second) {
            return list.clone();
        }
        let options = ListOptions { no_cores: false, extended: true };
        let mut all: Vec<Metric> =
            schema::list(snapshot, options).into_iter().map(classic).collect();
        for family in families(view) {
            all.extend(family.samples.iter().flat_map(|sample| series(&family, sample)));
        }
        self.last.insert((second, all.into())).1.clone()
    }
}

fn classic(item: Item) -> Metric {
    Metric {
        name: text(&item.name),
        oid: text(&item.oid),
        kind: item.kind as u64,
        value: item.value as f64,
        ..Metric::default()
    }
}

/// What one series is shown as.
fn series(family: &FamilySnap, sample: &Sample) -> Vec<Metric> {
    let labels = labels(family, sample);
    let metric = |suffix: &str, kind, value| Metric {
        name: clean(&format!("{}{suffix}{labels}", family.name)),
        oid: String::new(),
        kind,
        value,
        help: clean(&family.help),
        unit: clean(&family.unit),
    };
    match family.kind {
        FamilyKind::Counter => vec![metric("_total", COUNTER, sample.value)],
        FamilyKind::Histogram | FamilyKind::Summary => {
            let count = sample.buckets.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
            vec![metric("_count", COUNTER, count as f64), metric("_sum", COUNTER, sample.value)]
        }
        FamilyKind::Info => vec![metric("_info", GAUGE, sample.value)],
        FamilyKind::Gauge | FamilyKind::StateSet | FamilyKind::Unknown => {
            vec![metric("", GAUGE, sample.value)]
        }
    }
}

/// `{method="GET",code="200"}`, as in an exposition; nothing without labels.
fn labels(family: &FamilySnap, sample: &Sample) -> String {
    let values = sample.values.iter().map(|value| String::from_utf8_lossy(value).into_owned());
    let mut all: Vec<(&str, String)> =
        family.labels.iter().map(String::as_str).zip(values).collect();
    if let Some(worker) = sample.worker {
        let taken = family.labels.iter().any(|label| label == "worker_id");
        all.push((if taken { "uwsgi_worker_id" } else { "worker_id" }, worker.to_string()));
    }
    let pairs: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, GaugeMode, Shape};

    fn shown(kind: FamilyKind, sample: Sample) -> Vec<String> {
        let family = FamilySnap {
            name: "app_orders".into(),
            help: "Orders.\u{1b}".into(),
            kind,
            mode: GaugeMode::Shared,
            labels: vec!["shop".into()],
            ..FamilySnap::default()
        };
        let all = series(&family, &sample);
        assert!(all.iter().all(|metric| metric.help == "Orders.?"));
        all.iter()
            .map(|metric| format!("{} {} {}", metric.name, metric.kind, metric.value))
            .collect()
    }

    #[test]
    fn series_have_the_names_of_an_exposition() {
        let sample = |value, buckets: &[u64]| Sample {
            values: vec![b"a\"b".to_vec()],
            worker: None,
            value,
            buckets: buckets.to_vec(),
        };
        let counter = shown(FamilyKind::Counter, sample(7.0, &[]));
        assert_eq!(counter, [r#"app_orders_total{shop="a\"b"} 0 7"#]);
        assert_eq!(
            shown(FamilyKind::Histogram, sample(2.5, &[3, u64::MAX])),
            [
                r#"app_orders_count{shop="a\"b"} 0 18446744073709552000"#,
                r#"app_orders_sum{shop="a\"b"} 0 2.5"#
            ]
        );
        let own = Sample { worker: Some(2), ..sample(1.0, &[]) };
        assert_eq!(shown(FamilyKind::Gauge, own), [r#"app_orders{shop="a\"b",worker_id="2"} 1 1"#]);
    }

    #[test]
    fn a_list_is_made_once_a_second_and_holds_the_whole_schema() {
        let arena = Arena::create(&Shape { workers: 2, cores: 1, ..Shape::default() }).unwrap();
        let mut reading = Reading::default();
        let snapshot = |taken_us| Snapshot { taken_us, ..Snapshot::take(&arena) };
        let first = reading.list(&arena, &snapshot(5_000_000));
        let names: Vec<&str> = first.iter().map(|metric| metric.name.as_str()).collect();
        for name in ["core.busy_workers", "worker.2.requests", "core.responses.2xx"] {
            assert!(names.contains(&name), "{name} is one of {names:?}");
        }
        arena.globals().busy_workers.set(2);
        assert!(reading.list(&arena, &snapshot(5_900_000)).is(&first));
        let next = reading.list(&arena, &snapshot(6_000_000));
        let busy = next.iter().find(|metric| metric.name == "core.busy_workers").unwrap();
        assert_eq!((busy.value, busy.kind, busy.oid.as_str()), (2.0, GAUGE, "5.3"));
    }
}
