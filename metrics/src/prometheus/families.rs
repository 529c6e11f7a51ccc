//! The families of the schema table, each with the labels of what it repeats over.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::PromOptions;
use super::value::{Value, push_uint};
use super::writer::{Type, Writer};
use crate::schema::{Metric, Read, TABLE, Unit};
use crate::signals::signal_name;
use crate::snapshot::Snapshot;

/// Labels of one sample, owned.
type Labels = Vec<(&'static str, Vec<u8>)>;

/// The rows of each family, in the order of the table.
static FAMILIES: LazyLock<Vec<(&'static str, Vec<&'static Metric>)>> = LazyLock::new(|| {
    let mut families: Vec<(&str, Vec<&Metric>)> = Vec::new();
    let mut places = HashMap::new();
    for metric in TABLE {
        let Some(family) = metric.family else { continue };
        let place = *places.entry(family).or_insert(families.len());
        if place == families.len() {
            families.push((family, Vec::new()));
        }
        families[place].1.push(metric);
    }
    families
});

/// Writes every family of the table that has something to say.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    for (family, rows) in &*FAMILIES {
        let of_core = matches!(rows.first(), Some(Metric { read: Read::Core(_), .. }));
        if (of_core && !options.cores) || !out.wants(family, type_of(family)) {
            continue;
        }
        // With its first sample a family is opened; the name may be taken.
        let mut opened = None;
        for row in rows {
            samples(row, snapshot, &mut |labels, value| {
                let open = || out.family(family, type_of(family), rows[0].help, true);
                if *opened.get_or_insert_with(open) {
                    out.sample(labels, value_of(row, value));
                }
            });
        }
    }
}

/// Takes the names of all families of the table, also of those that have nothing to say now.
pub(super) fn claim(out: &mut Writer<'_>) {
    for (family, _) in &*FAMILIES {
        out.claim(family, type_of(family));
    }
}

/// Counters are recognised by their name, which the exposition rules demand anyway.
fn type_of(family: &str) -> Type {
    if family.ends_with("_total") { Type::Counter } else { Type::Gauge }
}

fn value_of(metric: &Metric, value: i64) -> Value {
    let digits = match metric.unit {
        Unit::Micros => 6,
        Unit::Hundredths => 2,
        Unit::Thousandths => 3,
        Unit::Ratio => 4,
        _ => return Value::Int(value),
    };
    Value::Decimal(value.cast_unsigned(), digits)
}

/// What takes samples.
type Take<'a> = dyn FnMut(&[(&str, &[u8])], i64) + 'a;

/// The samples of one row of the table; a label set appears once, a value that means nothing never.
fn samples(metric: &Metric, snapshot: &Snapshot, take: &mut Take<'_>) {
    let zeros = metric.zero_is_a_value || metric.measured.is_some_and(|is| is(snapshot));
    let take: &mut Take<'_> = &mut |labels, value| {
        if value != 0 || zeros {
            take(labels, value);
        }
    };
    // Workers, cores and apps are told apart by their ids; only names can be the same twice.
    if is_named(metric.read) {
        for (labels, value) in named(metric, snapshot) {
            let labels: Vec<_> = labels.iter().map(|(name, v)| (*name, v.as_slice())).collect();
            give(metric, &labels, value, take);
        }
        return;
    }
    let (mut id, mut other) = (Vec::new(), Vec::new());
    match metric.read {
        Read::Instance(read) => give(metric, &[], read(snapshot), take),
        Read::System(read) => {
            if let Some(value) = read(&snapshot.system) {
                give(metric, &[], i64::try_from(value).unwrap_or(i64::MAX), take);
            }
        }
        Read::Mule(read) => {
            for mule in snapshot.mules.iter().filter(|mule| mule.id != 0) {
                give(metric, &[("mule_id", digits(&mut id, mule.id))], read(mule), take);
            }
        }
        Read::Worker(read) => {
            for worker in snapshot.spawned() {
                let id = digits(&mut id, worker.cells.id);
                give(metric, &[("worker_id", id)], read(worker), take);
            }
        }
        Read::Core(read) => {
            for worker in snapshot.spawned() {
                let id = digits(&mut id, worker.cells.id);
                for (core_id, core) in (0..).zip(&worker.cores) {
                    let core_id = digits(&mut other, core_id);
                    give(metric, &[("worker_id", id), ("core_id", core_id)], read(core), take);
                }
            }
        }
        Read::App(read) => {
            for worker in snapshot.spawned() {
                let id = digits(&mut id, worker.cells.id);
                for app in &worker.apps {
                    let labels: [(&str, &[u8]); 4] = [
                        ("worker_id", id),
                        ("app_id", digits(&mut other, app.id)),
                        ("mountpoint", &app.mountpoint),
                        ("chdir", &app.chdir),
                    ];
                    give(metric, &labels, read(app), take);
                }
            }
        }
        Read::KernelWorker(probe, read) => {
            if let Some(kernel) = snapshot.probed(probe) {
                for worker in snapshot.spawned() {
                    let Some(cells) = kernel.workers.get(worker.index as usize - 1) else {
                        continue;
                    };
                    let id = digits(&mut id, worker.cells.id);
                    give(metric, &[("worker_id", id)], read(cells), take);
                }
            }
        }
        _ => {}
    }
}

