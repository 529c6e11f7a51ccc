//! Lines of requests on their way from workers to whoever writes the log down.
//!
//! Where the log goes through the observer, each worker has a ring in the arena: a line costs it a
//! copy, not a system call on a pipe that others hold. The observer takes the lines out in batches,
//! at once when it had nothing to do and every few milliseconds while there is much.
//!
//! Nobody loses a line that is in a ring: it stays there when its worker dies, when the observer dies
//! (the next one goes on; what the dead one had written but not yet taken out is written twice), and
//! at the end of the instance or before a reload the master writes what is left. A ring that is full
//! holds its worker up for `log-ring-wait` at most, once until there is room again; what finds none
//! is lost, counted in the worker's row, and told once a second.
//!
//! A copy of a worker that its application forks, and that serves on, has no ring: its lines go into the
//! pipe.
//!
//! Order: what one worker says is written in the order in which it was said, the lines of its
//! requests and what it or its application wrote to the pipe alike. For that each line carries how
//! many bytes had gone through the pipe before it. Two workers have no order among each other beyond
//! that of their pipe.
//!
//! ```text
//! worker   ring, stamped with the bytes piped so far ─┐
//!          pipe (application, lines of the server) ───┴▶ observer ─▶ log, or loggers
//! ```

mod reader;
mod writer;

use uwsgi_metrics::Arena;

pub(crate) use reader::{Batch, Reader};
pub(crate) use writer::{enter, say};

use crate::alarm::tap;
use crate::settings::Settings;

/// Where the log is.
const LOG: i32 = 2;

/// Words of a worker's ring; 0 where lines go another way.
pub(crate) fn words(settings: &Settings) -> u32 {
    match crate::alarm::is_tapped(settings) {
        true => settings.policy.transport.ring_words(),
        false => 0,
    }
}

/// Nobody else reads the rings any more: what is in them goes to the log.
pub(crate) fn drain(arena: &Arena) {
    let mut reader = Reader::new(arena);
    reader.hand_over(u64::MAX, |batch| tap::write_all(LOG, batch.text()));
    reader.tell_losses(true);
}

/// The same, one line after the other, to somebody who knows where they go.
pub(crate) fn drain_to(arena: &Arena, mut give: impl FnMut(&[u8])) {
    let mut reader = Reader::new(arena);
    reader.hand_over(u64::MAX, |batch| batch.lines().for_each(&mut give));
    reader.tell_losses(true);
}
