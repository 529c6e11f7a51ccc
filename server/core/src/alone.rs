//! Without a master: the first process is worker 1 and starts the others; nobody watches them. A
//! signal that ends the first one ends them all.

use uwsgi_sys::process::{self, Fork};
use uwsgi_sys::{companions, signal};

use crate::boot::ProcessBodies;
use crate::instance::Instance;
use crate::log;
use crate::master::children::{self, Bodies, Role};

/// Starts routers and workers, then serves as worker 1. Never comes back to the caller in
/// practice: the worker's body ends the process.
pub(crate) fn run(instance: &'static Instance, bodies: &ProcessBodies) -> Result<i32, String> {
    let settings = &instance.settings;
    // What it meant while the server started is over.
    signal::reset(&[signal::SIGQUIT]);
    let routers = if instance.http.is_empty() { 0 } else { settings.http_processes };
    for index in 0..routers {
        match fork()? {
            Fork::Child => bodies.gateway(index),
            Fork::Parent(pid) => {
                let role = Role::Gateway(index);
                children::note_spawn(instance, role, pid);
                children::announce(instance, role, pid, false);
            }
        }
    }
    if settings.processes == 1 {
        let cores = settings.threads;
        log!("spawned uWSGI worker 1 (and the only) (pid: {}, cores: {cores})", process::pid());
    } else {
        children::announce(instance, Role::Worker(1), process::pid(), false);
    }
    for id in 2..=settings.processes {
        start_worker(instance, id, bodies)?;
    }
    children::note_spawn(instance, Role::Worker(1), process::pid());
    instance.start_incarnation(1);
    crate::boot::after_start(instance)?;
    signal::reset(&[]);
    bodies.worker(1)
}

fn start_worker(
    instance: &'static Instance,
    id: u32,
    bodies: &ProcessBodies,
) -> Result<(), String> {
    instance.plugins.before_fork();
    let forked = companions::fork().map_err(|e| format!("fork(): {e}"))?;
    if let Fork::Parent(pid) = forked {
        instance.plugins.after_fork_parent();
        children::note_spawn(instance, Role::Worker(id), pid);
        children::announce(instance, Role::Worker(id), pid, false);
        return Ok(());
    }
    instance.leave_master();
    bodies.worker(id)
}

fn fork() -> Result<Fork, String> {
    process::fork().map_err(|e| format!("fork(): {e}"))
}

/// Kills and buries the other processes: this one is about to execute something else, whose
/// children they would be.
pub(crate) fn end_others(instance: &Instance) {
    let workers = (2..=instance.settings.processes).map(|id| instance.arena.worker(id).pid.get());
    let routers = if instance.http.is_empty() { 0 } else { instance.settings.http_processes };
    let routers = (0..routers).map(|index| instance.arena.gateway(index).pid.get());
    let others = workers.chain(routers).filter_map(|pid| i32::try_from(pid).ok());
    for pid in others.filter(|pid| *pid > 1) {
        // One that has ended already waits for its burial only.
        let _ = process::kill(pid, signal::SIGKILL);
        let _ = process::bury(pid);
    }
}
