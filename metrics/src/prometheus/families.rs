//! The families of the schema table, each with the labels of what it repeats over.

use std::collections::BTreeSet;

use super::PromOptions;
use super::writer::{Type, Writer, decimal};
use crate::schema::{Metric, Read, TABLE, Unit};
use crate::snapshot::Snapshot;

/// Labels of one sample, owned.
type Labels = Vec<(&'static str, Vec<u8>)>;

/// Writes every family of the table that has something to say.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    let mut done = BTreeSet::new();
    for metric in TABLE {
        let Some(family) = metric.family else { continue };
        let of_core = matches!(metric.read, Read::Core(_));
        if (of_core && !options.cores) || !done.insert(family) {
            continue;
        }
        let rows = TABLE.iter().filter(|row| row.family == Some(family));
        let samples: Vec<_> = rows.flat_map(|row| samples(row, snapshot)).collect();
        if samples.is_empty() || !out.family(family, type_of(family), metric.help, true) {
            continue;
        }
        for (labels, value) in samples {
            let labels: Vec<_> = labels.iter().map(|(name, v)| (*name, v.as_slice())).collect();
            out.sample(family, &labels, &text_of(metric, value));
        }
    }
}

/// Takes the names of all families of the table, also of those that have nothing to say now.
pub(super) fn claim(out: &mut Writer<'_>) {
    for family in TABLE.iter().filter_map(|metric| metric.family) {
        out.claim(family, type_of(family));
    }
}

/// Counters are recognised by their name, which the exposition rules demand anyway.
fn type_of(family: &str) -> Type {
    if family.ends_with("_total") { Type::Counter } else { Type::Gauge }
}

fn text_of(metric: &Metric, value: i64) -> String {
    match metric.unit {
        Unit::Micros => decimal(value.cast_unsigned(), 6),
        Unit::Hundredths => decimal(value.cast_unsigned(), 2),
        Unit::Thousandths => decimal(value.cast_unsigned(), 3),
        Unit::Ratio => decimal(value.cast_unsigned(), 4),
        _ => value.to_string(),
    }
}

/// The samples of one row of the table; a label set appears once.
fn samples(metric: &Metric, snapshot: &Snapshot) -> Vec<(Labels, i64)> {
    let mut samples: Vec<(Labels, i64)> = Vec::new();
    // Workers, cores and apps are told apart by their ids; only names can be the same twice.
    let by_name = matches!(
        metric.read,
        Read::Socket(_) | Read::Gateway(_) | Read::Alarm(_) | Read::Pusher(_)
    );
    for (mut labels, value) in raw_samples(metric, snapshot) {
        if value == 0 && !metric.zero_is_a_value {
            continue;
        }
        let fixed = metric.more.iter().copied().chain(metric.label);
        labels.extend(fixed.map(|(name, value)| (name, value.into())));
        let known = if by_name { samples.iter_mut().find(|(l, _)| *l == labels) } else { None };
        match known {
            Some((_, most)) if metric.same => *most = value.max(*most),
            // Processes of one router are one router, sockets that share an address one socket.
            Some((_, sum)) => *sum += value,
            None => samples.push((labels, value)),
        }
    }
    samples
}

fn raw_samples(metric: &Metric, snapshot: &Snapshot) -> Vec<(Labels, i64)> {
    match metric.read {
        Read::Instance(read) => vec![(Labels::new(), read(snapshot))],
        Read::Worker(read) => {
            snapshot.spawned().map(|w| (vec![("worker_id", number(w.cells.id))], read(w))).collect()
        }
        Read::Core(read) => snapshot
            .spawned()
            .flat_map(|w| (0..).zip(&w.cores).map(move |(id, core)| (w.cells.id, id, core)))
            .map(|(worker, id, core)| {
                (vec![("worker_id", number(worker)), ("core_id", number(id))], read(core))
            })
            .collect(),
        Read::App(read) => snapshot
            .spawned()
            .flat_map(|w| w.apps.iter().map(move |app| (w.cells.id, app)))
            .map(|(worker, app)| {
                let mut labels = vec![("worker_id", number(worker)), ("app_id", number(app.id))];
                labels.push(("mountpoint", app.mountpoint.clone()));
                labels.push(("chdir", app.chdir.clone()));
                (labels, read(app))
            })
            .collect(),
        Read::System(read) => {
            let value = read(&snapshot.system).map(|v| i64::try_from(v).unwrap_or(i64::MAX));
            value.map(|value| (Labels::new(), value)).into_iter().collect()
        }
        Read::Socket(read) => snapshot
            .sockets
            .iter()
            .map(|s| (vec![("name", s.name.clone()), ("proto", s.proto.clone())], read(s)))
            .collect(),
        Read::Alarm(read) => snapshot
            .alarms
            .iter()
            .map(|a| (vec![("alarm", a.name.clone()), ("kind", a.kind.clone())], read(a)))
            .collect(),
        Read::Pusher(read) => snapshot
            .pushers
            .iter()
            .map(|p| (vec![("pusher", p.kind.clone()), ("target", p.target.clone())], read(p)))
            .collect(),
        Read::Mule(read) => {
            let mules = snapshot.mules.iter().filter(|m| m.id != 0);
            mules.map(|m| (vec![("mule_id", number(m.id))], read(m))).collect()
        }
        Read::Gateway(read) => {
            snapshot.gateways.iter().map(|g| (vec![("router", g.name.clone())], read(g))).collect()
        }
    }
}

fn number(value: u64) -> Vec<u8> {
    value.to_string().into_bytes()
}
