//! Routers of the arena.

use uwsgi_metrics::{GatewayCells, Snapshot};

use super::text;
use crate::picture::{Gateway, Process};

/// One for each process of a router.
pub(super) fn gateways(snapshot: &Snapshot) -> Vec<Gateway> {
    snapshot.gateways.iter().map(gateway).collect()
}

fn gateway(row: &GatewayCells) -> Gateway {
    Gateway {
        name: text(&row.name),
        process: Process {
            pid: row.pid,
            rss: row.rss,
            vsz: row.vsz,
            swap: row.swap,
            open_fds: row.open_fds,
            threads: row.threads,
            ..super::jobs::used(&row.used)
        },
        respawns: row.respawns,
        active_sessions: row.active_sessions,
        requests: row.requests,
        rx: row.rx,
        tx: row.tx,
        errors: row.errors,
        bad_requests: row.bad_requests,
        timeouts: row.timeouts,
        queue: row.queue,
        waits: (row.waits.count(), row.waits.sum_us),
        listen_queue: row.listen_queue,
        max_queue: row.max_queue,
        drops: row.drops,
    }
}
