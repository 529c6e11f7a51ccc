//! Page faults, block I/O and deaths for want of memory, by worker.

use super::{Histograms, Spreads};
use crate::metric_pool::Kind::Counter;
use crate::rows::KernelWorkerRow;
use crate::schema::build::{at, i, kernel_worker, nth};
use crate::schema::{Metric, Unit};
use Unit::{Bytes, Count, Micros};

const PROBE: &str = "memory";

const FAULTS: &str = "Page faults of cores, outside of requests and inside.";
const FAULTS_FAMILY: &str = "uwsgi_worker_faults_during_total";

const IO_BYTES: &str = "Bytes of block I/O that the worker asked for.";
const IO_BYTES_FAMILY: &str = "uwsgi_worker_block_io_bytes_total";

pub(super) const ROWS: &[Metric] = &[
    kernel_worker(PROBE, |w| i(w.minor_faults[0]), Counter, Count, FAULTS)
        .extended("kernel.worker.N.minor_faults_idle", "20.N.60")
        .family(FAULTS_FAMILY)
        .labels(&[("kind", "minor"), ("during", "idle")])
        .cell(nth(at!(KernelWorkerRow.minor_faults), 0)),
    kernel_worker(PROBE, |w| i(w.minor_faults[1]), Counter, Count, FAULTS)
        .extended("kernel.worker.N.minor_faults_request", "20.N.61")
        .family(FAULTS_FAMILY)
        .labels(&[("kind", "minor"), ("during", "request")])
        .cell(nth(at!(KernelWorkerRow.minor_faults), 1)),
    kernel_worker(PROBE, |w| i(w.major_faults[0]), Counter, Count, FAULTS)
        .extended("kernel.worker.N.major_faults_idle", "20.N.62")
        .family(FAULTS_FAMILY)
        .labels(&[("kind", "major"), ("during", "idle")])
        .cell(nth(at!(KernelWorkerRow.major_faults), 0)),
    kernel_worker(PROBE, |w| i(w.major_faults[1]), Counter, Count, FAULTS)
        .extended("kernel.worker.N.major_faults_request", "20.N.63")
        .family(FAULTS_FAMILY)
        .labels(&[("kind", "major"), ("during", "request")])
        .cell(nth(at!(KernelWorkerRow.major_faults), 1)),
    kernel_worker(
        PROBE,
        |w| i(w.block_io[0].count()),
        Counter,
        Count,
        "Reads from block devices that the worker asked for.",
    )
    .extended("kernel.worker.N.block_reads", "20.N.64"),
    kernel_worker(
        PROBE,
        |w| i(w.block_io[0].sum_ns / 1_000),
        Counter,
        Micros,
        "Time of reads from block devices that the worker asked for.",
    )
    .extended("kernel.worker.N.block_read_us", "20.N.65"),
    kernel_worker(PROBE, |w| i(w.block_bytes[0]), Counter, Bytes, IO_BYTES)
        .extended("kernel.worker.N.block_read_bytes", "20.N.66")
        .family(IO_BYTES_FAMILY)
        .label("direction", "read")
        .cell(nth(at!(KernelWorkerRow.block_bytes), 0)),
    kernel_worker(
        PROBE,
        |w| i(w.block_io[1].count()),
        Counter,
        Count,
        "Writes to block devices that the worker asked for.",
    )
    .extended("kernel.worker.N.block_writes", "20.N.67"),
    kernel_worker(
        PROBE,
        |w| i(w.block_io[1].sum_ns / 1_000),
        Counter,
        Micros,
        "Time of writes to block devices that the worker asked for.",
    )
    .extended("kernel.worker.N.block_write_us", "20.N.68"),
    kernel_worker(PROBE, |w| i(w.block_bytes[1]), Counter, Bytes, IO_BYTES)
        .extended("kernel.worker.N.block_write_bytes", "20.N.69")
        .family(IO_BYTES_FAMILY)
        .label("direction", "write")
        .cell(nth(at!(KernelWorkerRow.block_bytes), 1)),
    kernel_worker(
        PROBE,
        |w| i(w.block_errors),
        Counter,
        Count,
        "Block I/O of the worker that failed.",
    )
    .extended("kernel.worker.N.block_errors", "20.N.70")
    .family("uwsgi_worker_block_io_errors_total")
    .cell(at!(KernelWorkerRow.block_errors)),
    kernel_worker(
        PROBE,
        |w| i(w.oom),
        Counter,
        Count,
        "Times the kernel was out of memory and chose this worker.",
    )
    .extended("kernel.worker.N.oom_kills", "20.N.71")
    .family("uwsgi_worker_oom_kills_total")
    .cell(at!(KernelWorkerRow.oom)),
];

pub(super) const HISTOGRAMS: &[Histograms] = &[Histograms {
    probe: PROBE,
    family: "uwsgi_worker_block_io_seconds",
    help: "Time of block I/O that the worker asked for, from its request to its end.",
    spreads: Spreads::Worker(&[
        (&[("direction", "read")], |w| &w.block_io[0]),
        (&[("direction", "write")], |w| &w.block_io[1]),
    ]),
}];
