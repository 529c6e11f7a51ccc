//! Children of the master: who they are, how they are started, what is known of them.
//!
//! Owns the fork of every kind of child and the bookkeeping in the arena that belongs to it.

use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Instant;

use uwsgi_duties::recycle::Mercy;
use uwsgi_sys::process::{self, Fork};
use uwsgi_sys::signal;

use super::SIGNALS;
use super::fate::Shot;
use crate::instance::Instance;
use crate::plugin::Set;
use crate::{clock, log, logv};

/// What a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Serves requests; number from 1.
    Worker(u32),
    /// Works beside the workers; number from 1.
    Mule(u32),
    /// A process of the http router; index from 0.
    Gateway(u32),
    /// Shows and samples numbers.
    Observer,
}

/// As the log calls them when they end.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Worker(id) => write!(f, "worker {id}"),
            Role::Mule(id) => write!(f, "mule {id}"),
            Role::Gateway(n) => write!(f, "gateway \"uWSGI http {}\"", n + 1),
            Role::Observer => write!(f, "observer"),
        }
    }
}

impl From<Role> for uwsgi_ebpf::Process {
    fn from(role: Role) -> Self {
        match role {
            Role::Worker(id) => Self::Worker(id),
            Role::Mule(id) => Self::Mule(id),
            Role::Gateway(index) => Self::Gateway(index),
            Role::Observer => Self::Observer,
        }
    }
}

/// A child that runs, or that will be started again.
#[derive(Debug)]
pub struct Child {
    /// What it is.
    pub role: Role,
    /// Its pid while it runs.
    pub pid: Option<i32>,
    /// Readable when it ends.
    pub pidfd: Option<OwnedFd>,
    /// When to start it again.
    pub due: Option<Instant>,
    /// It was asked to go; killed when this is over.
    pub mercy: Option<Mercy>,
    /// It was asked to go and comes back afterwards.
    pub retiring: bool,
    /// Its slot is to stay empty.
    pub cheap: bool,
    /// It goes because it has done enough.
    pub recycled: bool,
    /// Why the master killed it.
    pub shot: Option<Shot>,
    /// When it was last started, microseconds of the clock that nobody sets.
    pub since_us: u64,
    /// Starts so far in this image.
    pub spawns: u64,
}

impl Child {
    /// A child not yet started.
    pub fn new(role: Role) -> Child {
        Child {
            role,
            pid: None,
            pidfd: None,
            due: None,
            mercy: None,
            retiring: false,
            cheap: false,
            recycled: false,
            shot: None,
            since_us: 0,
            spawns: 0,
        }
    }

    /// Sends it a signal, if it runs.
    pub fn signal(&self, signal: i32) {
        if let Some(pid) = self.pid {
            // It may have ended a moment ago; the reaping tells.
            let _ = process::kill(pid, signal);
        }
    }
}

/// What a child process runs. Never returns.
pub trait Bodies {
    /// The worker's body.
    fn worker(&self, id: u32) -> !;
    /// The mule's body.
    fn mule(&self, id: u32) -> !;
    /// The router's body.
    fn gateway(&self, index: u32) -> !;
    /// The observer's body.
    fn observer(&self) -> !;
}

/// Starts `child`, which keeps nothing of `parent_only`. In the child this does not return.
pub fn spawn(
    instance: &'static Instance,
    child: &mut Child,
    bodies: &dyn Bodies,
    parent_only: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let role = child.role;
    let applied = matches!(role, Role::Worker(_) | Role::Mule(_));
    let plugins = applied.then_some(&instance.plugins);
    if let Some(plugins) = plugins {
        plugins.before_fork();
    }
    prepare_rows(instance, role);
    instance.again.store(child.spawns > 0, Ordering::Relaxed);
    let forked = process::fork_apart(parent_only);
    let pid = match forked {
        Ok(Fork::Child) => enter_child(instance, role, bodies),
        Ok(Fork::Parent(pid)) => pid,
        Err(e) => {
            after_fork_parent(plugins);
            return Err(e);
        }
    };
    after_fork_parent(plugins);
    child.pid = Some(pid);
    child.pidfd = process::pidfd(pid).ok();
    child.due = None;
    child.mercy = None;
    child.retiring = false;
    child.recycled = false;
    child.shot = None;
    child.since_us = clock::monotonic_us();
    child.spawns += 1;
    note_spawn(instance, role, pid);
    announce(instance, role, pid, child.spawns > 1);
    Ok(())
}

