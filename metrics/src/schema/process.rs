//! The part of the table about processes: what they use and hold, how they start and end, how their
//! loops keep time, and who waits for them.

use core::mem::offset_of;

use super::build::{at, core, head, i, mule, nth, router, socket, worker};
use super::{Metric, Snapshot, Unit};
use crate::header::Section;
use crate::metric_pool::Kind::{Counter, Gauge};
use crate::rows::{CoreRow, GatewayRow, Globals, MuleRow, SocketRow, WorkerRow};
use Unit::{Bytes, Count, Micros};

const VOLUNTARY: &[(&str, &str)] = &[("type", "voluntary")];
const INVOLUNTARY: &[(&str, &str)] = &[("type", "involuntary")];
const MINOR: &[(&str, &str)] = &[("type", "minor")];
const MAJOR: &[(&str, &str)] = &[("type", "major")];

const SWITCHES: &str = "Context switches, over all lives.";
const CHANGES: &str = "Workers that cheaper started (load, emergency, more) or stopped.";
const LAST_CHANGE: &str =
    "Why cheaper last acted: 0 never, 1 load, 2 emergency, 3 more, 4 idle, 5 memory, 6 fewer.";
const FAULTS: &str = "Page faults, over all lives.";

/// The `n`-th figure of what a process used.
macro_rules! used {
    ($section:ident, $row:ident.$field:ident, $n:literal) => {
        nth((Section::$section, offset_of!($row, $field)), $n)
    };
}

/// How a worker ended, `n`-th reason.
macro_rules! exits {
    ($n:literal, $reason:literal) => {
        worker(|w| i(w.cells.exits[$n]), Counter, Count, "Ends of the worker by reason.")
            .family("uwsgi_worker_exits_total")
            .label("reason", $reason)
            .cell(nth(at!(WorkerRow.exits), $n))
    };
}

/// Why a worker was recycled, `n`-th reason.
macro_rules! recycles {
    ($n:literal, $reason:literal) => {
        worker(|w| i(w.cells.recycles[$n]), Counter, Count, "Times the worker was recycled.")
            .family("uwsgi_worker_recycles_total")
            .label("reason", $reason)
            .cell(nth(at!(WorkerRow.recycles), $n))
    };
}

/// Workers that cheaper started or stopped, `n`-th reason.
macro_rules! changes {
    ($n:literal, $reason:literal) => {
        head(|s| i(s.globals.cheaper_changes[$n]), Counter, Count, CHANGES)
            .family("uwsgi_cheaper_changes_total")
            .label("reason", $reason)
            .cell(nth(at!(Globals.cheaper_changes), $n))
    };
}

/// The number of workers follows busyness: its multiplier is never 0.
fn by_busyness(snapshot: &Snapshot) -> bool {
    snapshot.globals.cheaper_multiplier > 0
}

