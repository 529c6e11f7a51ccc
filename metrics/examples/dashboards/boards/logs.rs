//! Receivers of lines of the log, and what became of lines on their way.

use crate::panel::{Look, Panel, panel};

pub(super) fn logs() -> Vec<Panel> {
    vec![
        panel(Look::Lines, "Lines to loggers", "ops", "")
            .ask("sum by (logger) (rate(uwsgi_logger_messages_total{i}[r]))", "{{logger}}")
            .ask("sum(rate(uwsgi_log_routed_total{i}[r]))", "by a route")
            .ask("sum(rate(uwsgi_log_drained_total{i}[r]))", "drained or filtered")
            .size(8, 7),
        panel(Look::Lines, "Bytes to loggers", "Bps", "")
            .ask("sum by (logger) (rate(uwsgi_logger_bytes_total{i}[r]))", "{{logger}}")
            .size(4, 7),
        panel(
            Look::Lines,
            "Loggers in trouble",
            "short",
            "Lines wait for a receiver that is away or slow; what finds no room is lost, there alone.",
        )
        .ask("sum by (logger) (uwsgi_logger_queued{i})", "{{logger}} waiting")
        .ask("sum by (logger) (increase(uwsgi_logger_dropped_total{i}[r]))", "{{logger}} lost")
        .ask("sum by (logger) (increase(uwsgi_logger_errors_total{i}[r]))", "{{logger}} failures")
        .ask("sum by (logger) (increase(uwsgi_logger_reconnects_total{i}[r]))", "{{logger}} back")
        .size(8, 7),
        panel(Look::Bars, "Files moved away", "short", "")
            .ask("sum(increase(uwsgi_log_rotations_total{i}[r]))", "the log")
            .ask("sum by (logger) (increase(uwsgi_logger_rotations_total{i}[r]))", "{{logger}}")
            .ask("sum(increase(uwsgi_log_pieces_total{i}[r]))", "messages in pieces")
            .size(4, 7),
        panel(Look::Lines, "Lines of requests", "ops", "On their way to the log through rings.")
            .ask("sum(rate(uwsgi_worker_log_lines_total{i}[r]))", "lines")
            .size(8, 7),
        panel(Look::Lines, "Bytes of requests' lines", "Bps", "")
            .ask("sum(rate(uwsgi_worker_log_bytes_total{i}[r]))", "bytes")
            .size(8, 7),
        panel(
            Look::Bars,
            "Lines of requests lost or cut",
            "short",
            "A ring that stays full for log-ring-wait loses lines; one beyond log-master-bufsize is cut.",
        )
        .ask("sum(increase(uwsgi_worker_log_dropped_total{i}[r]))", "lost")
        .ask("sum(increase(uwsgi_worker_log_truncated_total{i}[r]))", "cut")
        .size(8, 7),
    ]
}
