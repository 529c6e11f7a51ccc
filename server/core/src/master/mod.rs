//! The master: one thread that starts, watches, restarts and ends all other processes.
//!
//! It waits in epoll for signals (signalfd) and for the end of children (pidfds), never blocks
//! and never panics. What a death means is decided in [`fate`], when a respawn is due in
//! `throttle`; this file only moves between the phases:
//!
//! ```text
//! Running ── INT, QUIT ──────────▶ Ending(Stop) ─── all gone ──▶ exit
//!  │   ▲
//!  │   └─ the new configuration is refused, or exec fails ─┐
//!  └─ HUP, TERM ─▶ trial ─▶ Draining ── routers gone ─▶ Ending(Reload) ── all gone ─▶ exec
//! ```

mod chain;
mod cheaper;
pub mod children;
mod daemons;
mod edge;
mod ending;
pub mod fate;
mod fifo;
mod harakiri;
pub(crate) mod helper;
mod hooks;
mod idle;
mod inflight;
mod inotify;
mod killer;
mod leaving;
mod mountpoint;
mod mules;
mod notices;
mod pace;
mod pause;
mod preflight;
mod recycle;
pub(crate) mod refork;
mod reload;
mod report;
mod respawn;
mod sockets;
mod throttle;
mod triggers;
mod turn;
mod workers;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use uwsgi_duties::chain::Chain;
use uwsgi_duties::idle::Idle;
use uwsgi_duties::pause::Pause;
use uwsgi_sys::process;
use uwsgi_sys::signal::{self, Signals};

use self::cheaper::Cheaper;
use self::children::{Bodies, Child, Role};
use self::daemons::Attached;
use self::fifo::Commands;
use self::harakiri::Watch;
use self::notices::Manager;
use self::pace::Pace;
use self::preflight::Trial;
use self::throttle::Throttle;
use self::triggers::Triggers;
use self::turn::Turns;
use crate::alarm::relief::Relief;
use crate::instance::Instance;
use crate::logfile::LogFile;
use crate::signals::Due;
use crate::{clock, log, procname};

pub(crate) use daemons::people;
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
    turns: Turns,
    commands: Option<Commands>,
    manager: Manager,
    daemons: Attached,
    hooks: hooks::Duty,
    mountpoints: mountpoint::Duty,
    overdue: Watch,
    cheaper: Option<Cheaper>,
    idle: Idle,
    watch: idle::Watch,
    pause: Pause,
    chain: Chain,
    /// A new configuration that is tried before a reload.
    trial: Option<Trial>,
    triggers: Triggers,
    log_file: LogFile,
    /// The reload under way lets requests end.
    graceful: bool,
}

const SIGNAL_EVENT: u64 = u64::MAX;
const UWSGI_SIGNAL_EVENT: u64 = u64::MAX - 1;
/// Descriptors of duties (`edge`).
const DUTY_EVENT: u64 = u64::MAX - 2;

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
    let (idle, steps) = Idle::new(settings.policy.scale.idle, edge::now());
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
        turns: Turns::new(),
        commands: Commands::take(instance),
        manager: Manager::default(),
        daemons: Attached::new(instance),
        hooks: hooks::Duty::default(),
        mountpoints: mountpoint::Duty::new(&settings.policy.hooks.mountpoints),
        overdue: Watch::default(),
        cheaper: Cheaper::new(instance),
        idle,
        watch: idle::Watch::default(),
        pause: Pause::default(),
        chain: Chain::default(),
        trial: None,
        triggers: Triggers::default(),
        log_file: LogFile::new(instance),
        graceful: true,
    };
    procname::apply(&settings.procname, procname::Role::Master);
    // What the last image said of itself is old when this one took long to load.
    instance.arena.globals().master_seen_us.set(clock::epoch_us());
    let banner = if instance.reloads > 0 { "gracefully (RE)spawned" } else { "spawned" };
    log!("{banner} uWSGI master process (pid: {})", process::pid());
    master.enter(Phase::Running);
    crate::notices::tell(|manager| manager.loaded(crate::notices::now()));
    let is_worker = |role| matches!(role, Role::Worker(_));
    master.begin_slots(steps);
    let watched = master.watch_triggers();
    master.start_all(is_worker);
    match crate::boot::after_start(instance) {
        Ok(()) => {
            master.start_all(|role| !is_worker(role));
            master.start_daemons();
        }
        Err(text) => {
            log!("{text}");
            master.stop(1);
        }
    }
    master.begin_hooks();
    master.announce_triggers(watched);
    crate::memory::forget_start();
    loop {
        let goal = master.turn_until_done();
        master.end_hooks();
        master.end_askers();
        if let Some(commands) = master.commands.take() {
            commands.leave(instance);
        }
        if goal != Goal::Reload || settings.exit_on_reload {
            return Ok(goal);
        }
        crate::hooks::at_exit(instance);
        let error = reexec(instance);
        master.go_on(&error);
    }
}

