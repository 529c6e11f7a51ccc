//! The thread that keeps reading while the screen keeps drawing.
//!
//! Owns the refresh clock. Freshness over completeness: at most one picture waits, and a
//! picture nobody fetched is dropped for good rather than queued. A source that hangs delays
//! pictures, never keys.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, TrySendError};
use std::sync::mpsc::{channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::FAST;
use crate::picture::Picture;
use crate::source::{Fault, Needs, Source};

/// What one reading gave.
pub(crate) type Reading = Result<Picture, Fault>;

/// The screen's end of the thread.
pub(crate) struct Transport {
    readings: Receiver<Reading>,
    orders: Sender<Order>,
}

/// How a source is to be read from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// Time from one reading to the next.
    pub(crate) interval: Duration,
    /// What each of them must hold.
    pub(crate) needs: Needs,
}

impl Transport {
    /// Starts reading `source` as ordered, for the first time at once.
    ///
    /// # Errors
    /// The operating system's, when no thread can be made.
    pub(crate) fn start(source: Source, order: Order) -> std::io::Result<Self> {
        // One slot: a second picture would only make the first one older.
        let (deliver, readings) = sync_channel(1);
        let (orders, inbox) = channel();
        thread::Builder::new()
            .name("source".to_owned())
            .spawn(move || run(source, order, &inbox, &deliver))?;
        Ok(Self { readings, orders })
    }

    /// Reads now and from then on as ordered.
    pub(crate) fn refresh(&self, order: Order) {
        // A thread that is gone is noticed by the next `take`.
        let _ = self.orders.send(order);
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
    mut order: Order,
    inbox: &Receiver<Order>,
    deliver: &SyncSender<Reading>,
) {
    loop {
        let began = Instant::now();
        match deliver.try_send(source.picture(order.needs)) {
            Ok(()) | Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => return,
        }
        match inbox.recv_timeout(order.interval) {
            // However fast keys are pressed, the source is asked no more often than it may be.
            Ok(wanted) => {
                thread::sleep(FAST.saturating_sub(began.elapsed()));
                order = inbox.try_iter().last().unwrap_or(wanted);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
