//! What the master does for the log while the observer stands still: stopped by somebody, or by a
//! machine that is out of memory.
//!
//! It owns when that begins and ends. An observer that is at work, or whose successor is about to
//! start, is left alone: the pipe has room for that long.

use std::time::Duration;

use super::{Packet, Tap};
use crate::instance::Instance;
use crate::log;

/// Seconds in which an observer that is at work gives a sign of it.
const PATIENCE: u32 = 3;

/// Time between two looks at the pipe then.
const PAUSE: Duration = Duration::from_millis(20);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Relief {
    /// How often the observer had looked at its numbers.
    looks: u64,
    /// Seconds since then.
    still: u32,
    /// The master writes the log.
    active: bool,
}

impl Relief {
    /// To be called once per second.
    pub(crate) fn look(&mut self, instance: &Instance) {
        let Some(tap) = &instance.log_tap else { return };
        let looks = instance.arena.history().ticks();
        if looks != self.looks {
            *self = Relief { looks, ..Relief::default() };
            return;
        }
        self.still += 1;
        if self.still < PATIENCE {
            return;
        }
        if !self.active && tap.is_full() {
            self.active = true;
            let pid = instance.arena.globals().observer_pid.get();
            let text = "stands still, the master writes its lines of the log";
            log::aside(&format!("[uwsgi-alarm] observer (pid: {pid}) {text}"));
        }
    }

    /// To be called each turn; how long the next one may take to come.
    pub(crate) fn turn(&self, instance: &Instance) -> Option<Duration> {
        let tap = instance.log_tap.as_ref().filter(|_| self.active)?;
        relieve(instance, tap);
        Some(PAUSE)
    }
}

/// Writes what waits; it is looked at when the observer goes on, as far as there is room for it.
fn relieve(instance: &Instance, tap: &Tap) {
    tap.relieve(|packet| {
        let wire = instance.alarm_wire.as_ref();
        if wire.is_some_and(|wire| wire.send(&Packet::Line(packet)).is_err()) {
            log::unseen_line();
        }
    });
}
