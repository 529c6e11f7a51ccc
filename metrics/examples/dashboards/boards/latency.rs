//! Where the time of a request goes: heat maps, percentiles, and the share within an objective.

use serde_json::json;

use super::PERCENTILES;
use crate::board::Board;
use crate::panel::{Look, Panel, panel, row};

/// The dashboard.
pub(crate) fn board() -> Board {
    let mut panels = vec![row("Requests")];
    panels.extend(requests());
    panels.push(row("Parts of a request"));
    panels.extend(parts());
    panels.push(row("Applications"));
    panels.extend(applications());
    let objectives = ["0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"];
    let options: Vec<_> = objectives
        .iter()
        .map(|s| json!({"text": s, "value": s, "selected": *s == "0.25"}))
        .collect();
    Board {
        name: "latency",
        title: "Latency",
        about: "Heat maps and percentiles of requests and their parts.",
        workers: false,
        variables: vec![json!({
            "name": "objective", "type": "custom", "label": "Objective (seconds)",
            "query": objectives.join(","), "options": options, "hide": 0, "multi": false,
            "includeAll": false, "skipUrlSync": false,
            "current": {"selected": true, "text": "0.25", "value": "0.25"},
        })],
        panels,
    }
}

/// Median, p90, p99 and mean of a histogram.
fn percentiles(title: &str, family: &str, about: &str) -> Panel {
    let mut lines = panel(Look::Lines, title, "s", about).colors(PERCENTILES);
    for (share, name) in [("0.5", "p50"), ("0.9", "p90"), ("0.99", "p99")] {
        let expr =
            format!("histogram_quantile({share}, sum by (le) (rate({family}_bucket{{i}}[r])))");
        lines = lines.ask(&expr, name);
    }
    lines.ask(
        &format!("sum(rate({family}_sum{{i}}[r])) / sum(rate({family}_count{{i}}[r]))"),
        "mean",
    )
}

fn heat(title: &str, family: &str, about: &str) -> Panel {
    panel(Look::Heat, title, "s", about)
        .ask(&format!("sum by (le) (increase({family}_bucket{{i}}[r]))"), "{{le}}")
}

fn requests() -> Vec<Panel> {
    const REQUEST: &str = "uwsgi_request_duration_seconds";
    vec![
        heat(
            "Requests by duration",
            REQUEST,
            "Two bands: two kinds of pages. A band that climbs: something fills up. A thin cloud above: a few requests are different.",
        )
        .size(24, 10),
        percentiles("Request time", REQUEST, "Median steady and p99 rising: one page, one lock, one slow peer.").size(8, 8),
        panel(Look::Lines, "Within the objective", "percentunit", "Share of requests that took no longer than the chosen objective.")
            .ask(
                "sum(rate(uwsgi_request_duration_seconds_bucket{i,le=~\"${objective}([.]0)?\"}[r])) / sum(rate(uwsgi_request_duration_seconds_count{i}[r]))",
                "within ${objective} s",
            )
            .max(1.0)
            .size(8, 8),
        panel(Look::Lines, "p99 by method and code", "s", "Of the whole instance: which kind of request is slow.")
            .ask(
                "histogram_quantile(0.99, sum by (le, method, code) (rate(uwsgi_request_duration_seconds_bucket{i}[r])))",
                "{{method}} {{code}}",
            ),
        panel(Look::Lines, "Sizes of bodies", "bytes", "Large ones take time to read and to write.")
            .ask("histogram_quantile(0.5, sum by (le) (rate(uwsgi_request_body_bytes_bucket{i}[r])))", "request, p50")
            .ask("histogram_quantile(0.99, sum by (le) (rate(uwsgi_request_body_bytes_bucket{i}[r])))", "request, p99")
            .ask("histogram_quantile(0.5, sum by (le) (rate(uwsgi_response_body_bytes_bucket{i}[r])))", "response, p50")
            .ask("histogram_quantile(0.99, sum by (le) (rate(uwsgi_response_body_bytes_bucket{i}[r])))", "response, p99"),
        panel(Look::Stack, "Time spent in requests", "short", "Seconds of requests in a second: cores in use, by what they do. The rest is parsing, routing and logging.")
            .ask("sum(rate(uwsgi_application_duration_seconds_sum{i}[r]))", "application")
            .ask("sum(rate(uwsgi_response_write_seconds_sum{i}[r]))", "writing")
            .ask("sum(rate(uwsgi_request_read_seconds_sum{i}[r]))", "waiting for bodies")
            .size(8, 8),
    ]
}

fn parts() -> Vec<Panel> {
    vec![
        heat("Application", "uwsgi_application_duration_seconds", "The call and what it iterates."),
        percentiles(
            "Application",
            "uwsgi_application_duration_seconds",
            "Rises with the request time: the application, or what it waits for.",
        ),
        heat(
            "Writing the response",
            "uwsgi_response_write_seconds",
            "Clients or the proxy in front take bytes slowly, or responses are large.",
        ),
        percentiles("Writing the response", "uwsgi_response_write_seconds", ""),
        percentiles(
            "To the first byte",
            "uwsgi_response_first_byte_seconds",
            "Start of the request to the system call that carries the head: what users wait for before anything moves.",
        ),
        percentiles(
            "Waiting for the body",
            "uwsgi_request_read_seconds",
            "Only requests whose body was not there at their start: slow uploads hold a core.",
        ),
        heat(
            "Waiting in the router",
            "uwsgi_router_wait_seconds",
            "Only requests that had to wait for a free core are in here.",
        ),
        percentiles("Waiting in the router", "uwsgi_router_wait_seconds", "")
            .ask("max(uwsgi_router_wait_max_seconds{i})", "longest ever")
            .ask("max(uwsgi_router_wait_last_seconds{i})", "last"),
    ]
}

fn applications() -> Vec<Panel> {
    const APP: &str = "uwsgi_app_request_duration_seconds";
    let by = |share: &str| {
        format!("histogram_quantile({share}, sum by (le, app) (rate({APP}_bucket{{i}}[r])))")
    };
    vec![
        panel(Look::Lines, "Median by application", "s", "").ask(&by("0.5"), "{{app}}").size(8, 8),
        panel(Look::Lines, "p90 by application", "s", "").ask(&by("0.9"), "{{app}}").size(8, 8),
        panel(Look::Lines, "p99 by application", "s", "").ask(&by("0.99"), "{{app}}").size(8, 8),
    ]
}
