//! Which key of the stats document is which family: the names of the server's own page.
//!
//! Help, type and unit of most come from the schema of `uwsgi-metrics`; the rest stands here.

use super::Part::{
    self, App, Cache, Instance, Master, Mule, Observer, Probe, Router, Socket, System, Worker,
};

/// A key of a part, its family, and a label that tells keys of one family apart.
pub(super) type Key = (Part, &'static str, &'static str, Option<(&'static str, &'static str)>);

const fn key(part: Part, key: &'static str, family: &'static str) -> Key {
    (part, key, family, None)
}

const fn one_of(
    part: Part,
    key: &'static str,
    family: &'static str,
    label: (&'static str, &'static str),
) -> Key {
    (part, key, family, Some(label))
}

/// All of them; keys of one family stand together.
pub(super) const KEYS: &[Key] = &[
    key(Instance, "listen_queue", "uwsgi_listen_queue_length"),
    key(Instance, "listen_queue_errors", "uwsgi_listen_queue_errors"),
    key(Instance, "signal_queue", "uwsgi_signal_queue_length"),
    key(Instance, "started_at", "uwsgi_start_time_seconds"),
    key(Instance, "reloads", "uwsgi_reloads_total"),
    key(Instance, "workers_started", "uwsgi_workers_started_total"),
    key(Instance, "workers_killed", "uwsgi_workers_killed_total"),
    key(Instance, "boot_us", "uwsgi_boot_duration_seconds"),
    key(Master, "rss", "process_resident_memory_bytes"),
    key(Master, "vsz", "process_virtual_memory_bytes"),
    key(Master, "open_fds", "process_open_fds"),
    key(Master, "swap", "uwsgi_master_swap_bytes"),
    key(Master, "threads", "uwsgi_master_threads"),
    one_of(Master, "voluntary_switches", SWITCHES[0], VOLUNTARY),
    one_of(Master, "involuntary_switches", SWITCHES[0], INVOLUNTARY),
    one_of(Master, "minor_faults", FAULTS[0], MINOR),
    one_of(Master, "major_faults", FAULTS[0], MAJOR),
    key(Observer, "cpu_user_us", "uwsgi_observer_cpu_user_seconds_total"),
    key(Observer, "cpu_system_us", "uwsgi_observer_cpu_system_seconds_total"),
    key(Observer, "rss", "uwsgi_observer_resident_memory_bytes"),
    key(Observer, "vsz", "uwsgi_observer_virtual_memory_bytes"),
    key(Observer, "swap", "uwsgi_observer_swap_bytes"),
    key(Observer, "open_fds", "uwsgi_observer_open_fds"),
    key(Observer, "threads", "uwsgi_observer_threads"),
    one_of(System, "load1", "uwsgi_system_load", ("window", "1m")),
    one_of(System, "load5", "uwsgi_system_load", ("window", "5m")),
    one_of(System, "load15", "uwsgi_system_load", ("window", "15m")),
    key(System, "mem_available", "uwsgi_system_memory_available_bytes"),
    key(System, "cgroup_memory_limit", "uwsgi_cgroup_memory_limit_bytes"),
    key(System, "cgroup_memory_high", "uwsgi_cgroup_memory_high_bytes"),
    key(System, "cgroup_memory_usage", "uwsgi_cgroup_memory_usage_bytes"),
    one_of(System, "cgroup_memory_high_events", EVENTS, ("event", "high")),
    one_of(System, "cgroup_memory_max_events", EVENTS, ("event", "max")),
    one_of(System, "cgroup_memory_oom_events", EVENTS, ("event", "oom")),
    one_of(System, "cgroup_memory_oom_kill_events", EVENTS, ("event", "oom_kill")),
    key(System, "cgroup_cpu_limit_milli", "uwsgi_cgroup_cpu_limit_cores"),
    key(System, "cgroup_cpu_usage_us", "uwsgi_cgroup_cpu_usage_seconds_total"),
    key(System, "cgroup_cpu_periods", "uwsgi_cgroup_cpu_periods_total"),
    key(System, "cgroup_cpu_throttled", "uwsgi_cgroup_cpu_throttled_periods_total"),
    key(System, "cgroup_cpu_throttled_us", "uwsgi_cgroup_cpu_throttled_seconds_total"),
    key(System, "cgroup_pids_limit", "uwsgi_cgroup_pids_limit"),
    key(System, "cgroup_pids", "uwsgi_cgroup_pids"),
    key(Socket, "queue", "uwsgi_socket_queue_length"),
    key(Socket, "max_queue", "uwsgi_socket_max_queue_length"),
    key(Socket, "shared", "uwsgi_socket_shared"),
    key(Socket, "can_offload", "uwsgi_socket_can_offload"),
    key(Worker, "accepting", "uwsgi_worker_accepting"),
    key(Worker, "requests", "uwsgi_worker_requests_total"),
    key(Worker, "delta_requests", "uwsgi_worker_delta_requests"),
    key(Worker, "failed_requests", "uwsgi_worker_failed_requests_total"),
    key(Worker, "exceptions", "uwsgi_worker_exceptions_total"),
    key(Worker, "harakiri_count", "uwsgi_worker_harakiri_count_total"),
    key(Worker, "signals", "uwsgi_worker_signals_total"),
    key(Worker, "signal_queue", "uwsgi_worker_signal_queue_length"),
    key(Worker, "respawn_count", "uwsgi_worker_respawn_count_total"),
    key(Worker, "killed_count", "uwsgi_worker_killed_total"),
    key(Worker, "tx", "uwsgi_worker_transmitted_bytes_total"),
    key(Worker, "rx", "uwsgi_worker_received_bytes_total"),
    key(Worker, "rss", "uwsgi_worker_rss_bytes"),
    key(Worker, "vsz", "uwsgi_worker_vsz_bytes"),
    key(Worker, "uss", "uwsgi_worker_uss_bytes"),
    key(Worker, "pss", "uwsgi_worker_pss_bytes"),
    key(Worker, "swap", "uwsgi_worker_swap_bytes"),
    key(Worker, "running_time", "uwsgi_worker_running_time_seconds"),
    key(Worker, "busy_time_us", "uwsgi_worker_busy_seconds_total"),
    key(Worker, "avg_rt", "uwsgi_worker_average_response_time_seconds"),
    key(Worker, "last_spawn", "uwsgi_worker_last_spawn_time_seconds"),
    key(Worker, "startup_us", "uwsgi_worker_startup_seconds"),
    key(Worker, "cpu_time_us", "uwsgi_worker_cpu_seconds_total"),
    key(Worker, "cpu_user_us", "uwsgi_worker_cpu_user_seconds_total"),
    key(Worker, "cpu_system_us", "uwsgi_worker_cpu_system_seconds_total"),
    one_of(Worker, "voluntary_switches", SWITCHES[1], VOLUNTARY),
    one_of(Worker, "involuntary_switches", SWITCHES[1], INVOLUNTARY),
    one_of(Worker, "minor_faults", FAULTS[1], MINOR),
    one_of(Worker, "major_faults", FAULTS[1], MAJOR),
    key(Worker, "open_fds", "uwsgi_worker_open_fds"),
    key(Worker, "threads", "uwsgi_worker_threads"),
    key(App, "startup_time", "uwsgi_worker_app_startup_time_seconds"),
    key(App, "requests", "uwsgi_worker_app_requests_total"),
    key(App, "exceptions", "uwsgi_worker_app_exceptions_total"),
    key(Cache, "hits", "uwsgi_cache_hits"),
    key(Cache, "miss", "uwsgi_cache_misses"),
    key(Cache, "full", "uwsgi_cache_full"),
    key(Cache, "items", "uwsgi_cache_items"),
    key(Cache, "max_items", "uwsgi_cache_max_items"),
    key(Router, "active_sessions", "uwsgi_router_active_sessions"),
    key(Router, "requests", "uwsgi_router_requests_total"),
    key(Router, "rx", "uwsgi_router_received_bytes_total"),
    key(Router, "tx", "uwsgi_router_transmitted_bytes_total"),
    key(Router, "errors", "uwsgi_router_errors_total"),
    key(Router, "respawns", "uwsgi_router_spawns_total"),
    key(Router, "queue", "uwsgi_router_queue_length"),
    key(Router, "listen_queue", "uwsgi_router_listen_queue_length"),
    key(Router, "max_queue", "uwsgi_router_max_queue_length"),
    key(Router, "drops", "uwsgi_router_drops_total"),
    key(Router, "cpu_user_us", "uwsgi_router_cpu_user_seconds_total"),
    key(Router, "cpu_system_us", "uwsgi_router_cpu_system_seconds_total"),
    key(Router, "rss", "uwsgi_router_resident_memory_bytes"),
    key(Router, "vsz", "uwsgi_router_virtual_memory_bytes"),
    key(Router, "swap", "uwsgi_router_swap_bytes"),
    key(Router, "open_fds", "uwsgi_router_open_fds"),
    key(Router, "threads", "uwsgi_router_threads"),
    key(Mule, "signals", "uwsgi_mule_signals_total"),
    key(Mule, "signal_queue", "uwsgi_mule_signal_queue_length"),
    key(Mule, "respawn_count", "uwsgi_mule_spawns_total"),
    key(Mule, "messages", "uwsgi_mule_messages_total"),
    key(Mule, "messages_dropped", "uwsgi_mule_messages_dropped_total"),
    key(Mule, "cpu_user_us", "uwsgi_mule_cpu_user_seconds_total"),
    key(Mule, "cpu_system_us", "uwsgi_mule_cpu_system_seconds_total"),
    key(Mule, "rss", "uwsgi_mule_rss_bytes"),
    key(Mule, "vsz", "uwsgi_mule_vsz_bytes"),
    key(Mule, "swap", "uwsgi_mule_swap_bytes"),
    key(Mule, "open_fds", "uwsgi_mule_open_fds"),
    key(Mule, "threads", "uwsgi_mule_threads"),
    key(Probe, "programs", "uwsgi_ebpf_probe_programs"),
];

