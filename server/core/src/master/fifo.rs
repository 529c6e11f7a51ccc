//! Commands that come through the master's FIFO. Part of the master.
//!
//! It owns the open FIFO while the master runs: it is read in bounded portions, made again when its
//! path has gone, given up when another process took the path over. What a command means lies in
//! `uwsgi_duties::fifo`; this file leads each order to the duty that carries it out.

use std::path::Path;
use std::time::Instant;

use uwsgi_duties::fifo::{Command, Fifo, Flow, Order, ROOM};

use super::{Master, edge, report};
use crate::fifo::{self, Pipe, Place};
use crate::instance::Instance;
use crate::{log, logv, pidfile};

/// The FIFO of a running master.
pub(super) struct Commands {
    duty: Fifo,
    flow: Flow,
    /// Nothing while its path cannot be made, or belongs to another process.
    pipe: Option<Pipe>,
    /// The loop wakes up for it.
    watched: bool,
    /// It was said that the path cannot be made.
    told: bool,
}

impl Commands {
    /// Takes over what was opened before the first fork, if anything could be; nothing without the
    /// option.
    pub(super) fn take(instance: &Instance) -> Option<Commands> {
        let pipe = instance.fifo.lock().ok()?.take();
        let duty = fifo::duty(instance, pipe.as_ref().map_or(0, |pipe| pipe.slot))?;
        show(instance, pipe.as_ref());
        Some(Commands { duty, flow: Flow::default(), pipe, watched: false, told: false })
    }

    /// Leaves the FIFO for the next image, or for `vacuum`.
    pub(super) fn leave(self, instance: &Instance) {
        if let Ok(mut place) = instance.fifo.lock() {
            *place = self.pipe;
        }
    }

    /// The descriptor, which children have no use for.
    pub(super) fn fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.pipe.as_ref().map(|pipe| std::os::fd::AsFd::as_fd(&pipe.fd))
    }
}

/// Where commands may be sent, for everybody who looks at the arena.
fn show(instance: &Instance, pipe: Option<&Pipe>) {
    let path = pipe.map(Pipe::absolute).unwrap_or_default();
    instance.arena.globals().fifo.set(path.to_string_lossy().as_bytes());
}

