//! The figures of each logger.

use super::build::{at, head, i, logger};
use super::{Metric, Unit};
use crate::metric_pool::Kind::{Counter, Gauge};
use crate::rows::{Globals, LoggerRow};
use Unit::{Bytes, Count};

pub(super) const ROWS: &[Metric] = &[
    logger(|l| i(l.messages), Counter, Count, "Lines that the logger's receiver has.")
        .extended("logger.N.messages", "15.N.1")
        .family("uwsgi_logger_messages_total")
        .cell(at!(LoggerRow.messages)),
    logger(|l| i(l.bytes), Counter, Bytes, "Bytes of these lines, as it got them.")
        .extended("logger.N.bytes", "15.N.2")
        .family("uwsgi_logger_bytes_total")
        .cell(at!(LoggerRow.bytes)),
    logger(|l| i(l.dropped), Counter, Count, "Lines lost: no room to wait for the receiver.")
        .extended("logger.N.dropped", "15.N.3")
        .family("uwsgi_logger_dropped_total")
        .cell(at!(LoggerRow.dropped)),
    logger(|l| i(l.errors), Counter, Count, "Failures of the logger's receiver.")
        .extended("logger.N.errors", "15.N.4")
        .family("uwsgi_logger_errors_total")
        .cell(at!(LoggerRow.errors)),
    logger(|l| i(l.reconnects), Counter, Count, "Times that it took lines again after failures.")
        .extended("logger.N.reconnects", "15.N.5")
        .family("uwsgi_logger_reconnects_total")
        .cell(at!(LoggerRow.reconnects)),
    logger(|l| i(l.rotations), Counter, Count, "Files of the logger that were moved away.")
        .extended("logger.N.rotations", "15.N.6")
        .family("uwsgi_logger_rotations_total")
        .cell(at!(LoggerRow.rotations)),
    logger(|l| i(l.queued), Gauge, Count, "Lines waiting for the logger's receiver.")
        .extended("logger.N.queued", "15.N.7")
        .family("uwsgi_logger_queued")
        .cell(at!(LoggerRow.queued)),
    head(
        |s| i(s.globals.log_drained),
        Counter,
        Count,
        "Lines that log-drain or log-filter took away.",
    )
    .family("uwsgi_log_drained_total")
    .cell(at!(Globals.log_drained)),
    head(|s| i(s.globals.log_routed), Counter, Count, "Lines that a route led to a logger.")
        .family("uwsgi_log_routed_total")
        .cell(at!(Globals.log_routed)),
    head(
        |s| i(s.globals.log_pieces),
        Counter,
        Count,
        "Messages handed on in pieces for their length.",
    )
    .family("uwsgi_log_pieces_total")
    .cell(at!(Globals.log_pieces)),
    head(|s| i(s.globals.log_rotations), Counter, Count, "Times that the log file was moved away.")
        .family("uwsgi_log_rotations_total")
        .cell(at!(Globals.log_rotations)),
];
