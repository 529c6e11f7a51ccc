//! Deadlines: who is given up when, and what the client hears of it.

use std::time::{Duration, Instant};

use crate::client::State;
use crate::router::Router;
use crate::slab::Key;
use crate::wheel::TICKS_PER_SECOND;

/// How long input is thrown away after a response: enough for the client to read it and close.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// Length of a tick.
const TICK: Duration = Duration::from_millis(1000 / TICKS_PER_SECOND);

/// Ticks of a time, rounded up, at least one.
pub(crate) fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX / 2).max(1)
}

impl Router<'_> {
    /// Reads the clock, once per turn.
    pub(crate) fn set_now(&mut self) {
        self.now = Instant::now();
        let passed = self.now.saturating_duration_since(self.start);
        self.tick = (passed.as_millis() / TICK.as_millis()) as u64;
    }

    pub(crate) fn until_next_tick(&self) -> Duration {
        let passed = self.start.elapsed().as_millis() % TICK.as_millis();
        TICK.saturating_sub(Duration::from_millis(passed as u64)).max(Duration::from_millis(1))
    }

    /// Gives a client until `after` from now.
    pub(crate) fn arm(&mut self, key: Key, after: Duration) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.deadline = self.tick + 1 + ticks(after);
        if client.armed == 0 || client.armed > client.deadline {
            client.armed = self.wheel.insert(client.deadline, key.to_bits());
        }
    }

    /// The client or its worker moved: the silence starts anew.
    pub(crate) fn touch(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key)
            && matches!(client.state, State::Busy(_) | State::Flush { .. })
        {
            client.deadline = self.tick + 1 + ticks(self.settings.timeout);
        }
    }

    /// How long a connection may stay silent between requests.
    pub(crate) fn idle_time(&self) -> Duration {
        let usual = self.settings.keepalive.unwrap_or(self.settings.timeout);
        self.grace().map_or(usual, |grace| usual.min(grace))
    }

    /// Handles what is due.
    pub(crate) fn sweep(&mut self, due: &mut Vec<u64>) {
        due.clear();
        self.wheel.sweep(self.tick, due);
        for bits in due.drain(..) {
            let key = Key::from_bits(bits);
            let Some(client) = self.clients.get_mut(key) else { continue };
            if client.armed > self.tick {
                continue; // an older entry of a client that was filed again since
            }
            client.armed = 0;
            if client.deadline > self.tick {
                client.armed = self.wheel.insert(client.deadline, bits);
            } else {
                self.expire(key);
            }
        }
        if self.paused.is_some_and(|since| self.tick > since) {
            self.resume_accepting();
        }
    }

    /// Gives a client up.
    fn expire(&mut self, key: Key) {
        let Some(client) = self.clients.get(key) else { return };
        let waits_for_body = client.is_sent() && !client.body.is_done();
        let status = match client.state {
            State::Reading if client.is_idle() => return self.close(key),
            State::Flush { .. } | State::Linger => return self.close(key),
            State::Reading => 408,
            State::Busy(_) if waits_for_body => 408,
            State::Busy(_) | State::Queued => 504,
        };
        self.row.timeouts.add(1);
        self.refuse(key, status);
        self.drive(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_up_to_ticks() {
        for (ms, want) in [(0, 1), (1, 1), (250, 1), (251, 2), (60_000, 240)] {
            assert_eq!(ticks(Duration::from_millis(ms)), want, "{ms} ms");
        }
        assert!(ticks(Duration::MAX) > 1 << 40);
    }
}
