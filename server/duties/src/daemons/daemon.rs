//! The machine of one daemon.

use super::order::{End, Ending, Ids, Order, Pidfile, State, Status};
use super::spec::Spec;
use super::throttle;
use crate::{Now, SECOND, Steps, signal};

/// A daemon that was asked to end.
#[derive(Clone, Copy, Debug)]
struct Farewell {
    signal: i32,
    again_us: u64,
    mercy_us: u64,
    killed: bool,
    /// When the group is looked at that a buried process led.
    look_us: Option<u64>,
}

/// How often such a group is looked at, microseconds.
const LOOKS: u64 = 100_000;

#[derive(Debug)]
pub(super) struct Daemon {
    id: usize,
    spec: Spec,
    ids: Ids,
    mercy_s: u64,
    state: State,
    pid: i32,
    /// The process that was started to write the pidfile; 0 once it is gone.
    launcher: i32,
    /// The process was put in the background by us.
    own: bool,
    /// Processes put in the background by us that were replaced and have not ended yet.
    former: Vec<i32>,
    /// The pidfile has named a live process since the last start.
    confirmed: bool,
    /// Looks since the last start that found nothing.
    checks: u32,
    spawns: u64,
    last_spawn_us: u64,
    respawn_us: u64,
    throttle_s: u64,
    up_since_us: u64,
    last_end: Option<End>,
    /// What was last said of the pidfile.
    complaint: Option<String>,
    farewell: Option<Farewell>,
    ending: Option<Ending>,
}

impl Daemon {
    pub(super) fn new(id: usize, spec: Spec, ids: Ids, mercy_s: u64) -> Daemon {
        Daemon {
            id,
            spec,
            ids,
            mercy_s,
            state: State::Down,
            pid: 0,
            launcher: 0,
            own: false,
            former: Vec::new(),
            confirmed: false,
            checks: 0,
            spawns: 0,
            last_spawn_us: 0,
            respawn_us: 0,
            throttle_s: 0,
            up_since_us: 0,
            last_end: None,
            complaint: None,
            farewell: None,
            ending: None,
        }
    }

    pub(super) fn spec(&self) -> &Spec {
        &self.spec
    }

    pub(super) fn owns(&self, pid: i32) -> bool {
        // What is left of a group is no child of ours, and has a number of its own.
        let buried = self.farewell.is_some_and(|farewell| farewell.look_us.is_some());
        let own = pid == self.pid && !buried;
        pid > 0 && (own || pid == self.launcher || self.former.contains(&pid))
    }

    pub(super) fn status(&self) -> Status {
        Status {
            state: self.state,
            pid: self.pid,
            spawns: self.spawns,
            last_end: self.last_end,
            throttle_s: self.throttle_s,
            up_since_us: self.up_since_us,
        }
    }

    /// Down → Starting or Adopted. Whoever is on its way out comes back when it is gone.
    pub(super) fn start(&mut self, now: Now, look: super::Look, steps: &mut Steps<Order>) {
        if self.state != State::Down || self.ending.is_some() {
            return;
        }
        match self.spec.pidfile.as_deref().map(|path| look(path).sane()) {
            Some(Pidfile::Names { pid, alive: true }) => {
                let command = &self.spec.command;
                steps.say(format!(
                    "[uwsgi-daemons] found valid/active pidfile for \"{command}\" (pid: {pid})"
                ));
                return self.runs(pid, State::Adopted, now);
            }
            Some(Pidfile::Unreadable(why)) => self.complain(&why, steps),
            _ => {}
        }
        self.spawn(steps);
    }

    fn runs(&mut self, pid: i32, state: State, now: Now) {
        (self.pid, self.state, self.up_since_us) = (pid, state, now.us);
        (self.confirmed, self.checks, self.complaint) = (true, 0, None);
    }

    fn spawn(&mut self, steps: &mut Steps<Order>) {
        let verb = if self.spawns == 0 { "spawning" } else { "respawning" };
        let (command, Ids { uid, gid }) = (&self.spec.command, self.ids);
        steps.say(format!("[uwsgi-daemons] {verb} \"{command}\" (uid: {uid} gid: {gid})"));
        self.state = State::Starting;
        (self.pid, self.launcher, self.checks, self.confirmed) = (0, 0, 0, false);
        self.spawns += 1;
        steps.order(Order::Spawn { id: self.id, detach: self.spec.daemonize });
    }

