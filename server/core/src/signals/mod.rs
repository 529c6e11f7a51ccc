//! uwsgi signals: 256 numbers that processes of an instance send each other.
//!
//! ```text
//! app: signal(17) ─▶ up ─▶ master: route by its table ─▶ pool, one worker, mules ─▶ handler
//! ```
//!
//! It owns the table of registrations and the queues, made before the first fork and held by all
//! processes: a queue outlives the process that reads it, and its successor takes what is left; a
//! reload hands the queues on.
//! Nobody but the process that raises a signal ever waits, and that one for a moment only.

mod handle;
mod pipe;
mod target;
mod timers;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use uwsgi_metrics::Arena;
use uwsgi_sys::shared;

use self::pipe::Pipe;
use self::target::{Entry, Refusal, Target};
use self::timers::Timers;
use crate::instance::Instance;
use crate::kept::{self, Table};
use crate::settings::Settings;
use crate::{log, logv};

pub(crate) use handle::{handle_next, handling, raise, register, registered, wait};
pub(crate) use timers::{Due, add_timer, from_options};

/// Modifier of packets that raise a signal: the number is the second modifier.
pub(crate) const MODIFIER: u8 = 110;

/// The packet that answers one.
pub(crate) fn answer(taken: bool) -> [u8; 4] {
    [255, 0, 0, taken.into()]
}

/// How many signals there are.
const NUMBERS: usize = 256;

/// Numbers the master takes from its queue before it looks at its other duties.
const BATCH: usize = 256;

/// Names of the queues for the next image.
const UP: &str = "signals:up";
const POOL: &str = "signals:workers";
const WORKER: &str = "signals:worker";
const MULE_POOL: &str = "signals:mules";
const MULE: &str = "signals:mule";

/// A process that handles signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// A worker, from 1.
    Worker(u32),
    /// A mule, from 1.
    Mule(u32),
}

/// See the module.
pub struct Signals {
    /// 256 words of the master, which also count for mules, then 256 of each worker.
    table: &'static [AtomicU64],
    /// What each core of each worker, then each mule, is handling: 0, or the number above the
    /// microsecond of its begin.
    running: &'static [AtomicU64],
    cores: usize,
    workers: usize,
    /// Timers, see the file.
    timers: Timers,
    /// From everybody to the master.
    up: Pipe,
    /// To whichever worker takes it first.
    pool: Pipe,
    /// To one worker.
    worker: Vec<Pipe>,
    /// To whichever mule takes it first.
    mule_pool: Option<Pipe>,
    /// To one mule.
    mule: Vec<Pipe>,
}

impl Signals {
    /// Table and queues. What waits in a queue that the last image kept is still to be handled.
    fn new(settings: &Settings, kept: &Table) -> io::Result<Signals> {
        let (workers, cores) = (settings.processes as usize, settings.threads as usize);
        let mules = settings.mules.len();
        let room = settings.signal_bufsize;
        let pipe = |name: &str| match kept.take_queue(name) {
            Some(ends) => Ok(Pipe::over(ends, room)),
            None => Pipe::new(room),
        };
        let pipes = |kind: &str, count: usize| {
            (1..=count).map(|id| pipe(&format!("{kind}:{id}"))).collect::<io::Result<_>>()
        };
        Ok(Signals {
            table: shared::words((workers + 1) * NUMBERS)?,
            running: shared::words(workers * cores + mules)?,
            cores,
            workers,
            timers: Timers::new()?,
            up: pipe(UP)?,
            pool: pipe(POOL)?,
            worker: pipes(WORKER, workers)?,
            mule_pool: (mules > 0).then(|| pipe(MULE_POOL)).transpose()?,
            mule: pipes(MULE, mules)?,
        })
    }

    /// Every queue under its name, for the next image.
    fn named(&self) -> impl Iterator<Item = (String, &Pipe)> {
        let mule_pool = self.mule_pool.iter().map(|pipe| (MULE_POOL.to_owned(), pipe));
        let single = [(UP.to_owned(), &self.up), (POOL.to_owned(), &self.pool)];
        let worker = (1..).zip(&self.worker).map(|(id, pipe)| (format!("{WORKER}:{id}"), pipe));
        let mule = (1..).zip(&self.mule).map(|(id, pipe)| (format!("{MULE}:{id}"), pipe));
        single.into_iter().chain(mule_pool).chain(worker).chain(mule)
    }

    /// Every queue in the form of [`kept::pass_on`].
    pub(crate) fn kept(&self) -> impl Iterator<Item = (String, BorrowedFd<'_>, u64)> {
        self.named().flat_map(|(name, pipe)| kept::queue(&name, pipe.ends()))
    }