impl Master<'_> {
    /// Reads commands and obeys them, each turn a few.
    pub(super) fn obey(&mut self) {
        let Some(mut commands) = self.commands.take() else { return };
        let now = edge::now();
        let room = commands.flow.room(now);
        if let Some(pipe) = commands.pipe.as_ref().filter(|_| room > 0) {
            let mut bytes = [0; ROOM];
            let (bytes, _) = bytes.split_at_mut(room.min(ROOM));
            commands.flow.put(pipe.read(bytes));
        }
        let bytes = commands.flow.take(now, |byte| commands.duty.is_command(byte));
        let steps = commands.duty.read(&bytes, false);
        self.mind_watch(&mut commands);
        let globals = self.instance.arena.globals();
        globals.fifo_commands.add(count(&bytes, |byte| commands.duty.is_command(byte)));
        globals.fifo_unknown.add(count(&bytes, |b| commands.duty.is_strange(b)));
        self.commands = Some(commands);
        edge::carry_out(steps, |order| self.carry_out_command(order));
    }

    /// The FIFO wakes the loop while it may be read.
    fn mind_watch(&self, commands: &mut Commands) {
        let Some(pipe) = &commands.pipe else { return };
        let wanted = commands.flow.due().is_none();
        if wanted && !commands.watched {
            commands.watched = self.watch(&pipe.fd).is_ok();
        } else if !wanted && commands.watched {
            self.unwatch(&pipe.fd);
            commands.watched = false;
        }
    }

    /// When commands that were read already are to be obeyed.
    pub(super) fn commands_due(&self) -> Option<Instant> {
        self.commands.as_ref()?.flow.due().map(edge::instant)
    }

    fn carry_out_command(&mut self, order: Order) {
        match order {
            Order::Open { path, leave } => self.change_fifo(&path, &leave),
            Order::Workers(delta) => self.cheaper_asked(delta),
            // There are none to act on.
            Order::Subscriptions { .. } => {}
            Order::Obey { byte, command } => self.obey_command(byte, command),
        }
    }

    fn obey_command(&mut self, byte: u8, command: Command) {
        match command {
            Command::Stop => self.stop(0),
            Command::StopGracefully => self.shut_down(),
            Command::Reload => self.reload(true),
            Command::ReloadBrutally => self.reload(false),
            Command::WritePidfiles => pidfile::rewrite_all(self.instance),
            Command::ReloadWorkers => self.workers_reload(false),
            Command::KillWorkers => self.workers_reload(true),
            Command::ReloadChain => self.chain_reload(false),
            Command::Fork => self.refork(),
            Command::Report => report::counters(self.instance),
            Command::GoCheap => self.go_cheap(),
            Command::Pause => self.pause_toggle(),
            // There is no Emperor.
            Command::Rescan | Command::Reinforcement => {}
            Command::ReopenLog => self.log_file.reopen(self.instance),
            Command::RotateLog => self.log_file.rotate(self.instance),
            Command::Plugin(_) => unable(byte, "ask a plugin", "commands of plugins"),
        }
    }

    /// Another slot: its FIFO is there before the present one goes.
    fn change_fifo(&mut self, path: &str, leave: &str) {
        let Some(mut commands) = self.commands.take() else { return };
        let slot = commands.duty.slot();
        match Pipe::create(slot, Path::new(path)) {
            Ok(pipe) => {
                self.give_up(&mut commands);
                self.take_up(&mut commands, pipe);
            }
            Err(text) => {
                let slots = &self.instance.settings.policy.control.fifos;
                let before = slots.iter().position(|slot| slot == leave).unwrap_or(0);
                commands.duty.start_at(before);
                log!("{text}\nactive master fifo is still {leave}");
            }
        }
        self.commands = Some(commands);
    }

    fn take_up(&self, commands: &mut Commands, pipe: Pipe) {
        show(self.instance, Some(&pipe));
        (commands.pipe, commands.watched) = (Some(pipe), false);
        self.mind_watch(commands);
    }

    fn give_up(&self, commands: &mut Commands) {
        let Some(pipe) = commands.pipe.take() else { return };
        self.unwatch(&pipe.fd);
        commands.watched = false;
        pipe.remove();
    }

    /// Each second: whether the path is still ours, and what came that means nothing.
    pub(super) fn mind_fifo(&mut self) {
        let Some(mut commands) = self.commands.take() else { return };
        if let Some(line) = commands.duty.complaint(edge::now()) {
            log::say(&line);
        }
        let place = commands.pipe.as_ref().map(Pipe::place);
        match place {
            Some(Place::Ours) => {}
            Some(Place::Foreign) if fifo::is_nobodys(Path::new(commands.duty.path())) => {
                let path = commands.duty.path();
                logv!("master fifo {path} was replaced by what nobody reads: making it again");
                self.make_again(&mut commands);
            }
            Some(Place::Foreign) => self.lose(&mut commands),
            Some(Place::Missing) => {
                logv!("master fifo {} was removed: making it again", commands.duty.path());
                self.make_again(&mut commands);
            }
            None if is_free(Path::new(commands.duty.path())) => {
                logv!("master fifo {} is nobody's now: making it again", commands.duty.path());
                self.make_again(&mut commands);
            }
            None => {}
        }
        self.commands = Some(commands);
    }

    /// Two masters must not fight for one path: who came later has it.
    fn lose(&self, commands: &mut Commands) {
        let path = commands.duty.path();
        logv!("master fifo {path} was taken over by another process: this instance has none now");
        if let Some(pipe) = commands.pipe.take() {
            self.unwatch(&pipe.fd);
        }
        (commands.watched, commands.told) = (false, false);
        show(self.instance, None);
    }

    fn make_again(&self, commands: &mut Commands) {
        let slot = commands.duty.slot();
        match Pipe::create(slot, Path::new(commands.duty.path())) {
            Ok(pipe) => {
                if let Some(old) = commands.pipe.take() {
                    self.unwatch(&old.fd);
                }
                commands.told = false;
                self.take_up(commands, pipe);
            }
            Err(text) if !commands.told => {
                commands.told = true;
                logv!("{text}");
            }
            Err(_) => {}
        }
    }
}

/// Nothing is there, or nothing that somebody serves.
fn is_free(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err() || fifo::is_nobodys(path)
}

/// A command of which a part of the server is missing.
fn unable(byte: u8, what: &str, missing: &str) {
    let byte = byte.escape_ascii();
    logv!(
        "*** WARNING: master fifo: \"{byte}\" ({what}) is ignored: it needs {missing}, not \
         implemented yet ***"
    );
}

fn count(bytes: &[u8], which: impl Fn(u8) -> bool) -> u64 {
    bytes.iter().filter(|byte| which(**byte)).count() as u64
}
