//! What each process uses and holds, looked up in `/proc` once per second.
//!
//! Owns the order of looking: what is cheap is read of everybody each time; the switches of processes
//! with many threads, and the shares of memory (a walk over all mappings), of a few at a time, so
//! that a look costs about the same however large the instance is.

use std::collections::VecDeque;

use uwsgi_metrics::{Gauge, Used, UsedCells};
use uwsgi_sys::process::max_files;
use uwsgi_sys::procfs::{self, Status, Usage};

use crate::instance::Instance;

/// Status files read of one process in one look; with more threads it takes several looks until
/// its switches are read again.
const STATUS_FILES: u64 = 8;

/// Seconds over which the recent response time is a mean.
const WINDOW: usize = 60;

/// What is kept between looks.
pub(super) struct Processes {
    looks: u64,
    /// Requests and running time of each worker, one for each of the last seconds.
    windows: Vec<VecDeque<(u64, u64)>>,
}

/// One look at one process.
struct Look {
    usage: Usage,
    status: Option<Status>,
    open_fds: u64,
}

impl Look {
    fn at(pid: i32, looks: u64) -> Option<Look> {
        let usage = procfs::usage(pid)?;
        let every = usage.threads.div_ceil(STATUS_FILES).max(1);
        let due = (looks + u64::from(pid.unsigned_abs())).is_multiple_of(every);
        let status = due.then(|| procfs::status(pid, usage.threads)).flatten();
        Some(Look { usage, status, open_fds: procfs::open_files(pid) })
    }

    fn used(&self) -> UsedCells {
        used(&self.usage, &self.status.unwrap_or_default())
    }
}

fn used(usage: &Usage, status: &Status) -> UsedCells {
    UsedCells {
        user_us: usage.user_us,
        system_us: usage.system_us,
        voluntary: status.voluntary,
        involuntary: status.involuntary,
        minor_faults: usage.minor_faults,
        major_faults: usage.major_faults,
    }
}

/// The last look at a process that has ended but is not buried: what it used since the one before.
pub(crate) fn last_look(row: &Used, pid: i32) {
    if let Some(usage) = procfs::usage(pid) {
        let status = procfs::status(pid, 1).unwrap_or_default();
        row.end(u64::from(pid.unsigned_abs()), &used(&usage, &status));
    }
}

impl Processes {
    pub(super) fn new(instance: &Instance) -> Processes {
        let windows = (0..instance.settings.processes).map(|_| VecDeque::new()).collect();
        Processes { looks: 0, windows }
    }

    /// Looks at every process of the instance.
    pub(super) fn look(&mut self, instance: &Instance) {
        self.looks += 1;
        for id in 1..=instance.settings.processes {
            self.worker(instance, id);
        }
        self.recent(instance);
        for index in 0..instance.arena.shape().gateways {
            self.gateway(instance, index);
        }
        (1..=instance.arena.shape().mules).for_each(|id| self.mule(instance, id));
        self.master(instance);
        self.observer(instance);
        if instance.settings.memory_shares {
            shares(instance, self.looks);
        }
    }

    fn worker(&self, instance: &Instance, id: u32) {
        let row = instance.arena.worker(id);
        let Some(pid) = alive(row.pid.get()) else { return };
        let Some(look) = Look::at(pid, self.looks) else { return };
        row.threads.set(look.usage.threads);
        row.open_fds.set(look.open_fds);
        row.used.look(row.pid.get(), &look.used());
        if let Some(status) = look.status {
            row.swap.set(status.swap);
        }
        if instance.settings.memory_report {
            row.rss.set(look.usage.rss);
            row.vsz.set(look.usage.vsz);
        }
    }

    fn mule(&self, instance: &Instance, id: u32) {
        let row = instance.arena.mule(id);
        let held = [&row.rss, &row.vsz, &row.threads, &row.open_fds, &row.swap];
        self.beside(row.pid.get(), &row.used, held);
    }

    fn gateway(&self, instance: &Instance, index: u32) {
        let row = instance.arena.gateway(index);
        let held = [&row.rss, &row.vsz, &row.threads, &row.open_fds, &row.swap];
        self.beside(row.pid.get(), &row.used, held);
    }

