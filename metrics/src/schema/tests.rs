//! The table against the rows it points into, and against the list everybody relies on.

use std::collections::BTreeSet;

use super::*;
use crate::Arena;
use crate::kernel::KernelSnap;
use crate::rows::{
    AlarmRow, AppRow, CoreRow, DaemonRow, GatewayRow, Globals, KernelSocketRow, KernelWorkerRow,
    KillRow, LoggerRow, MuleRow, ProbeRow, PusherRow, SnmpRow, SocketRow, SystemRow, TrafficRow,
    WorkerRow,
};
use crate::series::SeriesHead;
use crate::shape::Shape;
use crate::sync::Ordering;

/// An arena whose rows all count as existing.
fn arena(workers: u32, cores: u32, sockets: u32) -> Arena {
    let shape = Shape {
        workers,
        cores,
        apps: 1,
        sockets,
        gateways: 1,
        metrics: 2,
        mules: 1,
        alarms: 1,
        pushers: 1,
        daemons: 1,
        loggers: 1,
        lines: 8,
        probes: 1,
        listeners: 1,
        vars: 128,
        ..Shape::default()
    };
    let arena = Arena::create(&shape).unwrap();
    for worker in 1..=workers {
        arena.worker(worker).id.set(u64::from(worker));
        arena.app(worker, 0).used.set(1);
    }
    (0..sockets).for_each(|i| arena.socket(i).name.set(format!("s{i}").as_bytes()));
    arena.gateway(0).name.set(b"http");
    arena.mule(1).id.set(1);
    arena.alarm(0).name.set(b"page");
    arena.pusher(0).kind.set(b"carbon");
    arena.daemon(0).command.set(b"redis");
    arena.logger(0).name.set(b"disk");
    arena.kernel_socket(0).name.set(b"s0");
    arena.probe(0).name.set(b"accept");
    arena.kill(0).by.set(b"bash");
    arena
}

/// Bytes of a row of the section, and the offset of the first one that counts.
fn row_of(arena: &Arena, section: Section) -> (usize, usize) {
    let place = arena.layout.place(section);
    let (size, index) = match section {
        Section::Globals => (size_of::<Globals>(), 0),
        Section::Workers => (size_of::<WorkerRow>(), 1),
        Section::Cores => (size_of::<CoreRow>(), 0),
        Section::Apps => (size_of::<AppRow>(), 0),
        Section::Sockets => (size_of::<SocketRow>(), 0),
        Section::Traffic => (size_of::<TrafficRow>(), 0),
        Section::Gateways => (size_of::<GatewayRow>(), 0),
        Section::SeriesHead => (size_of::<SeriesHead>(), 0),
        Section::Mules => (size_of::<MuleRow>(), 0),
        Section::Alarms => (size_of::<AlarmRow>(), 0),
        Section::Pushers => (size_of::<PusherRow>(), 0),
        Section::Daemons => (size_of::<DaemonRow>(), 0),
        Section::Loggers => (size_of::<LoggerRow>(), 0),
        Section::Snmp => (size_of::<SnmpRow>(), 0),
        Section::KernelWorkers => (size_of::<KernelWorkerRow>(), 1),
        Section::KernelSockets => (size_of::<KernelSocketRow>(), 0),
        Section::Kills => (size_of::<KillRow>(), 0),
        Section::Probes => (size_of::<ProbeRow>(), 0),
        Section::System => (size_of::<SystemRow>(), 0),
        other => panic!("no metric is read from {other:?}"),
    };
    (size, place.at(index))
}

fn kernel(snapshot: &Snapshot) -> &KernelSnap {
    snapshot.kernel.as_ref().unwrap()
}

fn read(metric: &Metric, snapshot: &Snapshot) -> i64 {
    let worker = &snapshot.workers[0];
    match metric.read {
        Read::Instance(read) => read(snapshot),
        Read::Worker(read) => read(worker),
        Read::Core(read) => read(&worker.cores[0]),
        Read::App(read) => read(&worker.apps[0]),
        Read::Socket(read) => read(&snapshot.sockets[0]),
        Read::Gateway(read) => read(&snapshot.gateways[0]),
        Read::Mule(read) => read(&snapshot.mules[0]),
        Read::Alarm(read) => read(&snapshot.alarms[0]),
        Read::Pusher(read) => read(&snapshot.pushers[0]),
        Read::Daemon(read) => read(&snapshot.daemons[0]),
        Read::Logger(read) => read(&snapshot.loggers[0]),
        Read::KernelWorker(_, read) => read(&kernel(snapshot).workers[0]),
        Read::KernelSocket(_, read) => read(&kernel(snapshot).sockets[0]),
        Read::Probe(read) => read(&kernel(snapshot).probes[0]),
        Read::Kill(_, read) => read(&kernel(snapshot).kills[0]),
        // A reading is kept one higher than it is, so that 0 means unknown.
        Read::System(read) => read(&snapshot.system).map_or(-1, u64::cast_signed),
    }
}

