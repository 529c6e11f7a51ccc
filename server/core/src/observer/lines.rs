//! Lines of the log in the observer: written or carried to their loggers first, then looked at.
//!
//! One thread for each pipe writes (`pump.rs`); another one looks, because a pattern may take its time
//! and the log must not. Between them is a queue with an end: lines that find it full are written like
//! all others and counted as not looked at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::alarms::Alarms;
use super::carrier::{Carrier, Stream};
use super::pump::Pump;
use crate::alarm::follow::Follow;
use crate::alarm::tap::{self, Pipe};
use crate::instance::Instance;
use crate::log;
use crate::transport::Batch;

/// Lines that may wait to be looked at.
const WAITING: usize = 4096;

/// The longest line that is looked at as one.
const LONGEST: usize = 8192;

/// Times between two lines that tell of lines not looked at.
const TELLING: Duration = Duration::from_secs(1);

/// Time to tell what is lost at the end.
const TOLD: Duration = Duration::from_millis(500);

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
    /// Who knows where lines go; without one they go to the log as they are.
    carrier: Option<Arc<Carrier>>,
    /// Whether lines are looked at: those of the server, and those of requests.
    looks: [bool; 2],
    /// Bytes of a message that is handed on as one.
    longest: usize,
    /// Who waits for a mark.
    waiting: Arc<Mutex<Option<oneshot::Sender<()>>>>,
}

impl Lines {
    /// Starts the thread that looks.
    pub(super) fn start(
        instance: &Instance,
        alarms: Alarms,
        carrier: Option<Carrier>,
    ) -> std::io::Result<Lines> {
        let some = !instance.settings.alarms.rules.is_empty();
        let looks = [some, some && instance.settings.policy.logging.requests.is_none()];
        let (queue, items) = sync_channel(WAITING);
        let (missed, waiting, carrier) = (Arc::default(), Arc::default(), carrier.map(Arc::new));
        let longest = carrier.as_ref().map_or(LONGEST, |carrier| carrier.longest());
        let lines = Lines { queue, missed, carrier, looks, longest, waiting };
        let (missed, waiting) = (Arc::clone(&lines.missed), Arc::clone(&lines.waiting));
        let named = std::thread::Builder::new().name("log-alarm".into());
        named.spawn(move || look(&alarms, &items, &missed, &waiting))?;
        Ok(lines)
    }

    /// A line for the thread that looks; never waits.
    pub(super) fn offer(&self, line: &[u8]) {
        let [looks, _] = self.looks;
        if !looks {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Item::Line(line.to_owned())) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A line that is nowhere else yet.
    pub(super) fn carry(&self, target: i32, line: &[u8]) {
        self.bring(target, line);
        self.offer(line);
    }

    /// The same for one that nobody looks at.
    pub(super) fn bring(&self, target: i32, line: &[u8]) {
        match &self.carrier {
            Some(carrier) => {
                carrier.carry(Stream::Main, target, line);
                carrier.send();
            }
            None => tap::write_all(target, line),
        }
    }

    /// What was said while the server started.
    pub(super) fn bring_early(&self, target: i32) {
        let said = crate::early::said();
        said.split_inclusive(|byte| *byte == b'\n').for_each(|line| self.bring(target, line));
    }

    /// Goes where the log goes.
    pub(super) fn follow(&self, follow: &Follow) {
        uwsgi_sys::signal::block_all_in_thread();
        while let Some((news, log)) = follow.next() {
            if let Some(log) = &log {
                // What could not be led there goes on where it is.
                let _ = crate::daemon::lead(log);
            }
            if let Some(carrier) = &self.carrier {
                carrier.files_changed(news, log.as_ref());
            }
        }
    }

    /// Lines of requests on their way.
    pub(super) fn carry_requests(&self, target: i32, batch: &Batch) {
        match &self.carrier {
            Some(carrier) => {
                batch.lines().for_each(|line| carrier.carry(Stream::Requests, target, line));
                carrier.send();
            }
            None => tap::write_all(target, batch.text()),
        }
        if let [_, true] = self.looks {
            batch.lines().for_each(|line| self.offer(line));
        }
    }

    /// Whether lines go to the log as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.carrier.is_none()
    }

    /// Bytes of a message that is handed on as one.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Everything before this has been looked at when the mark is.
    pub(super) fn mark(&self) {
        // It comes once, at the end, when waiting does no harm.
        let _ = self.queue.send(Item::Mark);
    }

    /// Starts the thread that writes what comes through `pipe`, and through the rings where it is
    /// that of the log.
    pub(super) fn serve(&self, instance: &'static Instance, pipe: Pipe) -> std::io::Result<()> {
        let pump = Pump::new(self.clone(), instance, pipe)?;
        let named = std::thread::Builder::new().name("log".into());
        named.spawn(move || pump.run())?;
        Ok(())
    }

    /// Waits until the loggers have what they were given, but not beyond `limit`; the rest is told of.
    pub(super) async fn deliver_all(&self, limit: Duration) {
        let Some(carrier) = self.carrier.clone() else { return };
        let deadline = Instant::now() + limit;
        let settled = tokio::task::spawn_blocking(move || carrier.end(deadline));
        let _ = tokio::time::timeout(limit + TOLD, settled).await;
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
    loop {
        match items.recv_timeout(TELLING) {
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Item::Line(line)) => alarms.look_at(&line),
            Ok(Item::Mark) => {
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
