//! The probes themselves.

use crate::metric_pool::Kind::{Counter, Gauge};
use crate::rows::ProbeRow;
use crate::schema::build::{at, i, probe};
use crate::schema::{Metric, Unit};
use Unit::{Count, Micros};

pub(super) const ROWS: &[Metric] = &[
    probe(
        |p| i(p.state),
        Gauge,
        Count,
        "State of the probe: 0 off, 1 healthy, 2 degraded, 3 unsupported, 4 failed.",
    )
    .extended("probe.K.status", "22.K.1")
    .family("uwsgi_ebpf_probe_status")
    .cell(at!(ProbeRow.state)),
    probe(|p| i(p.programs), Gauge, Count, "Programs of the probe that are attached.")
        .extended("probe.K.programs", "22.K.2")
        .family("uwsgi_ebpf_probe_programs")
        .cell(at!(ProbeRow.programs)),
    probe(|p| i(p.runs), Counter, Count, "Runs of the probe's programs.")
        .extended("probe.K.runs", "22.K.3")
        .family("uwsgi_ebpf_probe_runs_total")
        .cell(at!(ProbeRow.runs))
        .if_measured(),
    probe(|p| i(p.run_ns / 1_000), Counter, Micros, "Time that the probe's programs ran.")
        .extended("probe.K.run_us", "22.K.4")
        .family("uwsgi_ebpf_probe_run_seconds_total")
        .if_measured(),
];
