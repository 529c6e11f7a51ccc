//! Starting children, and what follows a death. Part of the master.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use uwsgi_duties::recycle::Exceptions;
use uwsgi_ebpf::Live;
use uwsgi_metrics::EXITS;
use uwsgi_sys::process::Ended;

use super::children::{self, Child, Role};
use super::fate::{self, Action, Death};
use super::fifo::Commands;
use super::killer::Ending;
use super::{Master, Phase, edge, inflight, recycle};
use crate::instance::Instance;
use crate::{log, logv};

impl Master<'_> {
    pub(super) fn start_all(&mut self, wanted: impl Fn(Role) -> bool) {
        for at in 0..self.children.len() {
            if !self.children[at].cheap && wanted(self.children[at].role) {
                self.start(at);
            }
        }
    }

    fn start(&mut self, at: usize) {
        if let Err(e) = self.fork(at) {
            logv!("fork(): {}", crate::sockets::plain(&e));
            self.children[at].due = Some(Instant::now() + Duration::from_secs(1));
            return;
        }
        if let Some(fd) = &self.children[at].pidfd {
            let data = epoll::EventData::new_u64(at as u64);
            // Without it the end is still noticed by SIGCHLD.
            let _ = epoll::add(&self.poll, fd.as_fd(), data, epoll::EventFlags::IN);
        }
    }

    fn fork(&mut self, at: usize) -> std::io::Result<()> {
        let (before, rest) = self.children.split_at_mut(at);
        let Some((child, after)) = rest.split_first_mut() else { return Ok(()) };
        let siblings = before.iter().chain(after.iter()).filter_map(|c| c.pidfd.as_ref());
        let own = [self.poll.as_fd(), self.signals.as_fd()].into_iter().chain(self.turns.fd());
        let own = own.chain(self.cheaper.as_ref().and_then(|cheaper| cheaper.descriptor()));
        let own = own.chain(self.triggers.own());
        let sockets = super::sockets::not_for(self.instance, child.role);
        // What applications start may outlive this server; programs of probes shall not.
        let apart = self.instance.probes.filter(|_| child.role != Role::Observer);
        let probes = apart.into_iter().flat_map(Live::kept).map(|(_, fd)| fd);
        let siblings = siblings.map(AsFd::as_fd);
        let fifo = self.commands.as_ref().and_then(Commands::fd);
        let parent_only: Vec<_> =
            siblings.chain(own).chain(fifo).chain(sockets).chain(probes).collect();
        children::spawn(self.instance, child, self.bodies, &parent_only)
    }

    /// Starts one child that is due; the next one has a turn of its own. A fork takes as long as the
    /// memory of the applications is large, and signals and deaths are looked at in between.
    pub(super) fn respawn_due(&mut self) {
        let now = Instant::now();
        let is_due = |child: &Child| self.due(child).is_some_and(|due| due <= now);
        if let Some(at) = self.children.iter().position(is_due) {
            self.start(at);
        }
    }

    /// When `child` is to be started again, if it is.
    pub(super) fn due(&self, child: &Child) -> Option<Instant> {
        let running = matches!(self.phase, Phase::Running);
        let wanted = running || (self.serves() && matches!(child.role, Role::Worker(_)));
        child.due.filter(|_| wanted && child.pid.is_none() && !child.cheap)
    }

    /// Requests are still answered: also those that routers finish before a reload.
    fn serves(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Draining { graceful: true, .. })
    }

    /// A child of ours has ended.
    pub(super) fn buried(&mut self, at: usize, pid: i32, ended: Ended) {
        self.children[at].pid = None;
        if let Some(fd) = self.children[at].pidfd.take() {
            // Closing alone would not do while a child still holds a copy.
            let _ = epoll::delete(&self.poll, &fd);
        }
        self.children[at].mercy = None;
        match self.children[at].role {
            Role::Worker(id) => self.worker_ended(at, id, pid, ended),
            Role::Mule(id) => self.mule_ended(at, id, pid),
            other @ (Role::Gateway(_) | Role::Observer) => self.other_ended(at, pid, other),
        }
        if !matches!(self.children[at].role, Role::Worker(_)) {
            self.tell_killer(at, pid, ended);
        }
        if let Some(probes) = self.instance.probes {
            probes.forget_process(pid);
        }
    }

    fn worker_ended(&mut self, at: usize, id: u32, pid: i32, ended: Ended) {
        inflight::log_lost_requests(self.instance, id, pid);
        self.instance.arena.worker(id).pid.set(0);
        if let Some(probes) = self.instance.probes {
            probes.forget_worker(id);
        }
        let accepted = self.instance.arena.worker(id).accepting.get() > 0;
        self.instance.arena.worker(id).accepting.set(0);
        self.instance.arena.forget_process(id);
        let settings = &self.instance.settings;
        let death = Death {
            id,
            pid,
            ended,
            instance_ending: !self.serves(),
            ending_for: self.ending_for(),
            retiring: self.children[at].retiring,
            recycled: recycle::note_end(self.instance, id) || self.children[at].recycled,
            cheap: self.children[at].cheap,
            shot: self.children[at].shot,
            need_app_lazy: settings.need_app && settings.lazy_apps && !self.chain.spares(id),
        };
        // One that fails in its requests is no better than one that fails at its start.
        let failed = ended == Ended::Code(Exceptions::EXIT);
        self.children[at].recycled = death.recycled && !failed;
        note_death(self.instance, &death);
        let (lines, action) = fate::judge(&death);
        lines.iter().for_each(|line| log!("{line}"));
        self.tell_killer(at, pid, ended);
        self.chain_saw_death(id, pid, accepted);
        match action {
            Action::Respawn if self.children[at].cheap => {
                log!("uWSGI worker {id} cheaped.");
                let row = self.instance.arena.worker(id);
                [&row.rss, &row.vsz, &row.busyness].into_iter().for_each(|cell| cell.set(0));
            }
            Action::Respawn => self.schedule(at),
            Action::Buried => {}
            Action::Cheap => {
                self.children[at].cheap = true;
                self.instance.arena.worker(id).cheaped.set(1);
            }
            Action::BrutalReload => {
                // It is needed if the reload is refused.
                self.schedule(at);
                self.reload(false);
            }
            Action::Destroy(code) => self.stop(code),
        }
    }

    /// Behind the line that tells of the death.
    fn tell_killer(&self, at: usize, pid: i32, ended: Ended) {
        let Child { role, shot, retiring, .. } = self.children[at];
        let wanted = retiring || !matches!(self.phase, Phase::Running);
        Ending { role, pid, ended, shot, wanted }.tell(self.instance);
    }

    fn ending_for(&self) -> u64 {
        match self.phase {
            Phase::Running => 0,
            Phase::Draining { since, .. } | Phase::Ending { since, .. } => {
                since.elapsed().as_secs()
            }
        }
    }

    fn other_ended(&mut self, at: usize, pid: i32, name: Role) {
        if matches!(self.phase, Phase::Running) {
            logv!("OOOPS the {name} (pid: {pid}) is no more...trying respawn...");
            self.schedule(at);
        } else {
            log!("{name} has been buried (pid: {pid})");
        }
    }

    fn schedule(&mut self, at: usize) {
        let (due, paused) = self.throttle.died(Instant::now(), self.died_fast(at));
        if paused {
            let seconds = self.throttle.pause_seconds();
            log!("worker respawning too fast !!! i have to sleep a bit ({seconds} seconds)...");
        }
        self.children[at].due = Some(due);
    }

    /// Whether a child died right after its start that nobody had asked to go and that had not done
    /// enough; a worker also when it never came to serve, however long that took.
    fn died_fast(&self, at: usize) -> bool {
        let child = &self.children[at];
        let lived = Duration::from_micros(edge::now().us.saturating_sub(child.since_us));
        let useless = |id| self.instance.arena.worker(id).ready_us.get() == 0;
        let useless = matches!(child.role, Role::Worker(id) if useless(id));
        !child.retiring && !child.recycled && (useless || lived <= FAST)
    }
}

/// A child that lived no longer died right after its start.
const FAST: Duration = Duration::from_secs(1);

/// How the last life of a worker ended.
fn note_death(instance: &Instance, death: &Death) {
    let row = instance.arena.worker(death.id);
    let (code, signal) = match death.ended {
        Ended::Code(code) => (code, 0),
        Ended::Signal(signal) => (0, signal),
    };
    row.exit_code.set(code as u64);
    row.exit_signal.set(signal as u64);
    if signal != 0 {
        row.killed_count.add(1);
        instance.arena.globals().workers_killed.add(1);
    }
    let reason = fate::reason(death);
    row.exits[reason].add(1);
    row.exit_reason.set(reason as u64 + 1);
    uwsgi_usdt::worker__exit(|| {
        let reason = EXITS.get(reason).copied().unwrap_or_default();
        (death.id, death.pid, code, signal, reason.as_bytes())
    });
}

/// A process we did not start as a child of a kind: an orphan, or a command of an app.
pub(super) fn log_stranger(pid: i32, ended: Ended) {
    match ended {
        Ended::Code(code) => log!("subprocess {pid} exited with code {code}"),
        Ended::Signal(signal) => log!("subprocess {pid} exited by signal {signal}"),
    }
}
