//! One worker beside the other: which of them is different.

use super::REASONS;
use crate::board::Board;
use crate::panel::{Look, Panel, panel, row};

/// The dashboard.
pub(crate) fn board() -> Board {
    let mut panels = vec![row("Now")];
    panels.extend(now());
    panels.push(row("Work"));
    panels.extend(work());
    panels.push(row("Memory and processor"));
    panels.extend(usage());
    panels.push(row("Lives and deaths"));
    panels.extend(lives());
    panels.push(Panel { look: Look::Row(true), ..row("Cores (with prometheus-cores)") });
    panels.extend(cores());
    Board {
        name: "workers",
        title: "Workers",
        about: "What each worker does, uses and dies of.",
        workers: true,
        variables: Vec::new(),
        panels,
    }
}

fn now() -> Vec<Panel> {
    vec![
        panel(Look::States, "State", "short", "Red: it does not accept, because it starts, ends or hangs.")
            .ask(
                "uwsgi_worker_busy{w} + 2 * uwsgi_worker_cheap{w} + 4 * (uwsgi_worker_accepting{w} == bool 0)",
                "{{instance}} {{worker_id}}",
            )
            .words(&[
                (0, "idle", "green"),
                (1, "busy", "orange"),
                (2, "cheap", "blue"),
                (4, "not accepting", "red"),
                (5, "not accepting", "red"),
                (6, "cheap", "blue"),
            ])
            .size(24, 7),
        panel(Look::Table, "Workers", "short", "Each worker now.")
            .column("requests/s", "reqps", "sum by (instance, worker_id) (rate(uwsgi_worker_requests_total{w}[5m]))")
            .column("busy", "percentunit", "sum by (instance, worker_id) (rate(uwsgi_worker_busy_seconds_total{w}[5m])) / sum by (instance, worker_id) (uwsgi_worker_cores{w})")
            .column("mean of a minute", "s", "max by (instance, worker_id) (uwsgi_worker_recent_response_time_seconds{w,window=\"1m\"})")
            .column("resident", "bytes", "max by (instance, worker_id) (uwsgi_worker_rss_bytes{w})")
            .column("descriptors", "short", "max by (instance, worker_id) (uwsgi_worker_open_fds{w})")
            .column("since spawn", "short", "max by (instance, worker_id) (uwsgi_worker_delta_requests{w})")
            .column("spawned", "dateTimeFromNow", "max by (instance, worker_id) (uwsgi_worker_last_spawn_time_seconds{w}) * 1000")
            .column("spawns", "short", "max by (instance, worker_id) (uwsgi_worker_respawn_count_total{w})")
            .size(24, 8),
    ]
}

fn work() -> Vec<Panel> {
    vec![
        panel(
            Look::Stack,
            "Requests by worker",
            "reqps",
            "The last used worker is taken again while it is free: with few requests at a time one worker has most of them, on purpose.",
        )
        .ask("sum by (instance, worker_id) (rate(uwsgi_worker_requests_total{w}[r]))", "{{instance}} {{worker_id}}"),
        panel(Look::Lines, "Busy", "percentunit", "Time in requests over the time of the worker's cores. Running requests are included.")
            .ask(
                "sum by (instance, worker_id) (rate(uwsgi_worker_busy_seconds_total{w}[r])) / sum by (instance, worker_id) (uwsgi_worker_cores{w})",
                "{{instance}} {{worker_id}}",
            )
            .max(1.0),
        panel(Look::Lines, "Mean response time of a minute", "s", "")
            .ask("uwsgi_worker_recent_response_time_seconds{w,window=\"1m\"}", "{{instance}} {{worker_id}}"),
        panel(
            Look::Lines,
            "Average response time",
            "s",
            "uWSGI's own average, which halves with every request: the last few decide it. Trust the histogram.",
        )
        .ask("uwsgi_worker_average_response_time_seconds{w}", "{{instance}} {{worker_id}}"),
        panel(Look::Lines, "Bytes", "Bps", "")
            .ask("sum by (worker_id) (rate(uwsgi_worker_transmitted_bytes_total{w}[r]))", "{{worker_id}} sent")
            .ask("sum by (worker_id) (rate(uwsgi_worker_received_bytes_total{w}[r]))", "{{worker_id}} received"),
        panel(Look::Lines, "Connections", "short", "Parked connections wait in the event loop and cost no core.")
            .ask("uwsgi_worker_parked_connections{w}", "{{instance}} {{worker_id}} parked")
            .ask("rate(uwsgi_worker_connections_accepted_total{w}[r])", "{{instance}} {{worker_id}} accepted/s"),
    ]
}

fn usage() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "Resident memory", "bytes", "For ever growing: a leak, or a cache without bound. max-requests is a remedy, not a cure.")
            .ask("uwsgi_worker_rss_bytes{w} > 0", "{{instance}} {{worker_id}}")
            .size(8, 8),
        panel(Look::Lines, "Own and shared memory", "bytes", "Needs memory-report = 2: pss divides shared pages, uss leaves them out.")
            .ask("uwsgi_worker_pss_bytes{w} > 0", "{{instance}} {{worker_id}} pss")
            .ask("uwsgi_worker_uss_bytes{w} > 0", "{{instance}} {{worker_id}} uss")
            .ask("uwsgi_worker_swap_bytes{w}", "{{instance}} {{worker_id}} swap")
            .size(8, 8),
        panel(Look::Lines, "Address space", "bytes", "")
            .ask("uwsgi_worker_vsz_bytes{w} > 0", "{{instance}} {{worker_id}}")
            .size(8, 8),
        panel(Look::Stack, "Processor time by worker", "short", "Cores' worth of time. Well below busy: requests wait for something else.")
            .ask("rate(uwsgi_worker_cpu_seconds_total{w}[r])", "{{instance}} {{worker_id}}")
            .size(8, 8),
        panel(Look::Lines, "Descriptors", "short", "")
            .ask("uwsgi_worker_open_fds{w}", "{{instance}} {{worker_id}}")
            .size(8, 8),
        panel(Look::Lines, "Threads", "short", "")
            .ask("uwsgi_worker_threads{w}", "{{instance}} {{worker_id}}")
            .size(8, 8),
    ]
}

