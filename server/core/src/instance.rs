//! The instance: everything decided before the first fork, shared by all processes after it.
//!
//! It is made once and never freed; children see it as it was at their fork. What changes later
//! lives in the arena.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use uwsgi_config::Config;
use uwsgi_metrics::Arena;

use crate::alarm::{Tap, Wire};
use crate::datagrams::Endpoint;
use crate::fifo::Pipe;
use crate::locks::Locks;
use crate::mule::Mail;
use crate::plugin::Set;
use crate::prometheus::Guard;
use crate::settings::{Protocol, Settings};
use crate::signals::Signals;
use crate::sockets::Listener;

/// See the module.
pub struct Instance {
    /// Typed configuration.
    pub settings: Settings,
    /// The option list as given.
    pub config: Config,
    /// Every number.
    pub arena: Arena,
    /// Sockets that others use as `=N`.
    pub shared: Vec<Listener>,
    /// Worker sockets with what they speak, in option order.
    pub sockets: Vec<(Listener, Protocol)>,
    /// Private socket between router and workers.
    pub link: Option<Listener>,
    /// Front sockets of the http router.
    pub http: Vec<Listener>,
    /// Stats sockets.
    pub stats: Vec<Listener>,
    /// UDP sockets.
    pub datagrams: Vec<Endpoint>,
    /// Sockets of the Prometheus endpoint.
    pub prometheus: Vec<Listener>,
    /// Who may use them.
    pub guard: Guard,
    /// Probes at work in the kernel.
    pub probes: Option<&'static uwsgi_ebpf::Live>,
    /// The loaded plugins.
    pub plugins: Set,
    /// Program path for the interpreter.
    pub python_program: Option<String>,
    /// The metrics directory, once it is in use.
    pub metrics_dir: OnceLock<PathBuf>,
    /// Host name.
    pub hostname: String,
    /// Path executed again at reload.
    pub binary: PathBuf,
    /// Directory the process was started in.
    pub cwd: PathBuf,
    /// How often this process has replaced itself.
    pub reloads: u32,
    /// Read end of a pipe whose write end only the master holds: end of file means it is gone.
    pub lifeline: OwnedFd,
    /// The master's end; children drop theirs.
    pub lifeline_master: Mutex<Option<OwnedFd>>,
    /// Written by the master when connections wait although nobody was woken for them; each worker
    /// looks then.
    pub nudge: OwnedFd,
    /// Signals between processes; there are none without a master.
    pub signals: Option<Signals>,
    /// Locks between processes.
    pub locks: Locks,
    /// Messages to mules, if there are any.
    pub mail: Option<Mail>,
    /// The pipes that the log of the other processes goes through; nothing without `log-alarm`.
    pub log_tap: Option<Tap>,
    /// The master's FIFO, while no master reads it.
    pub(crate) fifo: Mutex<Option<Pipe>>,
    /// The way of alarms to the observer; nothing without a master.
    pub alarm_wire: Option<Wire>,
    /// Pid of the master, or of the first process without one.
    pub master_pid: AtomicI32,
    /// Apps loaded before the first fork: every worker has them.
    pub shared_apps: AtomicU32,
    /// Slots of workers start again: what is forked now is no first life in this image.
    pub again: AtomicBool,
    /// Number of this worker, 0 elsewhere.
    pub worker_id: AtomicU32,
    /// Number of this mule, 0 elsewhere.
    pub mule_id: AtomicU32,
}

impl Instance {
    /// False for an instance of daemons alone: workers would have nothing to serve.
    pub fn has_workers(&self) -> bool {
        let Settings { policy, command_mode, no_server, .. } = &self.settings;
        let beside = !(policy.daemons.specs.is_empty() || *command_mode || *no_server);
        self.settings.has_workers() && !(beside && self.sockets.is_empty())
    }

    /// This worker's number, 0 in other processes.
    pub fn worker_id(&self) -> u32 {
        self.worker_id.load(Ordering::Relaxed)
    }

    /// This mule's number, 0 in other processes.
    pub fn mule_id(&self) -> u32 {
        self.mule_id.load(Ordering::Relaxed)
    }

    /// Whether this worker is the first in its place since the master started.
    pub fn is_first_life(&self) -> bool {
        !self.again.load(Ordering::Relaxed)
    }

    /// Pid of the master.
    pub fn master_pid(&self) -> i32 {
        self.master_pid.load(Ordering::Relaxed)
    }

    /// Name of the router's link, as the bytes behind the leading NUL.
    pub fn link_name(&self) -> Option<&[u8]> {
        self.link.as_ref().and_then(|l| l.configured.strip_prefix('@')).map(str::as_bytes)
    }

    /// Apps registered by a worker.
    pub fn apps(&self, worker: u32) -> u32 {
        let slots = 0..self.settings.max_apps;
        slots.take_while(|&app| self.arena.app(worker, app).used.get() > 0).count() as u32
    }

    /// Requests of a worker's present incarnation.
    pub fn delta_requests(&self, worker: u32) -> u64 {
        let base = self.arena.worker(worker).delta_base.get();
        self.arena.requests(worker).saturating_sub(base)
    }

    /// A worker is about to be started: what belongs to one life begins anew.
    pub fn start_incarnation(&self, worker: u32) {
        let row = self.arena.worker(worker);
        row.delta_base.set(self.arena.requests(worker));
        row.accepting.set(0);
        row.cheaped.set(0);
        row.ready_us.set(0);
        row.spawned_us.set(crate::clock::epoch_us());
        row.sig.set(0);
        row.dismissed.set(0);
        row.draining_links.set(0);
        row.retires.set(0);
        for core in 0..self.settings.threads {
            self.arena.core(worker, core).user_deadline_us.set(0);
        }
        for gauge in [&row.rss, &row.vsz, &row.uss, &row.pss, &row.swap, &row.avg_rt_1m_us] {
            gauge.set(0);
        }
        if let Some(signals) = &self.signals {
            signals.start_incarnation(worker);
        }
        self.arena.forget_process(worker);
        // Apps loaded before the fork stay; the others register themselves again.
        let shared = self.shared_apps.load(Ordering::Relaxed);
        let own = shared..self.settings.max_apps;
        own.for_each(|app| self.arena.app(worker, app).used.set(0));
    }

    /// In a child: lets go of what only the master may hold.
    pub fn leave_master(&self) {
        crate::flock::leave();
        if let Ok(mut end) = self.lifeline_master.lock() {
            end.take();
        }
    }
}
