//! Rows of the probe.

use crate::metric_pool::Kind::Counter;
use crate::rows::KillRow;
use crate::schema::build::{at, i, kill};
use crate::schema::{Metric, Unit};
use Unit::Count;

const PROBE: &str = "signals";

pub(super) const ROWS: &[Metric] = &[kill(
    PROBE,
    |k| i(k.count),
    Counter,
    Count,
    "Ends of workers by a signal, by the signal and the command that sent it.",
)
.family("uwsgi_worker_kills_total")
.cell(at!(KillRow.count))];
