//! A stats document of whatever server as a page for Prometheus, text 0.0.4.
//!
//! The families are those that our server serves itself, as far as the document knows them: a key
//! that is missing gives no sample, so nothing is made up. Of latencies a document tells sum and
//! count alone, which is a histogram of one bucket. Order, types and help are the table's.

mod merge;
mod page;
mod table;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json};

use crate::document::object_of;
use crate::human::clean;
use uwsgi_metrics::prometheus::user_family;
use uwsgi_metrics::schema::TABLE;

pub(crate) use merge::merge;
use page::{Labels, Page, number};
use table::{KEYS, LATENCIES};

/// Where in the document a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Instance,
    Master,
    Observer,
    System,
    Socket,
    Worker,
    App,
    Cache,
    Router,
    Mule,
    Probe,
}

/// An object of the document and what tells it from others of its kind.
type Object<'a> = (Labels, &'a Map<String, Json>);

/// Writes the page about a document.
///
/// # Errors
/// A sentence when it is no JSON object.
pub(crate) fn render(document: &[u8]) -> Result<Vec<u8>, String> {
    let top = object_of(document)?;
    let mut page = Page::default();
    keys(&mut page, &top);
    workers(&mut page, &top);
    latencies(&mut page, &top);
    user(&mut page, &top);
    page.family("uwsgi_build_info", |family| {
        let version = top.get("version").and_then(Json::as_str).unwrap_or_default();
        family.sample(&[("version", clean(version))], &Json::from(1));
    });
    page.family("uwsgi_up", |family| family.sample(&[], &Json::from(1)));
    Ok(page.finish())
}

fn keys(page: &mut Page, top: &Map<String, Json>) {
    let mut rest = KEYS;
    while let Some(&(part, _, name, _)) = rest.first() {
        let same = rest.iter().take_while(|(_, _, family, _)| *family == name).count();
        let (family_keys, others) = rest.split_at(same);
        rest = others;
        let objects = objects(top, part);
        page.family(name, |family| {
            for (labels, object) in &objects {
                for (_, key, _, label) in family_keys {
                    let labels: Labels = labels
                        .iter()
                        .cloned()
                        .chain(label.map(|(k, v)| (k, v.to_owned())))
                        .collect();
                    if let Some(value) = object.get(*key) {
                        family.sample(&labels, value);
                    }
                }
            }
        });
    }
}

fn objects(top: &Map<String, Json>, part: Part) -> Vec<Object<'_>> {
    let plain = |key: &str| top.get(key).and_then(Json::as_object).map(|row| (Vec::new(), row));
    match part {
        Part::Instance => vec![(Vec::new(), top)],
        Part::Master => plain("master").into_iter().collect(),
        Part::Observer => plain("observer").into_iter().collect(),
        Part::System => plain("system").into_iter().collect(),
        Part::Socket => named(list(top, "sockets"), &[("name", "name"), ("proto", "proto")]),
        Part::Worker => spawned(top),
        Part::App => apps(top),
        Part::Cache => named(list(top, "caches"), &[("name", "name")]),
        Part::Router => named(list(top, "gateways"), &[("router", "name")]),
        Part::Mule => named(list(top, "mules"), &[("mule_id", "id")]),
        Part::Probe => named(list(top, "ebpf"), &[("probe", "name")]),
    }
}

fn list<'a>(
    object: &'a Map<String, Json>,
    key: &str,
) -> impl Iterator<Item = &'a Map<String, Json>> {
    let all = object.get(key).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    all.iter().filter_map(Json::as_object)
}

/// Objects with labels of these names and keys.
fn named<'a>(
    all: impl Iterator<Item = &'a Map<String, Json>>,
    labels: &[(&'static str, &str)],
) -> Vec<Object<'a>> {
    let labels = |object: &Map<String, Json>| {
        labels.iter().map(|(label, key)| (*label, word(object, key))).collect()
    };
    all.map(|object| (labels(object), object)).collect()
}

fn word(object: &Map<String, Json>, key: &str) -> String {
    match object.get(key) {
        Some(Json::String(text)) => clean(text),
        Some(other) => number(other).unwrap_or_default(),
        None => String::new(),
    }
}

/// A worker that was never spawned has no number yet and is left out.
fn spawned(top: &Map<String, Json>) -> Vec<Object<'_>> {
    let all = list(top, "workers").filter(|row| row.get("id").and_then(Json::as_u64) != Some(0));
    named(all, &[("worker_id", "id")])
}

