//! A lock between processes that outlives its holder.
//!
//! One word of shared memory holds the pid of the process that has the lock, so taking it and
//! saying so are one step: at no moment does somebody hold it unnamed. Who finds it taken sets a bit
//! and sleeps in the kernel. When a process dies, whoever buries it calls [`Robust::recover`] while
//! the pid is still its own; the word then says that its holder died, and the next one is told.
//! Sleepers look up once in a while all the same: the holder may be a process that nobody here
//! buries.
//!
//! ```text
//!            lock                  recover
//!   0 ───────────────▶ pid ─────────────────────▶ DIED
//!   ▲                  │ ▲ │ lock                   │ lock
//!   └──── unlock ──────┘ │ ▼ (sleeps)               ▼
//!                       pid|WAITERS ◀───────────── pid
//! ```
//!
//! It refuses order among those who wait, and it refuses to know threads: the holder is a process,
//! and any of its threads may give the lock back. `FUTEX_LOCK_PI` with a robust list would name the
//! thread, but the list belongs to the C library of each thread, and it does not tell the next
//! holder whose death it was that freed the lock.

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU32, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering};

/// Somebody sleeps, or slept a moment ago.
const WAITERS: u32 = 1 << 31;
/// The last holder died with it.
const DIED: u32 = 1 << 30;
/// The holder. Pids of Linux have 22 bits.
const PID: u32 = DIED - 1;

/// As many sleeps as it takes.
const FOR_EVER: u32 = u32::MAX;

/// See the module. Zeroed memory is a free lock; each has a cache line of its own.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Robust {
    word: AtomicU32,
}

/// How a lock was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nobody had it.
    Free,
    /// Its holder died: what it protects may be half done.
    Recovered,
}

/// What the lock asks of the system.
trait System {
    /// Sleeps while the word is `seen`, until somebody wakes us or for a while.
    fn wait(&self, word: &AtomicU32, seen: u32);
    /// Wakes one sleeper.
    fn wake(&self, word: &AtomicU32);
    /// Whether that process is over.
    fn gone(&self, pid: u32) -> bool;
}

impl Robust {
    /// Takes it after at most so many sleeps.
    fn take(&self, own: u32, mut sleeps: u32, system: &impl System) -> Option<Taken> {
        let mut slept = 0;
        loop {
            let seen = self.word.load(Ordering::Relaxed);
            if seen & PID == 0 {
                // Others may sleep beside one that has slept: it wakes them at its unlock.
                let mine = own | slept | (seen & WAITERS);
                if self.change(seen, mine, Ordering::Acquire) {
                    return Some(if seen & DIED != 0 { Taken::Recovered } else { Taken::Free });
                }
                continue;
            }
            if sleeps == 0 {
                return None;
            }
            if seen & WAITERS == 0 && !self.change(seen, seen | WAITERS, Ordering::Relaxed) {
                continue;
            }
            system.wait(&self.word, seen | WAITERS);
            slept = WAITERS;
            if sleeps != FOR_EVER {
                sleeps -= 1;
            }
            let holder = self.word.load(Ordering::Relaxed) & PID;
            if holder != 0 && holder != own && system.gone(holder) {
                self.release(holder, DIED, system);
            }
        }
    }

    /// Frees it if `holder` has it, and wakes one of those who wait.
    fn release(&self, holder: u32, left: u32, system: &impl System) -> bool {
        loop {
            let seen = self.word.load(Ordering::Relaxed);
            if seen & PID != holder {
                return false;
            }
            if self.change(seen, left, Ordering::Release) {
                if seen & WAITERS != 0 {
                    system.wake(&self.word);
                }
                return true;
            }
        }
    }

    fn change(&self, from: u32, to: u32, success: Ordering) -> bool {
        self.word.compare_exchange(from, to, success, Ordering::Relaxed).is_ok()
    }

    fn bury(&self, pid: u32, system: &impl System) -> bool {
        let held = self.release(pid, DIED, system);
        if !held {
            // It may have been woken to take the lock and died before it could: that wake was for
            // somebody.
            system.wake(&self.word);
        }
        held
    }
}

#[cfg(not(loom))]
mod real {
    use std::io;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::thread::futex;

    use super::{AtomicU32, DIED, FOR_EVER, Ordering, PID, Robust, System, Taken};
    use crate::process;
    use crate::shared::{self, Zeroed};

    /// How long somebody sleeps before it looks whether the holder lives.
    const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

    struct Kernel;

    impl System for Kernel {
        fn wait(&self, word: &AtomicU32, seen: u32) {
            // Woken, interrupted, changed before, or over: the caller looks in any case.
            let _ = futex::wait(word, futex::Flags::empty(), seen, Some(&LOOK));
        }

        fn wake(&self, word: &AtomicU32) {
            // Fails only for memory that is none.
            let _ = futex::wake(word, futex::Flags::empty(), 1);
        }

