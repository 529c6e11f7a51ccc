//! The stats JSON: one document per snapshot, keys, order and bytes as monitoring tools expect.
//!
//! Pure: a snapshot and options in, bytes out. It cannot fail and never produces anything but valid
//! JSON. Keys of our own stand at the end of their objects; the document has no trailing newline.

mod details;
mod escape;
mod kernel;
mod own;
mod traffic;
mod writer;

use crate::histogram::{Latency, LatencySnap};
use crate::rows::{AppCells, DaemonCells, GatewayCells, MuleCells};
use crate::schema::{Item, ListOptions, list};
use crate::snapshot::{CoreSnap, Snapshot, SocketSnap, WorkerSnap};
pub use details::Details;
use writer::Json;

/// What the document contains.
#[derive(Clone, Debug, Default)]
pub struct StatsOptions {
    /// No newlines and no tabs.
    pub minified: bool,
    /// Leave out `cores` of each worker.
    pub no_cores: bool,
    /// Leave out `metrics`.
    pub no_metrics: bool,
    /// Leave the request variables out of `vars`.
    pub no_vars: bool,
    /// The metrics subsystem is on; without it there is no `metrics` object.
    pub metrics_enabled: bool,
    /// Leave the metrics of cores out of `metrics`.
    pub metrics_no_cores: bool,
    /// Add the extension metrics to `metrics`.
    pub metrics_extended: bool,
    /// Show `uss` and `pss` behind `vsz`.
    pub memory_report2: bool,
    /// Lock names in creation order, each with the process id of its holder or 0.
    pub locks: Vec<(String, u32)>,
    /// Add what a screen wants beyond the document that others know.
    pub details: Option<Details>,
}

/// Writes the document.
pub fn stats_json(snapshot: &Snapshot, options: &StatsOptions) -> Vec<u8> {
    let mut json = Json::new(options.minified);
    json.document(|j| {
        instance(j, snapshot);
        if !snapshot.daemons.is_empty() {
            j.list("daemons", |j| snapshot.daemons.iter().for_each(|d| j.entry(|j| daemon(j, d))));
        }
        own::loggers(j, snapshot);
        j.list("locks", |j| {
            for (name, holder) in &options.locks {
                j.entry(|j| j.number(name, u64::from(*holder)));
            }
        });
        if options.metrics_enabled && !options.no_metrics {
            metrics(j, snapshot, options);
        }
        j.list("sockets", |j| {
            for row in &snapshot.sockets {
                j.entry(|j| {
                    socket(j, row);
                    if options.details.is_some() {
                        details::socket(j, &row.cells);
                    }
                });
            }
        });
        j.list("workers", |j| {
            snapshot.workers.iter().for_each(|w| j.entry(|j| worker(j, snapshot, w, options)));
        });
        extensions(j, snapshot, options);
    });
    json.into_bytes()
}

fn instance(j: &mut Json, snapshot: &Snapshot) {
    let globals = &snapshot.globals;
    j.string("version", &globals.version);
    j.number("listen_queue", globals.backlog);
    j.number("listen_queue_errors", globals.backlog_errors);
    j.number("signal_queue", globals.signal_queue);
    j.number("load", globals.load);
    j.number("pid", globals.master_pid);
    j.number("uid", globals.uid);
    j.number("gid", globals.gid);
    j.string("cwd", &globals.cwd);
}

fn daemon(j: &mut Json, daemon: &DaemonCells) {
    j.string("cmd", &daemon.command);
    j.number("pid", daemon.pid);
    j.number("respawns", daemon.respawns());
    own::daemon(j, daemon);
}

fn metrics(j: &mut Json, snapshot: &Snapshot, options: &StatsOptions) {
    let wanted =
        ListOptions { no_cores: options.metrics_no_cores, extended: options.metrics_extended };
    j.object("metrics", |j| {
        for Item { name, oid, kind, value } in list(snapshot, wanted) {
            j.object_of(&name, |j| {
                j.number("type", kind as u64);
                j.string("oid", &oid);
                j.signed("value", value);
            });
        }
    });
}

fn socket(j: &mut Json, row: &SocketSnap) {
    let socket = &row.cells;
    j.string("name", &socket.name);
    j.string("proto", &socket.proto);
    j.number("queue", socket.queue);
    j.number("max_queue", socket.max_queue);
    j.number("shared", socket.shared);
    j.number("can_offload", socket.can_offload);
    traffic::socket(j, row);
}

fn worker(j: &mut Json, snapshot: &Snapshot, worker: &WorkerSnap, options: &StatsOptions) {
    let cells = &worker.cells;
    j.number("id", cells.id);
    j.number("pid", cells.pid);
    j.number("accepting", cells.accepting);
    j.number("requests", worker.requests);
    j.number("delta_requests", worker.delta_requests);
    j.number("exceptions", worker.exceptions);
    j.number("harakiri_count", cells.harakiri_count);
    j.number("signals", cells.signals);
    j.number("signal_queue", cells.signal_queue);
    j.string("status", worker.status.to_string().as_bytes());
    j.number("rss", cells.rss);
    j.number("vsz", cells.vsz);
    if options.memory_report2 {
        j.number("uss", cells.uss);
        j.number("pss", cells.pss);
    }
    j.number("running_time", worker.running_time_us);
    j.number("last_spawn", cells.last_spawn);
    j.number("respawn_count", cells.respawn_count);
    j.number("tx", worker.tx);
    j.number("avg_rt", cells.avg_rt_us);
    j.list("apps", |j| {
        for row in &worker.apps {
            j.entry(|j| {
                app(j, row);
                if options.details.is_some() {
                    details::app(j, row);
                }
            });
        }
    });
    if !options.no_cores {
        j.list("cores", |j| {
            for (id, c) in worker.cores.iter().enumerate() {
                j.entry(|j| core(j, snapshot, (worker.index, id), c, options));
            }
        });
    }
    j.number("harakiri_pending", cells.harakiri_pending);
    j.number("cpu_time_us", cells.used.cpu_us());
    j.number("failed_requests", worker.failed_requests);
    j.number("rx", worker.rx);
    own::worker(j, worker);
    if options.details.is_some() {
        details::worker(j, worker, options.memory_report2);
    }
}