    /// A process that serves no app: what it used, and what it holds.
    fn beside(&self, pid: u64, used: &Used, [rss, vsz, threads, open_fds, swap]: [&Gauge; 5]) {
        let Some(look) = alive(pid).and_then(|pid| Look::at(pid, self.looks)) else { return };
        used.look(pid, &look.used());
        rss.set(look.usage.rss);
        vsz.set(look.usage.vsz);
        threads.set(look.usage.threads);
        open_fds.set(look.open_fds);
        if let Some(status) = look.status {
            swap.set(status.swap);
        }
    }

    fn master(&self, instance: &Instance) {
        let pid = instance.master_pid();
        let Some(look) = Look::at(pid, self.looks) else { return };
        let globals = instance.arena.globals();
        globals.master_used.look(u64::from(pid.unsigned_abs()), &look.used());
        globals.master_rss.set(look.usage.rss);
        globals.master_vsz.set(look.usage.vsz);
        globals.master_threads.set(look.usage.threads);
        globals.master_open_fds.set(look.open_fds);
        globals.master_max_fds.set(max_files());
        globals.master_swap.set(look.status.map_or(0, |s| s.swap));
    }

    fn observer(&self, instance: &Instance) {
        let pid = uwsgi_sys::process::pid();
        let Some(look) = Look::at(pid, self.looks) else { return };
        let globals = instance.arena.globals();
        globals.observer_used.look(u64::from(pid.unsigned_abs()), &look.used());
        globals.observer_rss.set(look.usage.rss);
        globals.observer_vsz.set(look.usage.vsz);
        globals.observer_threads.set(look.usage.threads);
        globals.observer_open_fds.set(look.open_fds);
        globals.observer_swap.set(look.status.map_or(0, |s| s.swap));
    }

    /// The mean response time of the last minute: what the requests that ended in it took.
    fn recent(&mut self, instance: &Instance) {
        for (id, window) in (1..).zip(&mut self.windows) {
            let cores = (0..instance.settings.threads).map(|core| instance.arena.core(id, core));
            let now = cores.fold((0, 0), |(requests, time), core| {
                (requests + core.requests.get(), time + core.running_time_us.get())
            });
            instance.arena.worker(id).avg_rt_1m_us.set(mean_since(window, now));
        }
    }
}

/// Adds the counts of this second to the window; mean time of the requests inside of it.
fn mean_since(window: &mut VecDeque<(u64, u64)>, now: (u64, u64)) -> u64 {
    let oldest = *window.front().unwrap_or(&now);
    window.push_back(now);
    if window.len() > WINDOW {
        window.pop_front();
    }
    let (requests, time) = (now.0.saturating_sub(oldest.0), now.1.saturating_sub(oldest.1));
    time.checked_div(requests).unwrap_or(0)
}

fn alive(pid: u64) -> Option<i32> {
    i32::try_from(pid).ok().filter(|pid| *pid > 0)
}

/// Memory by who else uses it: one worker in each look, in turn.
fn shares(instance: &Instance, looks: u64) {
    let workers = u64::from(instance.settings.processes.max(1));
    let row = instance.arena.worker((looks % workers) as u32 + 1);
    if let Some(shares) = alive(row.pid.get()).and_then(procfs::shares) {
        row.uss.set(shares.uss);
        row.pss.set(shares.pss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recent_mean_forgets_what_is_older_than_its_window() {
        let mut window = VecDeque::new();
        assert_eq!(mean_since(&mut window, (10, 10_000)), 0, "what came before is not of now");
        assert_eq!(mean_since(&mut window, (12, 14_000)), 2_000);
        assert_eq!(mean_since(&mut window, (12, 14_000)), 2_000, "idle seconds change nothing");
        for _ in 0..WINDOW {
            mean_since(&mut window, (12, 14_000));
        }
        assert_eq!(mean_since(&mut window, (12, 14_000)), 0);
        assert_eq!(mean_since(&mut window, (13, 14_500)), 500);
        assert_eq!(
            mean_since(&mut window, (1, 1)),
            0,
            "an arena that began anew is no negative time"
        );
    }

    #[test]
    fn a_process_of_many_threads_has_its_switches_read_in_turn() {
        let pid = uwsgi_sys::process::pid();
        let look = |looks| Look::at(pid, looks).unwrap();
        let every = look(0).usage.threads.div_ceil(STATUS_FILES).max(1);
        assert!((0..every).any(|n| look(n).status.is_some()));
        assert!(look(0).usage.rss > 0 && look(0).open_fds > 0);
    }
}
