//! A small arena in which every kind of row holds something: two workers of two cores (one in a
//! request, the second worker never spawned), an app, two sockets, a router, a mule at work and one never spawned, user
//! metrics.

use std::io;

use uwsgi_metrics::{Arena, Kind, Latency, Phase, Shape, Start};

/// The shape of the filled arena.
pub(crate) const SHAPE: Shape = Shape {
    workers: 2,
    cores: 2,
    apps: 4,
    sockets: 2,
    gateways: 2,
    metrics: 8,
    vars: 1024,
    alarms: 2,
    thresholds: 2,
    series: 64,
    mules: 2,
    pushers: 2,
    probes: 1,
    listeners: 2,
    daemons: 0,
    loggers: 0,
    lines: 0,
};

/// An uwsgi block of these pairs.
pub(crate) fn block(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for text in pairs.iter().flat_map(|(key, value)| [key, value]) {
        out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(text);
    }
    out
}

/// The arena.
///
/// # Errors
/// Those of [`Arena::create`].
pub(crate) fn filled() -> io::Result<Arena> {
    let arena = Arena::create(&SHAPE)?;
    fill_globals(&arena);
    fill_worker(&arena);
    fill_sockets(&arena);
    for (index, sessions) in [(0, 3), (1, 4)] {
        let gateway = arena.gateway(index);
        gateway.name.set(b"http");
        gateway.pid.set(200 + u64::from(index));
        gateway.active_sessions.set(sessions);
        gateway.requests.add(10);
    }
    let mule = arena.mule(1);
    mule.id.set(1);
    mule.pid.set(300);
    mule.signals.add(3);
    mule.sig.set(1);
    mule.signum.set(17);
    mule.messages.add(4);
    arena.register_metric("foo", Kind::Counter, "100.1", 5);
    arena.register_metric("queue.7.depth", Kind::Gauge, "", -2);
    Ok(arena)
}

fn fill_globals(arena: &Arena) {
    let globals = arena.globals();
    globals.version.set(b"2.0.31-rs");
    globals.cwd.set(b"/srv/app");
    globals.master_pid.set(100);
    globals.uid.set(33);
    globals.gid.set(34);
    globals.started_at.set(1_795_000_000);
    globals.backlog.set(2);
    globals.load.set(2);
    globals.busy_workers.set(1);
    globals.routed_signals.add_shared(2);
    globals.scrapes.add(4);
    globals.scrape_us.add(1_500);
}

fn fill_worker(arena: &Arena) {
    let worker = arena.worker(1);
    worker.id.set(1);
    worker.pid.set(101);
    worker.accepting.set(1);
    worker.delta_base.set(3);
    worker.rss.set(10_000_000);
    worker.vsz.set(20_000_000);
    worker.last_spawn.set(1_795_000_001);
    worker.respawn_count.add(2);
    worker.note_response_time(4_000);
    let app = arena.app(1, 0);
    app.mountpoint.set(b"/shop\"x\\");
    app.chdir.set(b"/srv/\xff");
    app.requests.add(6);
    app.responses[1].add(5);
    app.responses[4].add(1);
    app.tx.add(900);
    app.running_time_us.add(1_500_000);
    app.latencies[0].add(4);
    app.latencies[14].add(2);
    app.used.set(1);
    for (core, requests) in [(0, 5), (1, 2)] {
        let row = arena.core(1, core);
        row.requests.add(requests);
        row.tx.add(1_000);
        row.running_time_us.add(250_000);
        row.count_response(200);
    }
    arena.core(1, 0).count_response(503);
    arena.core(1, 0).failed_requests.add(1);
    for us in [900, 5_000, 7_000, 30_000, 2_000_000] {
        arena.histogram(1, Latency::Request).record(us);
    }
    arena.histogram(1, Latency::Application).record(800);
    start_request(arena);
}

fn start_request(arena: &Arena) {
    let pairs: [(&[u8], &[u8]); 3] =
        [(b"REQUEST_METHOD", b"GET"), (b"PATH_INFO", b"/sleep"), (b"HTTP_X_Q", b"a\"b\\c\td")];
    let record = arena.inflight(1, 1);
    record.begin(&Start {
        method: b"GET",
        uri: b"/sleep?x=1",
        remote: b"127.0.0.1",
        host: b"example.org",
        proto: b"HTTP/1.1",
        start_us: 1_795_162_608_250_000,
        vars: &block(&pairs),
        uncounted: false,
        ..Start::default()
    });
    record.app(0);
    record.phase(Phase::Application);
    arena.core(1, 1).in_request.set(1);
}

fn fill_sockets(arena: &Arena) {
    for (index, name, proto) in [(0, "127.0.0.1:9090", "http"), (1, "/run/app.sock", "uwsgi")] {
        let socket = arena.socket(index);
        socket.name.set(name.as_bytes());
        socket.proto.set(proto.as_bytes());
        socket.queue.set(2);
        socket.max_queue.set(100);
    }
}
