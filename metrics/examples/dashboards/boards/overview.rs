//! Is it well, and if not, where to look: the four signals of all chosen instances.

use super::{CLASSES, PERCENTILES, REASONS, traffic};
use crate::board::Board;
use crate::panel::{Look, Panel, panel, row};

/// The dashboard.
pub(crate) fn board() -> Board {
    let mut panels = vec![row("Now")];
    panels.extend(now());
    panels.push(row("Traffic and time"));
    panels.extend(flow());
    panels.push(row("Capacity"));
    panels.extend(capacity());
    panels.push(row("Failures"));
    panels.extend(failures());
    panels.push(row("Applications"));
    panels.extend(applications());
    panels.extend(traffic::applications());
    panels.push(row("Sockets"));
    panels.extend(traffic::sockets());
    panels.push(row("Resources"));
    panels.extend(resources());
    Board {
        name: "overview",
        title: "Overview",
        about: "Traffic, time, capacity and failures of the chosen instances.",
        workers: false,
        variables: Vec::new(),
        panels,
    }
}

fn now() -> Vec<Panel> {
    vec![
        panel(Look::Stat, "Instances up", "short", "Instances that answer a scrape.")
            .ask("sum(uwsgi_up{i})", ""),
        panel(Look::Stat, "Requests", "reqps", "Requests closed in a second.")
            .ask("sum(rate(uwsgi_worker_requests_total{i}[r]))", ""),
        panel(Look::Stat, "Failed", "percentunit", "Share of responses with a status of 5xx.")
            .ask(
                "sum(rate(uwsgi_responses_total{i,code=\"5xx\"}[r])) / (sum(rate(uwsgi_responses_total{i}[r])) > 0) or vector(0)",
                "",
            )
            .steps(&[(0.001, "orange"), (0.01, "red")]),
        panel(Look::Stat, "p99", "s", "Of a hundred requests one takes longer.")
            .ask(
                "histogram_quantile(0.99, sum by (le) (rate(uwsgi_request_duration_seconds_bucket{i}[r])))",
                "",
            )
            .steps(&[(0.5, "orange"), (2.0, "red")]),
        panel(Look::Stat, "Cores in use", "percentunit", "Time in requests over the time of all cores.")
            .ask(
                "sum(rate(uwsgi_worker_busy_seconds_total{i}[r])) / sum(uwsgi_worker_cores{i})",
                "",
            )
            .steps(&[(0.7, "orange"), (0.9, "red")]),
        panel(
            Look::Stat,
            "Waiting",
            "short",
            "Connections in accept queues and requests that wait in the router for a free core.",
        )
        .ask(
            "sum(uwsgi_listen_queue_length{i}) + (sum(uwsgi_router_queue_length{i}) or vector(0))",
            "",
        )
        .steps(&[(1.0, "orange"), (50.0, "red")]),
    ]
}

fn flow() -> Vec<Panel> {
    vec![
        panel(Look::Stack, "Responses by class", "reqps", "")
            .ask("sum by (code) (rate(uwsgi_responses_total{i}[r]))", "{{code}}")
            .colors(CLASSES),
        panel(
            Look::Lines,
            "Request time",
            "s",
            "From the complete head to the end. If it rises and the application's does not, somebody waits elsewhere.",
        )
        .ask("histogram_quantile(0.5, sum by (le) (rate(uwsgi_request_duration_seconds_bucket{i}[r])))", "p50")
        .ask("histogram_quantile(0.9, sum by (le) (rate(uwsgi_request_duration_seconds_bucket{i}[r])))", "p90")
        .ask("histogram_quantile(0.99, sum by (le) (rate(uwsgi_request_duration_seconds_bucket{i}[r])))", "p99")
        .colors(PERCENTILES),
    ]
}

fn capacity() -> Vec<Panel> {
    vec![
        panel(
            Look::Lines,
            "Cores",
            "short",
            "When in use meets all, requests begin to wait: add cores, or make the application faster.",
        )
        .ask("sum(rate(uwsgi_worker_busy_seconds_total{i}[r]))", "in use")
        .ask("sum(uwsgi_requests_in_flight{i})", "requests in flight")
        .ask("sum(uwsgi_worker_cores{i})", "all")
        .colors(&[("in use", "orange"), ("requests in flight", "yellow"), ("all", "blue")])
        .size(8, 8),
        panel(
            Look::Lines,
            "Waiting",
            "short",
            "Above zero for more than a moment: every core has a request.",
        )
        .ask("sum by (name) (uwsgi_socket_queue_length{i})", "{{name}}")
        .ask("sum by (router) (uwsgi_router_listen_queue_length{i})", "router {{router}}, not accepted")
        .ask("sum by (router) (uwsgi_router_queue_length{i})", "router {{router}}, no core")
        .size(8, 8),
        panel(Look::Stack, "Workers", "short", "Cheap workers were put away because there was nothing to do.")
            .ask("sum(uwsgi_workers_busy{i})", "busy")
            .ask("sum(uwsgi_workers_idle{i})", "idle")
            .ask("sum(uwsgi_worker_cheap{i})", "cheap")
            .colors(&[("busy", "orange"), ("idle", "green"), ("cheap", "blue")])
            .size(8, 8),
    ]
}

