//! Signals at an interval. Part of `signals`.
//!
//! Any process adds a timer, by a slot of shared words; the master notices it in its next turn, at
//! most a second later, and routes the signal whenever it is due. A turn that comes late raises it
//! once, not once for each time that was missed. What the wall clock is set to does not matter.
//!
//! A timer outlives the process that added it. When the successor adds the same one again, as an
//! application does that every worker loads for itself, it takes over the old one: otherwise each
//! respawn would add to the rate, until there is no slot left.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use uwsgi_config::Config;
use uwsgi_metrics::Arena;
use uwsgi_sys::shared;

use super::{Receiver, Signals};
use crate::instance::Instance;
use crate::log;

/// How many timers there can be.
const MOST: usize = 1024;
/// Words of one: state, interval, rounds, moment of its birth. The state has the number in its
/// lowest byte, the two flags above it, and who added the timer from `OWNER` on.
const WIDTH: usize = 4;
/// State of a slot that is filled.
const READY: u64 = 1 << 8;
/// The process that added it has ended.
const LEFT: u64 = 1 << 9;
/// Bits below the owner.
const OWNER: u32 = 16;
/// Set in the number of an owner that is a mule.
const MULE: u64 = 1 << 32;

/// The slots of all timers, in memory that all processes share.
pub(super) struct Timers(&'static [AtomicU64]);

/// One slot: state, interval, rounds, birth.
type Slot<'a> = [&'a AtomicU64; WIDTH];

/// Milliseconds of a clock that all processes share and nobody sets.
fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Raises `number` every so often, `rounds` times or, with 0, for ever. The log says why not.
pub(crate) fn add_timer(instance: &Instance, number: u8, every: Duration, rounds: u64) -> bool {
    let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
    let signals = instance.signals.as_ref().filter(|_| every > 0);
    let owner = match (instance.worker_id(), instance.mule_id()) {
        (0, 0) => None,
        (0, mule) => Some(Receiver::Mule(mule)),
        (worker, _) => Some(Receiver::Worker(worker)),
    };
    signals.is_some_and(|signals| signals.timers.add(owner, number, every, rounds))
}

/// An owner as a number; 0 is the master, whose timers nobody adds again.
fn code(owner: Option<Receiver>) -> u64 {
    match owner {
        None => 0,
        Some(Receiver::Worker(id)) => id.into(),
        Some(Receiver::Mule(id)) => MULE | u64::from(id),
    }
}

impl Timers {
    /// No timers yet.
    pub(super) fn new() -> io::Result<Timers> {
        // The first word counts the slots given away.
        shared::words(1 + MOST * WIDTH).map(Timers)
    }

    fn add(&self, owner: Option<Receiver>, number: u8, every: u64, rounds: u64) -> bool {
        let own = READY | u64::from(number) | code(owner) << OWNER;
        self.take_over(own, every, rounds) || self.fill(own, every, rounds)
    }

    /// Goes on with the same timer of the process before this one. One that was at rounds begins
    /// anew; the others stay in step.
    fn take_over(&self, own: u64, every: u64, rounds: u64) -> bool {
        let same = |[_, interval, times, _]: &Slot<'_>| {
            interval.load(Ordering::Relaxed) == every && times.load(Ordering::Relaxed) == rounds
        };
        self.slots().filter(same).any(|[state, _, _, birth]| {
            let (relaxed, acquired) = (Ordering::Relaxed, Ordering::AcqRel);
            let taken = state.compare_exchange(own | LEFT, own, acquired, relaxed).is_ok();
            if taken && rounds > 0 {
                birth.store(now_ms(), relaxed);
            }
            taken
        })
    }

    fn fill(&self, own: u64, every: u64, rounds: u64) -> bool {
        let room = |count| (count < MOST as u64).then_some(count + 1);
        let count = self.0.first();
        let taken =
            count.and_then(|c| c.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).ok());
        let slot = taken.and_then(|slot| self.slots().nth(slot as usize));
        let Some([state, interval, times, birth]) = slot else {
            log!("you can register max {MOST} timers !!!");
            return false;
        };
        interval.store(every, Ordering::Relaxed);
        times.store(rounds, Ordering::Relaxed);
        birth.store(now_ms(), Ordering::Relaxed);
        state.store(own, Ordering::Release);
        true
    }

    /// The process that added them is gone: its timers go on, and wait for the next one to take
    /// them over.
    pub(super) fn leave(&self, owner: Receiver) {
        for [state, ..] in self.slots() {
            let word = state.load(Ordering::Acquire);
            if word >> OWNER == code(Some(owner)) {
                state.fetch_or(LEFT, Ordering::AcqRel);
            }
        }
    }

    fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        let (count, slots) = self.0.split_first().unzip();
        let count = count.map_or(0, |count| count.load(Ordering::Acquire));
        let slots = slots.map_or(&[][..], |slots| slots).chunks_exact(WIDTH).take(count as usize);
        slots
            .filter_map(|slot| <&[AtomicU64; WIDTH]>::try_from(slot).ok())
            .map(|slot| slot.each_ref())
    }
}

