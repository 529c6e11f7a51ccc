//! Who ended a child, as the probe in the kernel saw it: the line behind the one that tells of a
//! death, and the count. Part of the master.
//!
//! It owns the rows of [`KillRow`] in the arena. Without the probe it says and counts nothing.

use uwsgi_ebpf::{Killer, Live, Process, Sender};
use uwsgi_metrics::{Arena, KILLS, KillRow};
use uwsgi_sys::process::{self, Ended};
use uwsgi_sys::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::children::Role;
use super::fate::Shot;
use crate::instance::Instance;
use crate::log;

/// The probe that knows.
const PROBE: &str = "signals";

/// A child that has ended and was not yet forgotten by the probes.
pub(super) struct Ending {
    pub role: Role,
    pub pid: i32,
    pub ended: Ended,
    /// Why the master killed it, if it did.
    pub shot: Option<Shot>,
    /// The master wanted it to end.
    pub wanted: bool,
}

impl Ending {
    /// Says who ended it, and counts that.
    pub(super) fn tell(&self, instance: &Instance) {
        let Some(probes) = instance.probes.filter(|probes| probes.has(PROBE)) else { return };
        match self.ended {
            Ended::Signal(signal) => self.killed(probes, &instance.arena, signal),
            Ended::Code(_) if !self.wanted => self.asked(probes),
            Ended::Code(_) => {}
        }
    }

    fn killed(&self, probes: &Live, arena: &Arena, signal: i32) {
        let killer = probes.killer(self.pid, signal);
        if let Some(killer) = &killer
            && !(self.wanted && by_master(killer) && self.shot.is_none())
        {
            let (name, pid, why) = (self.role, self.pid, self.why(killer));
            log!("{name} (pid: {pid}) was killed by signal {signal} {killer}{why}");
        }
        if matches!(self.role, Role::Worker(_)) {
            let by = killer.map_or_else(|| b"unknown".to_vec(), |killer| killer.sender.by());
            count(arena, &by, signal);
        }
    }

    /// It ended in its own way, but somebody else had asked it to.
    fn asked(&self, probes: &Live) {
        if let Some((signal, sender)) = probes.asked(self.pid) {
            let (name, pid) = (self.role, self.pid);
            log!("{name} (pid: {pid}) had been asked to end by signal {signal} sent by {sender}");
        }
    }

    fn why(&self, killer: &Killer) -> &'static str {
        match self.shot.filter(|_| by_master(killer)) {
            Some(Shot::Harakiri) => " (harakiri)",
            Some(Shot::NoMercy) => " (no mercy)",
            Some(Shot::Evil) => " (memory)",
            Some(Shot::Asked) | None => "",
        }
    }
}

/// The master was asked to end or to reload: says by whom.
pub(super) fn tell_sender(instance: &Instance, signal: i32) {
    let Some(probes) = instance.probes.filter(|probes| probes.has(PROBE)) else { return };
    if matches!(signal, SIGHUP | SIGINT | SIGQUIT | SIGTERM)
        && let Some(killer) = probes.killer(process::pid(), signal)
    {
        log!("the master got signal {signal} {killer}");
    }
}

fn by_master(killer: &Killer) -> bool {
    matches!(killer.sender, Sender::Own(Process::Master, _))
}

/// One more end by this signal from this sender. The last row is for those that find no row.
fn count(arena: &Arena, by: &[u8], signal: i32) {
    let signal = signal as u64;
    // A command may have taken its name away; a row without one is free.
    let by = if by.is_empty() { b"unnamed" } else { by };
    let rows = (0..KILLS - 1).map(|index| arena.kill(index));
    let fits =
        |row: &&KillRow| row.by.get().is_empty() || row.by.is(by) && row.signal.get() == signal;
    let row = rows.into_iter().find(fits).unwrap_or_else(|| arena.kill(KILLS - 1));
    if row.by.get().is_empty() {
        let last = std::ptr::eq(row, arena.kill(KILLS - 1));
        row.signal.set(if last { 0 } else { signal });
        row.by.set(if last { b"other" } else { by });
    }
    row.count.add(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::Shape;

    #[test]
    fn a_command_without_a_name_has_a_row_of_its_own() {
        let shape = Shape { workers: 1, cores: 1, probes: 1, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        for by in [&b""[..], b"", b"bash"] {
            count(&arena, by, 9);
        }
        let kills = arena.snapshot().kernel.unwrap().kills;
        let seen: Vec<_> = kills.into_iter().map(|row| (row.by, row.count)).take(2).collect();
        assert_eq!(seen, [(b"unnamed".to_vec(), 2), (b"bash".to_vec(), 1)]);
    }

    #[test]
    fn every_sender_has_a_row_as_long_as_there_are_rows() {
        let shape = Shape { workers: 1, cores: 1, probes: 1, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        for _ in 0..3 {
            (0..40).for_each(|n| count(&arena, format!("killer-{n}").as_bytes(), 9));
        }
        count(&arena, b"killer-0", 15);
        let kernel = arena.snapshot().kernel.unwrap();
        assert_eq!(kernel.kills.len(), KILLS as usize);
        let (last, own) = kernel.kills.split_last().unwrap();
        for (n, row) in own.iter().enumerate() {
            assert_eq!((row.by.clone(), row.count), (format!("killer-{n}").into_bytes(), 3));
        }
        assert_eq!((&last.by[..], last.signal, last.count), (&b"other"[..], 0, 9 * 3 + 1));
    }
}
