//! The metrics subsystem at the start: what the options ask for, and what of it is in the arena,
//! in the log and in the metrics directory before the first app is loaded.
//!
//! What happens once per second afterwards is the observer's (`observer/metrics.rs`). Nothing here
//! runs when the subsystem is off.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use uwsgi_config::{Config, Finding};
use uwsgi_metrics::schema::{self, Item, ListOptions};
use uwsgi_metrics::{Arena, Kind, MetricRow, Registration, Shape, Snapshot, View};
use uwsgi_watch::collector::{Collector, Combine};
use uwsgi_watch::definition::Definition;
use uwsgi_watch::directory;
use uwsgi_watch::plan::Plan;

use crate::instance::Instance;
use crate::log;
use crate::settings::Settings;
use crate::sockets::plain;

/// Slots for metrics that are registered later.
const SPARE: u32 = 64;

/// Reads the `metric` options; what is wrong with them is told with its place.
pub(crate) fn plan(config: &Config, settings: &Settings, faults: &mut Vec<Finding>) -> Plan {
    let shape = shape(settings, settings.sockets.len() as u32 + 1);
    let entries: Vec<_> = config.all("metric").collect();
    let options = entries.iter().map(|entry| entry.text());
    let (plan, wrong) = Plan::read(options, |name| schema::is_builtin(&shape, name.as_bytes()));
    for (index, wrong) in wrong {
        let told = config.findings.iter().any(|finding| finding.text == wrong.text);
        if let Some(entry) = entries.get(index).filter(|_| !told) {
            faults.push(Finding::fault(wrong.text).about(entry).allowed(wrong.allowed));
        }
    }
    plan
}

/// The counts on which the list of built-in metrics depends.
pub(crate) fn shape(settings: &Settings, sockets: u32) -> Shape {
    Shape {
        workers: settings.processes,
        cores: settings.threads,
        sockets,
        gateways: if settings.http.is_empty() { 0 } else { settings.http_processes },
        mules: settings.mules.len() as u32,
        ..Shape::default()
    }
}

/// Slots of the arena's pool: metrics of the configuration, some more, and room for what is added
/// to built-in ones.
pub(crate) fn slots(settings: &Settings, sockets: u32) -> u32 {
    let own = settings.user_metrics.metrics.len() as u32 + SPARE;
    let restored = settings.metrics_dir.is_some() && settings.metrics_dir_restore;
    let Shape { workers, cores, sockets, gateways, .. } = shape(settings, sockets);
    let builtin = 64 + 16 * (workers + 1) + 8 * workers * cores + 32 * sockets + 16 * gateways;
    (own + if restored { builtin } else { 0 }).next_power_of_two()
}

/// What the classic list contains.
pub(crate) fn list_options(settings: &Settings) -> ListOptions {
    ListOptions { no_cores: settings.metrics_no_cores, extended: settings.metrics_extended }
}

/// The metrics as the stats list them; none when they are switched off.
pub(crate) fn list(instance: &Instance) -> Vec<Item> {
    if !instance.settings.metrics {
        return Vec::new();
    }
    list_of(instance, &instance.arena.snapshot())
}

/// The same at the time of a snapshot.
pub(crate) fn list_of(instance: &Instance, snapshot: &Snapshot) -> Vec<Item> {
    if !instance.settings.metrics {
        return Vec::new();
    }
    schema::list(snapshot, list_options(&instance.settings))
}

/// Registers, restores, writes the files, and says so.
///
/// # Errors
/// The line for the log; the start ends with it.
pub(crate) fn start(instance: &Instance) -> Result<(), String> {
    let (settings, arena) = (&instance.settings, &instance.arena);
    if !settings.metrics {
        return Ok(());
    }
    let directory = settings.metrics_dir.as_deref().map(real).transpose()?;
    register(arena, &settings.user_metrics)?;
    // An arena that was kept has everything already.
    let fresh = arena.generation() == 1;
    if let Some(path) = directory.as_ref().filter(|_| settings.metrics_dir_restore && fresh) {
        restore(instance, path);
    }
    crate::thresholds::register(instance)?;
    let items = list(instance);
    log!("initialized {} metrics", items.len());
    tell_hidden(instance);
    if let Some(path) = directory {
        let bytes = items.len() as u64 * directory::PAGE;
        log!("memory allocated for metrics storage: {bytes} bytes ({} MB)", bytes >> 20);
        write_all(&path, &items)?;
        // Once: an application that changes the directory of the process moves no file.
        let _ = instance.metrics_dir.set(path);
    }
    Ok(())
}