pub(super) const ROWS: &[Metric] = &[
    // --- workers
    worker(|w| i(w.cells.used.user_us), Counter, Micros, "Processor time in user mode.")
        .family("uwsgi_worker_cpu_user_seconds_total")
        .cell(used!(Workers, WorkerRow.used, 0)),
    worker(|w| i(w.cells.used.system_us), Counter, Micros, "Processor time in the kernel.")
        .family("uwsgi_worker_cpu_system_seconds_total")
        .cell(used!(Workers, WorkerRow.used, 1)),
    worker(|w| i(w.cells.used.voluntary), Counter, Count, SWITCHES)
        .family("uwsgi_worker_context_switches_total")
        .labels(VOLUNTARY)
        .cell(used!(Workers, WorkerRow.used, 2)),
    worker(|w| i(w.cells.used.involuntary), Counter, Count, SWITCHES)
        .family("uwsgi_worker_context_switches_total")
        .labels(INVOLUNTARY)
        .cell(used!(Workers, WorkerRow.used, 3)),
    worker(|w| i(w.cells.used.minor_faults), Counter, Count, FAULTS)
        .family("uwsgi_worker_page_faults_total")
        .labels(MINOR)
        .cell(used!(Workers, WorkerRow.used, 4)),
    worker(|w| i(w.cells.used.major_faults), Counter, Count, FAULTS)
        .family("uwsgi_worker_page_faults_total")
        .labels(MAJOR)
        .cell(used!(Workers, WorkerRow.used, 5)),
    worker(|w| i(w.busy_us), Counter, Micros, "Time in requests, running ones included.")
        .family("uwsgi_worker_busy_seconds_total"),
    worker(|w| i(w.cells.avg_rt_1m_us), Gauge, Micros, "Mean response time of the last minute.")
        .family("uwsgi_worker_recent_response_time_seconds")
        .label("window", "1m")
        .cell(at!(WorkerRow.avg_rt_1m_us)),
    worker(|w| i(w.startup_us()), Gauge, Micros, "Last start, from the fork to accepting.")
        .family("uwsgi_worker_startup_seconds")
        .if_measured(),
    worker(|w| i(w.cells.log_lines), Counter, Count, "Lines of requests given to the log.")
        .family("uwsgi_worker_log_lines_total")
        .cell(at!(WorkerRow.log_lines)),
    worker(|w| i(w.cells.log_bytes), Counter, Bytes, "Bytes of lines of requests.")
        .family("uwsgi_worker_log_bytes_total")
        .cell(at!(WorkerRow.log_bytes)),
    worker(|w| i(w.cells.log_dropped), Counter, Count, "Lines of requests lost for want of room.")
        .family("uwsgi_worker_log_dropped_total")
        .cell(at!(WorkerRow.log_dropped)),
    worker(|w| i(w.cells.log_truncated), Counter, Count, "Lines of requests that were cut.")
        .family("uwsgi_worker_log_truncated_total")
        .cell(at!(WorkerRow.log_truncated)),
    exits!(0, "asked"),
    exits!(1, "recycled"),
    exits!(2, "harakiri"),
    exits!(3, "no_mercy"),
    exits!(4, "signal"),
    exits!(5, "no_app"),
    exits!(6, "cheap"),
    exits!(7, "exit"),
    exits!(8, "memory"),
    recycles!(0, "requests"),
    recycles!(1, "lifetime"),
    recycles!(2, "memory"),
    recycles!(3, "evil"),
    recycles!(4, "exception"),
    recycles!(5, "application"),
    head(|s| i(s.globals.workers_started), Counter, Count, "Starts of workers.")
        .family("uwsgi_workers_started_total")
        .cell(at!(Globals.workers_started)),
    head(|s| i(s.globals.workers_killed), Counter, Count, "Workers that a signal ended.")
        .family("uwsgi_workers_killed_total")
        .cell(at!(Globals.workers_killed)),
    head(|s| i(s.globals.fifo_commands), Counter, Count, "Commands through the master's FIFO.")
        .family("uwsgi_master_fifo_commands_total")
        .cell(at!(Globals.fifo_commands)),
    head(|s| i(s.globals.fifo_unknown), Counter, Count, "Bytes without a meaning in that FIFO.")
        .family("uwsgi_master_fifo_unknown_bytes_total")
        .cell(at!(Globals.fifo_unknown)),
    head(|s| i(s.globals.notify_pings), Counter, Count, "Signs of life to the service manager.")
        .family("uwsgi_notify_watchdog_pings_total")
        .cell(at!(Globals.notify_pings)),
    head(|s| i(s.globals.notify_lost), Counter, Count, "Undelivered notices to that manager.")
        .family("uwsgi_notify_lost_total")
        .cell(at!(Globals.notify_lost)),
    worker(|w| i(w.cells.busyness), Gauge, Count, "Time in requests in the last window, percent.")
        .extended("worker.N.plugin.cheaper_busyness.busyness", "3.N.100.1")
        .family("uwsgi_worker_busyness_percent")
        .cell(at!(WorkerRow.busyness))
        .measured_if(by_busyness),
    head(|s| i(s.globals.cheaper_wanted), Gauge, Count, "Workers that there should be.")
        .family("uwsgi_cheaper_wanted_workers")
        .cell(at!(Globals.cheaper_wanted))
        .if_measured(),
    head(|s| i(s.globals.cheaper_busyness), Gauge, Count, "Busyness over all workers, percent.")
        .extended("plugin.cheaper_busyness.total_avg_busyness", "4.100.1")
        .family("uwsgi_cheaper_busyness_percent")
        .cell(at!(Globals.cheaper_busyness))
        .measured_if(by_busyness),
    head(|s| i(s.globals.cheaper_multiplier), Gauge, Count, "Idle windows before a worker goes.")
        .family("uwsgi_cheaper_busyness_multiplier")
        .cell(at!(Globals.cheaper_multiplier))
        .if_measured(),
    changes!(0, "load"),
    changes!(1, "emergency"),
    changes!(2, "more"),
    changes!(3, "idle"),
    changes!(4, "memory"),
    changes!(5, "fewer"),
    head(|s| i(s.globals.cheaper_last_reason), Gauge, Count, LAST_CHANGE)
        .family("uwsgi_cheaper_last_reason")
        .cell(at!(Globals.cheaper_last_reason))
        .if_measured(),
    core(|c| i(c.busy_us), Counter, Micros, "Time in requests, the running one included.")
        .family("uwsgi_worker_core_busy_seconds_total"),
    core(|c| i(c.cells.failed_requests), Counter, Count, "Requests that failed on the core.")
        .family("uwsgi_worker_core_failed_requests_total")
        .cell(at!(CoreRow.failed_requests)),
    // --- routers
    router(|g| i(g.used.user_us), Counter, Micros, "Processor time in user mode.")
        .family("uwsgi_router_cpu_user_seconds_total")
        .cell(used!(Gateways, GatewayRow.used, 0)),
    router(|g| i(g.used.system_us), Counter, Micros, "Processor time in the kernel.")
        .family("uwsgi_router_cpu_system_seconds_total")
        .cell(used!(Gateways, GatewayRow.used, 1)),
    router(|g| i(g.used.voluntary), Counter, Count, SWITCHES)
        .family("uwsgi_router_context_switches_total")
        .labels(VOLUNTARY)
        .cell(used!(Gateways, GatewayRow.used, 2)),
    router(|g| i(g.used.involuntary), Counter, Count, SWITCHES)
        .family("uwsgi_router_context_switches_total")
        .labels(INVOLUNTARY)
        .cell(used!(Gateways, GatewayRow.used, 3)),
    router(|g| i(g.used.minor_faults), Counter, Count, FAULTS)
        .family("uwsgi_router_page_faults_total")
        .labels(MINOR)
        .cell(used!(Gateways, GatewayRow.used, 4)),
    router(|g| i(g.used.major_faults), Counter, Count, FAULTS)
        .family("uwsgi_router_page_faults_total")
        .labels(MAJOR)
        .cell(used!(Gateways, GatewayRow.used, 5)),
    router(|g| i(g.rss), Gauge, Bytes, "Resident memory.")
        .family("uwsgi_router_resident_memory_bytes")
        .cell(at!(GatewayRow.rss))
        .if_measured(),
    router(|g| i(g.vsz), Gauge, Bytes, "Address space.")
        .family("uwsgi_router_virtual_memory_bytes")
        .cell(at!(GatewayRow.vsz))
        .if_measured(),
    router(|g| i(g.swap), Gauge, Bytes, "Swapped memory.")
        .family("uwsgi_router_swap_bytes")
        .cell(at!(GatewayRow.swap))
        .if_measured(),
    router(|g| i(g.open_fds), Gauge, Count, "Open descriptors.")
        .family("uwsgi_router_open_fds")
        .cell(at!(GatewayRow.open_fds))
        .if_measured(),
    router(|g| i(g.threads), Gauge, Count, "Threads.")
        .family("uwsgi_router_threads")
        .cell(at!(GatewayRow.threads))
        .if_measured(),
    router(|g| i(g.listen_queue), Gauge, Count, "Connections waiting to be accepted.")
        .family("uwsgi_router_listen_queue_length")
        .cell(at!(GatewayRow.listen_queue))
        .same(),
    router(|g| i(g.max_queue), Gauge, Count, "Size of the accept queue.")
        .family("uwsgi_router_max_queue_length")
        .cell(at!(GatewayRow.max_queue))
        .same(),
    router(|g| i(g.drops), Counter, Count, "Connections dropped by a full queue (TCP).")
        .family("uwsgi_router_drops_total")
        .cell(at!(GatewayRow.drops))
        .same(),
    // --- mules
    mule(|m| i(m.used.user_us), Counter, Micros, "Processor time in user mode.")
        .family("uwsgi_mule_cpu_user_seconds_total")
        .cell(used!(Mules, MuleRow.used, 0)),
    mule(|m| i(m.used.system_us), Counter, Micros, "Processor time in the kernel.")
        .family("uwsgi_mule_cpu_system_seconds_total")
        .cell(used!(Mules, MuleRow.used, 1)),
    mule(|m| i(m.used.voluntary), Counter, Count, SWITCHES)
        .family("uwsgi_mule_context_switches_total")
        .labels(VOLUNTARY)
        .cell(used!(Mules, MuleRow.used, 2)),
    mule(|m| i(m.used.involuntary), Counter, Count, SWITCHES)
        .family("uwsgi_mule_context_switches_total")
        .labels(INVOLUNTARY)
        .cell(used!(Mules, MuleRow.used, 3)),
    mule(|m| i(m.used.minor_faults), Counter, Count, FAULTS)
        .family("uwsgi_mule_page_faults_total")
        .labels(MINOR)
        .cell(used!(Mules, MuleRow.used, 4)),
    mule(|m| i(m.used.major_faults), Counter, Count, FAULTS)
        .family("uwsgi_mule_page_faults_total")
        .labels(MAJOR)
        .cell(used!(Mules, MuleRow.used, 5)),
    mule(|m| i(m.vsz), Gauge, Bytes, "Address space of the mule.")
        .family("uwsgi_mule_vsz_bytes")
        .cell(at!(MuleRow.vsz))
        .if_measured(),
    mule(|m| i(m.swap), Gauge, Bytes, "Swapped memory of the mule.")
        .family("uwsgi_mule_swap_bytes")
        .cell(at!(MuleRow.swap))
        .if_measured(),
    mule(|m| i(m.open_fds), Gauge, Count, "Open descriptors of the mule.")
        .family("uwsgi_mule_open_fds")
        .cell(at!(MuleRow.open_fds))
        .if_measured(),
    mule(|m| i(m.threads), Gauge, Count, "Threads of the mule.")
        .family("uwsgi_mule_threads")
        .cell(at!(MuleRow.threads))
        .if_measured(),
    // --- master and observer
    head(|s| i(s.globals.master_used.voluntary), Counter, Count, SWITCHES)
        .family("uwsgi_master_context_switches_total")
        .labels(VOLUNTARY)
        .cell(used!(Globals, Globals.master_used, 2)),
    head(|s| i(s.globals.master_used.involuntary), Counter, Count, SWITCHES)
        .family("uwsgi_master_context_switches_total")
        .labels(INVOLUNTARY)
        .cell(used!(Globals, Globals.master_used, 3)),
    head(|s| i(s.globals.master_used.minor_faults), Counter, Count, FAULTS)
        .family("uwsgi_master_page_faults_total")
        .labels(MINOR)
        .cell(used!(Globals, Globals.master_used, 4)),
    head(|s| i(s.globals.master_used.major_faults), Counter, Count, FAULTS)
        .family("uwsgi_master_page_faults_total")
        .labels(MAJOR)
        .cell(used!(Globals, Globals.master_used, 5)),
    head(|s| i(s.globals.master_threads), Gauge, Count, "Threads of the master.")
        .family("uwsgi_master_threads")
        .cell(at!(Globals.master_threads))
        .if_measured(),
    head(|s| i(s.globals.master_swap), Gauge, Bytes, "Swapped memory of the master.")
        .family("uwsgi_master_swap_bytes")
        .cell(at!(Globals.master_swap))
        .if_measured(),
    head(|s| i(s.globals.observer_used.user_us), Counter, Micros, "Processor time in user mode.")
        .family("uwsgi_observer_cpu_user_seconds_total")
        .cell(used!(Globals, Globals.observer_used, 0)),
    head(
        |s| i(s.globals.observer_used.system_us),
        Counter,
        Micros,
        "Processor time in the kernel.",
    )
    .family("uwsgi_observer_cpu_system_seconds_total")
    .cell(used!(Globals, Globals.observer_used, 1)),
    head(|s| i(s.globals.observer_used.voluntary), Counter, Count, SWITCHES)
        .family("uwsgi_observer_context_switches_total")
        .labels(VOLUNTARY)
        .cell(used!(Globals, Globals.observer_used, 2)),
    head(|s| i(s.globals.observer_used.involuntary), Counter, Count, SWITCHES)
        .family("uwsgi_observer_context_switches_total")
        .labels(INVOLUNTARY)
        .cell(used!(Globals, Globals.observer_used, 3)),
    head(|s| i(s.globals.observer_used.minor_faults), Counter, Count, FAULTS)
        .family("uwsgi_observer_page_faults_total")
        .labels(MINOR)
        .cell(used!(Globals, Globals.observer_used, 4)),
    head(|s| i(s.globals.observer_used.major_faults), Counter, Count, FAULTS)
        .family("uwsgi_observer_page_faults_total")
        .labels(MAJOR)
        .cell(used!(Globals, Globals.observer_used, 5)),
    head(|s| i(s.globals.observer_rss), Gauge, Bytes, "Resident memory of the observer.")
        .family("uwsgi_observer_resident_memory_bytes")
        .cell(at!(Globals.observer_rss))
        .if_measured(),
    head(|s| i(s.globals.observer_vsz), Gauge, Bytes, "Address space of the observer.")
        .family("uwsgi_observer_virtual_memory_bytes")
        .cell(at!(Globals.observer_vsz))
        .if_measured(),
    head(|s| i(s.globals.observer_swap), Gauge, Bytes, "Swapped memory of the observer.")
        .family("uwsgi_observer_swap_bytes")
        .cell(at!(Globals.observer_swap))
        .if_measured(),
    head(|s| i(s.globals.observer_open_fds), Gauge, Count, "Open descriptors of the observer.")
        .family("uwsgi_observer_open_fds")
        .cell(at!(Globals.observer_open_fds))
        .if_measured(),
    head(|s| i(s.globals.observer_threads), Gauge, Count, "Threads of the observer.")
        .family("uwsgi_observer_threads")
        .cell(at!(Globals.observer_threads))
        .if_measured(),
    head(|s| i(s.globals.boot_us), Gauge, Micros, "Start of the binary to all workers accepting.")
        .family("uwsgi_boot_duration_seconds")
        .cell(at!(Globals.boot_us))
        .if_measured(),
    head(
        |s| i(s.globals.phase),
        Gauge,
        Count,
        "0 starting, 1 running, 2 draining, 3 reloading, 4 stopping.",
    )
    .family("uwsgi_phase")
    .cell(at!(Globals.phase)),
    // --- queues that are not worker sockets, and who was seen waiting
    head(|s| i(s.globals.stats_queue), Gauge, Count, "Clients waiting at the stats sockets.")
        .family("uwsgi_stats_listen_queue_length")
        .cell(at!(Globals.stats_queue)),
    head(|s| i(s.globals.stats_max_queue), Gauge, Count, "Size of the stats accept queue.")
        .family("uwsgi_stats_max_queue_length")
        .cell(at!(Globals.stats_max_queue))
        .if_measured(),
    head(|s| i(s.globals.stats_drops), Counter, Count, "Stats clients dropped by a full queue.")
        .family("uwsgi_stats_queue_drops_total")
        .cell(at!(Globals.stats_drops)),
    head(|s| i(s.globals.link_queue), Gauge, Count, "Router links waiting for a worker.")
        .family("uwsgi_link_listen_queue_length")
        .cell(at!(Globals.link_queue)),
    head(|s| i(s.globals.link_max_queue), Gauge, Count, "Size of the link's accept queue.")
        .family("uwsgi_link_max_queue_length")
        .cell(at!(Globals.link_max_queue))
        .if_measured(),
    socket(|k| i(k.cells.waited), Counter, Count, "Connections seen waiting, a lower bound.")
        .family("uwsgi_socket_waited_total")
        .cell(at!(SocketRow.waited)),
];
