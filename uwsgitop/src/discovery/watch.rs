//! Keeps looking for servers while the screen is open.
//!
//! Owns its thread. Looks again every few seconds, and less often where looking takes long, so that
//! it never costs more than about a hundredth of a core.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Seen, look};

/// Time between looks at least.
const PAUSE: Duration = Duration::from_secs(2);

/// So much longer than a look takes is the time to the next one.
const REST: u32 = 100;

/// The screen's end of the thread.
pub(crate) struct Watch {
    seen: Receiver<Seen>,
}

impl Watch {
    /// Starts to look for what differs from `first`.
    ///
    /// # Errors
    /// A sentence when no thread can be made.
    pub(crate) fn start(first: Seen) -> Result<Self, String> {
        let (tell, seen) = channel();
        thread::Builder::new()
            .name("discovery".to_owned())
            .spawn(move || run(first, &tell))
            .map_err(|error| format!("cannot start the thread that looks for servers: {error}"))?;
        Ok(Self { seen })
    }

    /// What was found last, if it differs from before.
    pub(crate) fn take(&self) -> Option<Seen> {
        self.seen.try_iter().last()
    }
}

fn run(mut last: Seen, tell: &Sender<Seen>) {
    let mut took = Duration::ZERO;
    loop {
        thread::sleep(PAUSE.max(took.saturating_mul(REST)));
        let began = Instant::now();
        let seen = look();
        took = began.elapsed();
        if seen != last {
            if tell.send(seen.clone()).is_err() {
                return;
            }
            last = seen;
        }
    }
}
