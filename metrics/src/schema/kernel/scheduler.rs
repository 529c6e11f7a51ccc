//! Processors: how long workers' cores waited for one, and what else they waited for.

use super::{Histograms, Spreads};
use crate::metric_pool::Kind::Counter;
use crate::rows::KernelWorkerRow;
use crate::schema::build::{at, i, kernel_worker, nth};
use crate::schema::{Metric, Unit};
use Unit::{Count, Micros};

const PROBE: &str = "scheduler";

/// Sums of two histograms, for the list.
macro_rules! time {
    ($cell:ident, $during:literal, $help:literal, $name:literal, $oid:literal) => {
        kernel_worker(PROBE, |w| i(w.$cell[$during].sum_ns / 1_000), Counter, Micros, $help)
            .extended(concat!("kernel.worker.N.", $name), concat!("20.N.", $oid))
    };
}

/// Times a core left its processor, one row for each way and situation.
macro_rules! switches {
    ($cell:ident, $during:literal, $type:literal, $word:literal, $oid:literal) => {
        kernel_worker(
            PROBE,
            |w| i(w.$cell[$during]),
            Counter,
            Count,
            "Times a core left its processor: because it waited, or because others were to run.",
        )
        .extended(concat!("kernel.worker.N.", $type, ".", $word), concat!("20.N.", $oid))
        .family("uwsgi_worker_core_switches_total")
        .labels(&[("type", $type), ("during", $word)])
        .cell(nth(at!(KernelWorkerRow.$cell), $during))
    };
}

/// What requests waited for.
macro_rules! waited {
    ($n:literal, $on:literal, $oid:literal) => {
        kernel_worker(
            PROBE,
            |w| i(w.waited_ns[$n] / 1_000),
            Counter,
            Micros,
            "Time that requests were not on a processor, by what they waited for.",
        )
        .extended(concat!("kernel.worker.N.waited.", $on, "_us"), concat!("20.N.", $oid))
        .family("uwsgi_worker_waited_seconds_total")
        .label("on", $on)
    };
}

pub(super) const ROWS: &[Metric] = &[
    time!(run_queue, 0, "Waits for a processor outside of requests.", "run_queue.idle_us", "1"),
    time!(run_queue, 1, "Waits for a processor in requests.", "run_queue.request_us", "2"),
    time!(off_cpu, 0, "Time not on a processor outside of requests.", "off_cpu.idle_us", "3"),
    time!(off_cpu, 1, "Time not on a processor in requests.", "off_cpu.request_us", "4"),
    switches!(voluntary, 0, "voluntary", "idle", "5"),
    switches!(voluntary, 1, "voluntary", "request", "6"),
    switches!(involuntary, 0, "involuntary", "idle", "7"),
    switches!(involuntary, 1, "involuntary", "request", "8"),
    kernel_worker(
        PROBE,
        |w| i(w.migrations),
        Counter,
        Count,
        "Times a core came back on another processor than it left.",
    )
    .extended("kernel.worker.N.migrations", "20.N.9")
    .family("uwsgi_worker_migrations_total")
    .cell(at!(KernelWorkerRow.migrations)),
    waited!(0, "run_queue", "10"),
    waited!(1, "disk", "11"),
    waited!(2, "network", "12"),
    waited!(3, "lock", "13"),
    waited!(4, "memory", "14"),
    waited!(5, "system_call", "15"),
];

pub(super) const HISTOGRAMS: &[Histograms] = &[
    Histograms {
        probe: PROBE,
        family: "uwsgi_worker_run_queue_seconds",
        help: "Time between being able to run and running.",
        spreads: Spreads::Worker(&[
            (&[("during", "idle")], |w| &w.run_queue[0]),
            (&[("during", "request")], |w| &w.run_queue[1]),
        ]),
    },
    Histograms {
        probe: PROBE,
        family: "uwsgi_worker_off_cpu_seconds",
        help: "Time not on a processor, from leaving it to coming back.",
        spreads: Spreads::Worker(&[
            (&[("during", "idle")], |w| &w.off_cpu[0]),
            (&[("during", "request")], |w| &w.off_cpu[1]),
        ]),
    },
];
