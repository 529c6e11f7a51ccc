//! Requests in the arena: those that run now, and the kinds of those that ran.

use uwsgi_metrics::{InFlightView, KernelSnap, Snapshot, WAITS, WaitCells, WorkerSnap};

use super::text;
use crate::picture::{InFlight, Route, Waits};
use crate::secret;
use crate::source::Needs;

/// Oldest first: what hangs is on top.
pub(super) fn in_flight(snapshot: &Snapshot, needs: Needs) -> Vec<InFlight> {
    let kernel = snapshot.kernel.as_deref();
    let mut rows = Vec::new();
    for worker in &snapshot.workers {
        for (core, row) in worker.cores.iter().enumerate() {
            let Some(view) = &row.inflight else { continue };
            let mut request = request(worker, core, view, snapshot.taken_us);
            let waits = kernel.and_then(|k| Some(waits(k, k.waits_of(worker.index, core)?)));
            request.waits = waits.filter(|waits| are_of(waits, request.age));
            if needs.vars {
                request.vars = vars(view);
            }
            rows.push(request);
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.age));
    rows
}

fn request(worker: &WorkerSnap, core: usize, view: &InFlightView, now: u64) -> InFlight {
    InFlight {
        worker: u64::from(worker.index),
        core: core as u64,
        start: view.start_us,
        age: now.saturating_sub(view.start_us),
        phase: view.phase.as_str().to_owned(),
        method: text(&view.method),
        host: text(&view.host),
        uri: secret::uri(&text(&view.uri)),
        remote: text(&view.remote),
        proto: text(&view.proto),
        app: app(worker, view.app),
        more_vars: view.truncated,
        ..InFlight::default()
    }
}

/// Where the application with this id is mounted in a worker.
fn app(worker: &WorkerSnap, id: i32) -> String {
    let id = u64::try_from(id).ok();
    let found = id.and_then(|id| worker.apps.iter().find(|app| app.id == id));
    match found.map(|app| text(&app.mountpoint)) {
        Some(mountpoint) if mountpoint.is_empty() => "/".to_owned(),
        found => found.unwrap_or_default(),
    }
}

fn vars(view: &InFlightView) -> Vec<(String, String)> {
    let shown = |(name, value): (&[u8], &[u8])| {
        let name = text(name);
        let value = secret::value(&name, &text(value));
        (name, value)
    };
    view.pairs().map(shown).collect()
}

fn waits(kernel: &KernelSnap, row: &WaitCells) -> Waits {
    let micros = |(name, ns): (String, u64)| (name, ns / 1_000);
    let parts = WAITS.iter().zip(row.waited_ns);
    let measured = kernel.attached("scheduler");
    Waits {
        now: row.waits_for().filter(|_| measured).map(str::to_owned),
        parts: parts
            .filter(|_| measured)
            .map(|(wait, ns)| ((*wait).to_owned(), ns / 1_000))
            .collect(),
        call: row.running_call().map(micros),
        slowest: row.slowest_call().map(micros),
    }
}

/// Between the beginning of a request for the probes and for the arena, microseconds.
const SLACK: u64 = 1_000;

/// Whether a request of this age, µs, may have waited so. The server looks once a second: what it
/// saw may be of an earlier request on the same core, which is sure when it waited for longer.
fn are_of(waits: &Waits, age: u64) -> bool {
    let parts = waits.parts.iter().fold(0_u64, |sum, (_, us)| sum.saturating_add(*us));
    let calls = [&waits.call, &waits.slowest].into_iter().flatten().map(|(_, us)| *us);
    calls.chain([parts]).all(|us| us <= age.saturating_add(SLACK))
}

