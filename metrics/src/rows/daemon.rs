//! The daemon row: one program that runs beside the server.

use super::row;
use crate::cells::{Counter, Gauge, Text};

row! {
    /// One row per attached daemon in option order, written by the master alone.
    pub struct DaemonRow => DaemonCells {
        /// Its command; what does not fit is cut off. Empty marks an unused row.
        pub command: Text<64>,
        /// A [`DaemonState`].
        pub state: Gauge,
        /// Process id, 0 when none is known.
        pub pid: Gauge,
        /// Starts including the first.
        pub spawns: Counter,
        /// Seconds that the last respawn had to wait.
        pub throttle_s: Gauge,
        /// Since when its process is known to run, epoch seconds; 0 without one.
        pub since: Gauge,
        /// How its last process that was a child of the master ended, as shells count (128 more
        /// than the signal), and one more; 0 when none did.
        pub last_exit: Gauge,
    }
}

/// Where a daemon stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum DaemonState {
    /// It does not run and shall not.
    Down = 1,
    /// It was started and has not shown itself yet.
    Starting = 2,
    /// It runs.
    Up = 3,
    /// It ran already when the instance began.
    Adopted = 4,
    /// It died too early: the next start waits.
    Throttled = 5,
    /// It was asked to end.
    Stopping = 6,
    /// The instance waits for it no more.
    Gone = 7,
}

/// Names of the states, from 0, which is none.
const STATES: [&str; 8] =
    ["", "down", "starting", "up", "adopted", "throttled", "stopping", "gone"];

impl DaemonRow {
    /// Makes the row that of this command; what is known of another one ends.
    pub fn assign(&self, command: &str) {
        let kept = command.as_bytes().get(..Text::<64>::CAPACITY).unwrap_or(command.as_bytes());
        if !self.command.is(kept) {
            [&self.state, &self.pid, &self.throttle_s, &self.since, &self.last_exit]
                .into_iter()
                .for_each(|cell| cell.set(0));
            self.spawns.set(0);
            self.command.set(kept);
        }
    }
}

impl DaemonCells {
    /// The state as a word.
    pub fn state_name(&self) -> &'static str {
        usize::try_from(self.state).ok().and_then(|at| STATES.get(at)).unwrap_or(&"")
    }

    /// Its process runs, as far as the master knows.
    pub fn is_up(&self) -> bool {
        [DaemonState::Up as u64, DaemonState::Adopted as u64].contains(&self.state)
    }

    /// Starts beyond the first.
    pub fn respawns(&self) -> u64 {
        self.spawns.saturating_sub(1)
    }

    /// How its last process ended, as shells count.
    pub fn exit_status(&self) -> Option<u64> {
        self.last_exit.checked_sub(1)
    }

    /// The same as a text, empty when none did.
    pub fn exit_text(&self) -> String {
        match self.exit_status() {
            None => String::new(),
            Some(status) if status > 128 => format!("signal {}", status - 128),
            Some(status) => format!("exit code {status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arena, Shape};

    #[test]
    fn a_row_keeps_its_counts_while_it_is_the_same_daemon() {
        let arena = Arena::create(&Shape { daemons: 1, ..Shape::default() }).unwrap();
        let (row, long) = (arena.daemon(0), "x".repeat(600));
        row.assign(&long);
        row.spawns.set(3);
        row.assign(&long);
        assert_eq!((row.spawns.get(), row.command.get().len()), (3, 512));
        row.assign("redis");
        assert_eq!((row.spawns.get(), row.command.get()), (0, b"redis".to_vec()));
    }

    #[test]
    fn an_end_is_told_as_shells_count() {
        for (cell, status, text) in [
            (0, None, ""),
            (1, Some(0), "exit code 0"),
            (128, Some(127), "exit code 127"),
            (138, Some(137), "signal 9"),
        ] {
            let cells = DaemonCells { last_exit: cell, ..DaemonCells::default() };
            assert_eq!((cells.exit_status(), cells.exit_text().as_str()), (status, text));
        }
    }

    #[test]
    fn a_state_is_a_word() {
        let name = |state| DaemonCells { state, ..DaemonCells::default() }.state_name();
        assert_eq!(name(DaemonState::Adopted as u64), "adopted");
        assert_eq!((name(0), name(99)), ("", ""), "nothing is known of it");
    }
}
