//! Families that no single cell holds: histograms, worker states, the build, our own scrapes.

use super::PromOptions;
use super::writer::{Type, Writer, seconds};
use crate::histogram::{Latency, LatencySnap};
use crate::snapshot::{Snapshot, Status};

const STATUS: &str = "uwsgi_worker_status";

/// Writes them.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    for what in Latency::ALL {
        let latency = snapshot.latency(what);
        // The request histogram is always there; the others only where somebody measures them.
        if what == Latency::Request || latency.count > 0 {
            histogram(out, what, latency, options);
        }
    }
    states(out, snapshot);
    build(out, snapshot, options);
    exporter(out, snapshot);
}

/// Takes the names of what may have nothing to say now.
pub(super) fn claim(out: &mut Writer<'_>) {
    out.claim(STATUS, Type::StateSet);
    for what in Latency::ALL {
        out.claim(name_of(what).0, Type::Histogram);
    }
}

/// Name and help.
fn name_of(what: Latency) -> (&'static str, &'static str) {
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
    }
}

fn histogram(out: &mut Writer<'_>, what: Latency, latency: &LatencySnap, options: &PromOptions) {
    let (name, help) = name_of(what);
    if !out.family(name, Type::Histogram, help, true) {
        return;
    }
    let bucket = format!("{name}_bucket");
    for us in &options.buckets_us {
        let bound = out.bound(*us as f64 / 1e6);
        let below = latency.count_up_to(*us).to_string();
        out.sample(&bucket, &[("le", bound.as_bytes())], &below);
    }
    let count = latency.count.to_string();
    out.sample(&bucket, &[("le", b"+Inf")], &count);
    out.sample(&format!("{name}_sum"), &[], &seconds(latency.sum_us));
    out.sample(&format!("{name}_count"), &[], &count);
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
        let id = worker.cells.id.to_string();
        for state in STATES {
            let on = if state == state_of(worker.status) { "1" } else { "0" };
            out.sample(STATUS, &[("worker_id", id.as_bytes()), (label, state.as_bytes())], on);
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

fn build(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    const NAME: &str = "uwsgi_build_info";
    if out.family(NAME, Type::Gauge, "What this server was built from.", true) {
        let labels: [(&str, &[u8]); 3] = [
            ("version", &snapshot.globals.version),
            ("rustc", options.rustc.as_bytes()),
            ("features", options.features.as_bytes()),
        ];
        out.sample(NAME, &labels, "1");
    }
}

/// The group the external exporter adds about itself; here the endpoint speaks of its own scrapes.
fn exporter(out: &mut Writer<'_>, snapshot: &Snapshot) {
    let globals = &snapshot.globals;
    let mut one = |name: &str, kind, help, value: u64| {
        if out.family(name, kind, help, false) {
            out.sample(name, &[], &value.to_string());
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
        out.sample(&format!("{NAME}_sum"), &[], &seconds(globals.scrape_us));
        out.sample(&format!("{NAME}_count"), &[], &globals.scrapes.to_string());
    }
}
