//! Keys of ours about processes and the machine, each at the end of its object.

use super::details;
use super::writer::Json;
use crate::rows::{
    DaemonCells, EXITS, GatewayCells, GlobalCells, HOOK_PHASES, KillCells, LoggerCells, MuleCells,
    ProbeCells, RECYCLES, RELOADS, SpreadCells, SystemCells, UsedCells,
};
use crate::snapshot::{Snapshot, WorkerSnap};

/// The end of a worker.
pub(super) fn worker(j: &mut Json, worker: &WorkerSnap) {
    let cells = &worker.cells;
    j.number("avg_rt_1m", cells.avg_rt_1m_us);
    j.number("swap", cells.swap);
    j.number("busy_time_us", worker.busy_us);
    used(j, &cells.used);
    j.number("open_fds", cells.open_fds);
    j.number("threads", cells.threads);
    j.number("startup_us", worker.startup_us());
    j.number("killed_count", cells.killed_count);
    j.object("exits", |j| {
        for (reason, count) in EXITS.iter().zip(cells.exits) {
            j.number(reason, count);
        }
    });
    j.object("recycles", |j| {
        for (reason, count) in RECYCLES.iter().zip(cells.recycles) {
            j.number(reason, count);
        }
    });
    if cells.log_lines + cells.log_dropped > 0 {
        j.object("log", |j| {
            j.number("lines", cells.log_lines);
            j.number("bytes", cells.log_bytes);
            j.number("dropped", cells.log_dropped);
            j.number("truncated", cells.log_truncated);
        });
    }
}

/// The end of a router.
pub(super) fn gateway(j: &mut Json, gateway: &GatewayCells) {
    j.number("queue", gateway.queue);
    j.number("listen_queue", gateway.listen_queue);
    j.number("max_queue", gateway.max_queue);
    j.number("drops", gateway.drops);
    j.object("waits", |j| spread(j, &gateway.waits));
    j.number("rss", gateway.rss);
    j.number("vsz", gateway.vsz);
    j.number("swap", gateway.swap);
    used(j, &gateway.used);
    j.number("open_fds", gateway.open_fds);
    j.number("threads", gateway.threads);
}

/// The end of an attached daemon.
pub(super) fn daemon(j: &mut Json, daemon: &DaemonCells) {
    j.string("state", daemon.state_name().as_bytes());
    j.number("since", daemon.since);
    j.number("throttle", daemon.throttle_s);
    j.string("last_exit", daemon.exit_text().as_bytes());
}

/// The end of a mule.
pub(super) fn mule(j: &mut Json, mule: &MuleCells) {
    j.number("swap", mule.swap);
    used(j, &mule.used);
    j.number("open_fds", mule.open_fds);
    j.number("threads", mule.threads);
}

fn used(j: &mut Json, used: &UsedCells) {
    j.number("cpu_user_us", used.user_us);
    j.number("cpu_system_us", used.system_us);
    j.number("voluntary_switches", used.voluntary);
    j.number("involuntary_switches", used.involuntary);
    j.number("minor_faults", used.minor_faults);
    j.number("major_faults", used.major_faults);
}

fn spread(j: &mut Json, spread: &SpreadCells) {
    j.number("count", spread.count());
    j.number("sum_us", spread.sum_us);
    j.number("last_us", spread.last_us);
    j.number("max_us", spread.max_us);
}

/// The end of the document; `detailed` adds what only some readers want.
pub(super) fn instance(j: &mut Json, snapshot: &Snapshot, detailed: bool) {
    let globals = &snapshot.globals;
    j.number("workers_started", globals.workers_started);
    j.number("workers_killed", globals.workers_killed);
    j.number("boot_us", globals.boot_us);
    j.object("reload_duration", |j| spread(j, &globals.reload_spread));
    reloads(j, globals);
    j.object("master", |j| {
        j.object("turns", |j| spread(j, &globals.master_turns));
        j.object("lateness", |j| spread(j, &globals.master_lateness));
        j.number("rss", globals.master_rss);
        j.number("vsz", globals.master_vsz);
        j.number("swap", globals.master_swap);
        used(j, &globals.master_used);
        j.number("open_fds", globals.master_open_fds);
        j.number("threads", globals.master_threads);
    });
    if globals.hooks_run > 0 {
        j.list("hooks", |j| hooks(j, globals));
    }
    j.object("observer", |j| {
        j.number("pid", globals.observer_pid);
        j.number("respawns", globals.observer_respawns);
        j.object("lateness", |j| spread(j, &globals.observer_lateness));
        j.number("rss", globals.observer_rss);
        j.number("vsz", globals.observer_vsz);
        j.number("swap", globals.observer_swap);
        used(j, &globals.observer_used);
        j.number("open_fds", globals.observer_open_fds);
        j.number("threads", globals.observer_threads);
    });
    j.object("system", |j| {
        system(j, &snapshot.system);
        if detailed {
            details::system(j, &snapshot.system);
        }
    });
    if let Some(kernel) = snapshot.probed("signals") {
        j.list("kills", |j| kernel.kills.iter().for_each(|kill| j.entry(|j| ends(j, kill))));
    }
    let probes: Vec<_> = snapshot.kernel.iter().flat_map(|kernel| &kernel.probes).collect();
    if !probes.is_empty() {
        j.list("ebpf", |j| {
            for one in probes {
                j.entry(|j| {
                    probe(j, one);
                    if detailed {
                        details::probe(j, one);
                    }
                });
            }
        });
    }
}

