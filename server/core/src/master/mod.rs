//! The master: one thread that starts, watches, restarts and ends all other processes.
//!
//! It waits in epoll for signals (signalfd) and for the end of children (pidfds), never blocks
//! and never panics. What a death means is decided in [`fate`], when a respawn is due in
//! `throttle`; this file only moves between the phases:
//!
//! ```text
//! Running ── INT, QUIT ──────────▶ Ending(Stop) ─── all gone ──▶ exit
//!    │
//!    └────── HUP, TERM ──────────▶ Draining ── routers gone ──▶ Ending(Reload) ── all gone ──▶ exec
//! ```

pub mod children;
mod ending;
pub mod fate;
mod inflight;
mod killer;
mod mules;
mod pace;
mod report;
mod respawn;
mod throttle;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use uwsgi_sys::process;
use uwsgi_sys::signal::{self, Signals};

use self::children::{Bodies, Child, Role};
use self::fate::Shot;
use self::pace::Pace;
use self::throttle::Throttle;
use crate::alarm::relief::Relief;
use crate::instance::Instance;
use crate::signals::Due;
use crate::{clock, log, logv, procname};

pub use ending::{cleanup, listeners, reexec};

/// Signals the master handles; blocked in it and reset in every child.
pub const SIGNALS: &[i32] = &[
    signal::SIGHUP,
    signal::SIGINT,
    signal::SIGQUIT,
    signal::SIGTERM,
    signal::SIGUSR1,
    signal::SIGUSR2,
    signal::SIGTSTP,
    signal::SIGCHLD,
    signal::SIGALRM,
    signal::SIGWINCH,
    signal::SIGURG,
    signal::SIGPIPE,
];

/// Why an instance ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Exit with this code.
    Stop(i32),
    /// Execute the binary again.
    Reload,
}

/// Where the master stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Routers finish their sessions, workers still serve them.
    Draining {
        goal: Goal,
        graceful: bool,
        since: Instant,
    },
    /// Everybody was asked to go.
    Ending {
        goal: Goal,
        since: Instant,
    },
}

struct Master<'a> {
    instance: &'static Instance,
    bodies: &'a dyn Bodies,
    children: Vec<Child>,
    phase: Phase,
    throttle: Throttle,
    poll: rustix::fd::OwnedFd,
    signals: Signals,
    next_second: Instant,
    timers: Due,
    pace: Pace,
    relief: Relief,
}

const SIGNAL_EVENT: u64 = u64::MAX;
const UWSGI_SIGNAL_EVENT: u64 = u64::MAX - 1;

/// Runs the master until the instance ends; tells how.
pub fn run(
    instance: &'static Instance,
    signals: Signals,
    bodies: &dyn Bodies,
) -> std::io::Result<Goal> {
    let settings = &instance.settings;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(
        &poll,
        signals.as_fd(),
        epoll::EventData::new_u64(SIGNAL_EVENT),
        epoll::EventFlags::IN,
    )?;
    if let Some(signals) = &instance.signals {
        let data = epoll::EventData::new_u64(UWSGI_SIGNAL_EVENT);
        epoll::add(&poll, signals.for_master(), data, epoll::EventFlags::IN)?;
    }
    if let Some(probes) = instance.probes {
        probes.forget_everybody();
        probes.register_process(process::pid(), uwsgi_ebpf::Process::Master);
    }
    let mut master = Master {
        instance,
        bodies,
        children: all_children(instance),
        phase: Phase::Running,
        throttle: Throttle::new(settings.processes, Duration::from_secs(settings.forkbomb_delay)),
        poll,
        signals,
        next_second: Instant::now() + Duration::from_secs(1),
        timers: Due::default(),
        pace: Pace::default(),
        relief: Relief::default(),
    };
    procname::apply(&settings.procname, procname::Role::Master);
    // What the last image said of itself is old when this one took long to load.
    instance.arena.globals().master_seen_us.set(clock::epoch_us());
    let banner = if instance.reloads > 0 { "gracefully (RE)spawned" } else { "spawned" };
    log!("{banner} uWSGI master process (pid: {})", process::pid());
    master.start_all();
    crate::boot::after_start(instance);
    master.enter(Phase::Running);
    Ok(master.turn_until_done())
}

