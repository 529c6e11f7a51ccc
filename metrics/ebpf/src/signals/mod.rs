//! Signals: who ended a process of this server.
//!
//! The program at `signal_generate` keeps the last signals that can end one of our processes and
//! that were really queued: to whom, from whom, why. One at `mark_victim` says which process was
//! chosen when memory ran out. The table is a ring; when the master buries a child, it looks there
//! for the signal that ended it. A signal that was ignored, or came after a deadly one, is not kept.
//! A death whose signal was overwritten meanwhile by hundreds of others is counted as by `unknown`.
//!
//! Cost, measured on a 6.18 kernel with the kernel's own count (`kernel.bpf_stats_enabled`, which is
//! part of the figures): 60 ns for a signal of a kind that ends nobody, 95 ns for one to a process of
//! somebody else, 330 ns for one that is kept. Requests send no signals: 0 events per request.

mod killer;

use uwsgi_metrics::{EndCells, EndRow};

use crate::live::Live;
use crate::probe::{Probe, Program};
pub use killer::{Killer, Sender};

pub(crate) const PROBE: Probe = Probe {
    name: "signals",
    about: "who ended a worker: sender of the signal, or out of memory",
    default: true,
    programs: &[
        Program {
            name: "signals_sent",
            tracepoint: "signal_generate",
            gives: "senders of signals",
        },
        Program {
            name: "signals_oom",
            tracepoint: "mark_victim",
            gives: "victims of the oom-killer",
        },
    ],
};

impl Live {
    /// Who ended the process `pid` by this signal, as far as it was seen.
    pub fn killer(&self, pid: i32, signal: i32) -> Option<Killer> {
        killer::judge(&self.sent(pid), signal)
    }

    /// The last signal that asks to end, and who sent it, when that was not the master.
    pub fn asked(&self, pid: i32) -> Option<(u64, Sender)> {
        killer::asked(&self.sent(pid))
    }

    /// The signals that a process got, oldest first.
    fn sent(&self, pid: i32) -> Vec<EndCells> {
        let ours = self.maps.ends.iter().skip(1).filter(|row| row.pid.get() == pid as u64);
        let mut sent: Vec<_> = ours.map(EndRow::read).filter(|row| row.number > 0).collect();
        sent.sort_by_key(|row| row.number);
        sent
    }

    /// What was sent to a process that is no more does not count for the next one of its pid.
    pub(crate) fn forget_signals(&self, pid: u64) {
        for row in self.maps.ends.iter().skip(1).filter(|row| row.pid.get() == pid) {
            row.pid.set(0);
        }
    }
}
