//! An owned copy of everything in the arena, with the sums and decisions every report needs.
//!
//! Taking one locks nothing and stops nobody: each cell is read once, so figures of different
//! cells may be a few nanoseconds apart. Reports work on the copy alone.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::histogram::{LATENCIES, Latency, LatencySnap};
use crate::inflight::InFlightView;
use crate::kernel::KernelSnap;
use crate::metric_pool::READY;
use crate::requests::{self, RequestsSnap};
use crate::rows::{
    AlarmCells, AppCells, AppRow, CoreCells, DaemonCells, GatewayCells, GlobalCells, LoggerCells,
    MetricCells, MuleCells, PusherCells, SNMP_VALUES, SnmpCells, SnmpValueCells, SocketCells,
    SystemCells, ThresholdCells, TrafficCells, WorkerCells,
};
use crate::series::{FamilyKind, FamilySnap, families_of};
use crate::view::View;

/// What a worker is doing, decided in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Put away by cheaper, or never spawned.
    Cheap,
    /// Paused and not busy.
    Pause,
    /// In the handler of this uwsgi signal.
    Sig(u64),
    /// Serving at least one request.
    Busy,
    /// Waiting.
    #[default]
    Idle,
}

impl Status {
    /// Code of the extension metric `worker.N.status`.
    pub fn code(self) -> i64 {
        match self {
            Status::Idle => 0,
            Status::Busy => 1,
            Status::Cheap => 2,
            Status::Pause => 3,
            Status::Sig(_) => 4,
        }
    }

    fn of(cells: &WorkerCells, busy: bool) -> Status {
        if cells.cheaped != 0 || cells.id == 0 {
            Status::Cheap
        } else if cells.suspended != 0 && !busy {
            Status::Pause
        } else if cells.sig != 0 {
            Status::Sig(cells.signum)
        } else if busy {
            Status::Busy
        } else {
            Status::Idle
        }
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Status::Cheap => f.write_str("cheap"),
            Status::Pause => f.write_str("pause"),
            Status::Sig(number) => write!(f, "sig{number}"),
            Status::Busy => f.write_str("busy"),
            Status::Idle => f.write_str("idle"),
        }
    }
}

/// One core.
#[derive(Clone, Debug, Default)]
pub struct CoreSnap {
    /// Its cells.
    pub cells: CoreCells,
    /// Time spent in requests, the running one included, microseconds.
    pub busy_us: u64,
    /// The request it is serving.
    pub inflight: Option<InFlightView>,
}

/// One worker with the sums of its cores.
#[derive(Clone, Debug, Default)]
pub struct WorkerSnap {
    /// Its row number, 1 to P (`cells.id` is 0 until the first spawn).
    pub index: u32,
    /// Its cells.
    pub cells: WorkerCells,
    /// Status.
    pub status: Status,
    /// Requests closed in all lives.
    pub requests: u64,
    /// Requests since the last spawn.
    pub delta_requests: u64,
    /// Failed requests.
    pub failed_requests: u64,
    /// Uncaught application exceptions.
    pub exceptions: u64,
    /// Time spent in requests, microseconds.
    pub running_time_us: u64,
    /// Time spent in requests, the running ones included, microseconds.
    pub busy_us: u64,
    /// Bytes written.
    pub tx: u64,
    /// Bytes read.
    pub rx: u64,
    /// Its applications.
    pub apps: Vec<AppCells>,
    /// Those of earlier lives that did not register again yet: their counts go on.
    pub resting_apps: Vec<AppCells>,
    /// Its cores.
    pub cores: Vec<CoreSnap>,
}

/// One listening socket with what all workers did for its clients.
#[derive(Clone, Debug, Default)]
pub struct SocketSnap {
    /// Its cells.
    pub cells: SocketCells,
    /// The sums of the workers.
    pub traffic: TrafficCells,
}

/// The copy.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was taken, epoch microseconds.
    pub taken_us: u64,
    /// When the arena was made, from which on its counters count, epoch microseconds.
    pub created_us: u64,
    /// Generation of the arena.
    pub generation: u64,
    /// The instance row.
    pub globals: GlobalCells,
    /// Workers 1 to P.
    pub workers: Vec<WorkerSnap>,
    /// Sockets in configuration order.
    pub sockets: Vec<SocketSnap>,
    /// What all workers did for the clients of the router's link.
    pub link: TrafficCells,
    /// Routers.
    pub gateways: Vec<GatewayCells>,
    /// What the machine says.
    pub system: SystemCells,
    /// Alarms in configuration order.
    pub alarms: Vec<AlarmCells>,
    /// Thresholds in configuration order.
    pub thresholds: Vec<ThresholdCells>,
    /// Mules 1 to the last.
    pub mules: Vec<MuleCells>,
    /// The SNMP agent.
    pub snmp: SnmpCells,
    /// Values that applications have given it, with their numbers.
    pub snmp_values: Vec<(u32, SnmpValueCells)>,
    /// Receivers of pushers in configuration order.
    pub pushers: Vec<PusherCells>,
    /// Attached daemons in configuration order.
    pub daemons: Vec<DaemonCells>,
    /// Receivers of lines of the log.
    pub loggers: Vec<LoggerCells>,
    /// User metrics in registration order.
    pub metrics: Vec<MetricCells>,
    /// What is added to built-in metrics of the classic list, by name.
    pub bases: Vec<(Vec<u8>, i64)>,
    /// Series of applications, see [`Snapshot::with_series`]; empty without.
    pub series: Vec<FamilySnap>,
    /// Requests by what they were, see [`Snapshot::with_requests`]; nothing without.
    pub requests_by: Option<RequestsSnap>,
    /// What probes in the kernel counted; nothing without probes.
    pub kernel: Option<Box<KernelSnap>>,
    /// How many families and series found no room.
    pub series_dropped: u64,
    /// Latencies of all workers together, indexed by [`Latency`].
    pub latencies: [LatencySnap; LATENCIES],
}