/// Workers first, so that routers and observers find them running.
fn all_children(instance: &Instance) -> Vec<Child> {
    let settings = &instance.settings;
    let workers = (1..=settings.processes).map(Role::Worker);
    let routers = if instance.http.is_empty() { 0 } else { settings.http_processes };
    let routers = (0..routers).map(Role::Gateway);
    let mules = (1..=settings.mules.len() as u32).map(Role::Mule);
    workers.chain(mules).chain(routers).chain([Role::Observer]).map(Child::new).collect()
}

impl Master<'_> {
    fn turn_until_done(&mut self) -> Goal {
        let mut events = [epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        }; 32];
        loop {
            let relief = self.relief.turn(self.instance).unwrap_or(Duration::MAX);
            let timeout = Timespec::try_from(self.wait_time().min(relief)).ok();
            // An interrupted wait is a turn like any other.
            let _ = epoll::wait(&self.poll, &mut events[..], timeout.as_ref());
            let turn = Instant::now();
            self.take_signals();
            self.route_signals();
            self.reap();
            self.respawn_due();
            self.enforce_mercy();
            if Instant::now() >= self.next_second {
                let late = self.next_second.elapsed();
                self.instance.arena.globals().master_lateness.record(pace::micros(late));
                self.next_second = Instant::now() + Duration::from_secs(1);
                self.every_second();
            }
            self.instance.arena.globals().master_turns.record(pace::micros(turn.elapsed()));
            if let Some(goal) = self.advance() {
                return goal;
            }
        }
    }

    /// Another phase begins, and everybody may see it.
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.instance.arena.globals().phase.set(match phase {
            Phase::Running => 1,
            Phase::Draining { .. } => 2,
            Phase::Ending { goal: Goal::Reload, .. } => 3,
            Phase::Ending { goal: Goal::Stop(_), .. } => 4,
        });
    }

    /// Time until something is due: the second's duties, a respawn, the end of a mercy.
    fn wait_time(&self) -> Duration {
        let dues = self.children.iter().flat_map(|c| [self.due(c), c.mercy]).flatten();
        let next = dues
            .chain(self.timers.wait())
            .chain([self.next_second])
            .min()
            .unwrap_or(self.next_second);
        // One millisecond more than needed, so that a due time has passed when we look.
        next.saturating_duration_since(Instant::now()) + Duration::from_millis(1)
    }

    fn take_signals(&mut self) {
        while let Some(signal) = self.signals.next() {
            self.on_signal(signal);
        }
    }

    /// Sends on what processes have raised, and what is due.
    fn route_signals(&mut self) {
        if let Some(signals) = &self.instance.signals {
            signals.route_waiting(&self.instance.arena);
            self.timers.look(signals, &self.instance.arena);
        }
    }

    fn on_signal(&mut self, signal: i32) {
        killer::tell_sender(self.instance, signal);
        let die_on_term = self.instance.settings.die_on_term;
        match signal {
            signal::SIGHUP => self.reload(true),
            signal::SIGTERM if die_on_term => self.stop(0),
            signal::SIGTERM => self.reload(false),
            signal::SIGQUIT if die_on_term => self.reload(false),
            signal::SIGQUIT | signal::SIGINT => self.stop(0),
            signal::SIGUSR1 => report::counters(self.instance),
            signal::SIGUSR2 => report::workers(self.instance),
            signal::SIGTSTP => log!("pause by SIGTSTP is not implemented yet: ignored"),
            _ => {} // CHLD: children are reaped each turn; the others only wake us
        }
    }

    fn reap(&mut self) {
        let (instance, children) = (self.instance, &self.children);
        let last_look = |pid| pace::last_look(instance, children, pid);
        let mut ended = Vec::new();
        while let Ok(Some(one)) = process::reap_after(last_look) {
            ended.push(one);
        }
        for (pid, ended) in ended {
            match self.children.iter().position(|c| c.pid == Some(pid)) {
                Some(at) => self.buried(at, pid, ended),
                None => respawn::log_stranger(pid, ended),
            }
        }
    }

    fn every_second(&mut self) {
        let globals = self.instance.arena.globals();
        globals.master_cycles.add(1);
        globals.master_seen_us.set(clock::epoch_us());
        self.count_busy();
        self.relief.look(self.instance);
        if matches!(self.phase, Phase::Running) {
            self.harakiri();
            self.pace.look(self.instance);
            self.mule_harakiri();
        }
    }

    /// A worker is busy while any of its cores is in a request or handles a signal.
    fn count_busy(&self) {
        let (arena, settings) = (&self.instance.arena, &self.instance.settings);
        let busy = (1..=settings.processes)
            .filter(|&w| {
                let requests = (0..settings.threads).any(|c| arena.core(w, c).in_request.get() > 0);
                requests || arena.worker(w).sig.get() > 0
            })
            .count() as u64;
        let alive = self
            .children
            .iter()
            .filter(|c| matches!(c.role, Role::Worker(_)) && c.pid.is_some())
            .count() as u64;
        let globals = arena.globals();
        globals.busy_workers.set(busy);
        globals.idle_workers.set(alive.saturating_sub(busy));
        if busy >= u64::from(settings.processes) {
            globals.overloaded.add(1);
        }
    }

    /// Kills workers whose request has taken longer than `harakiri` seconds.
    fn harakiri(&mut self) {
        let limit = self.instance.settings.harakiri;
        if limit == 0 {
            return;
        }
        let now = clock::epoch_us();
        for at in 0..self.children.len() {
            let (Role::Worker(id), Some(pid)) = (self.children[at].role, self.children[at].pid)
            else {
                continue;
            };
            if let Some(core) = inflight::overdue(self.instance, id, now, limit) {
                inflight::log_harakiri(self.instance, id, pid);
                self.instance.arena.worker(id).harakiri_count.add(1);
                self.children[at].shot = Some(Shot::Harakiri);
                uwsgi_usdt::harakiri(|| (id, pid, core, limit));
                self.children[at].signal(signal::SIGKILL);
                logv!("HARAKIRI triggered by worker {id} core {core} !!!");
            }
        }
    }

    fn reload(&mut self, graceful: bool) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        pace::reload_begins(self.instance);
        uwsgi_usdt::reload__begin(|| (graceful.into(),));
        if graceful && self.instance.settings.lazy {
            self.retire_workers();
            return;
        }
        let how = if graceful {
            "...gracefully killing workers..."
        } else {
            "...brutally killing workers..."
        };
        log!("{how}");
        self.enter(Phase::Draining { goal: Goal::Reload, graceful, since: Instant::now() });
        self.begin_drain(graceful);
    }

    fn stop(&mut self, code: i32) {
        if matches!(self.phase, Phase::Ending { goal: Goal::Stop(_), .. }) {
            return;
        }
        log!("SIGINT/SIGTERM received...killing workers...");
        self.enter(Phase::Ending { goal: Goal::Stop(code), since: Instant::now() });
        for at in 0..self.children.len() {
            // The observer shows the end of the others: it is asked when they are gone.
            if self.children[at].role != Role::Observer {
                self.ask_to_go(at, signal::SIGINT);
            }
        }
    }

    /// Asks every worker to finish and come back, without replacing this image.
    fn retire_workers(&mut self) {
        for at in 0..self.children.len() {
            if matches!(self.children[at].role, Role::Worker(_)) {
                self.children[at].retiring = true;
                self.ask_to_go(at, signal::SIGHUP);
            }
        }
    }

    fn ask_to_go(&mut self, at: usize, signal: i32) {
        let mercy = self.mercy(self.children[at].role);
        let child = &mut self.children[at];
        child.due = None;
        if child.pid.is_some() {
            child.mercy = Some(Instant::now() + mercy);
            child.signal(signal);
        }
    }

    /// How long a child that was asked to go may take.
    fn mercy(&self, role: Role) -> Duration {
        let settings = &self.instance.settings;
        Duration::from_secs(match role {
            Role::Mule(_) => settings.mule_reload_mercy,
            _ => settings.worker_reload_mercy,
        })
    }

    fn enforce_mercy(&mut self) {
        let now = Instant::now();
        for at in 0..self.children.len() {
            let mercy = self.mercy(self.children[at].role);
            let child = &mut self.children[at];
            let (Some(due), Some(pid)) = (child.mercy, child.pid) else { continue };
            if now < due {
                continue;
            }
            let name = match child.role {
                Role::Worker(id) => format!("worker {id}"),
                Role::Mule(id) => format!("mule {id}"),
                Role::Gateway(n) => format!("gateway {n}"),
                Role::Observer => "observer".to_owned(),
            };
            logv!("{name} (pid: {pid}) is taking too much time to die...NO MERCY !!!");
            child.shot = Some(Shot::NoMercy);
            child.signal(signal::SIGKILL);
            child.mercy = Some(now + mercy);
        }
    }
}