fn failures() -> Vec<Panel> {
    vec![
        panel(
            Look::Bars,
            "Ends of workers",
            "short",
            "asked and recycled are in good order; harakiri and no_mercy are the master's; signal is anybody else's, the kernel's memory killer too.",
        )
        .ask("sum by (reason) (increase(uwsgi_worker_exits_total{i}[r]))", "{{reason}}")
        .colors(REASONS)
        .size(8, 8),
        panel(Look::Lines, "Errors", "ops", "Uncaught exceptions, requests that failed, harakiri, broken client sessions.")
            .ask("sum(rate(uwsgi_worker_exceptions_total{i}[r]))", "exceptions")
            .ask("sum(rate(uwsgi_worker_failed_requests_total{i}[r]))", "failed requests")
            .ask("sum(rate(uwsgi_worker_harakiri_count_total{i}[r]))", "harakiri")
            .ask("sum(rate(uwsgi_router_errors_total{i}[r]))", "router sessions")
            .ask("sum by (reason) (rate(uwsgi_socket_request_errors_total{i}[r])) > 0", "refused: {{reason}}")
            .size(8, 8),
        panel(Look::Lines, "Lost connections", "ops", "The accept queue was full and the kernel dropped them: users saw nothing.")
            .ask("sum by (name) (rate(uwsgi_socket_drops_total{i}[r]))", "{{name}}")
            .ask("sum by (router) (rate(uwsgi_router_drops_total{i}[r]))", "router {{router}}")
            .size(8, 8),
    ]
}

fn applications() -> Vec<Panel> {
    vec![
        panel(Look::Stack, "Requests by application", "reqps", "")
            .ask("sum by (app) (rate(uwsgi_app_requests_total{i}[r]))", "{{app}}")
            .size(8, 8),
        panel(Look::Lines, "p99 by application", "s", "One slow application among several shows here.")
            .ask(
                "histogram_quantile(0.99, sum by (le, app) (rate(uwsgi_app_request_duration_seconds_bucket{i}[r])))",
                "{{app}}",
            )
            .size(8, 8),
        panel(Look::Lines, "Failures by application", "ops", "")
            .ask("sum by (app) (rate(uwsgi_app_exceptions_total{i}[r]))", "{{app}} exceptions")
            .ask("sum by (app) (rate(uwsgi_app_responses_total{i,code=\"5xx\"}[r]))", "{{app}} 5xx")
            .size(8, 8),
    ]
}

fn resources() -> Vec<Panel> {
    vec![
        panel(Look::Stack, "Processor time", "short", "Cores' worth of time, by who used it.")
            .ask("sum(rate(uwsgi_worker_cpu_user_seconds_total{i}[r]))", "workers, user")
            .ask("sum(rate(uwsgi_worker_cpu_system_seconds_total{i}[r]))", "workers, kernel")
            .ask("sum(rate(uwsgi_router_cpu_user_seconds_total{i}[r])) + sum(rate(uwsgi_router_cpu_system_seconds_total{i}[r]))", "routers")
            .ask("sum(rate(uwsgi_mule_cpu_user_seconds_total{i}[r])) + sum(rate(uwsgi_mule_cpu_system_seconds_total{i}[r]))", "mules")
            .ask("sum(rate(process_cpu_seconds_total{i}[r]) and on (job, instance) uwsgi_up{i})", "master")
            .ask("sum(rate(uwsgi_observer_cpu_user_seconds_total{i}[r])) + sum(rate(uwsgi_observer_cpu_system_seconds_total{i}[r]))", "observer")
            .size(8, 8),
        panel(
            Look::Stack,
            "Resident memory",
            "bytes",
            "Shared pages are counted once for each process, so the sum may exceed what the machine has.",
        )
        .ask("sum(uwsgi_worker_rss_bytes{i} > 0)", "workers")
        .ask("sum(uwsgi_router_resident_memory_bytes{i})", "routers")
        .ask("sum(uwsgi_mule_rss_bytes{i} > 0)", "mules")
        .ask("sum(process_resident_memory_bytes{i} and on (job, instance) uwsgi_up{i})", "master")
        .ask("sum(uwsgi_observer_resident_memory_bytes{i})", "observer")
        .size(8, 8),
        panel(Look::Lines, "Bytes", "Bps", "")
            .ask("sum(rate(uwsgi_worker_transmitted_bytes_total{i}[r]))", "sent by workers")
            .ask("sum(rate(uwsgi_worker_received_bytes_total{i}[r]))", "received by workers")
            .ask("sum(rate(uwsgi_router_transmitted_bytes_total{i}[r]))", "sent by routers")
            .ask("sum(rate(uwsgi_router_received_bytes_total{i}[r]))", "received by routers")
            .size(8, 8),
        panel(Look::Table, "Instances", "short", "One row for each instance.")
            .column("up since", "dateTimeFromNow", "max by (instance) (uwsgi_start_time_seconds{i}) * 1000")
            .column("workers", "short", "max by (instance) (uwsgi_workers{i})")
            .column("cores", "short", "sum by (instance) (uwsgi_worker_cores{i})")
            .column("requests/s", "reqps", "sum by (instance) (rate(uwsgi_worker_requests_total{i}[5m]))")
            .column("5xx/s", "reqps", "sum by (instance) (rate(uwsgi_responses_total{i,code=\"5xx\"}[5m]))")
            .column("p99", "s", "histogram_quantile(0.99, sum by (instance, le) (rate(uwsgi_request_duration_seconds_bucket{i}[5m])))")
            .column("reloads", "short", "max by (instance) (uwsgi_reloads_total{i})")
            .size(24, 5),
    ]
}
