//! Durations of the server's own doings as histograms, each with the longest one beside it.

use super::value::seconds;
use super::writer::{Observed, Type, Writer};
use crate::rows::{SPREAD_BOUNDS_US, SpreadCells};
use crate::snapshot::Snapshot;

/// A gauge beside a histogram: part of its name, help, value.
type Extreme = (&'static str, &'static str, fn(&SpreadCells) -> u64);

/// The gauges beside each histogram.
const EXTREMES: [Extreme; 2] = [
    ("max", "The longest of them so far.", |s| s.max_us),
    ("last", "The last of them.", |s| s.last_us),
];

/// Writes them; what never happened is left out.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot) {
    let globals = &snapshot.globals;
    let all = [
        ("uwsgi_master_turn", "Turns of the master, waiting not included.", &globals.master_turns),
        (
            "uwsgi_master_lateness",
            "Delay of the master's duties of a second.",
            &globals.master_lateness,
        ),
        (
            "uwsgi_observer_lateness",
            "Delay of the observer's look of a second.",
            &globals.observer_lateness,
        ),
        (
            "uwsgi_reload_duration",
            "Reloads, from the request to all workers accepting.",
            &globals.reload_spread,
        ),
    ];
    for (name, help, spread) in all {
        family(out, name, help, &[(Vec::new(), spread)]);
    }
    let waits: Vec<_> = routers(snapshot);
    let waits: Vec<_> = waits.iter().map(|(name, spread)| (name.clone(), spread)).collect();
    family(out, "uwsgi_router_wait", "Requests that waited for a free worker.", &waits);
}

/// Waits by the name of the router; its processes are one router.
fn routers(snapshot: &Snapshot) -> Vec<(Vec<u8>, SpreadCells)> {
    let mut all: Vec<(Vec<u8>, SpreadCells)> = Vec::new();
    for gateway in &snapshot.gateways {
        match all.iter_mut().find(|(name, _)| *name == gateway.name) {
            Some((_, sum)) => sum.merge(&gateway.waits),
            None => all.push((gateway.name.clone(), gateway.waits.clone())),
        }
    }
    all
}

/// One histogram and the gauge of its longest value, for each router or, without a name, once.
fn family(out: &mut Writer<'_>, name: &str, help: &str, all: &[(Vec<u8>, &SpreadCells)]) {
    let some: Vec<_> = all.iter().filter(|(_, spread)| spread.count() > 0).collect();
    let histogram = format!("{name}_seconds");
    if some.is_empty() {
        // The names are ours also while there is nothing to say.
        out.claim(&histogram, Type::Histogram);
        EXTREMES.iter().for_each(|(which, ..)| {
            out.claim(&format!("{name}_{which}_seconds"), Type::Gauge);
        });
        return;
    }
    if !out.family(&histogram, Type::Histogram, help, true) {
        return;
    }
    let bounds = SPREAD_BOUNDS_US.map(|us| us as f64 / 1e6);
    for (router, spread) in &some {
        let own: Vec<(&str, &[u8])> = label(router).collect();
        let below: Vec<u64> =
            spread.cumulative().map(|(_, below)| below).chain([spread.count()]).collect();
        let sum = seconds(spread.sum_us);
        let observed =
            Observed { bounds: &bounds, below: &below, sum, native: None, exemplars: &[] };
        out.histogram(&own, &observed);
    }
    for (which, help, of) in EXTREMES {
        let gauge = format!("{name}_{which}_seconds");
        if out.family(&gauge, Type::Gauge, help, true) {
            for (router, spread) in &some {
                let own: Vec<_> = label(router).collect();
                out.sample(&own, seconds(of(spread)));
            }
        }
    }
}

fn label(router: &[u8]) -> impl Iterator<Item = (&'static str, &[u8])> {
    (!router.is_empty()).then_some(("router", router)).into_iter()
}
