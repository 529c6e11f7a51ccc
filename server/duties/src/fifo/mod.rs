//! The master FIFO: bytes in, commands out.
//!
//! It owns the table of all 256 bytes, the slots and which of them is open, and whether
//! subscriptions are blocked. A byte without a meaning is counted and ignored. The reader is
//! expected to hold the FIFO open for writing too, so that it never sees an end and the path is
//! never missing; a change of the slot therefore takes effect at once.
//!
//! Lines that belong to what a command starts (a reload, a stop) are said by whoever does it. How
//! fast bytes are taken is the business of [`Flow`].

mod flow;
mod table;

pub use flow::{Flow, ROOM};
pub use table::{Command, Meaning, Table};

use crate::{Line, Now, SECOND, Steps};

/// What the copy of the master says before it becomes the new one.
pub const FORKING: &str = "fork()'ing uWSGI...";

/// What the old master says after [`Command::Fork`].
pub fn forked(pid: i32) -> Line {
    Line::dated(format!("new master copy spawned with pid {pid}"))
}

/// What is said before each file of [`Command::WritePidfiles`].
pub fn writing_pidfile(path: &str) -> Line {
    Line::plain(format!("writing pidfile to {path}"))
}

/// What `vacuum` says of a FIFO that it has removed.
pub fn removed(path: &str) -> Line {
    Line::plain(format!("VACUUM: master fifo {path} removed."))
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Create and open another FIFO; unlink and close the one that is open.
    Open {
        /// The path to open.
        path: String,
        /// The path to give up.
        leave: String,
    },
    /// So many workers more (or fewer, below zero); never 0.
    Workers(i64),
    /// Send no subscriptions, or send them again.
    Subscriptions {
        /// None are to be sent.
        blocked: bool,
    },
    /// A command.
    Obey {
        /// The byte that stands for it.
        byte: u8,
        /// What it asks for.
        command: Command,
    },
}

/// The FIFOs of an instance and what came through them.
#[derive(Debug)]
pub struct Fifo {
    /// Path of each slot, in the order of the options; only 0 to 9 can be chosen.
    slots: Vec<String>,
    active: usize,
    table: Table,
    blocked: bool,
    received: [u64; 256],
    /// Bytes without a meaning that were told of, the last of them, and when to tell next.
    told: u64,
    stranger: u8,
    next_telling_us: u64,
}

impl Fifo {
    /// `slots` are the values of `master-fifo`; `blocked` is `start-unsubscribed`. `None` without
    /// a slot.
    pub fn new(slots: Vec<String>, table: Table, blocked: bool) -> Option<Fifo> {
        let some = !slots.is_empty();
        some.then_some(Fifo {
            slots,
            active: 0,
            table,
            blocked,
            received: [0; 256],
            told: 0,
            stranger: 0,
            next_telling_us: 0,
        })
    }

    /// Begins with another slot than the first: a master that was replaced gave its FIFO up to the
    /// one that reads the first slot now.
    pub fn start_at(&mut self, slot: usize) {
        if slot < self.slots.len() {
            self.active = slot;
        }
    }

    /// Path of the FIFO that is open; also what `vacuum` removes.
    pub fn path(&self) -> &str {
        self.slots.get(self.active).or(self.slots.first()).map_or("", String::as_str)
    }

    /// Number of the slot that is open.
    pub fn slot(&self) -> usize {
        self.active
    }

    /// Subscriptions are blocked.
    pub fn subscriptions_blocked(&self) -> bool {
        self.blocked
    }

    /// How often `byte` came.
    pub fn received(&self, byte: u8) -> u64 {
        self.received.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// How many commands came.
    pub fn commands(&self) -> u64 {
        let known = (0..=u8::MAX).filter(|byte| self.is_command(*byte));
        known.map(|byte| self.received(byte)).sum()
    }

    /// How many bytes came that have no meaning. White space stands between commands.
    pub fn unknown(&self) -> u64 {
        let unknown = (0..=u8::MAX).filter(|byte| self.is_strange(*byte));
        unknown.map(|byte| self.received(byte)).sum()
    }

    /// Whether `byte` asks for something.
    pub fn is_command(&self, byte: u8) -> bool {
        self.table.get(byte).is_some()
    }

    /// Whether `byte` means nothing.
    pub fn is_strange(&self, byte: u8) -> bool {
        !self.is_command(byte) && !byte.is_ascii_whitespace()
    }

    /// The line about bytes without a meaning, when there are new ones and a second has passed
    /// since the last line.
    pub fn complaint(&mut self, now: Now) -> Option<Line> {
        let new = self.unknown().saturating_sub(self.told);
        if new == 0 || now.us < self.next_telling_us {
            return None;
        }
        self.told = self.told.saturating_add(new);
        self.next_telling_us = now.us.saturating_add(SECOND);
        let (bytes, last) = (if new == 1 { "byte" } else { "bytes" }, self.stranger);
        let path = self.path();
        Some(Line::dated(format!(
            "master fifo {path}: {new} {bytes} without a meaning ignored (the last was 0x{last:02x})"
        )))
    }

    /// Bytes that were read, in their order. `governed`: there is an Emperor.
    ///
    /// Requests for more and fewer workers that follow each other are summed up, and other
    /// requests that repeat the one in front of them ask for nothing new, unless they toggle.
    pub fn read(&mut self, bytes: &[u8], governed: bool) -> Steps<Order> {
        let mut steps = Steps::new();
        let mut workers = 0i64;
        let mut before = None;
        for &byte in bytes {
            if self.is_strange(byte) {
                self.stranger = byte;
            }
            let again = before.replace(byte) == Some(byte);
            if let Some(count) = self.received.get_mut(usize::from(byte)) {
                *count = count.saturating_add(1);
            }
            let Some(meaning) = self.table.get(byte) else { continue };
            if again && !meaning.adds_up() {
                continue;
            }
            if !matches!(meaning, Meaning::Workers(_)) {
                flush(&mut workers, &mut steps);
            }
            match meaning {
                Meaning::Slot(slot) => self.choose(slot, &mut steps),
                Meaning::Workers(more) => workers = workers.saturating_add(more.into()),
                Meaning::Subscriptions => self.subscriptions(&mut steps),
                Meaning::Command(Command::Reinforcement) if !governed => {
                    steps.say("[broodlord] instance not governed by an Emperor !!!");
                }
                Meaning::Command(command) => steps.order(Order::Obey { byte, command }),
            }
        }
        flush(&mut workers, &mut steps);
        steps
    }

    /// A slot that does not exist stands for the first one.
    fn choose(&mut self, slot: u8, steps: &mut Steps<Order>) {
        let slot = usize::from(slot);
        let leave = self.path().to_owned();
        self.active = if slot < self.slots.len() { slot } else { 0 };
        let path = self.path().to_owned();
        steps.say_dated(format!("active master fifo is now {path}"));
        if path != leave {
            steps.order(Order::Open { path, leave });
        }
    }

    fn subscriptions(&mut self, steps: &mut Steps<Order>) {
        self.blocked = !self.blocked;
        steps.say_dated(match self.blocked {
            true => "subscriptions blocked",
            false => "subscriptions re-enabled",
        });
        steps.order(Order::Subscriptions { blocked: self.blocked });
    }
}

fn flush(workers: &mut i64, steps: &mut Steps<Order>) {
    match std::mem::take(workers) {
        0 => {}
        more => steps.order(Order::Workers(more)),
    }
}

#[cfg(test)]
mod tests;
