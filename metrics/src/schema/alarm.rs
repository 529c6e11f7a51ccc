//! The figures of each alarm, by its name.

use super::build::{alarm, at, i};
use super::{Metric, Unit};
use crate::metric_pool::Kind::{Counter, Gauge};
use crate::rows::AlarmRow;
use Unit::{Bytes, Count, Epoch};

pub(super) const ROWS: &[Metric] = &[
    alarm(|a| i(a.triggered), Counter, Count, "Messages that were to be delivered.")
        .extended("alarm.K.triggered", "9.K.1")
        .family("uwsgi_alarm_triggered_total")
        .cell(at!(AlarmRow.triggered)),
    alarm(|a| i(a.suppressed), Counter, Count, "Messages held back: the same again, or too many.")
        .extended("alarm.K.suppressed", "9.K.2")
        .family("uwsgi_alarm_suppressed_total")
        .cell(at!(AlarmRow.suppressed)),
    alarm(|a| i(a.dropped), Counter, Count, "Messages lost: too long, or no room to keep them.")
        .extended("alarm.K.dropped", "9.K.3")
        .family("uwsgi_alarm_dropped_total")
        .cell(at!(AlarmRow.dropped)),
    alarm(|a| i(a.delivered), Counter, Count, "Messages delivered.")
        .extended("alarm.K.delivered", "9.K.4")
        .family("uwsgi_alarm_delivered_total")
        .cell(at!(AlarmRow.delivered)),
    alarm(|a| i(a.failed), Counter, Count, "Messages given up after the last attempt.")
        .extended("alarm.K.failed", "9.K.5")
        .family("uwsgi_alarm_failed_total")
        .cell(at!(AlarmRow.failed)),
    alarm(|a| i(a.retries), Counter, Count, "Attempts that failed and were repeated.")
        .extended("alarm.K.retries", "9.K.6")
        .family("uwsgi_alarm_retries_total")
        .cell(at!(AlarmRow.retries)),
    alarm(|a| i(a.queued), Gauge, Count, "Messages waiting for delivery.")
        .extended("alarm.K.queued", "9.K.7")
        .family("uwsgi_alarm_queued")
        .cell(at!(AlarmRow.queued)),
    alarm(|a| i(a.last_run), Gauge, Epoch, "When the last message was taken.")
        .extended("alarm.K.last_run", "9.K.8")
        .family("uwsgi_alarm_last_run_timestamp_seconds")
        .cell(at!(AlarmRow.last_run))
        .if_measured(),
    alarm(|a| i(a.last_delivered), Gauge, Epoch, "When the last message was delivered.")
        .extended("alarm.K.last_delivered", "9.K.9")
        .family("uwsgi_alarm_last_delivered_timestamp_seconds")
        .cell(at!(AlarmRow.last_delivered))
        .if_measured(),
    alarm(|a| i(a.last_len), Gauge, Bytes, "Length of the last message.")
        .extended("alarm.K.last_length", "9.K.10")
        .family("uwsgi_alarm_last_length_bytes")
        .cell(at!(AlarmRow.last_len)),
];
