//! The figures of each receiver of a pusher.

use super::build::{at, i, pusher};
use super::{Metric, Unit};
use crate::metric_pool::Kind::{Counter, Gauge};
use crate::rows::PusherRow;
use Unit::{Bytes, Count, Epoch, Micros};

pub(super) const ROWS: &[Metric] = &[
    pusher(|p| i(p.pushes), Counter, Count, "Pushes that the receiver took.")
        .extended("pusher.N.pushes", "12.N.1")
        .family("uwsgi_pusher_pushes_total")
        .cell(at!(PusherRow.pushes)),
    pusher(|p| i(p.values), Counter, Count, "Values in the pushes that the receiver took.")
        .extended("pusher.N.values", "12.N.2")
        .family("uwsgi_pusher_values_total")
        .cell(at!(PusherRow.values)),
    pusher(|p| i(p.bytes), Counter, Bytes, "Bytes in the pushes that the receiver took.")
        .extended("pusher.N.bytes", "12.N.3")
        .family("uwsgi_pusher_sent_bytes_total")
        .cell(at!(PusherRow.bytes)),
    pusher(|p| i(p.failures), Counter, Count, "Attempts to push that failed.")
        .extended("pusher.N.failures", "12.N.4")
        .family("uwsgi_pusher_errors_total")
        .cell(at!(PusherRow.failures)),
    pusher(|p| i(p.retries), Counter, Count, "Attempts made again for a push that failed.")
        .extended("pusher.N.retries", "12.N.5")
        .family("uwsgi_pusher_retries_total")
        .cell(at!(PusherRow.retries)),
    pusher(|p| i(p.dropped), Counter, Count, "Pushes lost: given up, or crowded out.")
        .extended("pusher.N.dropped", "12.N.6")
        .family("uwsgi_pusher_dropped_total")
        .cell(at!(PusherRow.dropped)),
    pusher(|p| i(p.dropped_values), Counter, Count, "Values in the pushes lost.")
        .extended("pusher.N.dropped_values", "12.N.7")
        .family("uwsgi_pusher_dropped_values_total")
        .cell(at!(PusherRow.dropped_values)),
    pusher(|p| i(p.queued), Gauge, Count, "Pushes that wait for the receiver.")
        .extended("pusher.N.queued", "12.N.8")
        .family("uwsgi_pusher_queued")
        .cell(at!(PusherRow.queued)),
    pusher(|p| i(p.last_push), Gauge, Epoch, "When the numbers that the receiver has were read.")
        .extended("pusher.N.last_push", "12.N.9")
        .family("uwsgi_pusher_last_push_timestamp_seconds")
        .cell(at!(PusherRow.last_push))
        .if_measured(),
    pusher(|p| i(p.last_failure), Gauge, Epoch, "When an attempt to push failed last.")
        .extended("pusher.N.last_failure", "12.N.10")
        .family("uwsgi_pusher_last_failure_timestamp_seconds")
        .cell(at!(PusherRow.last_failure))
        .if_measured(),
    pusher(|p| i(p.failing), Gauge, Count, "Failed attempts since the last success.")
        .extended("pusher.N.failing", "12.N.11")
        .family("uwsgi_pusher_failing")
        .cell(at!(PusherRow.failing)),
    pusher(|p| i(p.send_us), Counter, Micros, "Time of all attempts to push.")
        .extended("pusher.N.send_us", "12.N.12")
        .family("uwsgi_pusher_send_seconds_total")
        .cell(at!(PusherRow.send_us)),
];
