//! The classic metric list: the table unrolled over workers, cores and sockets, in the order that
//! pushers, the stats JSON and the OID tree rely on, followed by the user metrics. A user metric
//! with the name of a built-in one stands in its place.

use std::collections::HashMap;

use super::{Group, Metric, Read, TABLE};
use crate::metric_pool::Kind;
use crate::rows::{AppCells, GatewayCells, MetricCells, MetricRow};
use crate::snapshot::{Snapshot, WorkerSnap};

/// What enters the list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListOptions {
    /// Leave out the metrics of cores.
    pub no_cores: bool,
    /// Add the extension metrics.
    pub extended: bool,
}

/// One metric of the list with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Name.
    pub name: Vec<u8>,
    /// OID relative to the server's branch; empty for none.
    pub oid: Vec<u8>,
    /// Kind.
    pub kind: Kind,
    /// Value.
    pub value: i64,
}

/// The whole list.
pub fn list(snapshot: &Snapshot, options: ListOptions) -> Vec<Item> {
    let mut items = builtin(snapshot, options);
    let shown = items.len();
    for metric in &snapshot.metrics {
        let replaces = metric.flags & MetricRow::REPLACES != 0;
        let place = items[..shown].iter().position(|item| replaces && item.name == metric.name);
        match place {
            Some(place) => items[place] = registered(metric),
            None => items.push(registered(metric)),
        }
    }
    follow(&mut items, snapshot);
    items
}

/// The built-in part.
fn builtin(snapshot: &Snapshot, options: ListOptions) -> Vec<Item> {
    let mut items = Vec::new();
    push_instance(&mut items, snapshot, Group::Head);
    push_worker(&mut items, &super::select::totals(snapshot.requests()), 0, true);
    for worker in &snapshot.workers {
        push_worker(&mut items, worker, worker.index, options.no_cores);
    }
    push_instance(&mut items, snapshot, Group::Total);
    for (metric, _, _) in classic(Group::Socket) {
        items.extend(sockets(snapshot, metric));
    }
    push_instance(&mut items, snapshot, Group::Alias);
    if options.extended {
        TABLE.iter().filter(|m| m.extended).for_each(|m| push_extended(&mut items, snapshot, m));
    }
    if !snapshot.bases.is_empty() {
        let bases: HashMap<_, _> = snapshot.bases.iter().map(|(n, b)| (n.as_slice(), *b)).collect();
        for item in &mut items {
            item.value = item.value.wrapping_add(bases.get(&*item.name).copied().unwrap_or(0));
        }
    }
    items
}

fn registered(metric: &MetricCells) -> Item {
    Item {
        name: metric.name.clone(),
        oid: metric.oid.clone(),
        kind: Kind::from_code(metric.kind),
        value: metric.value,
    }
}

/// Gives aliases the values of what they stand for.
fn follow(items: &mut [Item], snapshot: &Snapshot) {
    let aliases = snapshot.metrics.iter().filter(|m| !m.target.is_empty());
    for alias in aliases {
        let value = match items.iter().find(|item| item.name == alias.target) {
            Some(target) => target.value,
            // Built in, but not shown.
            None => super::select::in_snapshot(snapshot, &alias.target).unwrap_or(0),
        };
        if let Some(item) = items.iter_mut().rev().find(|item| item.name == alias.name) {
            item.value = value;
        }
    }
}

/// The rows of a group that are in the list without being asked for.
fn classic(group: Group) -> impl Iterator<Item = (&'static Metric, &'static str, &'static str)> {
    let rows = TABLE.iter().filter(move |m| m.group == group && !m.extended);
    rows.filter_map(|m| m.classic.map(|(name, oid)| (m, name, oid)))
}

fn push_instance(items: &mut Vec<Item>, snapshot: &Snapshot, group: Group) {
    for (metric, name, oid) in classic(group) {
        if let Read::Instance(read) = metric.read {
            items.push(item(metric, name, oid, 0, 0, read(snapshot)));
        }
    }
}

fn push_worker(items: &mut Vec<Item>, worker: &WorkerSnap, index: u32, no_cores: bool) {
    for (metric, name, oid) in classic(Group::Worker) {
        if let Read::Worker(read) = metric.read {
            items.push(item(metric, name, oid, index, 0, read(worker)));
        }
    }
    if no_cores {
        return;
    }
    for (m, core) in (0..).zip(&worker.cores) {
        for (metric, name, oid) in classic(Group::Core) {
            if let Read::Core(read) = metric.read {
                items.push(item(metric, name, oid, index, m, read(core)));
            }
        }
    }
}

