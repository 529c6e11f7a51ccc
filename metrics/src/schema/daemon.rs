//! The figures of each attached daemon.

use super::build::{at, daemon, i};
use super::{Metric, Unit};
use crate::metric_pool::Kind::{Counter, Gauge};
use crate::rows::DaemonRow;
use Unit::{Count, Seconds};

pub(super) const ROWS: &[Metric] = &[
    daemon(|d| d.is_up().into(), Gauge, Count, "1 while the daemon runs.")
        .extended("daemon.N.up", "14.N.1")
        .family("uwsgi_daemon_up"),
    daemon(|d| i(d.spawns), Counter, Count, "Starts of the daemon including the first.")
        .extended("daemon.N.spawns", "14.N.2")
        .family("uwsgi_daemon_spawns_total")
        .cell(at!(DaemonRow.spawns)),
    daemon(|d| i(d.throttle_s), Gauge, Seconds, "How long the last respawn of the daemon waited.")
        .extended("daemon.N.throttle", "14.N.3")
        .family("uwsgi_daemon_throttle_seconds")
        .cell(at!(DaemonRow.throttle_s)),
    daemon(
        |d| d.exit_status().map_or(-1, i),
        Gauge,
        Count,
        "Last exit code of the daemon, 128 more than a signal; -1 before the first.",
    )
    .extended("daemon.N.last_exit", "14.N.4")
    .family("uwsgi_daemon_last_exit_code")
    .cell(at!(DaemonRow.last_exit)),
];
