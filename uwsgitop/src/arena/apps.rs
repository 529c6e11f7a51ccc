//! Applications in the arena.

use uwsgi_metrics::{APP_BUCKETS_US, AppCells, WorkerSnap};

use super::text;
use crate::picture::App;

/// The applications of a worker, those of an earlier life whose counts go on included.
pub(super) fn read(row: &WorkerSnap) -> Vec<App> {
    row.apps.iter().chain(&row.resting_apps).map(app).collect()
}

fn app(row: &AppCells) -> App {
    let bounds = APP_BUCKETS_US.into_iter().chain([u64::MAX]);
    App {
        id: row.id,
        modifier1: row.modifier1,
        mountpoint: text(&row.mountpoint),
        startup_time: row.startup_time,
        requests: row.requests,
        exceptions: row.exceptions,
        chdir: text(&row.chdir),
        responses: row.responses.to_vec(),
        running_time: row.running_time_us,
        tx: row.tx,
        buckets: bounds.zip(row.latencies).collect(),
    }
}