/// Requests by application, method and code; none unless the snapshot has them.
pub(super) fn routes(snapshot: &Snapshot) -> Vec<Route> {
    let all = snapshot.requests_by.iter().flat_map(|by| &by.durations);
    let used = all.filter(|row| row.latency.count > 0);
    used.map(|row| Route {
        app: text(&row.app),
        method: row.method.to_owned(),
        code: row.code.clone(),
        count: row.latency.count,
        sum: row.latency.sum_us,
        p50: row.latency.quantile(0.5),
        p99: row.latency.quantile(0.99),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena as Written, Phase, RequestKey, Shape, Start};

    const SHAPE: Shape = Shape {
        workers: 2,
        cores: 1,
        apps: 1,
        sockets: 0,
        gateways: 0,
        metrics: 0,
        vars: 256,
        alarms: 0,
        thresholds: 0,
        series: 0,
        mules: 0,
        pushers: 0,
        probes: 0,
        listeners: 0,
        daemons: 0,
        loggers: 0,
        lines: 0,
    };

    fn block(pairs: &[(&str, &str)]) -> Vec<u8> {
        let sized = |text: &str| {
            let length = u16::try_from(text.len()).unwrap().to_le_bytes();
            [&length[..], text.as_bytes()].concat()
        };
        pairs.iter().flat_map(|(name, value)| [sized(name), sized(value)].concat()).collect()
    }

    #[test]
    fn a_running_request_is_told_without_its_secrets() {
        let arena = Written::create(&SHAPE).unwrap();
        let app = arena.app(2, 0);
        app.used.set(1);
        app.mountpoint.set(b"/shop");
        let vars = block(&[("HTTP_COOKIE", "id=1"), ("HTTP_X\n", "y")]);
        let begun = Start {
            method: b"POST",
            host: b"example.org",
            uri: b"/pay?token=abc",
            start_us: 5,
            vars: &vars,
            ..Start::default()
        };
        arena.inflight(2, 0).begin(&begun);
        arena.inflight(2, 0).phase(Phase::Writing);
        arena.inflight(2, 0).app(0);
        let snapshot = Snapshot::take(&arena);
        let cheap = in_flight(&snapshot, Needs::default());
        let request = &cheap[0];
        assert_eq!((request.worker, request.core, request.start), (2, 0, 5));
        assert_eq!((request.phase.as_str(), request.app.as_str()), ("writing", "/shop"));
        assert_eq!(request.uri, "/pay?token=...");
        assert_eq!((request.vars.len(), request.coarse), (0, false), "nobody asked for them");
        let wanted = &in_flight(&snapshot, Needs::ALL)[0].vars;
        let pairs: Vec<_> = wanted.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("HTTP_COOKIE", "..."), ("HTTP_X?", "y")]);
    }

    #[test]
    fn waits_that_are_longer_than_a_request_are_not_of_it() {
        let call = |us| Waits { call: Some(("read".into(), us)), ..Waits::default() };
        let parts = |us| Waits {
            parts: vec![("disk".into(), us), ("lock".into(), us)],
            ..Waits::default()
        };
        for (waits, theirs) in [
            (call(19_000), true),
            (call(130_900), false),
            (parts(9_000), true),
            (parts(12_000), false),
            (Waits { slowest: Some(("read".into(), 40_000)), ..Waits::default() }, false),
        ] {
            assert_eq!(are_of(&waits, 18_200), theirs, "{waits:?}");
        }
    }

    #[test]
    fn kinds_of_requests_are_read_only_where_the_snapshot_has_them() {
        let arena = Written::create(&SHAPE).unwrap();
        for worker in [1, 2] {
            let slot = arena.duration_slot(worker, RequestKey::new(Some(0), b"GET", 500, false));
            arena.duration(worker, slot).record(2_000);
        }
        assert_eq!(routes(&Snapshot::take(&arena)), []);
        let rows = routes(&Snapshot::take(&arena).with_requests(&arena));
        let route = &rows[0];
        assert_eq!(
            (route.app.as_str(), route.method.as_str(), route.code.as_str()),
            ("/", "GET", "5xx")
        );
        assert_eq!((rows.len(), route.count, route.sum), (1, 2, 4_000));
        assert!(route.p99 >= 2_000, "{route:?}");
    }
}
