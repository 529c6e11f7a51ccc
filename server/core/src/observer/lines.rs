//! Lines of the log in the observer: written first, then looked at.
//!
//! One thread for each pipe writes; another one looks, because a pattern may take its time and the
//! log must not. Between them is a queue with an end: lines that find it full are written like all
//! others and counted as not looked at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::alarms::Alarms;
use crate::alarm::tap::{self, MARK, Peek, Pipe};
use crate::log;

/// Lines that may wait to be looked at.
const WAITING: usize = 4096;

/// Bytes that a pipe gives as one packet at most; a longer write comes in pieces of this.
const PIECE: usize = 4096;

/// The longest line that is looked at as one.
const LONGEST: usize = 8192;

/// Times between two lines that tell of lines not looked at.
const TELLING: Duration = Duration::from_secs(1);

enum Item {
    Line(Vec<u8>),
    /// Everything before it has been looked at.
    Mark,
}

/// The way of lines to the thread that looks.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Item>,
    missed: Arc<AtomicU64>,
    /// Who waits for a mark.
    waiting: Arc<Mutex<Option<oneshot::Sender<()>>>>,
}

impl Lines {
    /// Starts the thread that looks.
    pub(super) fn start(alarms: Alarms) -> std::io::Result<Lines> {
        let (queue, items) = sync_channel(WAITING);
        let lines = Lines { queue, missed: Arc::default(), waiting: Arc::default() };
        let (missed, waiting) = (Arc::clone(&lines.missed), Arc::clone(&lines.waiting));
        let named = std::thread::Builder::new().name("log-alarm".into());
        named.spawn(move || look(&alarms, &items, &missed, &waiting))?;
        Ok(lines)
    }

    /// A line for the thread that looks; never waits.
    pub(super) fn offer(&self, line: &[u8]) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Item::Line(line.to_owned())) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Starts the thread that writes what comes through `pipe`.
    pub(super) fn carry(&self, pipe: Pipe) -> std::io::Result<()> {
        let (lines, peek) = (self.clone(), Peek::new()?);
        let named = std::thread::Builder::new().name("log".into());
        named.spawn(move || lines.pump(&pipe, peek))?;
        Ok(())
    }

    fn pump(&self, pipe: &Pipe, mut peek: Peek) {
        uwsgi_sys::signal::block_all_in_thread();
        let mut unit = Vec::new();
        loop {
            let packets = peek.each(pipe, |packet| self.packet(pipe, packet, &mut unit));
            if packets == 0 && !pipe.wait() {
                return;
            }
        }
    }

    /// Writes a packet, and looks at it once it is complete.
    fn packet(&self, pipe: &Pipe, packet: &[u8], unit: &mut Vec<u8>) {
        if packet == MARK {
            // It comes once, at the end, when waiting does no harm.
            let _ = self.queue.send(Item::Mark);
            return;
        }
        tap::write_all(pipe.target, packet);
        unit.extend_from_slice(packet);
        let goes_on = packet.len() == PIECE && packet.last() != Some(&b'\n');
        if !goes_on || unit.len() >= LONGEST {
            self.offer(unit);
            unit.clear();
        }
    }

    /// Waits until what is in `pipe` now is written and looked at, but not beyond `limit`.
    pub(super) async fn settle(&self, pipe: Pipe, limit: Duration) {
        let (sender, done) = oneshot::channel();
        if let Ok(mut waiting) = self.waiting.lock() {
            *waiting = Some(sender);
        }
        // A full pipe is emptied by another thread, so this one may wait in it.
        let marked = std::thread::Builder::new().spawn(move || pipe.mark());
        if marked.is_ok() {
            let _ = tokio::time::timeout(limit, done).await;
        }
    }
}

fn look(
    alarms: &Alarms,
    items: &Receiver<Item>,
    missed: &AtomicU64,
    waiting: &Mutex<Option<oneshot::Sender<()>>>,
) {
    uwsgi_sys::signal::block_all_in_thread();
    let mut told = Instant::now();
    for item in items {
        match item {
            Item::Line(line) => alarms.look_at(&line),
            Item::Mark => {
                let sender = waiting.lock().ok().and_then(|mut waiting| waiting.take());
                // Who waited too long is gone.
                let _ = sender.map(|sender| sender.send(()));
            }
        }
        if missed.load(Ordering::Relaxed) > 0 && told.elapsed() >= TELLING {
            told = Instant::now();
            let missed = missed.swap(0, Ordering::Relaxed);
            log::aside(&format!("[uwsgi-alarm] {missed} lines of the log were not looked at"));
        }
    }
}
