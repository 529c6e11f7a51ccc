//! Pictures straight from a mapped arena: no connection, no work for the server.
//!
//! Owns the mapping, which it takes anew now and then, because a master that is reloaded with
//! another shape puts another arena in its place. An arena in a file outlives its master: it is
//! still shown, with a remark. Knows the rows of `uwsgi-metrics`; the rest of the program does not.

mod apps;
pub(crate) mod find;
mod fleet;
mod history;
mod jobs;
mod kernel;
mod latencies;
mod metrics;
mod requests;
mod sockets;
mod system;
mod watched;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use uwsgi_metrics::prometheus::{Format, PromOptions, gather, render};
use uwsgi_metrics::{EXITS, Reader, Snapshot, View, WorkerSnap};

use crate::human::clean;
use crate::picture::{Body, Core, End, Picture, Worker};
use crate::procfs::{inner, parent_of, runs};
use crate::source::Needs;

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
    history: history::Reading,
    metrics: metrics::Reading,
    latencies: latencies::Reading,
}

impl Arena {
    /// Nothing is opened before the first picture.
    pub(crate) fn new(place: Place) -> Self {
        let (history, metrics, latencies) = Default::default();
        Self { place, mapped: None, history, metrics, latencies }
    }

    /// Copies the arena into a picture.
    ///
    /// # Errors
    /// Why it cannot be mapped.
    pub(crate) fn picture(&mut self, needs: Needs) -> io::Result<Picture> {
        let view = view(&mut self.mapped, &self.place)?;
        let mut snapshot = Snapshot::without_latencies(view);
        if needs.routes {
            snapshot = snapshot.with_requests(view);
        }
        let master = master_here(&self.place, snapshot.globals.master_pid);
        let mut picture = picture(&snapshot, needs, master);
        jobs::read(&snapshot, &mut picture);
        kernel::read(&snapshot, needs.kernel, &mut picture);
        watched::read(&snapshot, &mut picture);
        picture.latencies = self.latencies.list(view, &snapshot, needs.latencies);
        picture.lists_metrics = true;
        if needs.metrics {
            picture.metrics = self.metrics.list(view, &snapshot);
        }
        picture.trails = self.history.trails(view, snapshot.taken_us / 1_000_000, needs.trails);
        Ok(picture)
    }

    /// Copies the arena.
    ///
    /// # Errors
    /// Why it cannot be mapped.
    pub(crate) fn snapshot(&mut self) -> io::Result<Snapshot> {
        Ok(Snapshot::take(view(&mut self.mapped, &self.place)?))
    }

    /// The page that the server would serve for Prometheus, text 0.0.4.
    ///
    /// # Errors
    /// Why it cannot be mapped.
    pub(crate) fn exposition(&mut self) -> io::Result<Vec<u8>> {
        let (view, options) = (view(&mut self.mapped, &self.place)?, PromOptions::default());
        let snapshot = gather(Snapshot::take(view), view, &options);
        Ok(render(&snapshot, Format::Text, &options).1)
    }
}

/// The mapping, taken anew when it is old.
fn view<'a>(mapped: &'a mut Option<(Reader, Instant)>, place: &Place) -> io::Result<&'a View> {
    let fresh = match mapped.take() {
        Some((reader, since)) if since.elapsed() < TRUSTED => (reader, since),
        _ => (map(place)?, Instant::now()),
    };
    Ok(&mapped.insert(fresh).0)
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
    let none = |text: String| io::Error::new(io::ErrorKind::NotFound, text);
    match place {
        Place::File(path) => Reader::attach(path),
        Place::Process(pid) if runs(u64::from(*pid)) => match find::find(*pid)? {
            Some(found) => Reader::attach(&found.path),
            None => Err(none(format!("process {pid} has no arena open"))),
        },
        Place::Process(_) => Err(none("there is no such process".to_owned())),
    }
}

/// The process id of the master as it is seen from here: what the master believes itself may be
/// that of a container.
fn master_here(place: &Place, told: u64) -> u64 {
    let Place::Process(pid) = place else { return told };
    let pid = u64::from(*pid);
    let mut kin = [Some(pid), parent_of(pid)].into_iter().flatten();
    kin.find(|pid| inner(*pid).is_some_and(|(inside, _)| inside == told)).unwrap_or(told)
}

fn picture(snapshot: &Snapshot, needs: Needs, master: u64) -> Picture {
    let globals = &snapshot.globals;
    let dead = master != 0 && !runs(master);
    Picture {
        taken: snapshot.taken_us,
        version: text(&globals.version),
        listen_queue: globals.backlog,
        listen_queue_errors: globals.backlog_errors,
        signal_queue: globals.signal_queue,
        started_at: globals.started_at,
        reloads: globals.reloads,
        cwd: Some(text(&globals.cwd)),
        uid: Some(globals.uid),
        gid: Some(globals.gid),
        pid: Some(master),
        body: Body::Workers(snapshot.workers.iter().map(worker).collect()),
        deep: true,
        in_flight: requests::in_flight(snapshot, needs),
        routes: requests::routes(snapshot),
        sockets: sockets::read(snapshot),
        somaxconn: sockets::somaxconn(master),
        last_reload: globals.last_reload,
        system: system::system(&snapshot.system),
        gateways: fleet::gateways(snapshot),
        remark: dead
            .then(|| format!("! process {master} is not running, its last numbers are shown")),
        ..Picture::default()
    }
}

