//! One metric of the list by its name, resolved once and read often.
//!
//! Thresholds and collectors name metrics in the configuration; finding a name among thousands
//! each second would cost more than the reading. A name of the configuration that is also that of a
//! built-in metric wins, as everywhere.

use super::list::{fill, sum_of_router};
use super::{Metric, Read, TABLE};
use crate::rows::PROBES;
use crate::shape::Shape;
use crate::snapshot::{Snapshot, SocketSnap, WorkerSnap};
use crate::view::View;

/// A metric that exists in an arena of this shape.
#[derive(Clone, Copy, Debug)]
pub enum Selector {
    /// A registered metric, by its slot.
    Registered(u32),
    /// A built-in metric with its indices (worker, core, socket or router) and what is added to it.
    Builtin(&'static Metric, [u32; 3], i64),
}

/// Finds a metric by its classic name; nothing when the instance has no such metric. An alias is
/// what it stands for.
pub fn select(view: &View, name: &[u8]) -> Option<Selector> {
    let Some(slot) = view.metric_slot_of(name) else {
        let (metric, indices) = named(name, &|pattern, name| named_in(view, pattern, name))?;
        let there = exists(view.shape(), metric, indices);
        return there.then(|| Selector::Builtin(metric, indices, view.base_of(name)));
    };
    match &*view.metric_at(slot).target.get() {
        [] => Some(Selector::Registered(slot)),
        // No alias stands for another one, so this ends here.
        target if target == name => None,
        target => select(view, target),
    }
}

/// True for the name of a built-in metric in an arena of this shape.
pub fn is_builtin(shape: &Shape, name: &[u8]) -> bool {
    named(name, &|_, _| Some(0)).is_some_and(|(metric, indices)| exists(shape, metric, indices))
}

/// The OID of a metric, empty for none; nothing for an unknown name.
pub fn oid_of(view: &View, name: &[u8]) -> Option<Vec<u8>> {
    match select(view, name)? {
        Selector::Registered(slot) => Some(view.metric_at(slot).oid.get()),
        Selector::Builtin(metric, [n, m, k], _) => {
            let (_, oid) = metric.classic.unwrap_or_default();
            let k = match metric.read {
                Read::Gateway(_) => routers_up_to(view, k),
                Read::Alarm(_) | Read::Probe(_) => k + 1,
                _ => k,
            };
            Some(fill(oid, n, m, k).into())
        }
    }
}

/// The value of one metric by name, user metrics first; `None` for an unknown name.
///
/// Reads the arena now, and of it no more than the value needs.
pub fn value(view: &View, name: &[u8]) -> Option<i64> {
    match select(view, name)? {
        Selector::Registered(slot) => Some(view.metric_at(slot).value.get()),
        Selector::Builtin(metric, indices, base) => {
            Some(now(view, metric, indices)?.wrapping_add(base))
        }
    }
}

impl Selector {
    /// The value: a registered metric's as it is now, a built-in one's from the snapshot.
    pub fn read(&self, view: &View, snapshot: &Snapshot) -> i64 {
        match *self {
            Selector::Registered(slot) => view.metric_at(slot).value.get(),
            Selector::Builtin(metric, indices, base) => {
                builtin(metric, indices, snapshot).unwrap_or(0).wrapping_add(base)
            }
        }
    }
}

/// A built-in metric by its name, without an arena.
pub(super) fn in_snapshot(snapshot: &Snapshot, name: &[u8]) -> Option<i64> {
    let place = |pattern: &str, name: &[u8]| {
        let index = if pattern.starts_with("router.") {
            snapshot.gateways.iter().position(|g| g.name == name)
        } else if pattern.starts_with("probe.") {
            snapshot.kernel.as_ref()?.probes.iter().position(|p| p.name == name)
        } else {
            snapshot.alarms.iter().position(|a| a.name == name)
        };
        u32::try_from(index?).ok()
    };
    let (metric, indices) = named(name, &place)?;
    let base = snapshot.bases.iter().find(|(known, _)| known == name).map_or(0, |(_, base)| *base);
    Some(builtin(metric, indices, snapshot)?.wrapping_add(base))
}

fn builtin(metric: &Metric, [n, m, k]: [u32; 3], snapshot: &Snapshot) -> Option<i64> {
    let worker = || snapshot.workers.get((n as usize).checked_sub(1)?);
    Some(match metric.read {
        Read::Instance(read) => read(snapshot),
        Read::Worker(read) if n == 0 => read(&totals(snapshot.requests())),
        Read::Worker(read) => read(worker()?),
        Read::Core(read) => read(worker()?.cores.get(m as usize)?),
        Read::Socket(read) => read(snapshot.sockets.get(k as usize)?),
        Read::Gateway(read) => {
            sum_of_router(snapshot, &snapshot.gateways.get(k as usize)?.name, read)
        }
        Read::Alarm(read) => read(snapshot.alarms.get(k as usize)?),
        Read::Pusher(read) => read(snapshot.pushers.get(n as usize)?),
        Read::Daemon(read) => read(snapshot.daemons.get((n as usize).checked_sub(1)?)?),
        Read::Logger(read) => read(snapshot.loggers.get((n as usize).checked_sub(1)?)?),
        Read::Mule(read) => read(snapshot.mules.get((n as usize).checked_sub(1)?)?),
        Read::KernelWorker(_, read) => {
            read(snapshot.kernel.as_ref()?.workers.get((n as usize).checked_sub(1)?)?)
        }
        Read::KernelSocket(_, read) => read(snapshot.kernel.as_ref()?.sockets.get(k as usize)?),
        Read::Probe(read) => read(snapshot.kernel.as_ref()?.probes.get(k as usize)?),
        Read::System(read) => i64::try_from(read(&snapshot.system)?).unwrap_or(i64::MAX),
        Read::App(read) => read(worker()?.apps.iter().find(|app| app.id == u64::from(m))?),
        Read::Kill(..) => return None,
    })
}

/// The same from the arena, copying only the rows in question.
fn now(view: &View, metric: &Metric, [n, m, k]: [u32; 3]) -> Option<i64> {
    Some(match metric.read {
        Read::Instance(read) => read(&Snapshot::take(view)),
        Read::Worker(read) if n == 0 => {
            read(&totals((1..=view.shape().workers).map(|id| view.requests(id)).sum()))
        }
        Read::Worker(read) => read(&WorkerSnap::take(view, n)),
        Read::Core(read) => read(WorkerSnap::take(view, n).cores.get(m as usize)?),
        Read::Socket(read) => read(&SocketSnap::take(view, k)),
        Read::Gateway(_) | Read::KernelSocket(..) => {
            builtin(metric, [n, m, k], &Snapshot::take(view))?
        }
        Read::KernelWorker(_, read) => read(&view.kernel_worker(n).read()),
        Read::Probe(read) => read(&view.probe(k).read()),
        Read::Mule(read) => read(&view.mule(n).read()),
        Read::Alarm(read) => read(&view.alarm(k).read()),
        Read::Pusher(read) => read(&view.pusher(n).read()),
        Read::Daemon(read) => read(&view.daemon(n.checked_sub(1)?).read()),
        Read::Logger(read) => read(&view.logger(n.checked_sub(1)?).read()),
        Read::System(read) => i64::try_from(read(&view.system().read())?).unwrap_or(i64::MAX),
        Read::App(read) => read(&view.app(n, m).read()),
        Read::Kill(..) => return None,
    })
}

/// Slot 0 knows the total of requests only; its other figures are 0 by definition.
pub(super) fn totals(requests: u64) -> WorkerSnap {
    WorkerSnap { requests, ..WorkerSnap::default() }
}

/// The row of the table that `name` is an instance of, and its indices.
fn named(
    name: &[u8],
    place: &impl Fn(&str, &[u8]) -> Option<u32>,
) -> Option<(&'static Metric, [u32; 3])> {
    let classic = TABLE.iter().filter_map(|m| m.classic.map(|(pattern, _)| (m, pattern)));
    let mut found = classic.filter_map(|(m, pattern)| Some((m, indices(pattern, name, place)?)));
    found.next()
}

/// The numbers of `name` at the letters of `pattern`; a router is named by its kind, an alarm by
/// its name, which may be a number. `place` knows theirs.
fn indices(
    pattern: &str,
    name: &[u8],
    place_of: &impl Fn(&str, &[u8]) -> Option<u32>,
) -> Option<[u32; 3]> {
    let mut out = [0; 3];
    let mut segments = name.split(|b| *b == b'.');
    for want in pattern.split('.') {
        let got = segments.next()?;
        let place = match want {
            "N" => &mut out[0],
            "M" => &mut out[1],
            "K" => &mut out[2],
            word if word.as_bytes() == got => continue,
            _ => return None,
        };
        let named = ["router.", "alarm.", "probe."].iter().any(|of| pattern.starts_with(of));
        *place = if named { place_of(pattern, got)? } else { number(got)? };
    }
    segments.next().is_none().then_some(out)
}

/// An index as the list writes it: `01` and `+1` are names of nothing.
fn number(text: &[u8]) -> Option<u32> {
    let plain = text == b"0" || text.first().is_some_and(|b| (b'1'..=b'9').contains(b));
    std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()
}

/// How many routers there are up to this process of one.
fn routers_up_to(view: &View, k: u32) -> u32 {
    let name = |index: u32| view.gateway(index).name.get();
    (0..=k).filter(|index| *index == 0 || name(*index) != name(index - 1)).count() as u32
}

/// The router or the alarm of this name.
fn named_in(view: &View, pattern: &str, name: &[u8]) -> Option<u32> {
    let shape = view.shape();
    if pattern.starts_with("router.") {
        return (0..shape.gateways).find(|index| view.gateway(*index).name.is(name));
    }
    if pattern.starts_with("probe.") {
        return (0..PROBES * shape.probes).find(|index| view.probe(*index).name.is(name));
    }
    (0..shape.alarms).find(|index| view.alarm(*index).name.is(name))
}

fn exists(shape: &Shape, metric: &Metric, [n, m, k]: [u32; 3]) -> bool {
    match metric.read {
        Read::Instance(_) | Read::System(_) => true,
        Read::Worker(_) => n <= shape.workers,
        Read::Core(_) => (1..=shape.workers).contains(&n) && m < shape.cores,
        Read::Socket(_) => k < shape.sockets,
        Read::Gateway(_) => k < shape.gateways,
        Read::Alarm(_) => k < shape.alarms,
        Read::Pusher(_) => n < shape.pushers,
        Read::Daemon(_) => (1..=shape.daemons).contains(&n),
        Read::Logger(_) => (1..=shape.loggers).contains(&n),
        Read::Mule(_) => (1..=shape.mules).contains(&n),
        Read::KernelWorker(..) => shape.probes > 0 && (1..=shape.workers).contains(&n),
        Read::KernelSocket(..) => k < shape.listeners,
        Read::Probe(_) => k < PROBES * shape.probes,
        Read::App(_) => (1..=shape.workers).contains(&n) && m < shape.apps,
        Read::Kill(..) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListOptions, list};
    use super::*;
    use crate::{Arena, Kind, Shape};

    #[test]
    fn every_listed_metric_is_found_and_reads_the_same() {
        let shape = Shape {
            workers: 2,
            cores: 2,
            sockets: 1,
            gateways: 1,
            metrics: 4,
            mules: 2,
            alarms: 2,
            apps: 3,
            ..Shape::default()
        };
        let arena = Arena::create(&shape).unwrap();
        for (id, requests) in [(0, 5), (1, 6)] {
            let app = arena.app(2, id);
            app.used.set(1);
            app.id.set(id.into());
            app.requests.set(requests);
        }
        arena.gateway(0).name.set(b"http");
        arena.gateway(0).requests.set(7);
        arena.socket(0).name.set(b":0");
        arena.core(2, 1).requests.set(5);
        arena.mule(2).signals.set(9);
        // A name that is a number is a name.
        arena.alarm(0).name.set(b"mail");
        arena.alarm(1).name.set(b"0");
        arena.alarm(1).triggered.set(4);
        arena.register_metric("mine", Kind::Gauge, "", 3);
        let snapshot = arena.snapshot();
        let all = list(&snapshot, ListOptions { no_cores: false, extended: true });
        assert!(all.len() > 50, "{}", all.len());
        for item in all {
            let found = select(&arena, &item.name).expect("a listed name is found");
            let name = String::from_utf8_lossy(&item.name).into_owned();
            assert_eq!(found.read(&arena, &snapshot), item.value, "{name}");
        }
    }

    #[test]
    fn what_the_instance_does_not_have_is_not_found() {
        let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
        for name in [
            "worker.2.requests",
            "worker.1.app.99.requests",
            "worker.0.app.0.requests",
            "worker.1.core.1.requests",
            "socket.0.listen_queue",
            "mule.1.signals",
            "alarm.0.triggered",
            "x",
            "",
        ] {
            assert!(select(&arena, name.as_bytes()).is_none(), "{name}");
        }
    }
}
