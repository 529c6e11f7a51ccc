//! One row for each thing that runs, whatever its kind.

use super::super::Context;
use super::super::parts::{ago, rate, unwanted};
use super::when::words;
use crate::human;
use crate::page::{Cell, Column, Paint, Row, column, flexible};
use crate::picture::{Cron, Daemon, Gateway, Lock, Mule, Picture, Process, Spooler};

pub(super) const COLUMNS: &[Column] = &[
    column("STATE", false, 0),
    column("KIND", false, 0),
    flexible("NAME", 0, 14),
    column("PID", true, 2),
    column("DIED", true, 1),
    column("DONE", true, 3),
    column("/S", true, 6),
    column("QUEUE", true, 3),
    column("LOST", true, 5),
    column("CPU", true, 7),
    column("RSS", true, 8),
    column("SINCE", true, 4),
    column("WHEN", false, 1),
];

/// How a job is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// It should run and does not.
    Dead,
    /// It runs again since a moment ago.
    Restarted,
    /// It runs, but not as it should.
    Late,
    /// It runs, or waits for its time.
    Well,
}

pub(super) struct Job {
    pub(super) health: Health,
    pub(super) row: Row,
}

/// What the rows of all kinds are made from; what a kind does not have stays empty.
#[derive(Default)]
struct Draft {
    kind: &'static str,
    name: String,
    /// What it does, when it is well.
    state: String,
    pid: u64,
    /// Times it was started again.
    died: Option<u64>,
    done: Option<u64>,
    done_rate: Option<f64>,
    queue: Option<u64>,
    lost: Option<u64>,
    /// Share of a processor.
    cpu: Option<f64>,
    rss: u64,
    since: u64,
    when: String,
    paint: Paint,
}

/// Every job, those of one kind together.
pub(super) fn all(context: &Context<'_>, picture: &Picture) -> Vec<Job> {
    let mut jobs = Vec::new();
    let held = picture.locks.iter().filter(|lock| lock.holder != 0);
    jobs.extend(held.map(|held| lock(context, picture, held)));
    jobs.extend((0..).zip(&picture.mules).map(|(at, one)| mule(context, at, one)));
    jobs.extend((0..).zip(&picture.spoolers).map(|(at, one)| spooler(context, at, one)));
    jobs.extend(picture.crons.iter().enumerate().map(|(at, one)| cron(context, at, one)));
    jobs.extend((0..).zip(&picture.daemons).map(|(at, one)| daemon(context, at, one)));
    jobs.extend((0..).zip(&picture.gateways).map(|(at, one)| gateway(context, at, one)));
    jobs.extend(
        picture.master.as_ref().map(|one| own(context, "master", one, |p| p.master.as_ref())),
    );
    jobs.extend(
        picture.observer.as_ref().map(|one| own(context, "observer", one, |p| p.observer.as_ref())),
    );
    jobs
}

/// Share of a processor between two pictures.
pub(super) fn share(
    context: &Context<'_>,
    process: impl Fn(&Picture) -> Option<&Process>,
) -> Option<f64> {
    context.state.past.rate(|picture| Some(process(picture)?.cpu_time)).map(|micros| micros / 1e6)
}

/// The process is another one than a moment ago.
fn changed(context: &Context<'_>, pid: u64, before: impl Fn(&Picture) -> Option<u64>) -> bool {
    context.state.past.then().and_then(before).is_some_and(|before| before != pid)
}

fn mule(context: &Context<'_>, at: usize, mule: &Mule) -> Job {
    let draft = Draft {
        kind: "mule",
        name: (at + 1).to_string(),
        state: mule.status.clone(),
        pid: mule.process.pid,
        died: Some(mule.respawn_count.saturating_sub(1)),
        done: Some(mule.messages.saturating_add(mule.signals)),
        done_rate: context
            .state
            .past
            .rate(|p| p.mules.get(at).map(|mule| mule.messages.saturating_add(mule.signals))),
        queue: Some(mule.signal_queue),
        lost: Some(mule.dropped),
        cpu: share(context, |p| p.mules.get(at).map(|mule| &mule.process)),
        rss: mule.process.rss,
        since: mule.last_spawn,
        when: match mule.harakiri_count {
            0 => String::new(),
            count => format!("{count} took too long"),
        },
        paint: Paint::of(&mule.status),
    };
    let restarted = changed(context, draft.pid, |p| p.mules.get(at).map(|m| m.process.pid));
    draft.job(context, at, restarted)
}

fn spooler(context: &Context<'_>, at: usize, spooler: &Spooler) -> Job {
    let draft = Draft {
        kind: "spooler",
        name: spooler.dir.clone(),
        state: if spooler.running { "busy" } else { "idle" }.to_owned(),
        pid: spooler.pid,
        died: Some(spooler.respawns),
        done: Some(spooler.tasks),
        done_rate: context.state.past.rate(|p| p.spoolers.get(at).map(|spooler| spooler.tasks)),
        paint: if spooler.running { Paint::Busy } else { Paint::Plain },
        ..Draft::default()
    };
    let restarted = changed(context, draft.pid, |p| p.spoolers.get(at).map(|s| s.pid));
    draft.job(context, at, restarted)
}

/// A cron that does not run is well: it waits for its time.
fn cron(context: &Context<'_>, at: usize, cron: &Cron) -> Job {
    let pid = u64::try_from(cron.pid).unwrap_or(0);
    let mut when = words(cron.when);
    if cron.unique {
        when.push_str(", never twice");
    }
    if !cron.legion.is_empty() {
        when.push_str(&format!(", lord of {}", cron.legion));
    }
    let draft = Draft {
        kind: "cron",
        name: cron.command.clone(),
        state: if pid > 0 { "running" } else { "waits" }.to_owned(),
        pid,
        since: cron.started_at,
        when,
        paint: if pid > 0 { Paint::Busy } else { Paint::Plain },
        ..Draft::default()
    };
    // Two commands at the same time may be alike.
    Job { health: Health::Well, row: draft.row(context, Health::Well, format!("cron {at}")) }
}