const SWITCHES: [&str; 2] =
    ["uwsgi_master_context_switches_total", "uwsgi_worker_context_switches_total"];
const FAULTS: [&str; 2] = ["uwsgi_master_page_faults_total", "uwsgi_worker_page_faults_total"];
const VOLUNTARY: (&str, &str) = ("type", "voluntary");
const INVOLUNTARY: (&str, &str) = ("type", "involuntary");
const MINOR: (&str, &str) = ("type", "minor");
const MAJOR: (&str, &str) = ("type", "major");
const EVENTS: &str = "uwsgi_cgroup_memory_events_total";

/// Families that the schema does not have: type and help.
pub(super) const MORE: &[(&str, &str, &str)] = &[
    ("uwsgi_up", "gauge", "The instance answers."),
    ("uwsgi_build_info", "gauge", "What this server was built from."),
    ("uwsgi_worker_status", "gauge", "Status of the worker."),
    ("uwsgi_cache_hits", "counter", "Lookups that found an item."),
    ("uwsgi_cache_misses", "counter", "Lookups that found none."),
    ("uwsgi_cache_full", "counter", "Times there was no room."),
    ("uwsgi_cache_items", "gauge", "Items in the cache."),
    ("uwsgi_cache_max_items", "gauge", "Most items it holds."),
];

/// Histograms by the name of their latency.
pub(super) const LATENCIES: &[(&str, &str, &str)] = &[
    ("request", "uwsgi_request_duration_seconds", "Start of the request to the end of its close."),
    ("queue", "uwsgi_request_queue_seconds", "Entry into the accept queue to dispatch."),
    ("application", "uwsgi_application_duration_seconds", "Time inside the application."),
    ("write", "uwsgi_response_write_seconds", "Time spent writing the response."),
    (
        "first_byte",
        "uwsgi_response_first_byte_seconds",
        "Start of the request to the system call that carries the head of its response.",
    ),
    (
        "read",
        "uwsgi_request_read_seconds",
        "Time spent waiting for the body of a request that was not there at its start.",
    ),
];