fn push_extended(items: &mut Vec<Item>, snapshot: &Snapshot, metric: &'static Metric) {
    let Some((name, oid)) = metric.classic else { return };
    match metric.read {
        Read::Instance(read) => items.push(item(metric, name, oid, 0, 0, read(snapshot))),
        Read::Worker(read) => items
            .extend(snapshot.workers.iter().map(|w| item(metric, name, oid, w.index, 0, read(w)))),
        Read::Socket(_) => items.extend(sockets(snapshot, metric)),
        Read::Gateway(read) => items.extend((1..).zip(routers(snapshot)).map(|(i, router)| {
            // Named after the router; numbered from 1 in the OID tree.
            let oid = fill(oid, 0, 0, i);
            let name = fill_with(name, &String::from_utf8_lossy(router));
            let value = sum_of_router(snapshot, router, read);
            Item { name: name.into(), oid: oid.into(), kind: metric.kind, value }
        })),
        Read::Alarm(read) => items.extend((1..).zip(&snapshot.alarms).map(|(n, a)| {
            let name = fill_with(name, &String::from_utf8_lossy(&a.name));
            let oid = fill(oid, 0, 0, n);
            Item { name: name.into(), oid: oid.into(), kind: metric.kind, value: read(a) }
        })),
        Read::Pusher(read) => items.extend(
            (0..).zip(&snapshot.pushers).map(|(n, p)| item(metric, name, oid, n, 0, read(p))),
        ),
        Read::Daemon(read) => items.extend(
            (1..).zip(&snapshot.daemons).map(|(n, d)| item(metric, name, oid, n, 0, read(d))),
        ),
        Read::Logger(read) => items.extend(
            (1..).zip(&snapshot.loggers).map(|(n, l)| item(metric, name, oid, n, 0, read(l))),
        ),
        Read::KernelWorker(probe, read) => {
            items.extend(snapshot.probed(probe).into_iter().flat_map(|k| {
                (1..).zip(&k.workers).map(|(n, w)| item(metric, name, oid, n, 0, read(w)))
            }))
        }
        Read::KernelSocket(probe, read) => {
            items.extend(snapshot.probed(probe).into_iter().flat_map(|k| {
                (0..).zip(&k.sockets).map(|(n, s)| Item {
                    name: fill(name, 0, 0, n).into(),
                    oid: fill(oid, 0, 0, n).into(),
                    kind: metric.kind,
                    value: read(s),
                })
            }))
        }
        Read::Probe(read) => {
            let probes = snapshot.kernel.iter().flat_map(|k| &k.probes);
            items.extend((1..).zip(probes).map(|(n, p)| Item {
                name: fill_with(name, &String::from_utf8_lossy(&p.name)).into(),
                oid: fill(oid, 0, 0, n).into(),
                kind: metric.kind,
                value: read(p),
            }));
        }
        Read::Mule(read) => items.extend(
            (1..).zip(&snapshot.mules).map(|(n, m)| item(metric, name, oid, n, 0, read(m))),
        ),
        Read::System(read) => {
            let value = read(&snapshot.system).map(|v| i64::try_from(v).unwrap_or(i64::MAX));
            items.extend(value.map(|value| item(metric, name, oid, 0, 0, value)));
        }
        Read::App(read) => items.extend(snapshot.workers.iter().flat_map(|w| {
            let number = |app: &AppCells| u32::try_from(app.id).unwrap_or(u32::MAX);
            w.apps.iter().map(move |a| item(metric, name, oid, w.index, number(a), read(a)))
        })),
        Read::Core(_) | Read::Kill(..) => {}
    }
}

/// The names of the routers. A router may have several processes, which are one in the list.
fn routers(snapshot: &Snapshot) -> Vec<&[u8]> {
    let mut names: Vec<&[u8]> = snapshot.gateways.iter().map(|g| g.name.as_slice()).collect();
    names.dedup();
    names
}

/// A figure of all processes of a router.
pub(super) fn sum_of_router(
    snapshot: &Snapshot,
    router: &[u8],
    read: fn(&GatewayCells) -> i64,
) -> i64 {
    let own = snapshot.gateways.iter().filter(|gateway| gateway.name == router);
    own.map(read).fold(0, i64::wrapping_add)
}

fn sockets<'a>(snapshot: &'a Snapshot, metric: &'static Metric) -> impl Iterator<Item = Item> + 'a {
    let (name, oid) = metric.classic.unwrap_or_default();
    (0..).zip(&snapshot.sockets).filter_map(move |(k, socket)| {
        let Read::Socket(read) = metric.read else { return None };
        Some(Item {
            name: fill(name, 0, 0, k).into(),
            oid: fill(oid, 0, 0, k).into(),
            kind: metric.kind,
            value: read(socket),
        })
    })
}

fn item(metric: &Metric, name: &str, oid: &str, n: u32, m: u32, value: i64) -> Item {
    Item {
        name: fill(name, n, m, 0).into(),
        oid: fill(oid, n, m, 0).into(),
        kind: metric.kind,
        value,
    }
}

/// Puts indices for the letters of a pattern.
pub(super) fn fill(pattern: &str, n: u32, m: u32, k: u32) -> String {
    let mut out = String::with_capacity(pattern.len() + 4);
    for (i, segment) in pattern.split('.').enumerate() {
        if i > 0 {
            out.push('.');
        }
        match segment {
            "N" => out.push_str(&n.to_string()),
            "M" => out.push_str(&m.to_string()),
            "K" => out.push_str(&k.to_string()),
            word => out.push_str(word),
        }
    }
    out
}

/// Puts a name for the `K` of a pattern.
fn fill_with(pattern: &str, name: &str) -> String {
    let segments: Vec<_> = pattern.split('.').map(|s| if s == "K" { name } else { s }).collect();
    segments.join(".")
}