impl Snapshot {
    /// Copies an arena.
    pub fn take(view: &View) -> Snapshot {
        Snapshot::without_latencies(view).with_latencies(view)
    }

    /// Copies an arena but for its latencies, which are by far the most of it: for readers that look
    /// more often than these are worth.
    pub fn without_latencies(view: &View) -> Snapshot {
        let shape = view.shape();
        let taken_us = epoch_us();
        let (metrics, bases) = metrics(view);
        Snapshot {
            taken_us,
            created_us: view.created_ns() / 1_000,
            generation: view.generation(),
            globals: view.globals().read(),
            workers: (1..=shape.workers).map(|id| WorkerSnap::at(view, id, taken_us)).collect(),
            sockets: (0..shape.sockets)
                .map(|i| SocketSnap::take(view, i))
                .filter(|socket| !socket.cells.name.is_empty())
                .collect(),
            link: traffic(view, shape.sockets),
            gateways: (0..shape.gateways)
                .map(|i| view.gateway(i).read())
                .filter(|gateway| !gateway.name.is_empty())
                .collect(),
            system: view.system().read(),
            alarms: (0..shape.alarms)
                .map(|i| view.alarm(i).read())
                .filter(|alarm| !alarm.name.is_empty())
                .collect(),
            thresholds: (0..shape.thresholds)
                .map(|i| view.threshold(i).read())
                .filter(|threshold| !threshold.text.is_empty())
                .collect(),
            pushers: (0..shape.pushers)
                .map(|i| view.pusher(i).read())
                .filter(|pusher| !pusher.kind.is_empty())
                .collect(),
            daemons: (0..shape.daemons)
                .map(|i| view.daemon(i).read())
                .filter(|daemon| !daemon.command.is_empty())
                .collect(),
            loggers: (0..shape.loggers)
                .map(|i| view.logger(i).read())
                .filter(|logger| !logger.name.is_empty())
                .collect(),
            mules: (1..=shape.mules).map(|id| view.mule(id).read()).collect(),
            snmp: view.snmp().read(),
            snmp_values: (1..=SNMP_VALUES)
                .map(|number| (number, view.snmp_value(number).read()))
                .filter(|(_, value)| value.kind != 0)
                .collect(),
            metrics,
            bases,
            series: Vec::new(),
            requests_by: None,
            kernel: KernelSnap::take(view).map(Box::new),
            series_dropped: view.series_head().dropped.get(),
            latencies: Default::default(),
        }
    }

    /// Adds the latencies.
    pub fn with_latencies(self, view: &View) -> Snapshot {
        Snapshot { latencies: Latency::ALL.map(|what| latency(view, what)), ..self }
    }

    /// Adds the series of applications: only some readers want them, and there may be thousands.
    pub fn with_series(self, view: &View) -> Snapshot {
        self.with_series_of(view, &|_, _| true)
    }

    /// The same, of the families that are wanted by their name and kind.
    pub fn with_series_of(
        self,
        view: &View,
        wanted: &dyn Fn(&str, FamilyKind) -> bool,
    ) -> Snapshot {
        Snapshot { series: families_of(view, wanted), ..self }
    }

    /// Adds the requests by app, method and code, which only expositions want.
    pub fn with_requests(self, view: &View) -> Snapshot {
        Snapshot { requests_by: Some(requests::read(view)), ..self }
    }

    /// One latency over all workers.
    pub fn latency(&self, what: Latency) -> &LatencySnap {
        &self.latencies[what as usize]
    }

    /// Workers that were spawned at least once.
    pub fn spawned(&self) -> impl Iterator<Item = &WorkerSnap> {
        self.workers.iter().filter(|w| w.cells.id != 0)
    }

    /// Requests of all workers.
    pub fn requests(&self) -> u64 {
        self.workers.iter().map(|w| w.requests).sum()
    }

    /// Workers that run and are busy or in a signal handler.
    pub fn busy(&self) -> u64 {
        let running = self.workers.iter().filter(|w| w.cells.pid != 0);
        running.filter(|w| matches!(w.status, Status::Busy | Status::Sig(_))).count() as u64
    }

    /// Cores in a request.
    pub fn in_flight(&self) -> u64 {
        let cores = self.workers.iter().flat_map(|w| &w.cores);
        cores.filter(|core| core.cells.in_request != 0).count() as u64
    }