/// One that is put away on purpose is no dead one.
fn daemon(context: &Context<'_>, at: usize, daemon: &Daemon) -> Job {
    let waits = daemon.pid == 0 && ["down", "throttled"].contains(&daemon.state.as_str());
    let mut when = Vec::new();
    when.extend((daemon.state == "throttled").then(|| format!("waits {} s", daemon.throttle)));
    when.extend((!daemon.last_exit.is_empty()).then(|| format!("last {}", daemon.last_exit)));
    let draft = Draft {
        kind: "daemon",
        name: daemon.command.clone(),
        state: match daemon.state.as_str() {
            "" | "up" => "running".to_owned(),
            state => state.to_owned(),
        },
        pid: daemon.pid,
        died: Some(daemon.respawns),
        since: daemon.since,
        when: when.join(", "),
        paint: if daemon.state == "throttled" { Paint::Warn } else { Paint::Plain },
        ..Draft::default()
    };
    let restarted = changed(context, draft.pid, |p| p.daemons.get(at).map(|d| d.pid));
    if waits {
        let key = format!("daemon {at} {}", draft.name);
        let health = if daemon.state == "down" { Health::Well } else { Health::Late };
        return Job { health, row: draft.row(context, health, key) };
    }
    draft.job(context, at, restarted)
}

fn gateway(context: &Context<'_>, at: usize, gateway: &Gateway) -> Job {
    let draft = Draft {
        kind: "router",
        name: gateway.name.clone(),
        state: "running".to_owned(),
        pid: gateway.process.pid,
        died: Some(gateway.respawns.saturating_sub(1)),
        done: Some(gateway.requests),
        done_rate: context.state.past.rate(|p| p.gateways.get(at).map(|router| router.requests)),
        queue: Some(gateway.queue),
        lost: Some(gateway.drops),
        cpu: share(context, |p| p.gateways.get(at).map(|router| &router.process)),
        rss: gateway.process.rss,
        ..Draft::default()
    };
    let restarted = changed(context, draft.pid, |p| p.gateways.get(at).map(|r| r.process.pid));
    draft.job(context, at, restarted)
}

/// The master or the observer, which work in turns of a second.
fn own(
    context: &Context<'_>,
    kind: &'static str,
    process: &Process,
    of: fn(&Picture) -> Option<&Process>,
) -> Job {
    /// A turn that begins so late is worth a word, µs.
    const LATE: u64 = 500_000;
    let late = process.late.filter(|late| late.last >= LATE);
    let draft = Draft {
        kind,
        state: if late.is_some() { "late" } else { "running" }.to_owned(),
        pid: process.pid,
        cpu: share(context, of),
        rss: process.rss,
        when: late.map(|late| format!("{} late", human::duration(late.last))).unwrap_or_default(),
        paint: if late.is_some() { Paint::Warn } else { Paint::Plain },
        ..Draft::default()
    };
    let restarted = changed(context, draft.pid, |p| of(p).map(|process| process.pid));
    let job = draft.job(context, 0, restarted);
    let health = if late.is_some() { job.health.min(Health::Late) } else { job.health };
    Job { health, ..job }
}

fn lock(context: &Context<'_>, picture: &Picture, lock: &Lock) -> Job {
    let worker = picture.workers().iter().find(|worker| worker.pid == lock.holder);
    let draft = Draft {
        kind: "lock",
        name: lock.name.clone(),
        state: "held".to_owned(),
        pid: lock.holder,
        when: worker.map(|worker| format!("by worker {}", worker.id)).unwrap_or_default(),
        paint: Paint::Warn,
        ..Draft::default()
    };
    Job {
        health: Health::Well,
        row: draft.row(context, Health::Well, format!("lock {}", lock.name)),
    }
}

impl Draft {
    /// `at` tells jobs of one name apart.
    fn job(self, context: &Context<'_>, at: usize, restarted: bool) -> Job {
        let health = match (self.pid, restarted) {
            (0, _) => Health::Dead,
            (_, true) => Health::Restarted,
            _ => Health::Well,
        };
        let key = format!("{} {at} {}", self.kind, self.name);
        Job { health, row: self.row(context, health, key) }
    }

    fn row(self, context: &Context<'_>, health: Health, key: String) -> Row {
        let count = |count: Option<u64>| count.map_or_else(Cell::none, Cell::count);
        let (state, paint) = match health {
            Health::Dead => ("DEAD", Paint::Bad),
            Health::Restarted => ("restarted", Paint::Warn),
            Health::Late | Health::Well => (self.state.as_str(), self.paint),
        };
        let some = |value: u64, text: fn(u64) -> String| match value {
            0 => Cell::none(),
            _ => Cell::number(value as f64, text(value)),
        };
        let wrong = |count: Option<u64>| {
            count.map_or_else(Cell::none, |count| unwanted(count, Paint::Warn))
        };
        let cells = vec![
            Cell::text(state).painted(paint),
            Cell::text(self.kind),
            Cell::text(self.name.as_str()),
            some(self.pid, |pid| pid.to_string()),
            wrong(self.died),
            count(self.done),
            rate(self.done_rate),
            wrong(self.queue),
            wrong(self.lost),
            self.cpu.map_or_else(Cell::none, |cpu| Cell::number(cpu, human::share(cpu))),
            some(self.rss, human::size),
            context.picture().map_or_else(Cell::none, |picture| ago(picture, self.since)),
            Cell::text(self.when),
        ];
        Row::new(key, cells)
    }
}
