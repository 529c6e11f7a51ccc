//! The thread that keeps reading while the screen keeps drawing.
//!
//! Owns the refresh clock. Freshness over completeness: at most one picture waits, and a
//! picture nobody fetched is dropped for good rather than queued. A source that hangs delays
//! pictures, never keys.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, TrySendError};
use std::sync::mpsc::{channel, sync_channel};
use std::thread;
use std::time::Duration;

use crate::picture::Picture;
use crate::source::{Fault, Source};

/// What one reading gave.
pub(crate) type Reading = Result<Picture, Fault>;

/// The screen's end of the thread.
pub(crate) struct Transport {
    readings: Receiver<Reading>,
    orders: Sender<Duration>,
}

impl Transport {
    /// Starts reading `source` every `interval`.
    ///
    /// # Errors
    /// The operating system's, when no thread can be made.
    pub(crate) fn start(source: Source, interval: Duration) -> std::io::Result<Self> {
        // One slot: a second picture would only make the first one older.
        let (deliver, readings) = sync_channel(1);
        let (orders, inbox) = channel();
        thread::Builder::new()
            .name("source".to_owned())
            .spawn(move || run(source, interval, &inbox, &deliver))?;
        Ok(Self { readings, orders })
    }

    /// Reads now and from then on every `interval`.
    pub(crate) fn refresh(&self, interval: Duration) {
        // A thread that is gone is noticed by the next `take`.
        let _ = self.orders.send(interval);
    }

    /// The reading that waits, if any.
    ///
    /// # Errors
    /// A sentence when the thread has ended, which only a panic can do.
    pub(crate) fn take(&self) -> Result<Option<Reading>, String> {
        match self.readings.try_recv() {
            Ok(reading) => Ok(Some(reading)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err("the reading thread has ended".to_owned()),
        }
    }
}

fn run(
    mut source: Source,
    mut interval: Duration,
    inbox: &Receiver<Duration>,
    deliver: &SyncSender<Reading>,
) {
    loop {
        match inbox.recv_timeout(interval) {
            // Several keys pressed at once ask for one reading.
            Ok(wanted) => interval = inbox.try_iter().last().unwrap_or(wanted),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        match deliver.try_send(source.picture()) {
            Ok(()) | Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => return,
        }
    }
}