/// Workers first, so that routers and observers find them running.
fn all_children(instance: &Instance) -> Vec<Child> {
    let settings = &instance.settings;
    let workers = if instance.has_workers() { settings.processes } else { 0 };
    let workers = (1..=workers).map(Role::Worker);
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
            self.turns.begin();
            self.take_signals();
            self.route_signals();
            self.obey();
            self.reap();
            self.run_hooks();
            self.hear_mountpoints();
            self.idle_turn();
            self.cheaper_turn();
            self.look_at_trial();
            self.look_at_chain();
            self.look_at_triggers();
            self.respawn_due();
            self.enforce_mercy();
            self.mind_manager();
            self.tick_daemons();
            if self.overdue.is_due() {
                self.harakiri();
            }
            if Instant::now() >= self.next_second {
                let late = self.next_second.elapsed();
                self.instance.arena.globals().master_lateness.record(pace::micros(late));
                self.next_second = Instant::now() + Duration::from_secs(1);
                self.every_second();
            }
            self.instance.arena.globals().master_turns.record(pace::micros(self.turns.taken()));
            if let Some(goal) = self.advance() {
                return goal;
            }
        }
    }

    /// Another phase begins, and everybody may see it.
    fn enter(&mut self, phase: Phase) {
        let before = std::mem::replace(&mut self.phase, phase);
        self.tell_phase(before);
        self.instance.arena.globals().phase.set(match phase {
            Phase::Running => 1,
            Phase::Draining { .. } => 2,
            Phase::Ending { goal: Goal::Reload, .. } => 3,
            Phase::Ending { goal: Goal::Stop(_), .. } => 4,
        });
    }

    /// Time until something is due: the second's duties, a respawn, the end of a mercy.
    fn wait_time(&self) -> Duration {
        let dues = self.children.iter().filter_map(|c| self.due(c));
        let next = dues
            .chain(self.mercy_due())
            .chain(self.daemons.due())
            .chain(self.timers.wait())
            .chain(self.commands_due())
            .chain(self.manager_due())
            .chain(self.overdue.due())
            .chain(self.idle_due())
            .chain(self.cheaper.as_ref().map(Cheaper::due))
            .chain(self.trial_due())
            .chain(self.triggers_due())
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
            // A child whose hook failed ends the instance this way.
            signal::SIGQUIT | signal::SIGINT => {
                self.stop(i32::from(self.instance.arena.globals().hook_fatal.get() > 0));
            }
            signal::SIGUSR1 => report::counters(self.instance),
            signal::SIGUSR2 => report::workers(self.instance),
            signal::SIGTSTP => self.pause_toggle(),
            _ => {} // CHLD: children are reaped each turn; the others only wake us
        }
    }

    fn reap(&mut self) {
        let (instance, children) = (self.instance, &self.children);
        let last_look = |pid| {
            pace::last_look(instance, children, pid);
            // While the number is still that of the dead.
            instance.locks.bury(pid);
        };
        let mut ended = Vec::new();
        while let Ok(Some(one)) = process::reap_after(last_look) {
            ended.push(one);
        }
        for (pid, ended) in ended {
            match self.children.iter().position(|c| c.pid == Some(pid)) {
                Some(at) => self.buried(at, pid, ended),
                None if self.daemon_ended(pid, ended) => {}
                None if self.hook_helper_ended(pid, ended) || self.asker_ended(pid) => {}
                None if self.trial_ended(pid, ended) || refork::ended(pid, ended) => {}
                None => respawn::log_stranger(pid, ended),
            }
        }
    }

    fn every_second(&mut self) {
        let globals = self.instance.arena.globals();
        globals.master_cycles.add(1);
        globals.master_seen_us.set(clock::epoch_us());
        self.count_busy();
        self.mind_fifo();
        self.log_file.look(self.instance);
        self.tell_status();
        self.relief.look(self.instance);
        self.look_after_daemons();
        // Also of who is asked to leave: no request may take longer because of a reload.
        self.harakiri();
        if matches!(self.phase, Phase::Running) {
            self.nudge();
            self.pace.look(self.instance);
            self.ask_mountpoints();
            self.idle_second();
            self.recycle();
            self.look_at_files();
        }
    }

    /// How many workers are busy, how many are not.
    fn count_busy(&self) {
        let (arena, settings) = (&self.instance.arena, &self.instance.settings);
        let busy =
            (1..=settings.processes).filter(|id| idle::is_busy(self.instance, *id)).count() as u64;
        let alive = self.workers().filter(|(_, child)| child.pid.is_some()).count() as u64;
        let globals = arena.globals();
        globals.busy_workers.set(busy);
        globals.idle_workers.set(alive.saturating_sub(busy));
        if busy >= u64::from(settings.processes) {
            globals.overloaded.add(1);
        }
    }
}
