//! Between the state machines of `uwsgi_duties` and the master: moments in, lines and orders out.
//!
//! A duty is told the moment and what the master sees; it answers steps. Lines are written here;
//! orders are carried out by the file of that duty.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use uwsgi_duties::{Now, Step, Steps};

use super::Master;
use crate::{clock, log};

/// This moment, as duties are told it: on the clock that all processes share.
pub(super) fn now() -> Now {
    Now { us: clock::monotonic_us(), wall_s: clock::epoch_s() }
}

/// The instant of a duty's due time.
pub(super) fn instant(us: u64) -> Instant {
    let (now, now_us) = (Instant::now(), clock::monotonic_us());
    let distance = Duration::from_micros(us.abs_diff(now_us));
    let moment = if us < now_us { now.checked_sub(distance) } else { now.checked_add(distance) };
    moment.unwrap_or(now)
}

/// Writes the lines of `steps` and hands each order over, in their sequence.
pub(super) fn carry_out<O>(steps: Steps<O>, mut order: impl FnMut(O)) {
    for step in steps {
        match step {
            Step::Say(line) => log::say(&line),
            Step::Do(one) => order(one),
        }
    }
}

impl Master<'_> {
    /// The loop wakes up when `fd` is readable. What wakes it is looked at in each turn anyway, so
    /// whoever watches reads it empty or stops watching.
    pub(super) fn watch(&self, fd: impl AsFd) -> std::io::Result<()> {
        let data = epoll::EventData::new_u64(super::DUTY_EVENT);
        Ok(epoll::add(&self.poll, fd, data, epoll::EventFlags::IN)?)
    }

    /// The end of [`Master::watch`].
    pub(super) fn unwatch(&self, fd: impl AsFd) {
        // It may have been closed or never watched.
        let _ = epoll::delete(&self.poll, fd);
    }
}
