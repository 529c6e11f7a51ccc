//! The picture of a detailed document and that of the arena it was made of are the same.

use uwsgi_metrics::{
    Arena as Written, Details, HistoryWriter, Latency, Phase, RequestKey, Shape, Snapshot, Start,
    StatsOptions, stats_json,
};

use super::parse;
use crate::arena::tests::Folder;
use crate::arena::{Arena, Place};
use crate::picture::{Body, Picture};
use crate::source::Needs;

fn fill(arena: &Written) {
    let globals = arena.globals();
    globals.version.set(b"2.0.31");
    globals.master_pid.set(u64::from(std::process::id()));
    globals.started_at.set(1_700_000_000);
    globals.last_reload.set(1_700_000_009);
    globals.reloads.set(1);
    globals.observer_respawns.set(1);
    globals.master_lateness.record(70);
    for id in [1, 2] {
        let worker = arena.worker(id);
        worker.id.set(u64::from(id));
        worker.pid.set(70 + u64::from(id));
        worker.uss.set(4096);
        worker.killed_count.add(1);
        worker.exits[1].add(1);
        worker.exit_reason.set(2);
        worker.exit_signal.set(9);
        arena.histogram(id, Latency::Request).record(1_000 * u64::from(id));
        let slot = arena.duration_slot(id, RequestKey::new(Some(0), b"GET", 200, false));
        arena.duration(id, slot).record(2_000);
        let core = arena.core(id, 1);
        core.requests.set(9);
        core.write_errors.set(2);
    }
    fill_rest(arena);
}

fn fill_rest(arena: &Written) {
    let app = arena.app(1, 0);
    app.used.set(1);
    app.mountpoint.set(b"/shop");
    app.requests.set(4);
    app.responses[1].add(3);
    app.latencies[2].add(3);
    let resting = arena.app(2, 0);
    resting.mountpoint.set(b"/old");
    resting.requests.set(5);
    arena.core(1, 0).in_request.set(1);
    let start_us = 1_700_000_000_123_456;
    arena.inflight(1, 0).begin(&Start { start_us, ..Start::default() });
    arena.inflight(1, 0).phase(Phase::Writing);
    arena.inflight(1, 0).app(0);
    let socket = arena.socket(0);
    socket.name.set(b"127.0.0.1:8080");
    socket.accepted.add(7);
    socket.bad.add(2);
    arena.alarm(0).name.set(b"mail");
    arena.alarm(0).queued.set(3);
    arena.threshold(0).text.set(b"key=a,value=1");
    arena.threshold(0).value_milli.set(1_250);
    arena.pusher(0).kind.set(b"statsd");
    arena.pusher(0).failing.set(2);
    let logger = arena.logger(0);
    logger.assign("far", "redislog db:6379");
    let counts = [&logger.messages, &logger.bytes, &logger.dropped, &logger.errors];
    let counts = counts.into_iter().chain([&logger.reconnects, &logger.rotations]);
    counts.zip(1..).for_each(|(cell, value)| cell.set(value));
    logger.queued.set(7);
    arena.mule(1).id.set(1);
    let daemon = arena.daemon(0);
    daemon.assign("celery worker");
    let counts = [&daemon.pid, &daemon.since, &daemon.throttle_s, &daemon.state, &daemon.last_exit];
    counts.into_iter().zip([500, 99, 2, 3, 138]).for_each(|(cell, value)| cell.set(value));
    daemon.spawns.set(4);
    arena.gateway(0).name.set(b"http");
    arena.gateway(0).pid.set(5);
    fill_kernel(arena);
}