        fn gone(&self, pid: u32) -> bool {
            let Ok(pid) = i32::try_from(pid) else { return true };
            match process::pidfd(pid) {
                // Readable at its end, also while nobody has buried it.
                Ok(fd) => {
                    let mut one = [PollFd::new(&fd, PollFlags::IN)];
                    matches!(poll(&mut one, Some(&Timespec::default())), Ok(1))
                }
                Err(_) => !process::exists(pid),
            }
        }
    }

    fn number(pid: i32) -> u32 {
        u32::try_from(pid).unwrap_or(0) & PID
    }

    impl Robust {
        /// So many free locks, shared with all processes that are forked from this one.
        pub fn shared(count: usize) -> io::Result<&'static [Robust]> {
            shared::zeroed(count)
        }

        /// Waits until the lock is free and takes it for the process `pid`, which is the caller's.
        pub fn lock(&self, pid: i32) -> Taken {
            // Without a bound it comes back with the lock only.
            self.patiently(pid, FOR_EVER).unwrap_or(Taken::Free)
        }

        /// The same, but gives up after a second or two: the holder may live and stand still.
        pub fn lock_soon(&self, pid: i32) -> Option<Taken> {
            self.patiently(pid, 3)
        }

        fn patiently(&self, pid: i32, sleeps: u32) -> Option<Taken> {
            let own = number(pid);
            match self.change(0, own, Ordering::Acquire) {
                true => Some(Taken::Free),
                false => self.take(own, sleeps, &Kernel),
            }
        }

        /// Gives it back; false when the process `pid` does not have it.
        pub fn unlock(&self, pid: i32) -> bool {
            self.release(number(pid), 0, &Kernel)
        }

        /// The process `pid` is dead and its number is nobody else's yet: true if it had the lock,
        /// which is free now.
        pub fn recover(&self, pid: i32) -> bool {
            self.bury(number(pid), &Kernel)
        }

        /// Pid of the process that has it, 0 when it is free.
        pub fn holder(&self) -> u32 {
            self.word.load(Ordering::Relaxed) & PID
        }

