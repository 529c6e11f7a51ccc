//! A core's thread, as programs know it: registered by id, with a row that both sides write.

use std::sync::atomic::Ordering::Relaxed;

use uwsgi_metrics::{ThreadRow, WAITS, WaitRow};

use crate::live::{Live, now_ns};
use crate::maps::{TID_TRIES, TIDS};

/// A place that a thread has left while one behind it was taken; no thread has this id.
const LEFT: u64 = u64::MAX << 32;

/// The calling core's handle; two stores at the beginning of a request and one at its end, and no
/// system call.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    row: &'static ThreadRow,
}

/// What a request has waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// Nanoseconds, in the order of [`WAITS`].
    pub ns: [u64; WAITS.len()],
    /// Its slowest system call and how long that took, nanoseconds.
    pub slowest: Option<(u64, u64)>,
}

impl Live {
    /// Registers the calling thread as a core (from 0) of a worker (from 1).
    pub fn register(&'static self, worker: u32, core: u32) -> Option<Thread> {
        let index = self.thread_index(worker, core)?;
        let row = self.maps.threads.get(index)?;
        let tid = u64::from(uwsgi_sys::process::thread_id());
        row.tid.set(tid);
        row.out_ns.set(0);
        row.ready_ns.set(0);
        row.request.set(0);
        row.call.set(0);
        row.cpu.set(0);
        row.faults.iter().for_each(|count| count.set(0));
        let entry = tid << 32 | (index as u64 + 1);
        let places = self.maps.tids.all();
        let free = (0..TID_TRIES).map(|i| (tid as usize + i) % TIDS);
        let taken = free.filter_map(|at| places.get(at)).any(|place| {
            let seen = place.load(Relaxed);
            let mine = seen == 0 || seen == LEFT || seen >> 32 == tid;
            mine && place.compare_exchange(seen, entry, Relaxed, Relaxed).is_ok()
        });
        taken.then_some(Thread { row })
    }

    /// The threads of a worker that has ended are nobody's.
    pub fn forget_worker(&self, worker: u32) {
        let Some(first) = self.thread_index(worker, 0) else { return };
        let rows = first as u64 + 1..first as u64 + 1 + u64::from(self.sizes.cores);
        let places = self.maps.tids.all();
        for (at, place) in places.iter().enumerate() {
            let seen = place.load(Relaxed);
            if seen != 0 && seen != LEFT && rows.contains(&(seen & 0xffff_ffff)) {
                // Who looks for a later place stops at an empty one.
                let last = places[(at + 1) % TIDS].load(Relaxed) == 0;
                let left = if last { 0 } else { LEFT };
                let _ = place.compare_exchange(seen, left, Relaxed, Relaxed);
            }
        }
    }

    /// Row of a core in the table of threads.
    pub(crate) fn thread_index(&self, worker: u32, core: u32) -> Option<usize> {
        let worker = worker.checked_sub(1).filter(|w| *w < self.sizes.workers)?;
        (core < self.sizes.cores).then(|| (worker * self.sizes.cores + core) as usize)
    }

    /// What the running request of a core waits for.
    pub fn waits(&self, worker: u32, core: u32) -> Option<Waited> {
        let row = self.maps.threads.get(self.thread_index(worker, core)?)?;
        (row.request.get() != 0).then(|| waited(row))
    }

    /// Writes the same to a row of the arena.
    pub(crate) fn tell_waits(&self, worker: u32, core: u32, to: &WaitRow) {
        let index = self.thread_index(worker, core);
        let Some(row) = index.and_then(|index| self.maps.threads.get(index)) else { return };
        let request = row.request.get();
        to.request.set(request);
        if request == 0 {
            return;
        }
        let waited = waited(row);
        to.waited_ns.iter().zip(waited.ns).for_each(|(cell, ns)| cell.set(ns));
        let waiting = row.out_ns.get() != 0;
        to.waiting.set(if waiting { row.why.get() + 1 } else { 0 });
        let (call, ns) = waited.slowest.unwrap_or_default();
        to.slowest.set(waited.slowest.map_or(0, |_| call + 1));
        to.slowest_ns.set(ns);
        to.call.set(row.call.get());
        to.call_for_ns.set(match row.call.get() {
            0 => 0,
            _ => now_ns().saturating_sub(row.call_ns.get()),
        });
    }
}

fn waited(row: &ThreadRow) -> Waited {
    let mut ns: [u64; WAITS.len()] =
        std::array::from_fn(|i| row.waits[i].get().saturating_sub(row.base[i].get()));
    // What it waits for now is not in the sums before it is back.
    let (out, why) = (row.out_ns.get(), row.why.get());
    if out != 0
        && let Some(now) = ns.get_mut(why as usize)
    {
        *now += now_ns().saturating_sub(out);
    }
    let own = row.slowest_of.get() == row.request.get();
    let slowest = row.slowest.get().checked_sub(1).filter(|_| own);
    Waited { ns, slowest: slowest.map(|call| (call, row.slowest_ns.get())) }
}

impl Thread {
    /// A request begins.
    #[inline]
    pub fn begin(&self) {
        for (base, now) in self.row.base.iter().zip(&self.row.waits) {
            base.set(now.get());
        }
        // Requests are told apart by a number of this thread's own; 0 is none.
        let number = self.row.own[0].get() + 1;
        self.row.own[0].set(number);
        self.row.request.set(number);
    }

    /// What the running request has waited for so far.
    pub fn waited(&self) -> Waited {
        waited(self.row)
    }

    /// The request ends.
    #[inline]
    pub fn end(&self) {
        self.row.request.set(0);
    }
}
