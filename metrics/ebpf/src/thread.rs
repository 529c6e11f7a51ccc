//! A core's thread, as programs know it: registered by id, with a row that both sides write.

use uwsgi_metrics::{ThreadRow, WAITS, WaitRow};

use crate::live::{Live, now_ns};
use crate::tids;

/// The calling core's handle: plain loads and stores at the beginning of a request, one store at its
/// end, and no system call.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    row: &'static ThreadRow,
}

/// What a request has waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// Nanoseconds, in the order of [`WAITS`].
    pub ns: [u64; WAITS.len()],
    /// What it waits for at the moment, an index into [`WAITS`].
    pub now: Option<usize>,
    /// Its slowest system call and how long that took, nanoseconds.
    pub slowest: Option<(u64, u64)>,
    /// The system call it is in and since when, nanoseconds.
    pub call: Option<(u64, u64)>,
}

/// Index of waits for a processor in [`WAITS`].
const RUN_QUEUE: usize = 0;

/// Looks at a row that a program may change meanwhile.
const LOOKS: usize = 4;

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
        tids::put(self.maps.tids.all(), tid, index as u64 + 1).then_some(Thread { row })
    }

    /// The threads of a worker that has ended are nobody's.
    pub fn forget_worker(&self, worker: u32) {
        let Some(first) = self.thread_index(worker, 0) else { return };
        let rows = first as u64 + 1..first as u64 + 1 + u64::from(self.sizes.cores);
        for row in rows.clone() {
            // What it was doing has been read by now.
            if let Some(row) = self.maps.threads.get(row as usize - 1) {
                row.request.set(0);
            }
        }
        tids::forget(self.maps.tids.all(), &rows);
    }

    /// Row of a core in the table of threads.
    pub(crate) fn thread_index(&self, worker: u32, core: u32) -> Option<usize> {
        let worker = worker.checked_sub(1).filter(|w| *w < self.sizes.workers)?;
        (core < self.sizes.cores).then(|| (worker * self.sizes.cores + core) as usize)
    }

    /// What the running request of a core waits for.
    pub fn waits(&self, worker: u32, core: u32) -> Option<Waited> {
        let row = self.maps.threads.get(self.thread_index(worker, core)?)?;
        (row.request.get() != 0).then(|| waited(row, false))
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
        let waited = waited(row, false);
        to.waited_ns.iter().zip(waited.ns).for_each(|(cell, ns)| cell.set(ns));
        to.waiting.set(waited.now.map_or(0, |why| why as u64 + 1));
        for (call, cells) in [
            (waited.slowest, [&to.slowest, &to.slowest_ns]),
            (waited.call, [&to.call, &to.call_for_ns]),
        ] {
            let (number, ns) = call.map_or((0, 0), |(number, ns)| (number + 1, ns));
            cells[0].set(number);
            cells[1].set(ns);
        }
    }
}

/// `runs` says that the thread asks for itself: a wait of it has ended, whether a program saw that or
/// not.
fn waited(row: &ThreadRow, runs: bool) -> Waited {
    let own = row.slowest_of.get() == row.request.get();
    let slowest = row.slowest.get().checked_sub(1).filter(|_| own);
    let slowest = slowest.map(|call| (call, row.slowest_ns.get()));
    let (mut ns, mut now) = ([0; WAITS.len()], None);
    for _ in 0..LOOKS {
        let (out, why) = (row.out_ns.get(), row.why.get() as usize);
        let ready = row.ready_ns.get();
        ns = std::array::from_fn(|i| row.waits[i].get().saturating_sub(row.base[i].get()));
        let until = if runs && ready != 0 { ready } else { now_ns() };
        now = add_running_wait(&mut ns, out, ready, why, until);
        // A program takes the wait off before it adds it to the sums: one that is still there is
        // not in them.
        if row.out_ns.get() == out {
            break;
        }
    }
    let call = row.call.get().checked_sub(1);
    let call = call.map(|call| (call, now_ns().saturating_sub(row.call_ns.get())));
    Waited { ns, now, slowest, call }
}