    /// Responses of a class: 0 to 4 for 1xx to 5xx, 5 for the rest.
    pub fn responses(&self, class: usize) -> u64 {
        let cores = self.workers.iter().flat_map(|w| &w.cores);
        cores.filter_map(|core| core.cells.responses.get(class)).sum()
    }

    /// Sum of a figure over the workers, in the list's type.
    pub(crate) fn sum(&self, of: fn(&WorkerSnap) -> u64) -> i64 {
        self.workers.iter().map(of).fold(0, u64::wrapping_add).cast_signed()
    }

    /// Mean of the workers' averages over all P workers, microseconds.
    pub(crate) fn avg_response_time(&self) -> i64 {
        let count = i64::try_from(self.workers.len()).unwrap_or(i64::MAX);
        self.sum(|w| w.cells.avg_rt_us).checked_div(count).unwrap_or(0)
    }
}

impl SocketSnap {
    /// Copies a socket, from 0.
    pub fn take(view: &View, index: u32) -> SocketSnap {
        SocketSnap { cells: view.socket(index).read(), traffic: traffic(view, index) }
    }
}

/// What all workers did for the clients of a socket.
fn traffic(view: &View, socket: u32) -> TrafficCells {
    let mut all = TrafficCells::default();
    for worker in 1..=view.shape().workers {
        all.merge(&view.traffic(worker, socket).read());
    }
    all
}

impl CoreSnap {
    fn take(view: &View, worker: u32, core: u32, now: u64) -> CoreSnap {
        let (row, record) = (view.core(worker, core), view.inflight(worker, core));
        let (done, start) = record.busy(|| row.running_time_us.get() + row.lost_us.get());
        let cells = row.read();
        // A clock that was set back, or a look between two stores, takes nothing back.
        let busy_us =
            (done + start.map_or(0, |start| now.saturating_sub(start))).max(cells.busy_us);
        CoreSnap { cells, busy_us, inflight: record.read() }
    }
}

impl WorkerSnap {
    /// Copies worker `id`, 1 to P, with its cores and applications.
    pub fn take(view: &View, id: u32) -> WorkerSnap {
        WorkerSnap::at(view, id, epoch_us())
    }

    /// The same, at `now`, epoch microseconds.
    fn at(view: &View, id: u32, now: u64) -> WorkerSnap {
        let shape = view.shape();
        let cells = view.worker(id).read();
        let cores: Vec<_> =
            (0..shape.cores).map(|core| CoreSnap::take(view, id, core, now)).collect();
        let sum = |of: fn(&CoreCells) -> u64| cores.iter().map(|core| of(&core.cells)).sum::<u64>();
        let requests = sum(|c| c.requests);
        WorkerSnap {
            index: id,
            status: Status::of(&cells, cores.iter().any(|core| core.cells.in_request != 0)),
            requests,
            delta_requests: requests.saturating_sub(cells.delta_base),
            failed_requests: sum(|c| c.failed_requests) + cells.failed_requests,
            exceptions: sum(|c| c.exceptions),
            running_time_us: sum(|c| c.running_time_us),
            busy_us: cores.iter().map(|core| core.busy_us).sum(),
            tx: sum(|c| c.tx),
            rx: sum(|c| c.rx),
            apps: apps(view, id, |app| app.used.get() != 0),
            resting_apps: apps(view, id, |app| app.used.get() == 0 && app.requests.get() != 0),
            cells,
            cores,
        }
    }
}

/// Those of a worker's apps that are wanted.
fn apps(view: &View, worker: u32, wanted: fn(&AppRow) -> bool) -> Vec<AppCells> {
    let all = (0..view.shape().apps).map(|app| view.app(worker, app));
    all.filter(|app| wanted(app)).map(AppRow::read).collect()
}

impl WorkerSnap {
    /// Time from the last start to accepting, microseconds; 0 before it accepts.
    pub fn startup_us(&self) -> u64 {
        self.cells.ready_us.saturating_sub(self.cells.spawned_us)
    }
}

fn epoch_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

fn latency(view: &View, what: Latency) -> LatencySnap {
    let mut merged = LatencySnap::default();
    for id in 1..=view.shape().workers {
        view.histogram(id, what).merge_into(&mut merged);
    }
    merged
}

/// The registered metrics of this generation, in registration order, and the bases of built-in
/// ones, which every generation keeps.
fn metrics(view: &View) -> (Vec<MetricCells>, Vec<(Vec<u8>, i64)>) {
    let used = view.globals().metrics_used.get().min(u64::from(view.shape().metrics));
    let slots = (0..u32::try_from(used).unwrap_or(0)).map(|slot| view.metric_at(slot));
    let (mut rows, mut bases) = (Vec::new(), Vec::new());
    for row in slots.filter(|m| m.state.get() == READY) {
        if row.is_base() {
            bases.push((row.name.get(), row.base.get()));
        } else if row.generation.get() == view.generation() {
            rows.push(row.read());
        }
    }
    rows.sort_by_key(|row| row.order);
    (rows, bases)
}
