//! Pictures straight from a mapped arena: no connection, no work for the server.
//!
//! Owns the mapping, which it takes anew now and then, because a master that is reloaded with
//! another shape puts another arena in its place. An arena in a file outlives its master: it is
//! still shown, with a remark. Knows the rows of `uwsgi-metrics`; the rest of the program does not.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use uwsgi_metrics::{
    InFlightView, KernelSnap, Latency as Kind, PROBE_STATES, Reader, Ring, Series, Snapshot,
    SocketCells, View, WAITS, WaitCells, WorkerSnap,
};

use crate::human::clean;
use crate::picture::{
    Accept, Body, Core, Details, InFlight, Latency, Picture, Probe, Socket, Waits, Worker,
};

/// How long a mapping is trusted. Taking it anew costs an open and an mmap, a second of a stale
/// one costs an operator a wrong look right after a reload.
const TRUSTED: Duration = Duration::from_secs(1);

/// Where an arena is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file (or below `/proc/PID/fd`).
    File(PathBuf),
    /// Among the descriptors of this process.
    Process(u32),
}

/// An arena and its mapping.
pub(crate) struct Arena {
    place: Place,
    mapped: Option<(Reader, Instant)>,
}

impl Arena {
    /// Nothing is opened before the first picture.
    pub(crate) fn new(place: Place) -> Self {
        Self { place, mapped: None }
    }

    /// Copies the arena into a picture.
    ///
    /// # Errors
    /// Why it cannot be mapped.
    pub(crate) fn picture(&mut self) -> io::Result<Picture> {
        let view = self.view()?;
        let snapshot = Snapshot::take(view);
        let mut picture = picture(&snapshot);
        if let Some(details) = picture.details.as_mut() {
            details.history = history(view, snapshot.taken_us / 1_000_000);
        }
        Ok(picture)
    }

    /// Copies the arena.
    ///
    /// # Errors
    /// Why it cannot be mapped.
    pub(crate) fn snapshot(&mut self) -> io::Result<Snapshot> {
        Ok(Snapshot::take(self.view()?))
    }

    fn view(&mut self) -> io::Result<&View> {
        let fresh = match self.mapped.take() {
            Some((reader, since)) if since.elapsed() < TRUSTED => (reader, since),
            _ => (map(&self.place)?, Instant::now()),
        };
        Ok(&self.mapped.insert(fresh).0)
    }
}

impl std::fmt::Display for Arena {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Process(pid) => write!(f, "process {pid}"),
        }
    }
}

fn map(place: &Place) -> io::Result<Reader> {
    match place {
        Place::File(path) => Reader::attach(path),
        Place::Process(pid) if runs(u64::from(*pid)) => Reader::of_pid(*pid),
        Place::Process(_) => {
            Err(io::Error::new(io::ErrorKind::NotFound, "there is no such process"))
        }
    }
}

fn runs(pid: u64) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

fn picture(snapshot: &Snapshot) -> Picture {
    let globals = &snapshot.globals;
    let dead = globals.master_pid != 0 && !runs(globals.master_pid);
    Picture {
        version: text(&globals.version),
        listen_queue: globals.backlog,
        cwd: Some(text(&globals.cwd)),
        uid: Some(globals.uid),
        gid: Some(globals.gid),
        pid: Some(globals.master_pid),
        body: Body::Workers(snapshot.workers.iter().map(worker).collect()),
        details: Some(details(snapshot)),
        remark: dead.then(|| {
            format!("! process {} is not running, its last numbers are shown", globals.master_pid)
        }),
    }
}

fn worker(row: &WorkerSnap) -> Worker {
    let cores = (0..).zip(&row.cores).map(|(id, core)| Core {
        id,
        requests: core.cells.requests,
        in_request: core.cells.in_request != 0,
    });
    Worker {
        id: row.cells.id,
        pid: row.cells.pid,
        requests: row.requests,
        exceptions: row.exceptions,
        signals: row.cells.signals,
        status: row.status.to_string(),
        avg_rt: row.cells.avg_rt_us,
        rss: row.cells.rss,
        vsz: row.cells.vsz,
        tx: row.tx,
        respawn_count: row.cells.respawn_count,
        harakiri_count: row.cells.harakiri_count,
        running_time: row.running_time_us,
        last_spawn: row.cells.last_spawn,
        cores: cores.collect(),
    }
}

fn details(snapshot: &Snapshot) -> Details {
    Details {
        latencies: Kind::ALL.iter().filter_map(|kind| latency(snapshot, *kind)).collect(),
        in_flight: in_flight(snapshot),
        sockets: sockets(snapshot),
        history: Vec::new(),
        probes: snapshot.kernel.as_deref().map(probes).unwrap_or_default(),
    }
}

