//! The instance row: what is true of the whole server.

use super::{Spread, Used, row};
use crate::cells::{Counter, Gauge, Signed, Text};

/// Phases at which configurations run something, as the log names them; places of the cells of
/// hooks.
pub const HOOK_PHASES: [&str; 29] = [
    "asap",
    "pre-jail",
    "post-jail",
    "in-jail",
    "as root",
    "as user",
    "pre app",
    "post app",
    "post-fork",
    "accepting",
    "accepting-once",
    "accepting1",
    "accepting1-once",
    "master-start",
    "touch",
    "atexit",
    "as-mule",
    "as-gateway",
    "emperor-start",
    "as-emperor-before-vassal",
    "as-vassal-before-drop",
    "as-vassal",
    "as-emperor",
    "setns",
    "as-on-demand-vassal",
    "as-on-config-vassal",
    "emperor-stop",
    "emperor-reload",
    "emperor-lost",
];

row! {
    /// One row. Written by the master, except where a field names another writer.
    pub struct Globals => GlobalCells {
        /// Server version as reports print it.
        pub version: Text<4>,
        /// Host name.
        pub hostname: Text<8>,
        /// Current directory of the master.
        pub cwd: Text<32>,
        /// Path of the binary.
        pub binary: Text<32>,
        /// Process id of the master.
        pub master_pid: Gauge,
        /// User id of the master.
        pub uid: Gauge,
        /// Group id of the master.
        pub gid: Gauge,
        /// First start, epoch seconds; a reload does not change it.
        pub started_at: Gauge,
        /// First start, epoch microseconds.
        pub started_at_us: Gauge,
        /// Reloads done.
        pub reloads: Counter,
        /// Last reload, epoch seconds; 0 when there was none.
        pub last_reload: Gauge,
        /// Reloads that could not be carried out.
        pub reload_failures: Counter,
        /// What the master is doing: 0 starting, 1 running, 2 letting the routers end before a
        /// reload, 3 ending for a reload, 4 ending for good.
        pub phase: Gauge,
        /// Signals written to a process; any process adds (`add_shared`).
        pub routed_signals: Counter,
        /// Signals that could not be written; any process adds (`add_shared`).
        pub unrouted_signals: Counter,
        /// Bytes pending in the signal pipe towards the master.
        pub signal_queue: Gauge,
        /// Workers in a request or a signal handler.
        pub busy_workers: Gauge,
        /// Running workers that are not busy.
        pub idle_workers: Gauge,
        /// Master turns in which every worker was busy.
        pub overloaded: Counter,
        /// Longest accept queue over the sockets.
        pub backlog: Gauge,
        /// Connections dropped by full accept queues, over all sockets.
        pub backlog_errors: Counter,
        /// Same value as `backlog`.
        pub load: Gauge,
        /// Turns of the master loop.
        pub master_cycles: Counter,
        /// When the master last did what it does each second, epoch microseconds.
        pub master_seen_us: Gauge,
        /// Process id of the observer, 0 when it is not running.
        pub observer_pid: Gauge,
        /// Spawns of the observer including the first.
        pub observer_respawns: Counter,
        /// Cores of each worker.
        pub cores_per_worker: Gauge,
        /// Configured worker processes.
        pub processes: Gauge,
        /// Switches as bits the master defines.
        pub flags: Gauge,
        /// Scrapes of the metrics endpoint answered (observer).
        pub scrapes: Counter,
        /// Scrapes that failed (observer).
        pub scrape_errors: Counter,
        /// Time spent answering scrapes, microseconds, summed (observer).
        pub scrape_us: Counter,
        /// Time of the last scrape, microseconds (observer).
        pub last_scrape_us: Gauge,
        /// 1 when the last scrape failed (observer).
        pub last_scrape_error: Gauge,
        /// Stats clients connected now (observer).
        pub stats_clients: Gauge,
        /// Stats documents served (observer).
        pub stats_served: Counter,
        /// Stats clients refused or dropped at a deadline (observer).
        pub stats_dropped: Counter,
        /// Log lines lost to a full log queue; any process adds (`add_shared`).
        pub log_dropped: Counter,
        /// User metric registrations; any process adds.
        pub metrics_registered: Counter,
        /// User metric slots taken, including those lost in a race.
        pub metrics_used: Counter,
        /// User metrics refused because the pool is full; any process adds.
        pub metrics_dropped: Counter,
        /// Resident memory of the master, bytes; 0 while unmeasured.
        pub master_rss: Gauge,
        /// Address space of the master, bytes; 0 while unmeasured.
        pub master_vsz: Gauge,
        /// Processor time, switches and faults of the master (observer).
        pub master_used: Used,
        /// Open descriptors of the master; 0 while unmeasured.
        pub master_open_fds: Gauge,
        /// Limit of open descriptors of the master; 0 while unmeasured.
        pub master_max_fds: Gauge,
        /// What health checks are answered with; any process writes that holds `warning_writer`.
        pub warning: Text<10>,
        /// Pid of the process that writes `warning` now, 0 when nobody does.
        pub warning_writer: Signed,
        /// Threads of the master (observer).
        pub master_threads: Gauge,
        /// Swapped memory of the master, bytes (observer).
        pub master_swap: Gauge,
        /// Processor time, switches and faults of the observer over all lives (observer, master).
        pub observer_used: Used,
        /// Resident memory of the observer, bytes (observer).
        pub observer_rss: Gauge,
        /// Address space of the observer, bytes (observer).
        pub observer_vsz: Gauge,
        /// Swapped memory of the observer, bytes (observer).
        pub observer_swap: Gauge,
        /// Open descriptors of the observer (observer).
        pub observer_open_fds: Gauge,
        /// Threads of the observer (observer).
        pub observer_threads: Gauge,
        /// Starts of workers.
        pub workers_started: Counter,
        /// Workers that a signal ended.
        pub workers_killed: Counter,
        /// How long turns of the master took, waiting not included.
        pub master_turns: Spread,
        /// How late the master's duties of each second began.
        pub master_lateness: Spread,
        /// How late the observer's look of each second began (observer).
        pub observer_lateness: Spread,
        /// Start of the binary to all workers accepting, microseconds; 0 until then.
        pub boot_us: Gauge,
        /// When the reload under way was asked for, epoch microseconds; 0 when none is.
        pub reload_began_us: Gauge,
        /// Reloads, from their request to all workers accepting.
        pub reload_spread: Spread,
        /// Clients waiting at the stats sockets, the longest queue (observer).
        pub stats_queue: Gauge,
        /// Size of that queue (observer).
        pub stats_max_queue: Gauge,
        /// Clients dropped by full queues of the stats sockets (observer).
        pub stats_drops: Counter,
        /// At the last look: the kernel's count of this socket, what of it was not believed, and the
        /// clients the namespace had lost, raised by one (observer).
        pub stats_drops_seen: [Gauge; 3],
        /// Routers waiting to be accepted by a worker (observer).
        pub link_queue: Gauge,
        /// Size of that queue (observer).
        pub link_max_queue: Gauge,
        /// Clients of the Prometheus endpoint that were refused, by reason: address, credentials,
        /// tls, request, room (observer).
        pub scrape_refusals: [Counter; 5],
        /// Absolute path of the master's FIFO that takes commands now; empty without one.
        pub fifo: Text<32>,
        /// Commands that came through it.
        pub fifo_commands: Counter,
        /// Bytes without a meaning that came through it.
        pub fifo_unknown: Counter,
        /// When the service manager was told that the instance is ready, epoch microseconds; 0 when
        /// it was not told.
        pub notify_ready_us: Gauge,
        /// Signs of life sent to the watchdog of the service manager.
        pub notify_pings: Counter,
        /// Notices to the service manager that could not be delivered.
        pub notify_lost: Counter,
        /// Listening sockets that the service manager handed over.
        pub activated: Gauge,
        /// Hooks, mounts, commands and calls of all phases that ran; any process adds
        /// (`add_shared`), as to the next three.
        pub hooks_run: Counter,
        /// Those that failed.
        pub hooks_failed: Counter,
        /// What ran at each of [`HOOK_PHASES`].
        pub hook_runs: [Counter; HOOK_PHASES.len()],
        /// What failed at each.
        pub hook_failures: [Counter; HOOK_PHASES.len()],
        /// How long the last one took, microseconds; any process writes.
        pub hook_last_us: [Gauge; HOOK_PHASES.len()],
        /// 1 when a child asks for the end because a hook failed that must not; the child writes.
        pub hook_fatal: Gauge,
        /// Workers that there should be; 0 without `cheaper`, and while the instance sleeps.
        pub cheaper_wanted: Gauge,
        /// Busyness of the last window over all workers, percent.
        pub cheaper_busyness: Gauge,
        /// Windows of idleness before busyness stops a worker.
        pub cheaper_multiplier: Gauge,
        /// Workers that cheaper started and stopped, in the order of [`CHEAPER_REASONS`].
        pub cheaper_changes: [Counter; CHEAPER_REASONS.len()],
        /// Why it last did: one more than the index in [`CHEAPER_REASONS`], 0 before.
        pub cheaper_last_reason: Gauge,
        /// Reloads by kind and outcome, in the order of [`RELOADS`].
        pub reload_outcomes: [Counter; RELOADS.len()],
        /// The reload under way: 0 none, 1 graceful, 2 brutal. The next image counts it.
        pub reload_kind: Gauge,
        /// Why the last reload was refused or failed; cut off where it does not fit.
        pub reload_refusal: Text<26>,
        /// When that was, epoch seconds; 0 when none was.
        pub reload_refused_at: Gauge,
        /// Lines of the log that `log-drain` or `log-filter` took away (observer).
        pub log_drained: Counter,
        /// Lines that a route led to a logger (observer).
        pub log_routed: Counter,
        /// Messages that were handed on in pieces because of their length (observer).
        pub log_pieces: Counter,
        /// Times that the log file was moved away (master).
        pub log_rotations: Counter,
    }
}

/// Why cheaper changes the number of workers.
///
/// `load`, `emergency` (connections waited) and `more` (the operator asked) start some; `idle`,
/// `memory` and `fewer` (the operator asked) stop some.
pub const CHEAPER_REASONS: [&str; 6] = ["load", "emergency", "more", "idle", "memory", "fewer"];

/// What is reloaded, and how it ended.
///
/// `done`: everybody who was to be replaced was asked to go. `refused`: the new configuration or its
/// applications did not pass, nothing was touched. `failed`: it was begun and did not come to its
/// end; what served before serves again.
pub const RELOADS: [(&str, &str); 12] = [
    ("graceful", "done"),
    ("graceful", "refused"),
    ("graceful", "failed"),
    ("brutal", "done"),
    ("brutal", "refused"),
    ("brutal", "failed"),
    ("workers", "done"),
    ("chain", "done"),
    ("chain", "failed"),
    ("mules", "done"),
    ("fork", "done"),
    ("fork", "failed"),
];