    /// Starting → Up for what needs no pidfile to be known.
    pub(super) fn spawned(&mut self, pid: Result<i32, String>, now: Now, steps: &mut Steps<Order>) {
        if self.state != State::Starting {
            // It came too late to be wanted.
            pid.into_iter().for_each(|pid| {
                steps.order(Order::Signal { pid, group: true, signal: signal::KILL });
            });
            return;
        }
        self.last_spawn_us = now.us;
        let pid = match pid {
            Ok(pid) => pid,
            Err(why) => {
                let command = &self.spec.command;
                steps.say(format!("[uwsgi-daemons] unable to spawn \"{command}\": {why}"));
                return self.respawn(now, steps);
            }
        };
        match (&self.spec.pidfile, self.spec.daemonize) {
            (None, _) => self.runs(pid, State::Up, now),
            (Some(path), true) => {
                steps.order(Order::WritePidfile { path: path.clone(), pid });
                self.runs(pid, State::Up, now);
                // The file may not get there.
                (self.confirmed, self.own) = (false, true);
            }
            (Some(_), false) => (self.pid, self.launcher) = (pid, pid),
        }
        if let Some(why) = self.ending {
            self.end(why, now, steps);
        }
    }

    /// Starts it again, at once or after a while.
    fn respawn(&mut self, now: Now, steps: &mut Steps<Order>) {
        (self.pid, self.launcher, self.up_since_us, self.own) = (0, 0, 0, false);
        if self.ending.is_some() {
            self.state = State::Gone;
            return;
        }
        let elapsed = now.seconds_since(self.last_spawn_us);
        let most = u64::from(self.spec.max_throttle);
        self.throttle_s = throttle::delay(self.spawns, elapsed, most);
        if self.throttle_s == 0 {
            return self.spawn(steps);
        }
        let (command, delay) = (&self.spec.command, self.throttle_s);
        steps.say(format!("[uwsgi-daemons] throttling \"{command}\" for {delay} seconds"));
        self.state = State::Throttled;
        self.respawn_us = now.us.saturating_add(delay.saturating_mul(SECOND));
    }

    /// A child of the master that [`Daemon::owns`] ended.
    pub(super) fn exited(&mut self, pid: i32, end: End, now: Now, steps: &mut Steps<Order>) {
        self.last_end = Some(end);
        if pid != self.pid && self.former.contains(&pid) {
            return self.former.retain(|former| *former != pid);
        }
        if pid == self.launcher {
            self.launcher = 0;
            return; // the daemon itself is found by its pidfile
        }
        if self.state == State::Stopping {
            return self.outlived(now, steps);
        }
        if self.spec.is_dumb() {
            // What its shell has left behind would run beside the next one.
            steps.order(self.signal(self.spec.stop_signal));
        }
        if self.spec.control {
            (self.pid, self.up_since_us, self.state) = (0, 0, State::Down);
            steps.order(Order::ShutDown);
            return;
        }
        self.respawn(now, steps);
    }

    /// The process that was asked to end has ended; others of its group may take longer.
    fn outlived(&mut self, now: Now, steps: &mut Steps<Order>) {
        match &mut self.farewell {
            Some(farewell) if self.spec.is_dumb() => {
                farewell.look_us = Some(now.us.saturating_add(LOOKS));
                steps.order(Order::LookAtGroup { id: self.id, group: self.pid });
            }
            _ => self.gone(steps),
        }
    }

    /// What a look at the group found.
    pub(super) fn group_seen(&mut self, lives: bool, now: Now, steps: &mut Steps<Order>) {
        let Some(farewell) = self.farewell.filter(|farewell| farewell.look_us.is_some()) else {
            return;
        };
        // Whom the kernel cannot kill is not waited for.
        let over = farewell.killed && now.us >= farewell.mercy_us.saturating_add(SECOND);
        if !lives || over {
            self.gone(steps);
        }
    }