fn worker(row: &WorkerSnap) -> Worker {
    let cores = (0..).zip(&row.cores).map(|(id, core)| Core {
        id,
        requests: core.cells.requests,
        static_requests: core.cells.static_requests,
        routed_requests: core.cells.routed_requests,
        offloaded_requests: core.cells.offloaded_requests,
        write_errors: core.cells.write_errors,
        read_errors: core.cells.read_errors,
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
        accepting: row.cells.accepting != 0,
        delta_requests: row.delta_requests,
        failed_requests: row.failed_requests,
        signal_queue: row.cells.signal_queue,
        uss: row.cells.uss,
        pss: row.cells.pss,
        swap: row.cells.swap,
        rx: row.rx,
        harakiri_pending: row.cells.harakiri_pending,
        killed_count: row.cells.killed_count,
        exits: exits(row),
        last_exit: last_exit(row),
        cpu_time: row.cells.used.cpu_us(),
        open_fds: row.cells.open_fds,
        threads: row.cells.threads,
        startup: row.startup_us(),
        apps: apps::read(row),
    }
}

fn exits(row: &WorkerSnap) -> Vec<End> {
    let ends = EXITS.iter().zip(row.cells.exits).filter(|(_, count)| *count > 0);
    ends.map(|(reason, count)| End { reason: (*reason).to_owned(), count }).collect()
}

/// Why it ended last, in words; nothing before the first end, and nothing for an end as wished.
fn last_exit(row: &WorkerSnap) -> String {
    let reason =
        usize::try_from(row.cells.exit_reason).ok().and_then(|n| EXITS.get(n.checked_sub(1)?));
    match reason.copied() {
        Some("signal") => format!("signal {}", row.cells.exit_signal),
        Some("exit") => format!("exit code {}", row.cells.exit_code),
        Some(reason) => reason.replace('_', " "),
        None => String::new(),
    }
}

fn text(bytes: &[u8]) -> String {
    clean(&String::from_utf8_lossy(bytes))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use uwsgi_metrics::{Arena as Written, Latency as Kind, Phase, Shape, Start};

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
        daemons: 0,
        loggers: 0,
        lines: 0,
    };

    /// A file of this test process alone, gone with the value.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
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
        let picture = arena.picture(Needs::default()).unwrap();
        assert_eq!((picture.version.as_str(), picture.listen_queue), ("2.0.31", 4));
        assert_eq!(picture.cwd.as_deref(), Some("/srv/?x"));
        assert_eq!(picture.remark, None, "the master, this process, runs");
        let Body::Workers(workers) = &picture.body else { panic!("no workers") };
        let states: Vec<(&str, u64, u64)> =
            workers.iter().map(|w| (w.status.as_str(), w.requests, w.tx)).collect();
        assert_eq!(states, [("busy", 9, 2048), ("cheap", 0, 0)]);
        assert!(workers[0].cores[0].in_request && !workers[0].cores[1].in_request);

        let names: Vec<(&str, u64)> =
            picture.latencies.iter().map(|l| (l.name.as_str(), l.count)).collect();
        assert_eq!(names, [("request", 1), ("application", 0)]);
        let request = &picture.in_flight[0];
        assert_eq!((request.worker, request.core, request.phase.as_str()), (1, 0, "application"));
        assert_eq!((request.method.as_str(), request.uri.as_str()), ("GET", "/slow"));
        assert!(request.age > 1_000_000, "begun in 1970");
        assert_eq!(picture.sockets[0].max_queue, 100);
        arena_moves_on(&written, &mut arena);
    }

    fn arena_moves_on(written: &Written, arena: &mut Arena) {
        written.core(1, 0).requests.set(10);
        written.inflight(1, 0).end();
        let picture = arena.picture(Needs::default()).unwrap();
        let Body::Workers(workers) = &picture.body else { panic!("no workers") };
        assert_eq!(workers[0].requests, 10, "the mapping is live");
        assert_eq!(picture.in_flight, []);
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
        let picture = Arena::new(Place::File(path)).picture(Needs::default()).unwrap();
        assert!(picture.remark.unwrap().contains("is not running"));
        assert!(matches!(picture.body, Body::Workers(workers) if workers[0].requests == 9));
    }

    #[test]
    fn what_is_no_arena_is_refused() {
        let folder = Folder::new("uwsgitop-noarena");
        let path = folder.0.join("text");
        std::fs::write(&path, "not an arena").unwrap();
        assert!(Arena::new(Place::File(path)).picture(Needs::default()).is_err());
        let missing = Arena::new(Place::Process(u32::MAX)).picture(Needs::default()).unwrap_err();
        assert!(missing.to_string().contains("no such process"), "{missing}");
    }
}
