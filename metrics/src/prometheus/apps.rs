//! Families of single apps, all workers together: an app is its mountpoint.

use std::collections::BTreeMap;

use super::value::{Value, seconds};
use super::writer::{Observed, Type, Writer};
use crate::rows::{APP_BUCKETS_US, AppCells};
use crate::snapshot::Snapshot;

const RESPONSES: &str = "uwsgi_app_responses_total";
const DURATION: &str = "uwsgi_app_request_duration_seconds";
/// A family of one number for each app: name, help, and the number.
type Plain = (&'static str, &'static str, fn(&AppCells) -> u64);
const PLAIN: [Plain; 8] = [
    ("uwsgi_app_requests_total", "Requests dispatched to the app.", |app| app.requests),
    ("uwsgi_app_exceptions_total", "Uncaught exceptions of the app.", |app| app.exceptions),
    ("uwsgi_app_harakiri_total", "Requests that took too long.", |app| app.harakiri_count),
    ("uwsgi_app_transmitted_bytes_total", "Response bytes of the app.", |app| app.tx),
    ("uwsgi_app_received_bytes_total", "Request bytes of the app.", |app| app.rx),
    ("uwsgi_app_read_errors_total", "Failed reads of request bodies.", |app| app.read_errors),
    ("uwsgi_app_write_errors_total", "Failed writes of responses.", |app| app.write_errors),
    ("uwsgi_app_aborted_requests_total", "Requests whose client left before the end.", |app| {
        app.aborted
    }),
];
/// Times of each app, microseconds.
const TIMES: [Plain; 2] = [
    ("uwsgi_app_application_seconds_total", "Time inside the app.", |app| app.application_us),
    ("uwsgi_app_write_seconds_total", "Time spent writing its responses.", |app| app.write_us),
];

/// The sums of the workers, by mountpoint.
type Apps = BTreeMap<Vec<u8>, AppCells>;

/// Writes them.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot) {
    let apps = merged(snapshot);
    if apps.is_empty() {
        return;
    }
    for (name, help, read) in PLAIN {
        if out.family(name, Type::Counter, help, true) {
            for (app, cells) in &apps {
                out.sample(&[("app", app)], Value::Uint(read(cells)));
            }
        }
    }
    for (name, help, read) in TIMES {
        if out.family(name, Type::Counter, help, true) {
            for (app, cells) in &apps {
                out.sample(&[("app", app)], seconds(read(cells)));
            }
        }
    }
    responses(out, &apps);
    durations(out, &apps);
}

/// Takes the names, also when there is no app.
pub(super) fn claim(out: &mut Writer<'_>) {
    for name in PLAIN.iter().chain(&TIMES).map(|(name, ..)| *name).chain([RESPONSES]) {
        out.claim(name, Type::Counter);
    }
    out.claim(DURATION, Type::Histogram);
}

fn merged(snapshot: &Snapshot) -> Apps {
    let mut apps = Apps::new();
    // A worker that starts registers its apps one after the other. Sums that fell meanwhile would
    // look as if everything had been counted again.
    let workers = snapshot.workers.iter();
    for cells in workers.flat_map(|worker| worker.apps.iter().chain(&worker.resting_apps)) {
        let name =
            if cells.mountpoint.is_empty() { b"/".to_vec() } else { cells.mountpoint.clone() };
        let sum = apps.entry(name).or_default();
        sum.requests += cells.requests;
        sum.exceptions += cells.exceptions;
        sum.harakiri_count += cells.harakiri_count;
        sum.tx += cells.tx;
        sum.running_time_us += cells.running_time_us;
        sum.application_us += cells.application_us;
        sum.write_us += cells.write_us;
        sum.rx += cells.rx;
        sum.read_errors += cells.read_errors;
        sum.write_errors += cells.write_errors;
        sum.aborted += cells.aborted;
        let classes = sum.responses.iter_mut().zip(&cells.responses);
        let buckets = sum.latencies.iter_mut().zip(&cells.latencies);
        classes.chain(buckets).for_each(|(sum, n)| *sum += n);
    }
    apps
}

fn responses(out: &mut Writer<'_>, apps: &Apps) {
    const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];
    if !out.family(RESPONSES, Type::Counter, "Responses of the app by class.", true) {
        return;
    }
    for (app, cells) in apps {
        for (class, count) in CLASSES.iter().zip(&cells.responses) {
            out.sample(&[("app", app), ("code", class.as_bytes())], Value::Uint(*count));
        }
    }
}

fn durations(out: &mut Writer<'_>, apps: &Apps) {
    let measured = |cells: &AppCells| cells.latencies.iter().any(|count| *count > 0);
    let help = "Start of the request to the end of its close, by app.";
    if !apps.values().any(measured) || !out.family(DURATION, Type::Histogram, help, true) {
        return;
    }
    let bounds = APP_BUCKETS_US.map(|us| us as f64 / 1e6);
    for (app, cells) in apps {
        let mut below = cells.latencies;
        cumulate(&mut below);
        let sum = seconds(cells.running_time_us);
        let observed =
            Observed { bounds: &bounds, below: &below, sum, native: None, exemplars: &[] };
        out.histogram(&[("app", app)], &observed);
    }
}

/// Counts of buckets become counts of all up to each bucket.
pub(super) fn cumulate(counts: &mut [u64]) {
    let mut sum = 0;
    for count in counts {
        sum += *count;
        *count = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arena, Shape};

    #[test]
    fn an_app_that_did_not_register_again_yet_keeps_its_counts() {
        let arena = Arena::create(&Shape { workers: 1, apps: 2, ..Shape::default() }).unwrap();
        let row = arena.app(1, 1);
        row.mountpoint.set(b"/shop");
        row.requests.add(7);
        for used in [1, 0] {
            row.used.set(used);
            let apps = merged(&arena.snapshot());
            assert_eq!(apps.get(&b"/shop"[..]).map(|app| app.requests), Some(7), "used {used}");
            assert_eq!(apps.len(), 1, "a slot that counted nothing is no app");
        }
    }
}
