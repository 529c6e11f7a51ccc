//! Thresholds before the first fork: read, bound to the metrics of this instance, given their rows.
//!
//! Owns what `metric-threshold` says at the start and under `--check`, and the rows' fixed half. It
//! refuses to look at values: that is the observer's.

use uwsgi_config::{Config, Entry, Finding};
use uwsgi_metrics::schema::{Selector, select};
use uwsgi_metrics::{Arena, Kind, MetricRow, ThresholdCells, View};
use uwsgi_watch::threshold::{self, Found, HISTOGRAMS, Names, Refusal, Spec, Thresholds};

use crate::instance::Instance;
use crate::log;
use crate::settings::Settings;

/// All thresholds of the configuration; those that contradict themselves become faults.
pub(crate) fn read(config: &Config, faults: &mut Vec<Finding>) -> Vec<Spec> {
    let mut specs = Vec::new();
    for entry in config.all("metric-threshold") {
        match threshold::parse(entry.text()) {
            Ok(spec) => specs.push(spec),
            // What the option table knows to be missing was said already.
            Err(refusal) if config.findings.iter().any(|found| found.text == refusal.text) => {}
            Err(refusal) => faults.push(finding(entry, refusal)),
        }
    }
    specs
}

/// What names no metric of an instance with these settings, for a check that opens nothing.
pub(crate) fn check(config: &Config, settings: &Settings) -> Vec<Finding> {
    if settings.thresholds.is_empty() {
        return Vec::new();
    }
    let mut shape = crate::metrics::shape(settings, settings.sockets.len().max(1) as u32);
    shape.metrics = settings.user_metrics.metrics.len() as u32 + 1;
    let Ok(arena) = Arena::create(&shape) else { return Vec::new() };
    (0..shape.gateways).for_each(|index| arena.gateway(index).name.set(b"http"));
    for metric in &settings.user_metrics.metrics {
        arena.register_metric(&metric.name, metric.kind, "", 0);
    }
    faults(config, settings, &arena)
}

/// Rows for the thresholds, and some more: while their number stays the same, a reload with other
/// thresholds keeps the arena and finds every row of before.
pub(crate) fn rows(settings: &Settings) -> u32 {
    (settings.thresholds.len() as u32).next_multiple_of(16)
}

/// Binds the thresholds, gives each its row and says so; the error is a text for the log.
pub(crate) fn register(instance: &Instance) -> Result<(), String> {
    let Instance { settings, arena, config, .. } = instance;
    if let Some(fault) = faults(config, settings, arena).first() {
        return Err(fault.lines().join("\n"));
    }
    let all = bind(instance).map_err(|refusal| refusal.text)?;
    let mut past = Past::take(arena);
    for (index, ((spec, _), bound)) in (0..).zip(all.standings().zip(all.bounds())) {
        let row = arena.threshold(index);
        let known = past.of(spec).unwrap_or_default();
        row.text.set(spec.text.as_bytes());
        row.key.set(spec.key().as_bytes());
        row.state.set(known.state);
        row.since.set(known.since);
        row.value_milli.set(known.value_milli);
        row.bound_milli.set(milli(bound));
        row.fired.set(known.fired);
        row.last_alarm.set(known.last_alarm);
        let value = if bound.is_nan() { "burn rate".to_owned() } else { bound.to_string() };
        log!("added threshold for metric {} (value: {value})", spec.key());
        remarks(arena, settings, spec);
    }
    for index in settings.thresholds.len() as u32..arena.shape().thresholds {
        arena.threshold(index).text.set(b"");
    }
    Ok(())
}

/// The thresholds, bound to the metrics of this instance.
pub(crate) fn bind(instance: &Instance) -> Result<Thresholds, Refusal> {
    let names = Listed { view: &instance.arena, settings: &instance.settings };
    Thresholds::new(&instance.settings.thresholds, &names, &instance.hostname)
}

