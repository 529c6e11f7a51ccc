//! Signals at an interval. Part of `signals`.
//!
//! Any process adds a timer, by a slot of shared words; the master notices it in its next turn, at
//! most a second later, and routes the signal whenever it is due. A turn that comes late raises it
//! once, not once for each time that was missed. What the wall clock is set to does not matter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use uwsgi_config::Config;
use uwsgi_metrics::Arena;

use super::Signals;
use crate::instance::Instance;
use crate::log;

/// How many timers there can be.
const MOST: usize = 1024;
/// Words of one: state and number, interval, rounds, moment of its birth.
const WIDTH: usize = 4;
/// All words; the first counts the slots given away.
pub(super) const WORDS: usize = 1 + MOST * WIDTH;
/// State of a slot that is filled.
const READY: u64 = 1 << 8;

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
    signals.is_some_and(|signals| signals.add_timer(number, every, rounds))
}

impl Signals {
    fn add_timer(&self, number: u8, every: u64, rounds: u64) -> bool {
        let Some((count, slots)) = self.timers.split_first() else { return false };
        let room = |count| (count < MOST as u64).then_some(count + 1);
        let taken = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, room);
        let slot = taken.ok().and_then(|slot| slots.chunks_exact(WIDTH).nth(slot as usize));
        let Some([state, interval, times, birth]) = slot else {
            log!("you can register max {MOST} timers !!!");
            return false;
        };
        interval.store(every, Ordering::Relaxed);
        times.store(rounds, Ordering::Relaxed);
        birth.store(now_ms(), Ordering::Relaxed);
        state.store(READY | u64::from(number), Ordering::Release);
        true
    }

    fn timer_slots(&self) -> impl Iterator<Item = &[AtomicU64]> {
        let (count, slots) = self.timers.split_first().unzip();
        let count = count.map_or(0, |count| count.load(Ordering::Acquire));
        slots.map_or(&[][..], |slots| slots).chunks_exact(WIDTH).take(count as usize)
    }
}

/// What the master knows of one timer.
#[derive(Clone, Copy, Debug, Default)]
struct Next {
    /// When it is due, on the clock of `now_ms`; 0 before it was seen.
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
        for (index, slot) in signals.timer_slots().enumerate() {
            if self.next.len() <= index {
                self.next.push(Next::default());
            }
            let (Some(next), [state, every, rounds, birth]) = (self.next.get_mut(index), slot)
            else {
                return;
            };
            let state = state.load(Ordering::Acquire);
            // One that is just being filled is seen in the next turn.
            if state & READY == 0 || next.over {
                continue;
            }
            let every = every.load(Ordering::Relaxed);
            if next.at == 0 {
                next.at = birth.load(Ordering::Relaxed).saturating_add(every);
            }
            if now >= next.at {
                signals.route(arena, state as u8);
                advance(next, now, every, rounds.load(Ordering::Relaxed));
            }
        }
    }

    /// When the next one is due.
    pub(crate) fn wait(&self) -> Option<Instant> {
        let dues = self.next.iter().filter(|next| !next.over && next.at > 0).map(|next| next.at);
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
                signals.add_timer(number, seconds.saturating_mul(1000), 0);
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
    fn a_timer_with_rounds_is_over_after_them() {
        let mut next = Next { at: 10, ..Next::default() };
        advance(&mut next, 10, 10, 2);
        assert!(!next.over);
        advance(&mut next, 20, 10, 2);
        assert!(next.over);
    }
}
