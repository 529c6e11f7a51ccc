//! The head of the table, with everything of the classic list. Order within a group is the order
//! of that list; nothing else may depend on positions.

use super::build::{app, at, core, flag, head, i, mule, nth, router, row, socket, total, worker};
use super::{Group, Metric, Read, Unit};
use crate::metric_pool::Kind::{Absolute, Alias, Counter, Gauge};
use crate::rows::{AppRow, CoreRow, GatewayRow, Globals, MuleRow, SocketRow, WorkerRow};
use crate::series::SeriesHead;
use crate::snapshot::{Snapshot, Status};
use Unit::{Bytes, Count, Epoch, Micros, Seconds};

const REFUSALS: &str = "Clients of the Prometheus endpoint that were refused.";

/// See the module.
pub(super) const ROWS: &[Metric] = &[
    // --- head of the classic list
    head(|s| i(s.globals.routed_signals), Counter, Count, "Signals written to a process.")
        .classic("core.routed_signals", "5.1")
        .family("uwsgi_signals_routed_total")
        .cell(at!(Globals.routed_signals)),
    head(|s| i(s.globals.unrouted_signals), Counter, Count, "Signals that could not be written.")
        .classic("core.unrouted_signals", "5.2")
        .family("uwsgi_signals_unrouted_total")
        .cell(at!(Globals.unrouted_signals)),
    head(|s| i(s.globals.busy_workers), Gauge, Count, "Workers in a request or a signal handler.")
        .classic("core.busy_workers", "5.3")
        .family("uwsgi_workers_busy")
        .cell(at!(Globals.busy_workers)),
    head(|s| i(s.globals.idle_workers), Gauge, Count, "Running workers that are not busy.")
        .classic("core.idle_workers", "5.4")
        .family("uwsgi_workers_idle")
        .cell(at!(Globals.idle_workers)),
    head(|s| i(s.globals.overloaded), Counter, Count, "Master turns with every worker busy.")
        .classic("core.overloaded", "5.5")
        .family("uwsgi_overloaded_total")
        .cell(at!(Globals.overloaded)),
    // --- instance figures outside the classic list
    head(|s| i(s.globals.backlog), Gauge, Count, "Longest accept queue over the sockets.")
        .family("uwsgi_listen_queue_length")
        .cell(at!(Globals.backlog)),
    head(|s| i(s.globals.backlog_errors), Gauge, Count, "Connections dropped by full queues.")
        .extended("core.listen_queue_errors", "5.6")
        .family("uwsgi_listen_queue_errors")
        .cell(at!(Globals.backlog_errors)),
    head(|s| i(s.globals.signal_queue), Gauge, Count, "Signals pending towards the master.")
        .family("uwsgi_signal_queue_length")
        .cell(at!(Globals.signal_queue)),
    head(|s| s.spawned().count() as i64, Gauge, Count, "Workers spawned at least once.")
        .family("uwsgi_workers"),
    head(|s| i(s.in_flight()), Gauge, Count, "Requests in flight.")
        .family("uwsgi_requests_in_flight"),
    head(|s| i(s.globals.started_at), Gauge, Epoch, "First start of the instance.")
        .family("uwsgi_start_time_seconds")
        .cell(at!(Globals.started_at)),
    head(|s| i(s.globals.reloads), Counter, Count, "Reloads done.")
        .family("uwsgi_reloads_total")
        .cell(at!(Globals.reloads)),
    head(|s| i(s.globals.reload_failures), Counter, Count, "Reloads that failed.")
        .family("uwsgi_reload_failures_total")
        .cell(at!(Globals.reload_failures)),
    head(|s| i(s.globals.last_reload), Gauge, Epoch, "Last reload, 0 when there was none.")
        .family("uwsgi_config_last_reload_timestamp_seconds")
        .cell(at!(Globals.last_reload)),
    head(|s| i(s.globals.master_cycles), Counter, Count, "Turns of the master loop.")
        .family("uwsgi_master_cycles_total")
        .cell(at!(Globals.master_cycles)),
    head(|s| i(s.globals.hooks_run), Counter, Count, "Hooks, mounts, commands and calls run.")
        .family("uwsgi_hooks_total")
        .cell(at!(Globals.hooks_run)),
    head(
        |s| i(s.globals.hooks_failed),
        Counter,
        Count,
        "Hooks, mounts, commands and calls failed.",
    )
    .family("uwsgi_hooks_failed_total")
    .cell(at!(Globals.hooks_failed)),
    head(|s| i(s.globals.observer_respawns), Counter, Count, "Spawns of the observer.")
        .family("uwsgi_observer_spawns_total")
        .cell(at!(Globals.observer_respawns)),
    head(|s| i(s.globals.stats_served), Counter, Count, "Stats documents served.")
        .family("uwsgi_stats_served_total")
        .cell(at!(Globals.stats_served)),
    head(|s| i(s.globals.stats_dropped), Counter, Count, "Stats clients refused or timed out.")
        .family("uwsgi_stats_dropped_total")
        .cell(at!(Globals.stats_dropped)),
    head(|s| i(s.globals.scrape_refusals[0]), Counter, Count, REFUSALS)
        .family("uwsgi_scrape_refusals_total")
        .label("reason", "address")
        .cell(nth(at!(Globals.scrape_refusals), 0)),
    head(|s| i(s.globals.scrape_refusals[1]), Counter, Count, REFUSALS)
        .family("uwsgi_scrape_refusals_total")
        .label("reason", "credentials")
        .cell(nth(at!(Globals.scrape_refusals), 1)),
    head(|s| i(s.globals.scrape_refusals[2]), Counter, Count, REFUSALS)
        .family("uwsgi_scrape_refusals_total")
        .label("reason", "tls")
        .cell(nth(at!(Globals.scrape_refusals), 2)),
    head(|s| i(s.globals.scrape_refusals[3]), Counter, Count, REFUSALS)
        .family("uwsgi_scrape_refusals_total")
        .label("reason", "request")
        .cell(nth(at!(Globals.scrape_refusals), 3)),
    head(|s| i(s.globals.scrape_refusals[4]), Counter, Count, REFUSALS)
        .family("uwsgi_scrape_refusals_total")
        .label("reason", "room")
        .cell(nth(at!(Globals.scrape_refusals), 4)),
    head(|s| i(s.globals.log_dropped), Counter, Count, "Log lines lost to a full queue.")
        .family("uwsgi_log_dropped_total")
        .cell(at!(Globals.log_dropped)),
    head(|s| i(s.globals.metrics_dropped), Counter, Count, "User metrics refused by a full pool.")
        .family("uwsgi_metric_registrations_dropped_total")
        .cell(at!(Globals.metrics_dropped)),
    head(|s| i(s.series_dropped), Counter, Count, "Series of applications that found no room.")
        .family("uwsgi_series_dropped_total")
        .cell(at!(SeriesHead.dropped)),
    head(|s| i(s.globals.master_used.cpu_us()), Counter, Micros, "Processor time of the master.")
        .family("process_cpu_seconds_total")
        .cell(at!(Globals.master_used))
        .if_measured(),
    head(|s| i(s.globals.master_rss), Gauge, Bytes, "Resident memory of the master.")
        .family("process_resident_memory_bytes")
        .cell(at!(Globals.master_rss))
        .if_measured(),
    head(|s| i(s.globals.master_vsz), Gauge, Bytes, "Address space of the master.")
        .family("process_virtual_memory_bytes")
        .cell(at!(Globals.master_vsz))
        .if_measured(),
    head(|s| i(s.globals.master_open_fds), Gauge, Count, "Open descriptors of the master.")
        .family("process_open_fds")
        .cell(at!(Globals.master_open_fds))
        .if_measured(),
    head(|s| i(s.globals.master_max_fds), Gauge, Count, "Limit of open descriptors.")
        .family("process_max_fds")
        .cell(at!(Globals.master_max_fds))
        .if_measured(),
    head(|s| i(s.globals.started_at), Gauge, Epoch, "Start of the master.")
        .family("process_start_time_seconds")
        .cell(at!(Globals.started_at))
        .if_measured(),
    head(|s| i(s.responses(0)), Counter, Count, "Responses by status class.")
        .extended("core.responses.1xx", "5.21")
        .family("uwsgi_responses_total")
        .label("code", "1xx")
        .cell(nth(at!(CoreRow.responses), 0)),
    head(|s| i(s.responses(1)), Counter, Count, "Responses by status class.")
        .extended("core.responses.2xx", "5.22")
        .family("uwsgi_responses_total")
        .label("code", "2xx")
        .cell(nth(at!(CoreRow.responses), 1)),
    head(|s| i(s.responses(2)), Counter, Count, "Responses by status class.")
        .extended("core.responses.3xx", "5.23")
        .family("uwsgi_responses_total")
        .label("code", "3xx")
        .cell(nth(at!(CoreRow.responses), 2)),
    head(|s| i(s.responses(3)), Counter, Count, "Responses by status class.")
        .extended("core.responses.4xx", "5.24")
        .family("uwsgi_responses_total")
        .label("code", "4xx")
        .cell(nth(at!(CoreRow.responses), 3)),
    head(|s| i(s.responses(4)), Counter, Count, "Responses by status class.")
        .extended("core.responses.5xx", "5.25")
        .family("uwsgi_responses_total")
        .label("code", "5xx")
        .cell(nth(at!(CoreRow.responses), 4)),
    head(|s| i(s.responses(5)), Counter, Count, "Responses by status class.")
        .family("uwsgi_responses_total")
        .label("code", "other")
        .cell(nth(at!(CoreRow.responses), 5)),
    // --- workers
    worker(|w| i(w.requests), Counter, Count, "Requests closed by the worker.")
        .classic("worker.N.requests", "3.N.1")
        .family("uwsgi_worker_requests_total")
        .cell(at!(CoreRow.requests)),
    worker(|w| i(w.delta_requests), Absolute, Count, "Requests since the last spawn.")
        .classic("worker.N.delta_requests", "3.N.2")
        .family("uwsgi_worker_delta_requests")
        .cell(at!(CoreRow.requests)),
    worker(|w| i(w.failed_requests), Counter, Count, "Requests that failed.")
        .classic("worker.N.failed_requests", "3.N.13")
        .family("uwsgi_worker_failed_requests_total")
        .cell(at!(CoreRow.failed_requests)),
    worker(|w| i(w.cells.respawn_count), Counter, Count, "Spawns including the first.")
        .classic("worker.N.respawns", "3.N.14")
        .family("uwsgi_worker_respawn_count_total")
        .cell(at!(WorkerRow.respawn_count)),
    worker(|w| i(w.cells.avg_rt_us), Gauge, Micros, "Exponential average of response times.")
        .classic("worker.N.avg_response_time", "3.N.8")
        .family("uwsgi_worker_average_response_time_seconds")
        .cell(at!(WorkerRow.avg_rt_us)),
    worker(|w| i(w.tx), Counter, Bytes, "Response bytes written.")
        .classic("worker.N.total_tx", "3.N.9")
        .family("uwsgi_worker_transmitted_bytes_total")
        .cell(at!(CoreRow.tx)),
    worker(|w| i(w.cells.rss), Gauge, Bytes, "Resident memory.")
        .classic("worker.N.rss_size", "3.N.11")
        .family("uwsgi_worker_rss_bytes")
        .cell(at!(WorkerRow.rss)),
    worker(|w| i(w.cells.vsz), Gauge, Bytes, "Address space.")
        .classic("worker.N.vsz_size", "3.N.12")
        .family("uwsgi_worker_vsz_bytes")
        .cell(at!(WorkerRow.vsz)),
    worker(|w| i(w.running_time_us), Counter, Micros, "Time spent in requests.")
        .classic("worker.N.running_time", "3.N.13")
        .family("uwsgi_worker_running_time_seconds")
        .cell(at!(CoreRow.running_time_us)),
    // SNMP shows the first of two metrics with one OID, which for 3.N.13 is the other one.
    worker(|w| i(w.running_time_us), Counter, Micros, "Time spent in requests, as SNMP sees it.")
        .extended("worker.N.request_time", "3.N.7")
        .cell(at!(CoreRow.running_time_us)),
    worker(|w| i(w.cells.harakiri_count), Counter, Count, "Harakiri shots.")
        .extended("worker.N.harakiri", "3.N.15")
        .family("uwsgi_worker_harakiri_count_total")
        .cell(at!(WorkerRow.harakiri_count)),
    worker(|w| i(w.exceptions), Counter, Count, "Uncaught application exceptions.")
        .extended("worker.N.exceptions", "3.N.16")
        .family("uwsgi_worker_exceptions_total")
        .cell(at!(CoreRow.exceptions)),
    worker(|w| i(w.cells.signals), Counter, Count, "Signals handled.")
        .extended("worker.N.signals", "3.N.17")
        .family("uwsgi_worker_signals_total")
        .cell(at!(WorkerRow.signals)),
    worker(|w| i(w.cells.uss), Gauge, Bytes, "Unique memory.")
        .extended("worker.N.uss_size", "3.N.18")
        .family("uwsgi_worker_uss_bytes")
        .cell(at!(WorkerRow.uss))
        .if_measured(),
    worker(|w| i(w.cells.pss), Gauge, Bytes, "Proportional memory.")
        .extended("worker.N.pss_size", "3.N.19")
        .family("uwsgi_worker_pss_bytes")
        .cell(at!(WorkerRow.pss))
        .if_measured(),
    worker(|w| w.status.code(), Gauge, Count, "Status: 0 idle, 1 busy, 2 cheap, 3 pause, 4 sig.")
        .extended("worker.N.status", "3.N.20"),
    worker(|w| i(w.cells.accepting), Gauge, Count, "1 once the accept loop runs.")
        .family("uwsgi_worker_accepting")
        .cell(at!(WorkerRow.accepting)),
    worker(|w| i(w.cells.signal_queue), Gauge, Count, "Signals pending towards the worker.")
        .family("uwsgi_worker_signal_queue_length")
        .cell(at!(WorkerRow.signal_queue)),
    worker(|w| i(w.cells.last_spawn), Gauge, Epoch, "Last spawn.")
        .family("uwsgi_worker_last_spawn_time_seconds")
        .cell(at!(WorkerRow.last_spawn)),
    worker(|w| w.apps.len() as i64, Gauge, Count, "Applications loaded.")
        .family("uwsgi_worker_apps"),
    worker(|w| w.cores.len() as i64, Gauge, Count, "Cores.").family("uwsgi_worker_cores"),
    worker(|w| flag(w.status == Status::Busy), Gauge, Count, "1 when busy.")
        .family("uwsgi_worker_busy"),
    worker(|w| flag(w.status == Status::Idle), Gauge, Count, "1 when idle.")
        .family("uwsgi_worker_idle"),
    worker(|w| flag(w.status == Status::Cheap), Gauge, Count, "1 when put away by cheaper.")
        .family("uwsgi_worker_cheap"),
    worker(|w| i(w.rx), Counter, Bytes, "Request bytes read.")
        .family("uwsgi_worker_received_bytes_total")
        .cell(at!(CoreRow.rx)),
    worker(|w| i(w.cells.swap), Gauge, Bytes, "Swapped memory.")
        .family("uwsgi_worker_swap_bytes")
        .cell(at!(WorkerRow.swap))
        .if_measured(),
    worker(|w| i(w.cells.used.cpu_us()), Counter, Micros, "Processor time.")
        .family("uwsgi_worker_cpu_seconds_total")
        .cell(at!(WorkerRow.used))
        .if_measured(),
    worker(|w| i(w.cells.open_fds), Gauge, Count, "Open descriptors.")
        .family("uwsgi_worker_open_fds")
        .cell(at!(WorkerRow.open_fds))
        .if_measured(),
    worker(|w| i(w.cells.threads), Gauge, Count, "Threads.")
        .family("uwsgi_worker_threads")
        .cell(at!(WorkerRow.threads))
        .if_measured(),
    worker(|w| i(w.cells.killed_count), Counter, Count, "Deaths by a signal.")
        .family("uwsgi_worker_killed_total")
        .cell(at!(WorkerRow.killed_count)),
    worker(|w| i(w.cells.parked), Gauge, Count, "Connections parked in the event loop.")
        .family("uwsgi_worker_parked_connections")
        .cell(at!(WorkerRow.parked)),
    worker(|w| i(w.cells.accepted), Counter, Count, "Connections accepted.")
        .family("uwsgi_worker_connections_accepted_total")
        .cell(at!(WorkerRow.accepted)),
    // --- cores
    core(|c| i(c.cells.requests), Counter, Count, "Requests closed by the core.")
        .classic("worker.N.core.M.requests", "3.N.2.M.1")
        .family("uwsgi_worker_core_requests_total")
        .cell(at!(CoreRow.requests)),
    core(|c| i(c.cells.write_errors), Counter, Count, "Write errors.")
        .classic("worker.N.core.M.write_errors", "3.N.2.M.3")
        .family("uwsgi_worker_core_write_errors_total")
        .cell(at!(CoreRow.write_errors)),
    core(|c| i(c.cells.routed_requests), Counter, Count, "Requests ended by internal routing.")
        .classic("worker.N.core.M.routed_requests", "3.N.2.M.4")
        .family("uwsgi_worker_core_routed_requests_total")
        .cell(at!(CoreRow.routed_requests)),
    core(|c| i(c.cells.static_requests), Counter, Count, "Requests answered with static files.")
        .classic("worker.N.core.M.static_requests", "3.N.2.M.5")
        .family("uwsgi_worker_core_static_requests_total")
        .cell(at!(CoreRow.static_requests)),
    core(|c| i(c.cells.offloaded_requests), Counter, Count, "Tasks handed to offload threads.")
        .classic("worker.N.core.M.offloaded_requests", "3.N.2.M.6")
        .family("uwsgi_worker_core_offloaded_requests_total")
        .cell(at!(CoreRow.offloaded_requests)),
    core(|c| i(c.cells.exceptions), Counter, Count, "Uncaught application exceptions.")
        .classic("worker.N.core.M.exceptions", "3.N.2.M.7")
        .family("uwsgi_worker_core_exceptions_total")
        .cell(at!(CoreRow.exceptions)),
    core(|c| i(c.cells.read_errors), Counter, Count, "Read errors.")
        .classic("worker.N.core.M.read_errors", "3.N.2.M.8")
        .family("uwsgi_worker_core_read_errors_total")
        .cell(at!(CoreRow.read_errors)),
    core(|c| i(c.cells.in_request), Gauge, Count, "1 while the core serves a request.")
        .family("uwsgi_worker_core_busy")
        .cell(at!(CoreRow.in_request)),
    core(|c| i(c.cells.parse_errors), Counter, Count, "Requests refused by the parser.")
        .family("uwsgi_worker_core_parse_errors_total")
        .cell(at!(CoreRow.parse_errors)),
    core(|c| i(c.cells.keepalive_reuses), Counter, Count, "Requests on a reused connection.")
        .family("uwsgi_worker_core_keepalive_reuses_total")
        .cell(at!(CoreRow.keepalive_reuses)),
    // --- applications
    app(|a| i(a.startup_time), Gauge, Seconds, "Time the application took to load.")
        .extended("worker.N.app.M.startup_time", "16.N.M.3")
        .family("uwsgi_worker_app_startup_time_seconds")
        .cell(at!(AppRow.startup_time)),
    app(|a| i(a.requests), Counter, Count, "Requests dispatched to the application.")
        .extended("worker.N.app.M.requests", "16.N.M.1")
        .family("uwsgi_worker_app_requests_total")
        .cell(at!(AppRow.requests)),
    app(|a| i(a.exceptions), Counter, Count, "Uncaught exceptions of the application.")
        .extended("worker.N.app.M.exceptions", "16.N.M.2")
        .family("uwsgi_worker_app_exceptions_total")
        .cell(at!(AppRow.exceptions)),
    // --- totals
    total(|s| s.sum(|w| w.tx), Counter, Bytes, "Response bytes written by all workers.")
        .classic("core.total_tx", "5.100")
        .cell(at!(CoreRow.tx)),
    total(|s| s.sum(|w| w.cells.rss), Gauge, Bytes, "Resident memory of all workers.")
        .classic("core.total_rss", "5.101")
        .cell(at!(WorkerRow.rss)),
    total(|s| s.sum(|w| w.cells.vsz), Gauge, Bytes, "Address space of all workers.")
        .classic("core.total_vsz", "5.102")
        .cell(at!(WorkerRow.vsz)),
    total(Snapshot::avg_response_time, Gauge, Micros, "Mean of the workers' averages.")
        .classic("core.avg_response_time", "5.103")
        .cell(at!(WorkerRow.avg_rt_us)),
    total(|s| s.sum(|w| w.running_time_us), Counter, Micros, "Time spent in requests by all.")
        .classic("core.total_running_time", "5.104")
        .cell(at!(CoreRow.running_time_us)),
    // --- sockets
    socket(|k| i(k.cells.queue), Gauge, Count, "Connections waiting to be accepted.")
        .classic("socket.K.listen_queue", "7.K.1")
        .family("uwsgi_socket_queue_length")
        .cell(at!(SocketRow.queue)),
    socket(|k| i(k.cells.max_queue), Gauge, Count, "Size of the accept queue.")
        .extended("socket.K.max_queue", "7.K.2")
        .family("uwsgi_socket_max_queue_length")
        .cell(at!(SocketRow.max_queue)),
    socket(|k| i(k.cells.drops), Counter, Count, "Connections dropped by a full queue.")
        .extended("socket.K.drops", "7.K.3")
        .family("uwsgi_socket_drops_total")
        .cell(at!(SocketRow.drops)),
    socket(|k| i(k.cells.shared), Gauge, Count, "1 for a shared socket.")
        .family("uwsgi_socket_shared")
        .cell(at!(SocketRow.shared))
        .same(),
    socket(|k| i(k.cells.can_offload), Gauge, Count, "1 when the protocol allows offloading.")
        .family("uwsgi_socket_can_offload")
        .cell(at!(SocketRow.can_offload))
        .same(),
    socket(|k| i(k.cells.accepted), Counter, Count, "Connections accepted.")
        .extended("socket.K.accepted", "7.K.4")
        .family("uwsgi_socket_accepted_total")
        .cell(at!(SocketRow.accepted)),
    socket(|k| i(k.cells.oversize), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.oversize", "7.K.5")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "oversize")
        .cell(at!(SocketRow.oversize)),
    socket(|k| i(k.cells.bad), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.bad", "7.K.6")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "bad")
        .cell(at!(SocketRow.bad)),
    socket(|k| i(k.cells.timeouts), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.timeout", "7.K.7")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "timeout")
        .cell(at!(SocketRow.timeouts)),
    socket(|k| i(k.cells.eof), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.eof", "7.K.8")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "eof")
        .cell(at!(SocketRow.eof)),
    socket(|k| i(k.cells.vars), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.vars", "7.K.9")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "vars")
        .cell(at!(SocketRow.vars)),
    socket(|k| i(k.cells.limit_post), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.limit_post", "7.K.24")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "limit_post")
        .cell(at!(SocketRow.limit_post)),
    socket(|k| i(k.cells.slow_head), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.slow_head", "7.K.25")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "slow_head")
        .cell(at!(SocketRow.slow_head)),
    socket(|k| i(k.cells.slow_body), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.slow_body", "7.K.26")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "slow_body")
        .cell(at!(SocketRow.slow_body)),
    socket(|k| i(k.cells.slow_reader), Counter, Count, "Requests that were refused or given up.")
        .extended("socket.K.errors.slow_reader", "7.K.27")
        .family("uwsgi_socket_request_errors_total")
        .label("reason", "slow_reader")
        .cell(at!(SocketRow.slow_reader)),
    // --- aliases
    row(
        Group::Alias,
        Read::Instance(|s| s.sum(|w| w.cells.rss)),
        Alias,
        Bytes,
        "Alias of core.total_rss.",
    )
    .classic("rss_size", "5.101"),
    row(
        Group::Alias,
        Read::Instance(|s| s.sum(|w| w.cells.vsz)),
        Alias,
        Bytes,
        "Alias of core.total_vsz.",
    )
    .classic("vsz_size", "5.102"),
    // --- routers
    router(|g| i(g.active_sessions), Gauge, Count, "Client sessions of the router.")
        .extended("router.K.active_sessions", "6.K.1")
        .family("uwsgi_router_active_sessions")
        .cell(at!(GatewayRow.active_sessions)),
    router(|g| i(g.requests), Counter, Count, "Requests passed on by the router.")
        .extended("router.K.requests", "6.K.2")
        .family("uwsgi_router_requests_total")
        .cell(at!(GatewayRow.requests)),
    router(|g| i(g.rx), Counter, Bytes, "Bytes received from clients.")
        .extended("router.K.rx", "6.K.3")
        .family("uwsgi_router_received_bytes_total")
        .cell(at!(GatewayRow.rx)),
    router(|g| i(g.tx), Counter, Bytes, "Bytes sent to clients.")
        .extended("router.K.tx", "6.K.4")
        .family("uwsgi_router_transmitted_bytes_total")
        .cell(at!(GatewayRow.tx)),
    router(|g| i(g.errors), Counter, Count, "Sessions that ended in an error.")
        .extended("router.K.errors", "6.K.5")
        .family("uwsgi_router_errors_total")
        .cell(at!(GatewayRow.errors)),
    router(|g| i(g.accepted), Counter, Count, "Connections accepted by the router.")
        .family("uwsgi_router_accepted_total")
        .cell(at!(GatewayRow.accepted)),
    router(|g| i(g.respawns), Counter, Count, "Spawns of the router including the first.")
        .family("uwsgi_router_spawns_total")
        .cell(at!(GatewayRow.respawns)),
    router(|g| i(g.backend_connects), Counter, Count, "Connections opened to backends.")
        .family("uwsgi_router_backend_connects_total")
        .cell(at!(GatewayRow.backend_connects)),
    router(|g| i(g.backend_reuses), Counter, Count, "Requests on a reused backend connection.")
        .family("uwsgi_router_backend_reuses_total")
        .cell(at!(GatewayRow.backend_reuses)),
    router(|g| i(g.queue), Gauge, Count, "Requests waiting for a backend.")
        .family("uwsgi_router_queue_length")
        .cell(at!(GatewayRow.queue)),
    // --- mules
    mule(|m| i(m.signals), Counter, Count, "Signals handled by the mule.")
        .extended("mule.N.signals", "8.N.1")
        .family("uwsgi_mule_signals_total")
        .cell(at!(MuleRow.signals)),
    mule(|m| i(m.respawn_count), Counter, Count, "Spawns of the mule including the first.")
        .extended("mule.N.respawns", "8.N.2")
        .family("uwsgi_mule_spawns_total")
        .cell(at!(MuleRow.respawn_count)),
    mule(|m| i(m.rss), Gauge, Bytes, "Resident memory of the mule.")
        .extended("mule.N.rss_size", "8.N.3")
        .family("uwsgi_mule_rss_bytes")
        .cell(at!(MuleRow.rss))
        .if_measured(),
    mule(|m| i(m.messages), Counter, Count, "Messages received by the mule.")
        .extended("mule.N.messages", "8.N.4")
        .family("uwsgi_mule_messages_total")
        .cell(at!(MuleRow.messages)),
    mule(|m| i(m.dropped), Counter, Count, "Messages to the mule that were lost.")
        .extended("mule.N.messages_dropped", "8.N.5")
        .family("uwsgi_mule_messages_dropped_total")
        .cell(at!(MuleRow.dropped)),
    mule(|m| i(m.signal_queue), Gauge, Count, "Signals pending towards the mule.")
        .family("uwsgi_mule_signal_queue_length")
        .cell(at!(MuleRow.signal_queue)),
];
