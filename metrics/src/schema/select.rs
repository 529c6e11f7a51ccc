//! One metric of the list by its name, resolved once and read often.
//!
//! Thresholds and collectors name metrics in the configuration; finding a name among thousands
//! each second would cost more than the reading. A name of the configuration that is also that of a
//! built-in metric wins, as everywhere.

use super::{Metric, Read, TABLE};
use crate::snapshot::{Snapshot, WorkerSnap};
use crate::view::View;

/// A metric that exists in an arena of this shape.
#[derive(Clone, Copy, Debug)]
pub enum Selector {
    /// A registered metric, by its slot.
    Registered(u32),
    /// A built-in metric with its indices: worker, core, socket or router.
    Builtin(&'static Metric, [u32; 3]),
}

/// Finds a metric by its classic name; nothing when the instance has no such metric.
pub fn select(view: &View, name: &[u8]) -> Option<Selector> {
    if let Some(slot) = view.metric_slot_of(name) {
        return Some(Selector::Registered(slot));
    }
    let named = TABLE.iter().filter_map(|m| m.classic.map(|(pattern, _)| (m, pattern)));
    let mut found = named.filter_map(|(m, pattern)| Some((m, indices(view, pattern, name)?)));
    let (metric, indices) = found.next()?;
    exists(view, metric, indices).then_some(Selector::Builtin(metric, indices))
}

impl Selector {
    /// The value: a registered metric's as it is now, a built-in one's from the snapshot.
    pub fn read(&self, view: &View, snapshot: &Snapshot) -> i64 {
        match *self {
            Selector::Registered(slot) => view.metric_at(slot).value.get(),
            Selector::Builtin(metric, indices) => builtin(metric, indices, snapshot).unwrap_or(0),
        }
    }
}

fn builtin(metric: &Metric, [n, m, k]: [u32; 3], snapshot: &Snapshot) -> Option<i64> {
    let worker = || snapshot.workers.iter().find(|w| w.index == n);
    Some(match metric.read {
        Read::Instance(read) => read(snapshot),
        // Slot 0 knows the total of requests only.
        Read::Worker(read) if n == 0 => {
            read(&WorkerSnap { requests: snapshot.requests(), ..WorkerSnap::default() })
        }
        Read::Worker(read) => read(worker()?),
        Read::Core(read) => read(worker()?.cores.get(m as usize)?),
        Read::Socket(read) => read(snapshot.sockets.get(k as usize)?),
        Read::Gateway(read) => read(snapshot.gateways.get(k as usize)?),
        Read::App(_) => return None,
    })
}

/// The numbers of `name` at the letters of `pattern`; a router is named by its kind.
fn indices(view: &View, pattern: &str, name: &[u8]) -> Option<[u32; 3]> {
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
        let number = std::str::from_utf8(got).ok().and_then(|text| text.parse().ok());
        *place = match number {
            Some(number) => number,
            None if pattern.starts_with("router.") => router(view, got)?,
            None => return None,
        };
    }
    segments.next().is_none().then_some(out)
}

fn router(view: &View, name: &[u8]) -> Option<u32> {
    (0..view.shape().gateways).find(|index| view.gateway(*index).name.is(name))
}

fn exists(view: &View, metric: &Metric, [n, m, k]: [u32; 3]) -> bool {
    let shape = view.shape();
    match metric.read {
        Read::Instance(_) => true,
        Read::Worker(_) => n <= shape.workers,
        Read::Core(_) => (1..=shape.workers).contains(&n) && m < shape.cores,
        Read::Socket(_) => k < shape.sockets,
        Read::Gateway(_) => k < shape.gateways,
        Read::App(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListOptions, list};
    use super::*;
    use crate::{Arena, Kind, Shape};

    #[test]
    fn every_listed_metric_is_found_and_reads_the_same() {
        let shape =
            Shape { workers: 2, cores: 2, sockets: 1, gateways: 1, metrics: 4, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        arena.gateway(0).name.set(b"http");
        arena.gateway(0).requests.set(7);
        arena.socket(0).name.set(b":0");
        arena.core(2, 1).requests.set(5);
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
        for name in
            ["worker.2.requests", "worker.1.core.1.requests", "socket.0.listen_queue", "x", ""]
        {
            assert!(select(&arena, name.as_bytes()).is_none(), "{name}");
        }
    }
}