fn lives() -> Vec<Panel> {
    vec![
        panel(Look::Bars, "Ends by reason", "short", "")
            .ask("sum by (reason) (increase(uwsgi_worker_exits_total{w}[r]))", "{{reason}}")
            .colors(REASONS)
            .size(8, 8),
        panel(Look::Bars, "Recycled, by reason", "short", "")
            .ask("sum by (reason) (increase(uwsgi_worker_recycles_total{w}[r]))", "{{reason}}")
            .size(8, 8),
        panel(
            Look::Bars,
            "Started and put away by cheaper",
            "short",
            "load, emergency and more (the operator) start workers; idle, memory and fewer stop them.",
        )
        .ask("sum by (reason) (increase(uwsgi_cheaper_changes_total{i}[r]))", "{{reason}}")
        .size(8, 8),
        panel(
            Look::Bars,
            "Harakiri and kills by worker",
            "short",
            "The log names the request that was running and its age.",
        )
        .ask(
            "increase(uwsgi_worker_harakiri_count_total{w}[r])",
            "{{instance}} {{worker_id}} harakiri",
        )
        .ask("increase(uwsgi_worker_killed_total{w}[r])", "{{instance}} {{worker_id}} killed")
        .size(8, 8),
        panel(Look::Lines, "Errors by worker", "ops", "")
            .ask(
                "rate(uwsgi_worker_exceptions_total{w}[r])",
                "{{instance}} {{worker_id}} exceptions",
            )
            .ask(
                "rate(uwsgi_worker_failed_requests_total{w}[r])",
                "{{instance}} {{worker_id}} failed",
            )
            .size(8, 8),
        panel(
            Look::Lines,
            "Time to start",
            "s",
            "From the fork to accepting; what the application needs to load is part of it.",
        )
        .ask("uwsgi_worker_startup_seconds{w}", "{{instance}} {{worker_id}}")
        .ask(
            "uwsgi_worker_app_startup_time_seconds{w}",
            "{{instance}} {{worker_id}} {{mountpoint}}",
        )
        .size(8, 8),
        panel(Look::Lines, "Age", "s", "Since the last spawn.")
            .ask(
                "time() - (uwsgi_worker_last_spawn_time_seconds{w} > 0)",
                "{{instance}} {{worker_id}}",
            )
            .size(8, 8),
        panel(
            Look::Lines,
            "Signals",
            "ops",
            "uwsgi signals that the worker handled, and those that wait.",
        )
        .ask("rate(uwsgi_worker_signals_total{w}[r])", "{{instance}} {{worker_id}} handled/s")
        .ask("uwsgi_worker_signal_queue_length{w}", "{{instance}} {{worker_id}} waiting")
        .size(8, 8),
    ]
}

fn cores() -> Vec<Panel> {
    vec![
        panel(Look::States, "Cores", "short", "")
            .ask("uwsgi_worker_core_busy{w}", "{{worker_id}}.{{core_id}}")
            .words(&[(0, "free", "green"), (1, "busy", "orange")])
            .size(24, 8),
        panel(Look::Lines, "Busy by core", "percentunit", "")
            .ask("rate(uwsgi_worker_core_busy_seconds_total{w}[r])", "{{worker_id}}.{{core_id}}")
            .max(1.0)
            .size(8, 8),
        panel(Look::Lines, "Requests by core", "reqps", "")
            .ask("rate(uwsgi_worker_core_requests_total{w}[r])", "{{worker_id}}.{{core_id}}")
            .size(8, 8),
        panel(Look::Lines, "Connections that were kept", "percentunit", "Share of requests on a connection that had served one before.")
            .ask(
                "sum(rate(uwsgi_worker_core_keepalive_reuses_total{w}[r])) / sum(rate(uwsgi_worker_core_requests_total{w}[r]))",
                "kept",
            )
            .max(1.0)
            .size(8, 8),
        panel(Look::Lines, "Errors of the cores", "ops", "Write errors: clients leave before the response ends.")
            .ask("sum(rate(uwsgi_worker_core_write_errors_total{w}[r]))", "write")
            .ask("sum(rate(uwsgi_worker_core_read_errors_total{w}[r]))", "read")
            .ask("sum(rate(uwsgi_worker_core_parse_errors_total{w}[r]))", "parse")
            .ask("sum(rate(uwsgi_worker_core_exceptions_total{w}[r]))", "exceptions")
            .ask("sum(rate(uwsgi_worker_core_failed_requests_total{w}[r]))", "failed"),
        panel(Look::Lines, "Requests that needed no application", "reqps", "")
            .ask("sum(rate(uwsgi_worker_core_static_requests_total{w}[r]))", "static files")
            .ask("sum(rate(uwsgi_worker_core_offloaded_requests_total{w}[r]))", "offloaded")
            .ask("sum(rate(uwsgi_worker_core_routed_requests_total{w}[r]))", "internal routing"),
    ]
}