/// Names of metrics that become the same in `/metrics`, where that is served.
fn tell_hidden(instance: &Instance) {
    let settings = &instance.settings;
    if !settings.stats_http && settings.prometheus.listen.is_empty() {
        return;
    }
    for (name, family) in uwsgi_metrics::prometheus::hidden(&instance.arena.snapshot()) {
        let name = String::from_utf8_lossy(&name);
        log!("metric {name} is not shown in /metrics: the name {family} is taken there");
    }
}

/// For a trial: whether the directory is there.
pub(crate) fn try_out(settings: &Settings) -> Result<(), String> {
    settings.metrics_dir.as_deref().map_or(Ok(()), |path| real(path).map(drop))
}

/// The directory, which must be there.
fn real(path: &str) -> Result<PathBuf, String> {
    std::fs::canonicalize(path).map_err(|e| {
        format!("realpath() of {path} failed: {} [core/utils.c line {}]", plain(&e), line!())
    })
}

fn write_all(path: &Path, items: &[Item]) -> Result<(), String> {
    for item in items {
        let name = String::from_utf8_lossy(&item.name);
        directory::write(path, &name, item.value).map_err(|(path, e)| {
            let path = path.display();
            format!("open(\"{path}\"): {} [core/metrics.c line {}]", plain(&e), line!())
        })?;
    }
    Ok(())
}

fn register(arena: &Arena, plan: &Plan) -> Result<(), String> {
    plan.named.iter().for_each(|name| log!("added custom metric: {name}"));
    for metric in &plan.metrics {
        let registration = registration(arena.view(), metric);
        arena
            .register(&registration)
            .ok_or_else(|| format!("no room for metric {}", metric.name))?;
    }
    // Aliases show the OID of what they stand for, which may have come later in the list.
    for metric in plan.metrics.iter().filter(|m| m.kind == Kind::Alias) {
        let target = metric.alias.as_deref().unwrap_or_default();
        let oid = schema::oid_of(arena, target.as_bytes()).ok_or_else(|| missing(target))?;
        let oid = String::from_utf8_lossy(&oid);
        arena.register(&Registration { oid: &oid, ..registration(arena, metric) });
    }
    let mut children = plan.metrics.iter().flat_map(|metric| &metric.children);
    match children.find(|name| schema::select(arena, name.as_bytes()).is_none()) {
        Some(name) => Err(missing(name)),
        None => Ok(()),
    }
}

fn missing(name: &str) -> String {
    format!("unable to find metric \"{name}\"")
}

fn registration<'a>(view: &View, metric: &'a Definition) -> Registration<'a> {
    let collected = !matches!(metric.collector, Collector::Manual);
    let flags = [
        (collected, MetricRow::COLLECTED),
        (metric.reset_after_push, MetricRow::RESET_AFTER_PUSH),
        (schema::is_builtin(view.shape(), metric.name.as_bytes()), MetricRow::REPLACES),
    ];
    Registration {
        name: &metric.name,
        kind: metric.kind,
        oid: &metric.oid,
        initial: metric.initial,
        target: metric.alias.as_deref().filter(|_| metric.kind == Kind::Alias).unwrap_or_default(),
        flags: flags.iter().filter(|(on, _)| *on).map(|(_, bit)| bit).sum(),
    }
}

/// Takes over what the files of an earlier instance say. Gauges and aliases are of now, so they are
/// not restored; neither is what is computed from metrics that are.
fn restore(instance: &Instance, path: &Path) {
    let (arena, plan) = (&instance.arena, &instance.settings.user_metrics);
    let own: HashMap<_, _> = plan.metrics.iter().map(|m| (m.name.as_bytes(), m)).collect();
    for item in list(instance) {
        let name = String::from_utf8_lossy(&item.name);
        let wanted = matches!(item.kind, Kind::Counter | Kind::Absolute);
        let Some(saved) = directory::read(path, &name).filter(|_| wanted) else { continue };
        match own.get(&*item.name) {
            Some(metric) => restore_own(arena, metric, saved),
            // Whoever counts from 0 begins there again; only the list goes on.
            None if item.kind == Kind::Counter && saved != 0 => {
                arena.register_base(&name, saved);
            }
            None => {}
        }
    }
}

fn restore_own(arena: &Arena, metric: &Definition, saved: i64) {
    let Some(row) = arena.metric(metric.name.as_bytes()) else { return };
    match metric.collector {
        Collector::Manual | Collector::Combine(Combine::Accumulator, _) => row.value.set(saved),
        Collector::Outside(_) if metric.kind == Kind::Counter => {
            row.base.set(saved.wrapping_sub(metric.initial));
            row.value.set(saved);
        }
        Collector::Outside(_) | Collector::Combine(..) => {}
    }
}