/// What the master knows of one timer.
#[derive(Clone, Copy, Debug, Default)]
struct Next {
    /// Birth of the timer that is meant; 0 before one was seen.
    born: u64,
    /// When it is due, on the clock of `now_ms`.
    at: u64,
    /// How often it was raised.
    raised: u64,
    /// All rounds are over.
    over: bool,
}

/// The master's view of the timers: when which is due.
#[derive(Debug, Default)]
pub(crate) struct Due {
    next: Vec<Next>,
}

impl Due {
    /// Routes what is due.
    pub(crate) fn look(&mut self, signals: &Signals, arena: &Arena) {
        let now = now_ms();
        for (index, slot) in signals.timers.slots().enumerate() {
            if self.next.len() <= index {
                self.next.push(Next::default());
            }
            let (Some(next), [state, every, rounds, birth]) = (self.next.get_mut(index), slot)
            else {
                return;
            };
            let state = state.load(Ordering::Acquire);
            // One that is just being filled is seen in the next turn.
            if state & READY == 0 {
                continue;
            }
            let (every, born) = (every.load(Ordering::Relaxed), birth.load(Ordering::Relaxed));
            if next.born != born {
                *next = Next { born, at: born.saturating_add(every), ..Next::default() };
            }
            if !next.over && now >= next.at {
                signals.route(arena, state as u8);
                advance(next, now, every, rounds.load(Ordering::Relaxed));
            }
        }
    }

    /// When the next one is due.
    pub(crate) fn wait(&self) -> Option<Instant> {
        let dues = self.next.iter().filter(|next| !next.over && next.born > 0).map(|next| next.at);
        let left = dues.min()?.saturating_sub(now_ms());
        Instant::now().checked_add(Duration::from_millis(left))
    }
}

/// After a timer was raised at `now`: its next time, in step with the first.
fn advance(next: &mut Next, now: u64, every: u64, rounds: u64) {
    let missed = now.saturating_sub(next.at) / every.max(1);
    next.at = next.at.saturating_add(every.saturating_mul(missed.saturating_add(1)));
    next.raised += 1;
    next.over = rounds > 0 && next.raised >= rounds;
}

/// The timers of the configuration: `signal-timer` and `signal-rbtimer`.
pub(crate) fn from_options(signals: Option<&Signals>, config: &Config) -> Result<(), String> {
    for (option, kind) in [("signal-timer", "signal"), ("signal-rbtimer", "redblack signal")] {
        for entry in config.all(option) {
            let mut words = entry.text().split_whitespace();
            let number = words.next().and_then(|word| word.parse::<u8>().ok());
            let seconds = words.next().and_then(|word| word.parse::<u64>().ok());
            let (Some(number), Some(seconds @ 1..)) = (number, seconds) else {
                return Err(format!("invalid {kind} timer syntax, must be: <signal> <seconds>"));
            };
            if let Some(signals) = signals {
                signals.timers.add(None, number, seconds.saturating_mul(1000), 0);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_stays_in_step_and_late_turns_raise_it_once() {
        let mut next = Next { at: 1000, ..Next::default() };
        for (now, at) in [(1000, 2000), (2004, 3000), (6500, 7000), (7000, 8000)] {
            advance(&mut next, now, 1000, 0);
            assert_eq!((next.at, next.over), (at, false), "at {now}");
        }
        assert_eq!(next.raised, 4);
    }

    #[test]
    fn a_successor_takes_over_the_timers_it_adds_again() {
        let timers = Timers::new().unwrap();
        let (one, two) = (Some(Receiver::Worker(1)), Some(Receiver::Worker(2)));
        let mule = Some(Receiver::Mule(1));
        let count = || timers.slots().count();
        for owner in [one, one, two, mule, None] {
            assert!(timers.add(owner, 7, 1000, 0));
        }
        assert_eq!(count(), 5, "whoever lives may add as many as wanted");
        for _ in 0..3 {
            timers.leave(Receiver::Worker(1));
            assert!(timers.add(one, 7, 1000, 0) && timers.add(one, 7, 1000, 0));
            assert_eq!(count(), 5, "both were there");
        }
        timers.leave(Receiver::Worker(1));
        for (number, every, rounds) in [(8, 1000, 0), (7, 999, 0), (7, 1000, 1)] {
            let before = count();
            assert!(timers.add(one, number, every, rounds));
            assert_eq!(count(), before + 1, "another timer");
        }
        timers.leave(Receiver::Mule(1));
        assert!(timers.add(mule, 7, 1000, 0) && timers.add(None, 7, 1000, 0));
        assert_eq!(count(), 9, "the mule's is taken over, the master adds");
        assert!((9..MOST).all(|_| timers.add(None, 1, 1, 0)));
        assert!(!timers.add(None, 1, 1, 0));
    }

    #[test]
    fn a_timer_with_rounds_is_over_after_them() {
        let mut next = Next { at: 10, ..Next::default() };
        advance(&mut next, 10, 10, 2);
        assert!(!next.over);
        advance(&mut next, 20, 10, 2);
        assert!(next.over);
    }
}