/// A number as rows keep it: in thousandths.
pub(crate) fn milli(value: f64) -> i64 {
    // A float becomes the nearest integer there is; no number becomes 0.
    (value * 1e3).round() as i64
}

fn finding(entry: &Entry, refusal: Refusal) -> Finding {
    Finding::fault(refusal.text).about(entry).allowed(refusal.remedy)
}

fn faults(config: &Config, settings: &Settings, view: &View) -> Vec<Finding> {
    let names = Listed { view, settings };
    let entries = config.all("metric-threshold").zip(&settings.thresholds);
    let refused = entries.filter_map(|(entry, spec)| {
        let refusal = Thresholds::new(std::slice::from_ref(spec), &names, "").err()?;
        Some(finding(entry, refusal))
    });
    refused.collect()
}

/// What a threshold says that does not mean what it looks like.
fn remarks(view: &View, settings: &Settings, spec: &Spec) {
    let key = spec.key();
    for remark in &spec.remarks {
        log!("threshold for metric {key}: {remark}");
    }
    let names = Listed { view, settings };
    let collected = matches!(names.find(key), Some(Found::Number { writable: false, .. }));
    if collected && spec.reset.is_some() {
        log!("threshold for metric {key}: reset has no lasting effect, the value is collected");
    }
}

/// The metrics of an instance by name.
struct Listed<'a> {
    view: &'a View,
    settings: &'a Settings,
}

impl Names for Listed<'_> {
    fn find(&self, key: &str) -> Option<Found> {
        let every = every(self.settings, key);
        let found = select(self.view, key.as_bytes()).map(|selector| match selector {
            Selector::Registered(slot) => registered(self.view.metric_at(slot), every),
            Selector::Builtin(metric, ..) => Found::Number {
                unit: metric.unit,
                counter: metric.kind == Kind::Counter,
                every,
                writable: false,
            },
        });
        let histogram = || HISTOGRAMS.iter().find(|(name, _)| *name == key);
        found.or_else(|| histogram().map(|(_, what)| Found::Latency(*what)))
    }
}

fn registered(row: &MetricRow, every: u64) -> Found {
    Found::Number {
        unit: uwsgi_metrics::schema::Unit::Count,
        counter: Kind::from_code(row.kind.get()) == Kind::Counter,
        every,
        writable: row.is_manual(),
    }
}

/// Seconds between two collections of a metric, which are the looks at its value.
fn every(settings: &Settings, key: &str) -> u64 {
    let named = settings.user_metrics.metrics.iter().find(|metric| metric.name == key);
    named.map_or(1, |metric| metric.freq)
}

/// What the rows said before this start, found by the text of the threshold, wherever it stood.
struct Past(Vec<ThresholdCells>);

impl Past {
    fn take(arena: &Arena) -> Past {
        Past((0..arena.shape().thresholds).map(|index| arena.threshold(index).read()).collect())
    }

    fn of(&mut self, spec: &Spec) -> Option<ThresholdCells> {
        let text = spec.text.as_bytes();
        // Rows keep the beginning of a long text.
        let same = |cells: &ThresholdCells| !cells.text.is_empty() && text.starts_with(&cells.text);
        let position = self.0.iter().position(same)?;
        Some(self.0.remove(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_table_names_every_key_that_is_read() {
        let row = uwsgi_config::table::find("metric-threshold").unwrap();
        assert_eq!(row.keys, threshold::KEYS);
    }

    #[test]
    fn a_row_is_found_by_the_text_of_its_threshold() {
        let spec = |value| threshold::parse(&format!("key=a,value={value}")).unwrap();
        let cells = |text: &str, fired| ThresholdCells {
            text: text.into(),
            fired,
            ..ThresholdCells::default()
        };
        let mut past =
            Past(vec![cells("key=a,value=2", 2), cells("", 0), cells("key=a,value=2", 3)]);
        let mut fired = |value| past.of(&spec(value)).map(|cells| cells.fired);
        assert_eq!([fired(1), fired(2), fired(2), fired(2)], [None, Some(2), Some(3), None]);
    }
}
