//! Applications in a stats document.

use serde_json::{Map, Value};

use super::deep::numbers;
use super::{list, number, objects, text};
use crate::picture::App;

/// The applications of a worker, those of an earlier life whose counts go on included. What only our own server counts is empty elsewhere.
pub(super) fn read(worker: &Map<String, Value>) -> Vec<App> {
    objects(worker, "apps").chain(objects(worker, "resting_apps")).map(app).collect()
}

fn app(row: &Map<String, Value>) -> App {
    App {
        id: number(row, "id"),
        modifier1: number(row, "modifier1"),
        mountpoint: text(row, "mountpoint"),
        startup_time: number(row, "startup_time"),
        requests: number(row, "requests"),
        exceptions: number(row, "exceptions"),
        chdir: text(row, "chdir"),
        responses: list(row, "responses").iter().filter_map(Value::as_u64).collect(),
        running_time: number(row, "running_time_us"),
        tx: number(row, "tx"),
        buckets: buckets(row),
    }
}

/// The last bucket has no end.
fn buckets(row: &Map<String, Value>) -> Vec<(u64, u64)> {
    let bounds = numbers(row, "duration_bounds_us").into_iter().chain([u64::MAX]);
    bounds.zip(numbers(row, "durations")).collect()
}
