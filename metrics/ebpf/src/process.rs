//! Processes of this server, as programs know them: a table of pids that the master fills when it
//! starts a child and clears when it has buried it.
//!
//! Pids are those that the server itself sees; programs translate. Every process may register
//! itself or its child, twice does no harm.

use std::sync::atomic::Ordering::Relaxed;

use crate::live::Live;
use crate::maps::{NO_WORKER, PID_TRIES, PIDS};

/// What a process of this server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// The master.
    Master,
    /// The observer.
    Observer,
    /// A worker, from 1.
    Worker(u32),
    /// A mule, from 1.
    Mule(u32),
    /// A router, from 0.
    Gateway(u32),
}

/// Kinds of processes that are no workers, from 1 on: the high byte of their numbers.
const MASTER: u32 = 1;
const OBSERVER: u32 = 2;
const MULE: u32 = 3;
const GATEWAY: u32 = 4;

impl Process {
    /// The number in the table; never 0.
    pub fn number(self) -> u32 {
        let of = |kind: u32, id: u32| kind * NO_WORKER + id % NO_WORKER;
        match self {
            Process::Worker(id) => id.clamp(1, NO_WORKER - 1),
            Process::Master => of(MASTER, 0),
            Process::Observer => of(OBSERVER, 0),
            Process::Mule(id) => of(MULE, id),
            Process::Gateway(index) => of(GATEWAY, index),
        }
    }

    /// The reverse.
    pub fn of_number(number: u32) -> Option<Process> {
        let id = number % NO_WORKER;
        match number / NO_WORKER {
            0 if id > 0 => Some(Process::Worker(id)),
            MASTER => Some(Process::Master),
            OBSERVER => Some(Process::Observer),
            MULE => Some(Process::Mule(id)),
            GATEWAY => Some(Process::Gateway(id)),
            _ => None,
        }
    }
}

impl Live {
    /// A process of this server runs under this pid.
    pub fn register_process(&self, pid: i32, process: Process) -> bool {
        let Ok(pid @ 1..) = u64::try_from(pid) else { return false };
        let entry = pid << 32 | u64::from(process.number());
        let places = self.maps.pids.all();
        let of_pid = || places_of(pid).filter_map(|at| places.get(at));
        // Its own place first: behind one that became free it would stand twice.
        let own = of_pid().filter(|place| place.load(Relaxed) >> 32 == pid);
        let free = of_pid().filter(|place| place.load(Relaxed) == 0);
        own.chain(free).any(|place| {
            let seen = place.load(Relaxed);
            let mine = seen == 0 || seen >> 32 == pid;
            mine && place.compare_exchange(seen, entry, Relaxed, Relaxed).is_ok()
        })
    }

    /// A process has ended and was buried: the pid may be anybody's from now on.
    pub fn forget_process(&self, pid: i32) {
        let Ok(pid @ 1..) = u64::try_from(pid) else { return };
        self.forget_signals(pid);
        let places = self.maps.pids.all();
        for place in places_of(pid).filter_map(|at| places.get(at)) {
            let seen = place.load(Relaxed);
            if seen >> 32 == pid {
                let _ = place.compare_exchange(seen, 0, Relaxed, Relaxed);
            }
        }
    }

    /// No process and no thread is registered any more: a new image starts all of its children.
    pub fn forget_everybody(&self) {
        let tables = [&self.maps.pids, &self.maps.tids];
        tables.iter().flat_map(|table| table.all()).for_each(|place| place.store(0, Relaxed));
        self.maps.threads.iter().for_each(|row| row.request.set(0));
    }
}

fn places_of(pid: u64) -> impl Iterator<Item = usize> {
    (0..PID_TRIES).map(move |i| (pid as usize + i) % PIDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_has_a_number_of_its_own() {
        let all = [
            Process::Master,
            Process::Observer,
            Process::Worker(1),
            Process::Worker(300),
            Process::Mule(1),
            Process::Gateway(0),
            Process::Gateway(1),
        ];
        for process in all {
            assert_eq!(Process::of_number(process.number()), Some(process));
            assert_eq!(process.number() < NO_WORKER, matches!(process, Process::Worker(_)));
        }
        assert_eq!(Process::of_number(0), None);
    }
}