/// Adds a wait that has not ended, which is not in the sums: from leaving the processor it is one
/// for `why`, from being able to run one for a processor. Answers what it waits for now.
fn add_running_wait(
    ns: &mut [u64; WAITS.len()],
    out: u64,
    ready: u64,
    why: usize,
    now: u64,
) -> Option<usize> {
    if out == 0 {
        return None;
    }
    let until = if ready == 0 { now } else { ready };
    if let Some(cell) = ns.get_mut(why) {
        *cell += until.saturating_sub(out);
    }
    if ready == 0 {
        return (why < WAITS.len()).then_some(why);
    }
    ns[RUN_QUEUE] += now.saturating_sub(ready);
    Some(RUN_QUEUE)
}

impl Thread {
    /// A request begins.
    #[inline]
    pub fn begin(&self) {
        // Not every kernel tells of every switch: a wait that is still there is none of the request.
        if self.row.out_ns.get() != 0 {
            self.row.out_ns.set(0);
        }
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
        waited(self.row, true)
    }

    /// The request ends.
    #[inline]
    pub fn end(&self) {
        self.row.request.set(0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use uwsgi_metrics::Table;

    use super::*;

    const LOCK: usize = 3;

    fn added(out: u64, ready: u64, why: usize, now: u64) -> ([u64; WAITS.len()], Option<usize>) {
        let mut ns = [5; WAITS.len()];
        let waits = add_running_wait(&mut ns, out, ready, why, now);
        (ns, waits)
    }

    fn tables<T: uwsgi_metrics::Row>() -> &'static Table<T> {
        let thread = uwsgi_sys::process::thread_id();
        let path = std::env::temp_dir().join(format!("uwsgi-rows-{thread}"));
        let file = std::fs::File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.unwrap();
        std::fs::remove_file(path).unwrap();
        file.set_len((Table::<T>::room(1) * size_of::<T>()) as u64).unwrap();
        Box::leak(Box::new(Table::map(file.as_fd(), 1).unwrap()))
    }

    #[test]
    fn one_that_runs_waits_for_nothing() {
        assert_eq!(added(0, 0, LOCK, 1_000), ([5; 6], None));
    }

    #[test]
    fn one_that_is_away_waits_for_what_it_left_for() {
        assert_eq!(added(100, 0, LOCK, 1_000), ([5, 5, 5, 905, 5, 5], Some(LOCK)));
    }

    #[test]
    fn one_that_was_woken_waits_for_a_processor_since_then() {
        assert_eq!(added(100, 700, LOCK, 1_000), ([305, 5, 5, 605, 5, 5], Some(RUN_QUEUE)));
    }

    #[test]
    fn one_that_was_sent_away_waits_for_a_processor_all_the_time() {
        assert_eq!(added(100, 100, RUN_QUEUE, 1_000), ([905, 5, 5, 5, 5, 5], Some(RUN_QUEUE)));
    }

    #[test]
    fn a_clock_read_too_early_adds_nothing() {
        assert_eq!(added(100, 700, LOCK, 600).0, [5, 5, 5, 605, 5, 5]);
        assert_eq!(added(700, 0, LOCK, 600).0, [5; 6]);
        assert_eq!(added(100, 0, 9, 600), ([5; 6], None), "a reason this build does not know");
    }

    #[test]
    fn a_return_that_no_program_saw_adds_no_wait_for_a_processor() {
        let rows = tables::<ThreadRow>();
        let thread = Thread { row: rows.get(0).unwrap() };
        thread.row.out_ns.set(100);
        thread.begin();
        assert_eq!(thread.waited(), Waited::default(), "it began before the request");
        thread.row.out_ns.set(100);
        thread.row.ready_ns.set(700);
        thread.row.why.set(LOCK as u64);
        assert_eq!(thread.waited().ns, [0, 0, 0, 600, 0, 0]);
    }

    #[test]
    fn a_request_has_the_waits_since_its_beginning() {
        let rows = tables::<ThreadRow>();
        let thread = Thread { row: rows.get(0).unwrap() };
        thread.row.waits[LOCK].set(1_000);
        thread.begin();
        thread.row.waits[LOCK].set(1_700);
        assert_eq!(thread.waited().ns, [0, 0, 0, 700, 0, 0]);
        thread.end();
        thread.begin();
        assert_eq!(thread.waited(), Waited::default(), "the next one begins without");
    }
}