    /// Readable while signals wait for the master.
    pub(crate) fn for_master(&self) -> BorrowedFd<'_> {
        self.up.as_fd()
    }

    /// The two queues of a process: its own, and the one it shares with its like.
    pub(crate) fn queues(&self, who: Receiver) -> [Option<&Pipe>; 2] {
        match who {
            Receiver::Worker(id) => [self.worker.get(before(id)), Some(&self.pool)],
            Receiver::Mule(id) => [self.mule.get(before(id)), self.mule_pool.as_ref()],
        }
    }

    /// The oldest signal for a process.
    fn take(&self, who: Receiver) -> Option<u8> {
        self.queues(who).into_iter().flatten().find_map(Pipe::take)
    }

    fn word(&self, worker: u32, number: u8) -> Option<&AtomicU64> {
        self.table.get(worker as usize * NUMBERS + usize::from(number))
    }

    /// What a worker (0: the master) knows of a number.
    fn entry(&self, worker: u32, number: u8) -> Option<Entry> {
        Entry::from_word(self.word(worker, number)?.load(Ordering::Acquire))
    }

    /// Some other worker that has registered a number of its own.
    fn registered_elsewhere(&self, number: u8) -> Option<u16> {
        let workers = 1..=self.workers as u32;
        let entries = workers.filter_map(|worker| self.entry(worker, number));
        entries.map(|entry| entry.worker).find(|worker| *worker > 0)
    }

    fn running(&self, who: Receiver, core: u32) -> Option<&AtomicU64> {
        self.running.get(match who {
            Receiver::Worker(id) => before(id) * self.cores + core as usize,
            Receiver::Mule(id) => self.workers * self.cores + before(id),
        })
    }

    /// A worker begins a new life: it knows what the master knows.
    pub(crate) fn start_incarnation(&self, worker: u32) {
        for number in 0..=u8::MAX {
            if let (Some(own), Some(master)) = (self.word(worker, number), self.word(0, number)) {
                own.store(master.load(Ordering::Acquire), Ordering::Release);
            }
        }
        (0..self.cores as u32).for_each(|core| self.forget(Receiver::Worker(worker), core));
        self.timers.leave(Receiver::Worker(worker));
    }

    /// A mule begins a new life.
    pub(crate) fn start_mule(&self, mule: u32) {
        self.forget(Receiver::Mule(mule), 0);
        self.timers.leave(Receiver::Mule(mule));
    }

    /// Nothing is being handled there any more.
    pub(crate) fn forget(&self, who: Receiver, core: u32) {
        if let Some(word) = self.running(who, core) {
            word.store(0, Ordering::Release);
        }
    }

    /// Signals that nobody has taken: those for the master and for any worker, and those of one
    /// worker.
    pub(crate) fn measure(&self, arena: &Arena) {
        arena.globals().signal_queue.set(self.up.waiting() + self.pool.waiting());
        for (id, pipe) in (1..).zip(&self.worker) {
            arena.worker(id).signal_queue.set(pipe.waiting());
        }
        for (id, pipe) in (1..).zip(&self.mule) {
            arena.mule(id).signal_queue.set(pipe.waiting());
        }
    }

    /// In the master: sends on what has arrived.
    pub(crate) fn route_waiting(&self, arena: &Arena) {
        let mut numbers = [0; BATCH];
        let taken = self.up.take_many(&mut numbers);
        numbers.iter().take(taken).for_each(|number| self.route(arena, *number));
    }

    /// Sends a signal to where the master's table says; any process of the instance may.
    pub fn route(&self, arena: &Arena, number: u8) {
        let target = self.entry(0, number).map_or(Target::AnyWorker, |entry| entry.target);
        let send = |pipe: Option<&Pipe>, name: &dyn Fn() -> String| {
            if !pipe.is_some_and(|pipe| send(arena, pipe, number, Pipe::put)) {
                log!("could not deliver signal {number} to {}", name());
            }
        };
        let worker = |id: usize| send(self.worker.get(id), &|| format!("worker {}", id + 1));
        let mule = |id: usize| send(self.mule.get(id), &|| format!("mule {}", id + 1));
        match target {
            Target::AnyWorker => send(Some(&self.pool), &|| "workers pool".into()),
            Target::Workers => (0..self.worker.len()).for_each(worker),
            Target::Active => {
                (0..self.worker.len()).filter(|id| is_active(arena, *id)).for_each(worker)
            }
            Target::Worker(id) => worker(before(id.into())),
            Target::AnyMule => send(self.mule_pool.as_ref(), &|| "a mule".into()),
            Target::Mules => (0..self.mule.len()).for_each(mule),
            Target::Mule(id) => mule(before(id.into())),
            Target::Nobody => {}
        }
    }
}

/// Opens what signals need; without a master there are none.
pub(crate) fn open(settings: &Settings, kept: &Table) -> Result<Option<Signals>, String> {
    let opened = settings.master.then(|| Signals::new(settings, kept)).transpose();
    let opened = opened.map_err(|e| format!("unable to make the queues of signals: {e}"))?;
    if let Some(room) =
        opened.as_ref().map(|s| s.up.room()).filter(|r| *r < settings.signal_bufsize)
    {
        log!("signal-bufsize is lowered to {room} bytes, the system gives no more");
    }
    Ok(opened)
}

/// Numbers begin at 1, positions at 0.
fn before(id: u32) -> usize {
    (id as usize).wrapping_sub(1)
}

fn is_active(arena: &Arena, at: usize) -> bool {
    let row = arena.worker(at as u32 + 1);
    row.pid.get() > 0 && row.cheaped.get() == 0 && row.suspended.get() == 0
}

/// Puts a number into a queue by `put` and counts what became of it.
fn send(arena: &Arena, pipe: &Pipe, number: u8, put: fn(&Pipe, u8) -> bool) -> bool {
    let sent = put(pipe, number);
    let globals = arena.globals();
    if sent {
        globals.routed_signals.add_shared(1);
    } else {
        let room = pipe.room();
        logv!(
            "*** SIGNAL QUEUE IS FULL: buffer size {room} bytes (you can tune it with --signal-bufsize) ***"
        );
        globals.unrouted_signals.add_shared(1);
    }
    sent
}

/// Sends a signal from within the instance, as the master would; for monitors and alarms.
pub fn route(instance: &Instance, number: u8) {
    if let Some(signals) = &instance.signals {
        signals.route(&instance.arena, number);
    }
}