fn app(j: &mut Json, app: &AppCells) {
    j.number("id", app.id);
    j.number("modifier1", app.modifier1);
    j.string("mountpoint", &app.mountpoint);
    j.number("startup_time", app.startup_time);
    j.number("requests", app.requests);
    j.number("exceptions", app.exceptions);
    j.string("chdir", &app.chdir);
    traffic::app(j, app);
}

fn core(
    j: &mut Json,
    snapshot: &Snapshot,
    (worker, id): (u32, usize),
    core: &CoreSnap,
    options: &StatsOptions,
) {
    let cells = &core.cells;
    // A record without the flag is a core between its last cell and its first: not in request.
    let request = core.inflight.as_ref().filter(|_| cells.in_request != 0);
    j.number("id", id as u64);
    j.number("requests", cells.requests);
    j.number("static_requests", cells.static_requests);
    j.number("routed_requests", cells.routed_requests);
    j.number("offloaded_requests", cells.offloaded_requests);
    j.number("write_errors", cells.write_errors);
    j.number("read_errors", cells.read_errors);
    j.number("in_request", cells.in_request);
    j.list("vars", |j| {
        let block = request.filter(|r| !options.no_vars && !r.vars.is_empty());
        for (key, value) in block.iter().flat_map(|r| r.pairs()) {
            j.text(&[key, b"=", value].concat());
        }
        if block.is_some() {
            j.text(b"");
        }
    });
    j.object("req_info", |j| {
        if let Some(request) = request {
            j.number("request_start", request.start_us / 1_000_000);
            let known = kernel::request(j, snapshot, (worker, id), request);
            if options.details.is_some() {
                details::request(j, snapshot, request, known);
            }
        }
    });
}

/// What is ours alone, at the end of the document.
fn extensions(j: &mut Json, snapshot: &Snapshot, options: &StatsOptions) {
    let started = snapshot.globals.started_at;
    if !snapshot.gateways.is_empty() {
        j.list("gateways", |j| snapshot.gateways.iter().for_each(|g| j.entry(|j| gateway(j, g))));
    }
    if snapshot.link.requests > 0 {
        j.object("link", |j| traffic::counts(j, &snapshot.link));
    }
    if !snapshot.mules.is_empty() {
        j.list("mules", |j| snapshot.mules.iter().for_each(|m| j.entry(|j| mule(j, m))));
    }
    j.number("started_at", started);
    j.number("uptime", (snapshot.taken_us / 1_000_000).saturating_sub(started));
    j.number("reloads", snapshot.globals.reloads);
    j.object("latency", |j| {
        for what in Latency::ALL {
            j.object(what.as_str(), |j| {
                spread(j, snapshot.latency(what));
                if options.details.is_some() {
                    details::latency(j, snapshot.latency(what));
                }
            });
        }
    });
    own::instance(j, snapshot, options.details.is_some());
    kernel::instance(j, snapshot);
    if let Some(more) = &options.details {
        details::instance(j, snapshot, more);
    }
}

fn spread(j: &mut Json, latency: &LatencySnap) {
    j.number("count", latency.count);
    j.number("sum_us", latency.sum_us);
    j.number("p50_us", latency.quantile(0.5));
    j.number("p90_us", latency.quantile(0.9));
    j.number("p99_us", latency.quantile(0.99));
}

fn gateway(j: &mut Json, gateway: &GatewayCells) {
    j.string("name", &gateway.name);
    j.number("pid", gateway.pid);
    j.number("respawns", gateway.respawns);
    j.number("active_sessions", gateway.active_sessions);
    j.number("requests", gateway.requests);
    j.number("rx", gateway.rx);
    j.number("tx", gateway.tx);
    j.number("errors", gateway.errors);
    own::gateway(j, gateway);
}

fn mule(j: &mut Json, mule: &MuleCells) {
    let status = match mule.sig {
        0 => "idle".to_owned(),
        _ => format!("sig{}", mule.signum),
    };
    j.number("id", mule.id);
    j.number("pid", mule.pid);
    j.string("status", status.as_bytes());
    j.number("signals", mule.signals);
    j.number("signal_queue", mule.signal_queue);
    j.number("messages", mule.messages);
    j.number("messages_dropped", mule.dropped);
    j.number("harakiri_count", mule.harakiri_count);
    j.number("rss", mule.rss);
    j.number("vsz", mule.vsz);
    j.number("last_spawn", mule.last_spawn);
    j.number("respawn_count", mule.respawn_count);
    own::mule(j, mule);
}