fn fill_kernel(arena: &Written) {
    for (index, name) in [(0, "scheduler"), (1, "accept"), (2, "signals"), (3, "network")] {
        arena.probe(index).name.set(name.as_bytes());
        arena.probe(index).state.set(1);
        arena.probe(index).programs.set(1);
    }
    let waits = arena.waits(1, 0);
    waits.waited_ns[2].set(1_500_000_000);
    let kernel = arena.kernel_worker(1);
    kernel.run_queue[1].record_shared(5_000);
    kernel.syscalls[0].record_shared(2_000);
    kernel.minor_faults[0].set(3);
    kernel.voluntary[0].set(1);
    kernel.voluntary[1].set(4);
    let socket = arena.kernel_socket(0);
    socket.name.set(b"127.0.0.1:8080");
    socket.established.add(6);
    socket.all_bytes[1].set(900);
    arena.accept_waits(0).record(300);
    arena.kill(0).by.set(b"oom-killer");
    arena.kill(0).signal.set(9);
    arena.kill(0).count.set(4);
}

/// Without what differs by nature: the moment, what only the machine itself tells, and the metrics
/// by name, of which a document has those that its server is told to show.
fn comparable(mut picture: Picture) -> Picture {
    picture.taken = 0;
    (picture.lists_metrics, picture.metrics) = Default::default();
    picture.somaxconn = None;
    picture.locks.clear();
    for request in &mut picture.in_flight {
        request.age = 0;
        if let Some(waits) = &mut request.waits {
            waits.parts.sort();
        }
    }
    for worker in picture.kernel.iter_mut().flat_map(|kernel| &mut kernel.workers) {
        worker.waited.sort();
    }
    if let Body::Workers(workers) = &mut picture.body {
        workers.iter_mut().for_each(|w| w.exits.sort_by(|a, b| a.reason.cmp(&b.reason)));
    }
    picture
}

/// An arena with something in every part.
fn filled(folder: &Folder) -> (Written, u64) {
    let shape = Shape {
        workers: 2,
        cores: 2,
        apps: 1,
        sockets: 1,
        gateways: 1,
        metrics: 4,
        vars: 64,
        alarms: 1,
        thresholds: 1,
        series: 0,
        mules: 1,
        pushers: 1,
        probes: 4,
        listeners: 1,
        daemons: 1,
        loggers: 1,
        lines: 0,
    };
    let written = Written::create_at(&folder.0.join("arena"), &shape).unwrap();
    fill(&written);
    let now = written.snapshot().taken_us / 1_000_000;
    let mut writer = HistoryWriter::new();
    (now - 30..=now).for_each(|second| {
        written.core(1, 1).requests.add(3);
        writer.tick(&written.history(), second, &Snapshot::take(&written));
    });
    (written, now)
}

/// The document about it, with all details.
fn document_of(written: &Written, now: u64) -> Vec<u8> {
    let mut details = Details::take(written, true, 0, now);
    details.kernel = true;
    let options = StatsOptions { details: Some(details), ..StatsOptions::default() };
    stats_json(&written.snapshot().with_requests(written), &options)
}

/// The bytes of an arena that has something in every part.
pub(crate) fn arena_bytes() -> Vec<u8> {
    let folder = Folder::new("uwsgitop-bytes");
    let kept = filled(&folder);
    let bytes = std::fs::read(folder.0.join("arena")).unwrap();
    drop(kept);
    bytes
}

/// A document that has every detail.
pub(crate) fn detailed_document() -> Vec<u8> {
    let (written, now) = filled(&Folder::new("uwsgitop-detailed"));
    document_of(&written, now)
}

#[test]
fn a_screen_far_away_shows_what_one_here_does() {
    let folder = Folder::new("uwsgitop-same");
    let (written, now) = filled(&folder);
    let here = Arena::new(Place::File(folder.0.join("arena"))).picture(Needs::ALL).unwrap();
    let far = parse(&document_of(&written, now)).unwrap();
    assert!(here.trails.len() >= 32 && here.kernel.is_some() && !here.routes.is_empty());
    assert!(far.taken >= here.taken && far.in_flight[0].age >= here.in_flight[0].age);
    assert_eq!(comparable(far), comparable(here));
}