        /// Whether its last holder died with it and nobody has taken it since.
        pub fn is_orphaned(&self) -> bool {
            let seen = self.word.load(Ordering::Relaxed);
            seen & PID == 0 && seen & DIED != 0
        }
    }

    // SAFETY: one atomic word, for which zero is a value.
    unsafe impl Zeroed for Robust {}
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::process;

    /// Runs `body` in a child, which ends with what it answers.
    fn child(body: impl FnOnce() -> i32) -> i32 {
        // SAFETY: the child runs nothing but the locks and system calls, and never returns.
        match unsafe { libc::fork() } {
            0 => process::exit_now(body()),
            pid => pid,
        }
    }

    fn code(pid: i32) -> i32 {
        let mut status = 0;
        // SAFETY: a child of ours and a place for its status.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        libc::WEXITSTATUS(status)
    }

    fn until(what: impl Fn() -> bool) {
        while !what() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_is_held_by_one_process_and_given_back_by_no_other() {
        let lock = &Robust::shared(1).unwrap()[0];
        let own = process::pid();
        assert_eq!((lock.lock(own), lock.holder()), (Taken::Free, own as u32));
        let other = child(|| i32::from(lock.unlock(process::pid())));
        assert_eq!(code(other), 0, "another process has no say");
        assert!(lock.unlock(own));
        assert_eq!(lock.holder(), 0);
        assert!(!lock.unlock(own), "it was given back");
    }

    #[test]
    fn processes_that_count_under_it_lose_nothing() {
        const ROUNDS: u64 = 20_000;
        let lock = &Robust::shared(1).unwrap()[0];
        let count = &crate::shared::words(1).unwrap()[0];
        let work = || {
            let own = process::pid();
            for _ in 0..ROUNDS {
                lock.lock(own);
                // Not an atomic addition: the lock is what makes it one.
                count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                lock.unlock(own);
            }
            0
        };
        let children: Vec<i32> = (0..4).map(|_| child(work)).collect();
        assert!(children.into_iter().all(|pid| code(pid) == 0));
        assert_eq!(count.load(Ordering::Relaxed), 4 * ROUNDS);
    }

    #[test]
    fn who_waits_for_a_killed_holder_gets_it_at_the_burial() {
        let lock = &Robust::shared(1).unwrap()[0];
        let holder = child(|| {
            lock.lock(process::pid());
            std::thread::sleep(std::time::Duration::from_secs(60));
            0
        });
        until(|| lock.holder() == holder as u32);
        let waiter = child(|| i32::from(lock.lock(process::pid()) == Taken::Recovered));
        until(|| lock.word.load(Ordering::Relaxed) & WAITERS != 0);
        process::kill(holder, libc::SIGKILL).unwrap();
        code(holder);
        // The waiter may have looked for itself.
        lock.recover(holder);
        assert_eq!(code(waiter), 1, "it is told of the death");
        assert_eq!(lock.holder(), waiter as u32, "nobody has buried that one");
        assert!(lock.recover(waiter) && lock.is_orphaned());
        assert_eq!(lock.lock(process::pid()), Taken::Recovered);
        assert!(!lock.is_orphaned());
    }

    #[test]
    fn who_waits_finds_out_by_itself_that_the_holder_is_dead() {
        let lock = &Robust::shared(1).unwrap()[0];
        let holder = child(|| {
            lock.lock(process::pid());
            0
        });
        until(|| lock.holder() == holder as u32);
        // Not buried: it is a zombie for as long as this test lasts.
        assert_eq!(lock.lock(process::pid()), Taken::Recovered);
        assert_eq!(code(holder), 0);
    }

    #[test]
    fn who_has_little_patience_goes_without() {
        let lock = &Robust::shared(1).unwrap()[0];
        lock.lock(process::pid());
        let other = child(|| i32::from(lock.lock_soon(process::pid()).is_none()));
        assert_eq!(code(other), 1, "the holder lives");
        assert!(lock.unlock(process::pid()));
        assert_eq!(lock.lock_soon(process::pid()), Some(Taken::Free));
    }

    #[test]
    fn each_has_a_cache_line_of_its_own() {
        assert_eq!(size_of_val(Robust::shared(3).unwrap()), 3 * 64);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::{Arc, Condvar, Mutex};

    /// The kernel's side: a look at the word and going to sleep are one step.
    #[derive(Default)]
    struct Bed {
        gate: Mutex<()>,
        sleepers: Condvar,
    }

    impl System for Bed {
        fn wait(&self, word: &AtomicU32, seen: u32) {
            let gate = self.gate.lock().unwrap();
            if word.load(Ordering::Relaxed) == seen {
                drop(self.sleepers.wait(gate).unwrap());
            }
        }

        fn wake(&self, _word: &AtomicU32) {
            let _gate = self.gate.lock().unwrap();
            self.sleepers.notify_one();
        }

        fn gone(&self, _pid: u32) -> bool {
            false // nobody but the one who buries knows
        }
    }

    struct Shared {
        lock: Robust,
        bed: Bed,
        count: AtomicU32,
    }

    fn shared() -> Arc<Shared> {
        let lock = Robust { word: AtomicU32::new(0) };
        Arc::new(Shared { lock, bed: Bed::default(), count: AtomicU32::new(0) })
    }

    impl Shared {
        fn take(&self, own: u32) -> Taken {
            self.lock.take(own, FOR_EVER, &self.bed).unwrap()
        }

        fn turn(&self, own: u32) -> Taken {
            let taken = self.take(own);
            let before = self.count.load(Ordering::Relaxed);
            self.count.store(before + 1, Ordering::Relaxed);
            assert!(self.lock.release(own, 0, &self.bed), "it was ours");
            taken
        }
    }

    #[test]
    fn nobody_is_in_beside_another_and_nobody_sleeps_on() {
        loom::model(|| {
            let all = shared();
            let others = [2, 3].map(|own| {
                let all = Arc::clone(&all);
                loom::thread::spawn(move || all.turn(own))
            });
            all.turn(1);
            for other in others {
                assert_eq!(other.join().unwrap(), Taken::Free);
            }
            assert_eq!(all.count.load(Ordering::Relaxed), 3);
        });
    }

    #[test]
    fn a_dead_holder_is_followed_by_whoever_waits() {
        loom::model(|| {
            let all = shared();
            let doomed = {
                let all = Arc::clone(&all);
                loom::thread::spawn(move || {
                    all.take(2);
                })
            };
            let waiter = {
                let all = Arc::clone(&all);
                loom::thread::spawn(move || all.turn(3))
            };
            doomed.join().unwrap();
            let held = all.lock.bury(2, &all.bed);
            let taken = waiter.join().unwrap();
            assert!(held, "it died with the lock");
            // Either the waiter was first, or it is told.
            let orphaned = all.lock.word.load(Ordering::Relaxed) & DIED != 0;
            assert_eq!(orphaned, taken == Taken::Free);
        });
    }

    #[test]
    fn a_wake_that_died_with_its_sleeper_is_repeated_at_the_burial() {
        loom::model(|| {
            let all = shared();
            all.take(1);
            // Sleeps like one that waits for the lock, and dies when it is woken.
            let doomed = {
                let all = Arc::clone(&all);
                loom::thread::spawn(move || {
                    let seen = all.lock.word.load(Ordering::Relaxed);
                    if seen & PID != 0 && all.lock.change(seen, seen | WAITERS, Ordering::Relaxed) {
                        all.bed.wait(&all.lock.word, seen | WAITERS);
                    }
                })
            };
            let waiter = {
                let all = Arc::clone(&all);
                loom::thread::spawn(move || all.turn(3))
            };
            all.lock.release(1, 0, &all.bed);
            doomed.join().unwrap();
            all.lock.bury(2, &all.bed);
            assert_eq!(waiter.join().unwrap(), Taken::Free);
        });
    }
}
