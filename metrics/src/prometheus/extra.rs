//! Families that no single cell holds: histograms, worker states, the build, our own scrapes.

use super::value::{Value, push_uint, seconds};
use super::writer::{Observed, Type, Writer};
use super::{PromOptions, requests};
use crate::exponential::Exponential;
use crate::histogram::{Latency, LatencySnap};
use crate::snapshot::{Snapshot, Status};

const STATUS: &str = "uwsgi_worker_status";
const LOCKS: &str = "uwsgi_lock_held";

/// Writes them.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    for what in Latency::ALL {
        let latency = snapshot.latency(what);
        match (what, &snapshot.requests_by) {
            (Latency::Request, Some(requests)) => requests::durations(out, requests, options),
            // The request histogram is always there; the others where somebody measures them.
            (Latency::Request, None) => histogram(out, what, latency, options),
            _ if latency.count > 0 => histogram(out, what, latency, options),
            _ => {}
        }
    }
    if let Some(requests) = &snapshot.requests_by {
        requests::sizes(out, requests);
    }
    states(out, snapshot);
    locks(out, options);
    build(out, snapshot, options);
    exporter(out, snapshot);
}

/// Takes the names of what may have nothing to say now.
pub(super) fn claim(out: &mut Writer<'_>) {
    out.claim(STATUS, Type::StateSet);
    out.claim(LOCKS, Type::Gauge);
    for what in Latency::ALL {
        out.claim(name_of(what).0, Type::Histogram);
    }
    requests::claim(out);
}

/// Name and help.
pub(super) fn name_of(what: Latency) -> (&'static str, &'static str) {
    match what {
        Latency::Request => {
            ("uwsgi_request_duration_seconds", "Start of the request to the end of its close.")
        }
        Latency::Queue => {
            ("uwsgi_request_queue_seconds", "Entry into the accept queue to dispatch.")
        }
        Latency::Application => {
            ("uwsgi_application_duration_seconds", "Time inside the application.")
        }
        Latency::Write => ("uwsgi_response_write_seconds", "Time spent writing the response."),
        Latency::FirstByte => (
            "uwsgi_response_first_byte_seconds",
            "Start of the request to the system call that carries the head of its response.",
        ),
        Latency::Read => (
            "uwsgi_request_read_seconds",
            "Time spent waiting for the body of a request that was not there at its start.",
        ),
    }
}

fn histogram(out: &mut Writer<'_>, what: Latency, latency: &LatencySnap, options: &PromOptions) {
    let (name, help) = name_of(what);
    if !out.family(name, Type::Histogram, help, true) {
        return;
    }
    let bounds: Vec<f64> = options.buckets_us.iter().map(|us| *us as f64 / 1e6).collect();
    let (below, native) = (below(latency, &options.buckets_us), Exponential::of_latency(latency));
    let observed = Observed {
        bounds: &bounds,
        below: &below,
        sum: seconds(latency.sum_us),
        native: Some(&native),
        exemplars: &[],
    };
    out.histogram(&[], &observed);
}

/// How many values are at most each bound, and at last how many there are.
pub(super) fn below(latency: &LatencySnap, bounds: &[u64]) -> Vec<u64> {
    latency.counts_up_to(bounds).into_iter().chain([latency.count]).collect()
}

fn states(out: &mut Writer<'_>, snapshot: &Snapshot) {
    const STATES: [&str; 5] = ["idle", "busy", "cheap", "pause", "sig"];
    if snapshot.spawned().next().is_none()
        || !out.family(STATUS, Type::StateSet, "Status of the worker.", true)
    {
        return;
    }
    // A state set names its label after the family; plain text has no such type.
    let label = if out.openmetrics { STATUS } else { "state" };
    for worker in snapshot.spawned() {
        let mut id = Vec::new();
        push_uint(&mut id, worker.cells.id);
        for state in STATES {
            let on = Value::Uint((state == state_of(worker.status)).into());
            out.sample(&[("worker_id", &id), (label, state.as_bytes())], on);
        }
    }
}

fn state_of(status: Status) -> &'static str {
    match status {
        Status::Idle => "idle",
        Status::Busy => "busy",
        Status::Cheap => "cheap",
        Status::Pause => "pause",
        Status::Sig(_) => "sig",
    }
}

fn locks(out: &mut Writer<'_>, options: &PromOptions) {
    if !options.locks.is_empty()
        && out.family(LOCKS, Type::Gauge, "1 while a process has the lock.", true)
    {
        for (name, held) in &options.locks {
            out.sample(&[("lock", name.as_bytes())], Value::Uint((*held).into()));
        }
    }
}

fn build(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    const NAME: &str = "uwsgi_build_info";
    if out.family(NAME, Type::Gauge, "What this server was built from.", true) {
        let labels: [(&str, &[u8]); 3] = [
            ("version", &snapshot.globals.version),
            ("rustc", options.rustc.as_bytes()),
            ("features", options.features.as_bytes()),
        ];
        out.sample(&labels, Value::Uint(1));
    }
}

/// The group the external exporter adds about itself; here the endpoint speaks of its own scrapes.
fn exporter(out: &mut Writer<'_>, snapshot: &Snapshot) {
    let globals = &snapshot.globals;
    let mut one = |name: &str, kind, help, value: u64| {
        if out.family(name, kind, help, false) {
            out.sample(&[], Value::Uint(value));
        }
    };
    one("uwsgi_up", Type::Gauge, "The instance answers.", 1);
    one("uwsgi_exporter_scrapes_total", Type::Counter, "Scrapes answered.", globals.scrapes);
    one(
        "uwsgi_exporter_scrape_errors_total",
        Type::Counter,
        "Scrapes that failed.",
        globals.scrape_errors,
    );
    one(
        "uwsgi_exporter_last_scrape_error",
        Type::Gauge,
        "1 when the last scrape failed.",
        globals.last_scrape_error,
    );
    const NAME: &str = "uwsgi_exporter_scrape_duration_seconds";
    if out.family(NAME, Type::Summary, "Time spent answering scrapes.", false) {
        out.summary(&[], seconds(globals.scrape_us), globals.scrapes);
    }
}