/// The kinds everybody asks for are always there, the others once something was recorded.
fn latency(snapshot: &Snapshot, kind: Kind) -> Option<Latency> {
    let recorded = snapshot.latency(kind);
    let always = matches!(kind, Kind::Request | Kind::Application);
    (always || recorded.count > 0).then(|| Latency {
        name: kind.as_str(),
        count: recorded.count,
        p50: recorded.quantile(0.5),
        p90: recorded.quantile(0.9),
        p99: recorded.quantile(0.99),
    })
}

/// Oldest first: what hangs is on top.
fn in_flight(snapshot: &Snapshot) -> Vec<InFlight> {
    let mut rows = Vec::new();
    for worker in &snapshot.workers {
        for (core, row) in worker.cores.iter().enumerate() {
            if let Some(view) = &row.inflight {
                let kernel = snapshot.kernel.as_deref();
                let waits = kernel.and_then(|k| Some(waits(k, k.waits_of(worker.index, core)?)));
                let ids = (u64::from(worker.index), core as u64);
                rows.push(InFlight { waits, ..request(ids, view, snapshot.taken_us) });
            }
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.age));
    rows
}

fn request((worker, core): (u64, u64), view: &InFlightView, now: u64) -> InFlight {
    InFlight {
        worker,
        core,
        age: now.saturating_sub(view.start_us),
        phase: view.phase.as_str().to_owned(),
        method: text(&view.method),
        uri: text(&view.uri),
        remote: text(&view.remote),
        waits: None,
    }
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

fn probes(kernel: &KernelSnap) -> Vec<Probe> {
    let state = |state: u64| usize::try_from(state).ok().and_then(|state| PROBE_STATES.get(state));
    let probe = |row: &uwsgi_metrics::ProbeCells| Probe {
        name: text(&row.name),
        state: state(row.state).copied().unwrap_or("?").to_owned(),
        reason: text(&row.reason),
        programs: row.programs,
        runs: row.runs,
        run_ns: row.run_ns,
    };
    kernel.probes.iter().map(probe).collect()
}

/// Sockets of workers, then those that only probes tell of: the fronts of a router.
fn sockets(snapshot: &Snapshot) -> Vec<Socket> {
    let mut all: Vec<Socket> = snapshot.sockets.iter().map(socket).collect();
    let kernel = snapshot.kernel.as_deref();
    for (index, (row, _)) in kernel.iter().flat_map(|k| &k.sockets).enumerate() {
        let accept = kernel.and_then(|kernel| accept(kernel, index));
        let name = text(&row.name);
        match all.iter_mut().find(|socket| socket.name == name) {
            Some(known) => known.accept = accept,
            None => all.push(Socket { name, accept, ..Socket::default() }),
        }
    }
    all
}

fn accept(kernel: &KernelSnap, index: usize) -> Option<Accept> {
    let (row, waits) = kernel.sockets.get(index).filter(|_| kernel.attached("accept"))?;
    Some(Accept {
        count: waits.count,
        p50: waits.quantile(0.5),
        p99: waits.quantile(0.99),
        established: row.established,
        depth_sum: row.depth_sum,
        full: row.full,
        retransmits: kernel.attached("network").then_some(row.retransmits),
    })
}

fn socket(row: &SocketCells) -> Socket {
    Socket {
        name: text(&row.name),
        proto: text(&row.proto),
        queue: row.queue,
        max_queue: row.max_queue,
        accept: None,
    }
}

/// One value per second from the oldest known to the newest; a second nobody wrote is zero.
fn history(view: &View, now: u64) -> Vec<u64> {
    let slots = view.history().read(Ring::Seconds, Series::Requests, now, Ring::Seconds.slots());
    dense(&slots, Ring::Seconds.slots())
}

/// Spreads (time, value) pairs in ascending order over `most` seconds at most.
fn dense(slots: &[(u64, u64)], most: usize) -> Vec<u64> {
    let (Some((first, _)), Some((last, _))) = (slots.first(), slots.last()) else {
        return Vec::new();
    };
    let length = usize::try_from(last.saturating_sub(*first)).unwrap_or(most).min(most);
    let mut values = vec![0; length + 1];
    for (time, value) in slots {
        let index = usize::try_from(time.saturating_sub(*first)).unwrap_or(usize::MAX);
        if let Some(slot) = values.get_mut(index) {
            *slot = *value;
        }
    }
    values
}

fn text(bytes: &[u8]) -> String {
    clean(&String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena as Written, Phase, Shape, Start};

    const SHAPE: Shape = Shape {
        workers: 2,
        cores: 2,
        apps: 1,
        sockets: 1,
        gateways: 0,
        metrics: 0,
        vars: 64,
        alarms: 0,
        thresholds: 0,
        series: 0,
        mules: 0,
        pushers: 0,
        probes: 0,
        listeners: 0,
    };

    /// A file of this test process alone, gone with the value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn fill(arena: &Written) {
        let globals = arena.globals();
        globals.version.set(b"2.0.31");
        globals.cwd.set(b"/srv/\x1bx");
        globals.master_pid.set(u64::from(std::process::id()));
        globals.backlog.set(4);
        let worker = arena.worker(1);
        worker.id.set(1);
        worker.pid.set(77);
        worker.rss.set(4096);
        let core = arena.core(1, 0);
        core.requests.set(9);
        core.tx.set(2048);
        core.in_request.set(1);
        let begun = Start { method: b"GET", uri: b"/slow", start_us: 1, ..Start::default() };
        arena.inflight(1, 0).begin(&begun);
        arena.inflight(1, 0).phase(Phase::Application);
        arena.histogram(1, Kind::Request).record(1_000);
        arena.socket(0).name.set(b"127.0.0.1:8080");
        arena.socket(0).max_queue.set(100);
    }

    #[test]
    fn a_mapped_arena_is_a_whole_picture() {
        let folder = Folder::new("uwsgitop-arena");
        let path = folder.0.join("arena");
        let written = Written::create_at(&path, &SHAPE).unwrap();
        fill(&written);
        let mut arena = Arena::new(Place::File(path));
        let picture = arena.picture().unwrap();
        assert_eq!((picture.version.as_str(), picture.listen_queue), ("2.0.31", 4));
        assert_eq!(picture.cwd.as_deref(), Some("/srv/?x"));
        assert_eq!(picture.remark, None, "the master, this process, runs");
        let Body::Workers(workers) = &picture.body else { panic!("no workers") };
        let states: Vec<(&str, u64, u64)> =
            workers.iter().map(|w| (w.status.as_str(), w.requests, w.tx)).collect();
        assert_eq!(states, [("busy", 9, 2048), ("cheap", 0, 0)]);
        assert!(workers[0].cores[0].in_request && !workers[0].cores[1].in_request);
        let details = picture.details.unwrap();
        let names: Vec<(&str, u64)> = details.latencies.iter().map(|l| (l.name, l.count)).collect();
        assert_eq!(names, [("request", 1), ("application", 0)]);
        let request = &details.in_flight[0];
        assert_eq!((request.worker, request.core, request.phase.as_str()), (1, 0, "application"));
        assert_eq!((request.method.as_str(), request.uri.as_str()), ("GET", "/slow"));
        assert!(request.age > 1_000_000, "begun in 1970");
        assert_eq!(details.sockets[0].max_queue, 100);
        arena_moves_on(&written, &mut arena);
    }

    fn arena_moves_on(written: &Written, arena: &mut Arena) {
        written.core(1, 0).requests.set(10);
        written.inflight(1, 0).end();
        let picture = arena.picture().unwrap();
        let Body::Workers(workers) = &picture.body else { panic!("no workers") };
        assert_eq!(workers[0].requests, 10, "the mapping is live");
        assert_eq!(picture.details.unwrap().in_flight, []);
    }

    #[test]
    fn a_dead_master_is_told_and_its_numbers_stay() {
        let folder = Folder::new("uwsgitop-dead");
        let path = folder.0.join("arena");
        let written = Written::create_at(&path, &SHAPE).unwrap();
        fill(&written);
        // Above the largest process id a kernel gives.
        written.globals().master_pid.set(1 << 40);
        drop(written);
        let picture = Arena::new(Place::File(path)).picture().unwrap();
        assert!(picture.remark.unwrap().contains("is not running"));
        assert!(matches!(picture.body, Body::Workers(workers) if workers[0].requests == 9));
    }

    #[test]
    fn the_arena_of_a_process_is_found_by_its_id() {
        let written = Written::create(&SHAPE).unwrap();
        fill(&written);
        let mut arena = Arena::new(Place::Process(std::process::id()));
        assert_eq!(arena.picture().unwrap().listen_queue, 4);
        assert_eq!(arena.snapshot().unwrap().requests(), 9);
    }

    #[test]
    fn what_is_no_arena_is_refused() {
        let folder = Folder::new("uwsgitop-noarena");
        let path = folder.0.join("text");
        std::fs::write(&path, "not an arena").unwrap();
        assert!(Arena::new(Place::File(path)).picture().is_err());
        let missing = Arena::new(Place::Process(u32::MAX)).picture().unwrap_err();
        assert!(missing.to_string().contains("no such process"), "{missing}");
    }

    #[test]
    fn seconds_nobody_wrote_are_zero() {
        assert!(dense(&[], 300).is_empty());
        assert_eq!(dense(&[(10, 5), (11, 6), (14, 7)], 300), [5, 6, 0, 0, 7]);
        assert_eq!(dense(&[(0, 1), (u64::MAX, 2)], 2), [1, 0, 0], "a clock that jumped");
    }
}