fn apps(top: &Map<String, Json>) -> Vec<Object<'_>> {
    let own = [("app_id", "id"), ("mountpoint", "mountpoint"), ("chdir", "chdir")];
    let mut all = Vec::new();
    for (worker, row) in spawned(top) {
        for (labels, app) in named(list(row, "apps"), &own) {
            all.push((worker.iter().cloned().chain(labels).collect(), app));
        }
    }
    all
}

/// What is counted or compared rather than copied.
fn workers(page: &mut Page, top: &Map<String, Json>) {
    if !top.contains_key("workers") {
        return;
    }
    let all = spawned(top);
    page.family("uwsgi_workers", |family| family.sample(&[], &Json::from(all.len())));
    for (name, key) in [("uwsgi_worker_apps", "apps"), ("uwsgi_worker_cores", "cores")] {
        page.family(name, |family| {
            for (labels, row) in &all {
                if let Some(rows) = row.get(key).and_then(Json::as_array) {
                    family.sample(labels, &Json::from(rows.len()));
                }
            }
        });
    }
    let status = |row: &Map<String, Json>, state: &str| {
        let status = word(row, "status");
        u64::from(status == state || (state == "sig" && status.starts_with("sig")))
    };
    for state in ["busy", "idle", "cheap"] {
        page.family(&format!("uwsgi_worker_{state}"), |family| {
            for (labels, row) in &all {
                family.sample(labels, &Json::from(status(row, state)));
            }
        });
    }
    page.family("uwsgi_worker_status", |family| {
        for (labels, row) in &all {
            for state in ["idle", "busy", "cheap", "pause", "sig"] {
                let labels: Labels =
                    labels.iter().cloned().chain([("state", state.to_owned())]).collect();
                family.sample(&labels, &Json::from(status(row, state)));
            }
        }
    });
    let reasons =
        [("uwsgi_worker_exits_total", "exits"), ("uwsgi_worker_recycles_total", "recycles")];
    for (name, key) in reasons {
        page.family(name, |family| {
            for (labels, row) in &all {
                for (reason, count) in row.get(key).and_then(Json::as_object).into_iter().flatten()
                {
                    let labels: Labels =
                        labels.iter().cloned().chain([("reason", clean(reason))]).collect();
                    family.sample(&labels, count);
                }
            }
        });
    }
}

fn latencies(page: &mut Page, top: &Map<String, Json>) {
    let all = top.get("latency").and_then(Json::as_object);
    for (latency, name, help) in LATENCIES {
        let row = all.and_then(|all| all.get(*latency)).and_then(Json::as_object);
        let of = |key: &str| row.and_then(|row| row.get(key)).and_then(Json::as_u64);
        if let (Some(count), Some(sum)) = (of("count"), of("sum_us")) {
            // As on the server's page: the others are there where somebody measures them.
            if count > 0 || *latency == "request" {
                page.histogram(name, help, count, sum);
            }
        }
    }
}

/// Metrics of applications; the built-in ones are there under their families.
fn user(page: &mut Page, top: &Map<String, Json>) {
    let metrics = top.get("metrics").and_then(Json::as_object).into_iter().flatten();
    for (name, metric) in metrics.filter(|(name, _)| !is_builtin(name)) {
        let value = metric.get("value").and_then(Json::as_i64).unwrap_or(0);
        let kind = metric.get("type").and_then(Json::as_u64);
        // An alias is there under its own name; a counter below zero can only be a gauge.
        let (mut family, labels) = user_family(name);
        let kind = match kind {
            Some(3) => continue,
            Some(0) if value >= 0 => "counter",
            _ => "gauge",
        };
        if kind == "counter" && !family.ends_with("_total") {
            family.push_str("_total");
        }
        page.gather(family, kind, labels, value);
    }
    page.gathered("User metric.");
}

/// True for a name of the classic list, whatever numbers are in it.
fn is_builtin(name: &str) -> bool {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    TABLE.iter().filter_map(|metric| metric.classic).any(|(classic, _)| {
        let mut words = name.split('.');
        let same = classic.split('.').all(|wanted| {
            let word = words.next().unwrap_or_default();
            word == wanted || (matches!(wanted, "N" | "M" | "K") && is_number(word))
        });
        same && words.next().is_none()
    })
}