    /// Stopping → Gone, or Down when only the lordship is lost.
    fn gone(&mut self, steps: &mut Steps<Order>) {
        if self.ending.is_some() {
            let (command, pid) = (&self.spec.command, self.pid);
            steps.say(format!("daemon \"{command}\" (pid: {pid}) annihilated"));
        }
        self.state = if self.ending.is_some() { State::Gone } else { State::Down };
        (self.pid, self.launcher, self.up_since_us, self.farewell) = (0, 0, 0, None);
    }

    /// Looks at the pidfile, if there is one that matters now.
    pub(super) fn second(&mut self, now: Now, look: super::Look, steps: &mut Steps<Order>) {
        let watched =
            matches!(self.state, State::Starting | State::Up | State::Adopted | State::Stopping);
        let Some(path) = self.spec.pidfile.as_ref().filter(|_| watched) else { return };
        let seen = look(path).sane();
        if let Pidfile::Unreadable(why) = &seen {
            self.complain(why, steps);
        }
        match seen {
            // Nobody tells the end of a process that is no child.
            Pidfile::Names { pid, alive: true } if self.state == State::Stopping => {
                self.found_stopping(pid, steps);
            }
            _ if self.state == State::Stopping && self.launcher != 0 => {}
            _ if self.state == State::Stopping => self.gone(steps),
            Pidfile::Names { pid, alive: true } => self.found(pid, now, steps),
            Pidfile::Names { pid, alive: false } => self.missed(pid, now, steps),
            Pidfile::Absent | Pidfile::Unreadable(_) => self.missed(0, now, steps),
        }
    }

    fn complain(&mut self, why: &str, steps: &mut Steps<Order>) {
        if self.complaint.as_deref() != Some(why) {
            let command = &self.spec.command;
            steps.say(format!("[uwsgi-daemons] no pid for \"{command}\": {why}"));
            self.complaint = Some(why.to_owned());
        }
    }

    fn found_stopping(&mut self, pid: i32, steps: &mut Steps<Order>) {
        if std::mem::replace(&mut self.pid, pid) != pid
            && self.farewell.is_some_and(|farewell| farewell.killed)
        {
            steps.order(self.signal(signal::KILL));
        }
    }

    fn found(&mut self, pid: i32, now: Now, steps: &mut Steps<Order>) {
        if pid != self.pid {
            let (command, old) = (&self.spec.command, self.pid);
            steps.say(format!(
                "[uwsgi-daemons] found changed pid for \"{command}\" (old_pid: {old} new_pid: {pid})"
            ));
        }
        let state = if self.state == State::Starting { State::Up } else { self.state };
        if pid != self.pid {
            self.give_up();
        }
        if pid != self.pid || !self.confirmed {
            self.runs(pid, state, now);
        }
    }

    /// The pidfile does not lead to a live process; `pid` is the one it names, 0 for none.
    fn missed(&mut self, pid: i32, now: Now, steps: &mut Steps<Order>) {
        if self.confirmed {
            self.replace(pid, steps);
            return self.respawn(now, steps);
        }
        self.checks += 1;
        if self.checks < self.spec.freq.max(1) {
            return;
        }
        let (command, old) = (&self.spec.command, self.pid);
        if self.launcher != 0 {
            steps.say(format!("[uwsgi-daemons] \"{command}\" (pid: {old}) did not daemonize !!!"));
            self.checks = 0;
            return;
        }
        steps.say(format!(
            "[uwsgi-daemons] found changed pidfile for \"{command}\" (old_pid: {old} new_pid: {pid})"
        ));
        self.replace(pid, steps);
        self.respawn(now, steps);
    }

    /// A process that we put in the background, and that is only not to be found, must not run
    /// beside the next one. `dead` is the process that is known not to live.
    fn replace(&mut self, dead: i32, steps: &mut Steps<Order>) {
        if self.own && self.pid > 0 && self.pid != dead {
            steps.order(self.signal(self.spec.stop_signal));
        }
        self.give_up();
    }

    /// Its process is the daemon no more; a child of ours is still buried as one.
    fn give_up(&mut self) {
        if std::mem::take(&mut self.own) && self.pid > 0 {
            self.former.push(self.pid);
        }
    }

    pub(super) fn touched(&self, file: &str, steps: &mut Steps<Order>) {
        let runs = matches!(self.state, State::Starting | State::Up | State::Adopted);
        if !runs || self.pid == 0 {
            return;
        }
        let (command, pid) = (&self.spec.command, self.pid);
        steps.say_dated(format!(
            "*** {file} has been touched... reloading daemon \"{command}\" (pid: {pid}) !!! ***"
        ));
        steps.order(self.signal(self.spec.stop_signal));
    }

