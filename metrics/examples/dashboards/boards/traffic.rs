//! Panels of what came through each listening socket, and of what each application read and wrote.

use super::CLASSES;
use crate::panel::{Look, Panel, panel};

/// By listening socket.
pub(super) fn sockets() -> Vec<Panel> {
    vec![
        panel(Look::Stack, "Requests by socket", "reqps", "Those of a router came through its link.")
            .ask("sum by (name) (rate(uwsgi_socket_requests_total{i}[r]))", "{{name}}")
            .ask("sum(rate(uwsgi_link_requests_total{i}[r]))", "from routers")
            .size(8, 8),
        panel(Look::Stack, "Responses by class", "reqps", "Of all listening sockets; a router's are not in here.")
            .ask("sum by (code) (rate(uwsgi_socket_responses_total{i}[r]))", "{{code}}")
            .colors(CLASSES)
            .size(8, 8),
        panel(Look::Lines, "Requests for a connection", "short", "Above 1: clients use their connections again, which saves a handshake and an accept.")
            .ask("sum by (name) (rate(uwsgi_socket_requests_total{i}[r])) / (sum by (name) (rate(uwsgi_socket_accepted_total{i}[r])) > 0)", "{{name}}")
            .ask("sum by (name) (rate(uwsgi_socket_keepalive_reuses_total{i}[r])) / (sum by (name) (rate(uwsgi_socket_requests_total{i}[r])) > 0)", "{{name}} share reused")
            .size(8, 8),
        panel(Look::Lines, "Bytes by socket", "Bps", "What the sockets took, framing and refused requests included.")
            .ask("sum by (name) (rate(uwsgi_socket_request_bytes_total{i}[r]))", "{{name}} in")
            .ask("sum by (name) (rate(uwsgi_socket_response_bytes_total{i}[r]))", "{{name}} out")
            .ask("sum(rate(uwsgi_link_request_bytes_total{i}[r]))", "routers in")
            .ask("sum(rate(uwsgi_link_response_bytes_total{i}[r]))", "routers out")
            .size(8, 8),
        panel(Look::Lines, "Clients that left", "ops", "Before all of the response was written: they gave up waiting, or a proxy in front did. Compare with the latency.")
            .ask("sum by (name) (rate(uwsgi_socket_aborted_requests_total{i}[r]))", "{{name}}")
            .ask("sum(rate(uwsgi_link_aborted_requests_total{i}[r]))", "of routers")
            .size(8, 8),
        panel(Look::Lines, "Failed reads and writes", "ops", "Rejected: answered by the server itself with 4xx or 5xx.")
            .ask("sum by (name) (rate(uwsgi_socket_read_errors_total{i}[r]))", "{{name}} reads")
            .ask("sum by (name) (rate(uwsgi_socket_write_errors_total{i}[r]))", "{{name}} writes")
            .ask("sum by (name) (rate(uwsgi_socket_rejected_requests_total{i}[r]))", "{{name}} rejected")
            .size(8, 8),
    ]
}

/// By application.
pub(super) fn applications() -> Vec<Panel> {
    vec![
        panel(
            Look::Stack,
            "Time by application",
            "short",
            "Seconds of requests in a second: inside the application, and writing.",
        )
        .ask("sum by (app) (rate(uwsgi_app_application_seconds_total{i}[r]))", "{{app}}")
        .ask("sum by (app) (rate(uwsgi_app_write_seconds_total{i}[r]))", "{{app}} writing")
        .size(8, 8),
        panel(Look::Lines, "Bytes by application", "Bps", "")
            .ask("sum by (app) (rate(uwsgi_app_received_bytes_total{i}[r]))", "{{app}} in")
            .ask("sum by (app) (rate(uwsgi_app_transmitted_bytes_total{i}[r]))", "{{app}} out")
            .size(8, 8),
        panel(
            Look::Lines,
            "Broken off, by application",
            "ops",
            "Requests whose client left, and failed reads and writes.",
        )
        .ask("sum by (app) (rate(uwsgi_app_aborted_requests_total{i}[r]))", "{{app}} left")
        .ask("sum by (app) (rate(uwsgi_app_read_errors_total{i}[r]))", "{{app}} reads")
        .ask("sum by (app) (rate(uwsgi_app_write_errors_total{i}[r]))", "{{app}} writes")
        .size(8, 8),
    ]
}