fn after_fork_parent(plugins: Option<&Set>) {
    if let Some(plugins) = plugins {
        plugins.after_fork_parent();
    }
}

/// Tells probes in the kernel whose pid it is. Parent and child both do: whoever comes first.
fn register(instance: &Instance, role: Role, pid: i32) {
    if let Some(probes) = instance.probes {
        probes.register_process(pid, role.into());
    }
}

fn enter_child(instance: &'static Instance, role: Role, bodies: &dyn Bodies) -> ! {
    register(instance, role, process::pid());
    instance.leave_master();
    // Reports and pauses asked of everybody must not end or stop a child that has only just begun.
    let reports = [signal::SIGUSR1, signal::SIGUSR2, signal::SIGTSTP];
    reports.into_iter().for_each(signal::ignore);
    let others = SIGNALS.iter().copied().filter(|s| !reports.contains(s));
    signal::reset(&others.collect::<Vec<_>>());
    let log = if role == Role::Observer { None } else { crate::alarm::enter(instance) };
    match role {
        Role::Worker(id) => {
            crate::transport::enter(instance, id, log);
            bodies.worker(id)
        }
        Role::Mule(id) => bodies.mule(id),
        Role::Gateway(index) => bodies.gateway(index),
        Role::Observer => bodies.observer(),
    }
}

/// Clears what belongs to one incarnation before a worker or a mule is started.
fn prepare_rows(instance: &Instance, role: Role) {
    match role {
        Role::Worker(id) => instance.start_incarnation(id),
        Role::Mule(id) => {
            instance.arena.mule(id).sig.set(0);
            instance.arena.mule(id).user_deadline_us.set(0);
            if let Some(signals) = &instance.signals {
                signals.start_mule(id);
            }
        }
        Role::Gateway(_) | Role::Observer => {}
    }
}

/// Writes the start of a child into its row, and tells probes of it.
pub(crate) fn note_spawn(instance: &Instance, role: Role, pid: i32) {
    register(instance, role, pid);
    if let Role::Worker(id) = role {
        uwsgi_usdt::worker__spawn(|| (id, pid));
    }
    let pid = pid as u64;
    match role {
        Role::Worker(id) => {
            let row = instance.arena.worker(id);
            row.id.set(u64::from(id));
            row.pid.set(pid);
            row.last_spawn.set(clock::epoch_s());
            row.respawn_count.add(1);
            instance.arena.globals().workers_started.add(1);
        }
        Role::Mule(id) => {
            let row = instance.arena.mule(id);
            row.id.set(u64::from(id));
            row.pid.set(pid);
            row.last_spawn.set(clock::epoch_s());
            row.respawn_count.add(1);
        }
        Role::Gateway(index) => {
            let row = instance.arena.gateway(index);
            row.pid.set(pid);
            row.respawns.add(1);
        }
        Role::Observer => {
            instance.arena.globals().observer_pid.set(pid);
            instance.arena.globals().observer_respawns.add(1);
        }
    }
}

/// The line that tells of it.
pub(crate) fn announce(instance: &Instance, role: Role, pid: i32, again: bool) {
    let cores = instance.settings.threads;
    match (role, again) {
        (Role::Worker(id), false) => {
            log!("spawned uWSGI worker {id} (pid: {pid}, cores: {cores})");
        }
        (Role::Worker(id), true) => log!("Respawned uWSGI worker {id} (new pid: {pid})"),
        (Role::Mule(id), _) => log!("spawned uWSGI mule {id} (pid: {pid})"),
        (Role::Gateway(n), false) => log!("spawned uWSGI http {} (pid: {pid})", n + 1),
        (Role::Gateway(n), true) => log!("respawned uWSGI http {} (pid: {pid})", n + 1),
        (Role::Observer, false) => log!("spawned uWSGI observer (pid: {pid})"),
        (Role::Observer, true) => logv!("respawned uWSGI observer (pid: {pid})"),
    }
}