    /// A process that put itself in the background need not lead a group.
    fn signal(&self, signal: i32) -> Order {
        let group = self.spec.is_dumb() || self.spec.daemonize;
        Order::Signal { pid: self.pid, group, signal }
    }

    /// This node is no lord any more.
    pub(super) fn dethroned(&mut self, now: Now, steps: &mut Steps<Order>) {
        if self.ending.is_some() || matches!(self.state, State::Down | State::Stopping) {
            return;
        }
        if self.pid == 0 {
            self.state = State::Down;
            return;
        }
        let (legion, command) =
            (self.spec.legion.as_deref().unwrap_or_default(), &self.spec.command);
        steps.say(format!(
            "[uwsgi_daemons] stopping legion \"{legion}\" daemon: {command} (pid: {})",
            self.pid
        ));
        self.farewell(self.spec.stop_signal, now, steps);
    }

    pub(super) fn stop(&mut self, why: Ending, now: Now, steps: &mut Steps<Order>) {
        if self.ending.replace(why).is_none() && self.state != State::Gone {
            self.end(why, now, steps);
        }
    }

    fn end(&mut self, why: Ending, now: Now, steps: &mut Steps<Order>) {
        let reload = (why == Ending::Reload).then_some(self.spec.reload_signal);
        let signal = reload.filter(|signal| *signal > 0).unwrap_or(self.spec.stop_signal);
        let stays = !self.spec.is_dumb() && self.spec.legion.is_none();
        match self.state {
            State::Down | State::Throttled | State::Gone => self.state = State::Gone,
            State::Stopping => {}
            State::Starting if self.pid == 0 => {} // ends as soon as it is known
            _ if stays => {
                if self.spec.notify_pid {
                    steps.order(self.signal(if reload == Some(0) { signal::HUP } else { signal }));
                }
                self.state = State::Gone;
            }
            State::Starting | State::Up | State::Adopted => {
                let (command, pid) = (&self.spec.command, self.pid);
                steps.say(format!("[uwsgi-daemons] stopping daemon (pid: {pid}): {command}"));
                self.farewell(signal, now, steps);
            }
        }
    }

    fn farewell(&mut self, signal: i32, now: Now, steps: &mut Steps<Order>) {
        steps.order(self.signal(signal));
        self.state = State::Stopping;
        self.farewell = Some(Farewell {
            signal,
            again_us: now.us.saturating_add(SECOND),
            mercy_us: now.us.saturating_add(self.mercy_s.saturating_mul(SECOND)),
            killed: false,
            look_us: None,
        });
    }

    pub(super) fn tick(&mut self, now: Now, steps: &mut Steps<Order>) {
        if self.state == State::Throttled && now.us >= self.respawn_us {
            return self.spawn(steps);
        }
        let Some(mut farewell) = self.farewell else { return };
        if farewell.look_us.is_some_and(|us| now.us >= us) {
            farewell.look_us = Some(now.us.saturating_add(LOOKS));
            steps.order(Order::LookAtGroup { id: self.id, group: self.pid });
        }
        let asked = !farewell.killed;
        if asked && now.us >= farewell.mercy_us {
            let (command, pid) = (&self.spec.command, self.pid);
            steps.say(format!(
                "[uwsgi-daemons] daemon did not die in time, killing (pid: {pid}): {command}"
            ));
            steps.order(self.signal(signal::KILL));
            farewell.killed = true;
        } else if asked && now.us >= farewell.again_us {
            steps.order(self.signal(farewell.signal));
            farewell.again_us = now.us.saturating_add(SECOND);
        }
        self.farewell = Some(farewell);
    }

    pub(super) fn due(&self) -> Option<u64> {
        match (self.state, self.farewell) {
            (State::Throttled, _) => Some(self.respawn_us),
            (State::Stopping, Some(farewell)) => {
                let asked = (!farewell.killed).then(|| farewell.mercy_us.min(farewell.again_us));
                asked.into_iter().chain(farewell.look_us).min()
            }
            _ => None,
        }
    }
}
