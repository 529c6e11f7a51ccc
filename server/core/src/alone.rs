//! Without a master: the first process is worker 1 and starts the others; nobody watches them.

use uwsgi_sys::process::{self, Fork};
use uwsgi_sys::signal;

use crate::boot::ProcessBodies;
use crate::instance::Instance;
use crate::master::children::Bodies;
use crate::{clock, log};

/// Starts routers and workers, then serves as worker 1. Never comes back to the caller in
/// practice: the worker's body ends the process.
pub(crate) fn run(instance: &'static Instance, bodies: &ProcessBodies) -> Result<i32, String> {
    let settings = &instance.settings;
    let routers = if instance.http.is_empty() { 0 } else { settings.http_processes };
    for index in 0..routers {
        match fork()? {
            Fork::Child => bodies.gateway(index),
            Fork::Parent(pid) => {
                instance.arena.gateway(index).pid.set(pid as u64);
                instance.arena.gateway(index).respawns.add(1);
                log!("spawned uWSGI http {} (pid: {pid})", index + 1);
            }
        }
    }
    if settings.processes == 1 {
        let cores = settings.threads;
        log!("spawned uWSGI worker 1 (and the only) (pid: {}, cores: {cores})", process::pid());
    } else {
        note(instance, 1, process::pid());
    }
    for id in 2..=settings.processes {
        start_worker(instance, id, bodies)?;
    }
    let row = instance.arena.worker(1);
    row.id.set(1);
    row.pid.set(process::pid() as u64);
    row.last_spawn.set(clock::epoch_s());
    row.respawn_count.add(1);
    instance.start_incarnation(1);
    crate::boot::after_start(instance);
    signal::reset(&[]);
    bodies.worker(1)
}

fn start_worker(
    instance: &'static Instance,
    id: u32,
    bodies: &ProcessBodies,
) -> Result<(), String> {
    if let Some(plugin) = instance.plugin {
        plugin.before_fork();
    }
    let forked = fork()?;
    if let (Fork::Parent(pid), plugin) = (forked, instance.plugin) {
        if let Some(plugin) = plugin {
            plugin.after_fork_parent();
        }
        let row = instance.arena.worker(id);
        row.id.set(id.into());
        row.pid.set(pid as u64);
        row.last_spawn.set(clock::epoch_s());
        row.respawn_count.add(1);
        note(instance, id, pid);
        return Ok(());
    }
    instance.leave_master();
    bodies.worker(id)
}

fn note(instance: &Instance, id: u32, pid: i32) {
    let cores = instance.settings.threads;
    log!("spawned uWSGI worker {id} (pid: {pid}, cores: {cores})");
}

fn fork() -> Result<Fork, String> {
    process::fork().map_err(|e| format!("fork(): {e}"))
}
