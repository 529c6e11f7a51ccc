//! How fast commands are taken, so that a flood keeps nobody from work.
//!
//! It owns the bytes that were read and are not yet obeyed, and the allowance of each second. What
//! exceeds it stays in the pipe, and who writes on waits there: nothing is lost, and the reader
//! does a bounded amount of work.

use std::collections::VecDeque;

use crate::{Now, SECOND};

/// Bytes that are taken at a time.
pub const ROOM: usize = 4096;

/// Commands that are obeyed in one turn of the master.
const TURN: usize = 8;

/// Commands that are obeyed in one second; nobody types so many.
const COMMANDS: usize = 128;

/// Bytes that are read in one second, whatever they mean.
const BYTES: usize = 16 * ROOM;

/// See the module.
#[derive(Debug, Default)]
pub struct Flow {
    waiting: VecDeque<u8>,
    /// End of the present second, monotonic microseconds.
    ends_us: u64,
    commands: usize,
    bytes: usize,
}

impl Flow {
    /// How many bytes may be read now; none while earlier ones wait.
    pub fn room(&mut self, now: Now) -> usize {
        self.refresh(now);
        if self.waiting.is_empty() { self.bytes.min(ROOM) } else { 0 }
    }

    /// Bytes that were read.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_sub(bytes.len());
        self.waiting.extend(bytes);
    }

    /// The bytes to obey in this turn.
    pub fn take(&mut self, now: Now, is_command: impl Fn(u8) -> bool) -> Vec<u8> {
        self.refresh(now);
        let mut allowed = TURN.min(self.commands);
        let mut taken = Vec::new();
        while let Some(&byte) = self.waiting.front() {
            if is_command(byte) {
                if allowed == 0 {
                    break;
                }
                allowed -= 1;
                self.commands = self.commands.saturating_sub(1);
            }
            self.waiting.pop_front();
            taken.push(byte);
        }
        taken
    }

    /// When there is something to do though nothing new can be read, monotonic microseconds.
    pub fn due(&self) -> Option<u64> {
        let spent = self.bytes == 0 || self.commands == 0;
        match self.waiting.is_empty() {
            true => spent.then_some(self.ends_us),
            false if self.commands == 0 => Some(self.ends_us),
            false => Some(0),
        }
    }

    fn refresh(&mut self, now: Now) {
        if now.us >= self.ends_us {
            self.ends_us = now.us.saturating_add(SECOND);
            (self.commands, self.bytes) = (COMMANDS, BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { us: SECOND + ms * 1000, wall_s: 0 }
    }

    fn all(flow: &mut Flow, now: Now) -> usize {
        let mut count = 0;
        loop {
            match flow.take(now, |byte| byte == b's').len() {
                0 => return count,
                more => count += more,
            }
        }
    }

    #[test]
    fn a_few_commands_are_obeyed_at_once() {
        let mut flow = Flow::default();
        assert_eq!(flow.room(at(0)), ROOM);
        assert_eq!(flow.due(), None, "nothing waits");
        flow.put(b"s\nxs");
        assert_eq!(flow.room(at(0)), 0, "first what was read");
        assert_eq!(flow.due(), Some(0));
        assert_eq!(flow.take(at(0), |byte| byte == b's'), b"s\nxs");
        assert_eq!((flow.due(), flow.room(at(0))), (None, ROOM));
    }

    #[test]
    fn a_turn_obeys_few_and_a_second_a_bounded_number() {
        let mut flow = Flow::default();
        flow.room(at(0));
        flow.put(&[b's'; 1000]);
        assert_eq!(flow.take(at(0), |byte| byte == b's').len(), TURN);
        assert_eq!(flow.due(), Some(0), "the next turn comes at once");
        assert_eq!(all(&mut flow, at(1)), COMMANDS - TURN);
        assert_eq!(flow.due(), Some(at(1000).us), "the rest waits for the next second");
        assert_eq!(all(&mut flow, at(999)), 0);
        assert_eq!(all(&mut flow, at(1000)), COMMANDS);
    }

    #[test]
    fn noise_costs_reading_and_no_command() {
        let mut flow = Flow::default();
        let mut read = 0;
        while flow.room(at(0)) > 0 {
            let room = flow.room(at(0));
            flow.put(&vec![b'x'; room]);
            read += room;
            assert_eq!(flow.take(at(0), |byte| byte == b's').len(), room);
        }
        assert_eq!(read, BYTES);
        assert_eq!(flow.due(), Some(at(1000).us), "the writer waits in the pipe");
        assert_eq!(flow.room(at(1000)), ROOM);
        flow.put(b"s");
        assert_eq!(flow.take(at(1000), |byte| byte == b's'), b"s");
    }
}