#[test]
fn every_cell_lies_in_its_row_and_is_the_one_that_is_read() {
    for metric in TABLE {
        let Some((section, offset)) = metric.cell else { continue };
        let arena = arena(1, 1, 1);
        let (size, start) = row_of(&arena, section);
        assert!(offset + 8 <= size && offset % 8 == 0, "{metric:?} points outside its row");
        let before = read(metric, &arena.snapshot());
        arena.map.words(start, size / 8)[offset / 8].fetch_add(7, Ordering::Relaxed);
        let after = read(metric, &arena.snapshot());
        assert_eq!(after - before, 7, "{metric:?} is not read from its cell");
    }
}

#[test]
fn names_and_families_are_unique_and_well_formed() {
    let (mut names, mut families) = (BTreeSet::new(), BTreeSet::new());
    for metric in TABLE {
        if let Some((name, _)) = metric.classic {
            assert!(names.insert(name), "{name} is declared twice");
        }
        if let Some(family) = metric.family {
            assert!(
                families.insert((family, metric.more, metric.label)),
                "{family} is declared twice"
            );
            assert!(family.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{family}");
            if family.ends_with("_total") {
                assert_eq!(metric.kind, Kind::Counter, "{family} is named like a counter");
            }
        }
        assert!(metric.classic.is_some() || metric.family.is_some(), "{metric:?} is shown nowhere");
        assert!(metric.help.len() <= Text::<24>::CAPACITY && metric.help.ends_with('.'));
    }
}

#[test]
fn the_list_has_the_length_and_order_everybody_relies_on() {
    for (p, c, s) in [(1, 1, 1), (4, 2, 3), (3, 5, 0), (16, 8, 2)] {
        let snapshot = arena(p, c, s).snapshot();
        let full = list(&snapshot, ListOptions::default());
        let expected = 12 + 9 * (p + 1) + 7 * p * c + s;
        assert_eq!(full.len(), expected as usize, "{p} workers, {c} cores, {s} sockets");
        let bare = list(&snapshot, ListOptions { no_cores: true, extended: false });
        assert_eq!(bare.len(), (12 + 9 * (p + 1) + s) as usize);
        for options in [false, true].map(|extended| ListOptions { no_cores: false, extended }) {
            let items = list(&snapshot, options);
            let names: BTreeSet<_> = items.iter().map(|item| &item.name).collect();
            assert_eq!(names.len(), items.len(), "a name appears twice");
        }
    }
}

#[test]
fn the_smallest_list_is_this_one() {
    let items = list(&arena(1, 1, 1).snapshot(), ListOptions::default());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let got: Vec<_> = items
        .iter()
        .map(|i| format!("{} {} {}", text(&i.name), text(&i.oid), i.kind as u8))
        .collect();
    assert_eq!(got, include_str!("smallest_list.txt").lines().collect::<Vec<_>>());
}

#[test]
fn the_arena_carries_the_table() {
    let arena = arena(1, 1, 1);
    for (index, metric) in TABLE.iter().enumerate() {
        let row = arena.schema_row(index).read();
        assert_eq!(row.name, metric.classic.unwrap_or_default().0.as_bytes());
        assert_eq!(row.family, metric.family.unwrap_or_default().as_bytes());
        assert_eq!(row.help, metric.help.as_bytes(), "help is not cut");
        assert_eq!(row.kind, metric.kind as u64);
    }
}

/// A walk and a MIB name each object by its place: no place may be taken twice, and nothing may
/// hang below an object. uWSGI's own list breaks both in three places that users' tools know.
#[test]
fn every_oid_is_a_place_of_its_own() {
    let rows: Vec<_> = TABLE.iter().filter_map(|metric| metric.classic).collect();
    let mut wrong = Vec::new();
    for (index, (name, oid)) in rows.iter().enumerate() {
        // Any number may stand for a letter.
        let parts = |oid: &'static str| oid.split('.').map(|part| part.parse::<u32>().ok());
        for (other, under) in &rows[index + 1..] {
            let same =
                parts(oid).zip(parts(under)).all(|(a, b)| a.is_none() || b.is_none() || a == b);
            if same {
                wrong.push(format!("{name} {other}"));
            }
        }
    }
    let known = |pair: &&String| {
        pair.starts_with("worker.N.delta_requests worker.N.core.M.")
            || *pair == "worker.N.failed_requests worker.N.running_time"
            || *pair == "core.total_rss rss_size"
            || *pair == "core.total_vsz vsz_size"
    };
    let news: Vec<_> = wrong.iter().filter(|pair| !known(pair)).collect();
    assert!(news.is_empty(), "{news:#?}");
}