/// True for what is told apart by names.
fn is_named(read: Read) -> bool {
    use Read::{Alarm, Daemon, Gateway, KernelSocket, Kill, Logger, Probe, Pusher, Socket};
    matches!(
        read,
        Socket(_)
            | Gateway(_)
            | Alarm(_)
            | Pusher(_)
            | Daemon(_)
            | Logger(_)
            | KernelSocket(..)
            | Probe(_)
            | Kill(..)
    )
}

/// Adds the fixed labels of a row.
fn give(metric: &Metric, labels: &[(&str, &[u8])], value: i64, take: &mut Take<'_>) {
    if metric.more.is_empty() && metric.label.is_none() {
        return take(labels, value);
    }
    let fixed = metric.more.iter().copied().chain(metric.label);
    let fixed = fixed.map(|(name, value)| (name, value.as_bytes()));
    let all: Vec<_> = labels.iter().copied().chain(fixed).collect();
    take(&all, value);
}

/// Processes of one router are one router, sockets that share an address one socket.
fn named(metric: &Metric, snapshot: &Snapshot) -> Vec<(Labels, i64)> {
    let mut samples: Vec<(Labels, i64)> = Vec::new();
    for (labels, value) in by_name(metric, snapshot) {
        match samples.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, most)) if metric.same => *most = value.max(*most),
            Some((_, sum)) => *sum += value,
            None => samples.push((labels, value)),
        }
    }
    samples
}

fn by_name(metric: &Metric, snapshot: &Snapshot) -> Vec<(Labels, i64)> {
    match metric.read {
        Read::Socket(read) => snapshot
            .sockets
            .iter()
            .map(|s| {
                let (name, proto) = (s.cells.name.clone(), s.cells.proto.clone());
                (vec![("name", name), ("proto", proto)], read(s))
            })
            .collect(),
        Read::Alarm(read) => snapshot
            .alarms
            .iter()
            .map(|a| (vec![("alarm", a.name.clone()), ("kind", a.kind.clone())], read(a)))
            .collect(),
        Read::KernelSocket(probe, read) => snapshot
            .probed(probe)
            .into_iter()
            .flat_map(|kernel| &kernel.sockets)
            .map(|s| (vec![("name", s.0.name.clone())], read(s)))
            .collect(),
        Read::Probe(read) => (snapshot.kernel.iter().flat_map(|kernel| &kernel.probes))
            .map(|p| (vec![("probe", p.name.clone())], read(p)))
            .collect(),
        Read::Kill(probe, read) => (snapshot.probed(probe).into_iter())
            .flat_map(|kernel| &kernel.kills)
            .map(|k| {
                let signal = signal_name(k.signal).into_owned().into_bytes();
                (vec![("signal", signal), ("by", k.by.clone())], read(k))
            })
            .collect(),
        Read::Pusher(read) => snapshot
            .pushers
            .iter()
            .map(|p| (vec![("pusher", p.kind.clone()), ("target", p.target.clone())], read(p)))
            .collect(),
        Read::Daemon(read) => (1..)
            .zip(&snapshot.daemons)
            .map(|(n, d): (u32, _)| {
                let number = n.to_string().into_bytes();
                (vec![("daemon_id", number), ("command", d.command.clone())], read(d))
            })
            .collect(),
        Read::Logger(read) => snapshot
            .loggers
            .iter()
            .map(|l| (vec![("logger", l.name.clone()), ("target", l.target.clone())], read(l)))
            .collect(),
        Read::Gateway(read) => {
            snapshot.gateways.iter().map(|g| (vec![("router", g.name.clone())], read(g))).collect()
        }
        _ => Vec::new(),
    }
}

/// A number as text in room that is used again.
fn digits(room: &mut Vec<u8>, value: u64) -> &[u8] {
    room.clear();
    push_uint(room, value);
    room
}