/// Phases at which something ran.
fn hooks(j: &mut Json, globals: &GlobalCells) {
    let counts = globals.hook_runs.iter().zip(globals.hook_failures).zip(globals.hook_last_us);
    for (phase, ((run, failed), last_us)) in HOOK_PHASES.iter().zip(counts) {
        if *run > 0 {
            j.entry(|j| {
                j.string("phase", phase.as_bytes());
                j.number("run", *run);
                j.number("failed", failed);
                j.number("last_us", last_us);
            });
        }
    }
}

/// Receivers of lines of the log; nothing where there are none.
pub(super) fn loggers(j: &mut Json, snapshot: &Snapshot) {
    if snapshot.loggers.is_empty() {
        return;
    }
    let logger = |j: &mut Json, logger: &LoggerCells| {
        j.string("name", &logger.name);
        j.string("target", &logger.target);
        j.number("messages", logger.messages);
        j.number("bytes", logger.bytes);
        j.number("dropped", logger.dropped);
        j.number("errors", logger.errors);
        j.number("reconnects", logger.reconnects);
        j.number("rotations", logger.rotations);
        j.number("queued", logger.queued);
    };
    j.list("loggers", |j| snapshot.loggers.iter().for_each(|one| j.entry(|j| logger(j, one))));
}

/// Reloads by kind and outcome, and why the last one was refused.
fn reloads(j: &mut Json, globals: &GlobalCells) {
    j.object("reload_outcomes", |j| {
        for ((kind, outcome), count) in RELOADS.iter().zip(globals.reload_outcomes) {
            j.number(&format!("{kind}_{outcome}"), count);
        }
    });
    j.object("reload_refused", |j| {
        j.number("time", globals.reload_refused_at);
        j.string("reason", &globals.reload_refusal);
    });
}

/// Ends of workers by one signal of one sender.
fn ends(j: &mut Json, kill: &KillCells) {
    j.string("signal", kill.signal_name().as_bytes());
    j.string("by", &kill.by);
    j.number("count", kill.count);
}

/// What became of a probe in the kernel.
fn probe(j: &mut Json, probe: &ProbeCells) {
    j.string("name", &probe.name);
    j.string("state", probe.state_name().as_bytes());
    j.string("reason", &probe.reason);
    j.string("remedy", &probe.remedy);
    j.number("programs", probe.programs);
}

/// What the kernel does not tell has no key.
fn system(j: &mut Json, system: &SystemCells) {
    let mut known = |key: &str, value: Option<u64>| {
        if let Some(value) = value {
            j.number(key, value);
        }
    };
    for (key, load) in ["load1", "load5", "load15"].iter().zip(system.load) {
        known(key, load);
    }
    known("mem_available", system.mem_available);
    known("cgroup_memory_limit", system.memory_limit);
    known("cgroup_memory_high", system.memory_high);
    known("cgroup_memory_usage", system.memory_usage);
    let events = ["high", "max", "oom", "oom_kill"];
    for (event, count) in events.iter().zip(system.memory_events) {
        known(&format!("cgroup_memory_{event}_events"), count);
    }
    known("cgroup_cpu_limit_milli", system.cpu_limit_milli);
    known("cgroup_cpu_usage_us", system.cpu_usage_us);
    known("cgroup_cpu_periods", system.cpu_periods);
    known("cgroup_cpu_throttled", system.cpu_throttled);
    known("cgroup_cpu_throttled_us", system.cpu_throttled_us);
    known("cgroup_pids_limit", system.pids_limit);
    known("cgroup_pids", system.pids_current);
}
