//! The edge of a lane: its task, the clock, the row of the arena, the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use uwsgi_metrics::PusherRow;
use uwsgi_net::Failure;

use super::queue::{Ended, Parcel, Policy, Queue, Retry};
use super::told::Told;
use crate::{Log, Transport};

/// A lane and its task.
pub(crate) struct Lane<P> {
    shared: Arc<Shared<P>>,
}

struct Shared<P> {
    kind: &'static str,
    target: String,
    policy: Policy,
    queue: Mutex<Queue<P>>,
    wake: Notify,
    /// Something was delivered or lost.
    moved: Notify,
    row: &'static PusherRow,
    log: Log,
    begun: Instant,
}

impl<P: Send + Sync + 'static> Lane<P> {
    /// Starts the task; to be called within a tokio runtime.
    pub(crate) fn start(
        kind: &'static str,
        policy: Policy,
        transport: Box<dyn Transport<P>>,
        row: &'static PusherRow,
        log: Log,
    ) -> Lane<P> {
        // What waited in a process that died, or in the image before this one, is lost.
        row.dropped.add(row.queued.get());
        row.queued.set(0);
        let shared = Arc::new(Shared {
            kind,
            target: String::from_utf8_lossy(&row.target.get()).into_owned(),
            policy,
            queue: Mutex::new(Queue::new(policy)),
            wake: Notify::new(),
            moved: Notify::new(),
            row,
            log,
            begun: Instant::now(),
        });
        tokio::spawn(Arc::clone(&shared).run(transport));
        Lane { shared }
    }

    /// Takes a push; it never waits.
    pub(crate) fn offer(&self, parcel: Parcel<P>) {
        let shared = &self.shared;
        let mut queue = shared.queue();
        for lost in queue.offer(parcel) {
            shared.lost(&lost);
        }
        shared.row.queued.set(queue.len() as u64);
        drop(queue);
        shared.wake.notify_one();
    }

    /// Waits until nothing waits any more.
    pub(crate) async fn settled(&self) {
        loop {
            let moved = self.shared.moved.notified();
            if self.shared.queue().len() == 0 {
                return;
            }
            moved.await;
        }
    }
}

impl<P: Send + Sync> Shared<P> {
    fn queue(&self) -> MutexGuard<'_, Queue<P>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>, mut transport: Box<dyn Transport<P>>) {
        let mut told = Told::default();
        loop {
            let due = self.queue().due();
            match due.map(|due| self.begun + due) {
                None => self.wake.notified().await,
                Some(due) if due > Instant::now() => tokio::select! {
                    () = sleep_until(due) => {}
                    () = self.wake.notified() => {}
                },
                Some(_) => self.attempt(&mut *transport, &mut told).await,
            }
        }
    }

    async fn attempt(&self, transport: &mut dyn Transport<P>, told: &mut Told) {
        let Some(parcel) = self.queue().begin() else { return };
        let start = Instant::now();
        let result = timeout(self.policy.deadline, transport.send(&parcel.payload)).await;
        let result = result.unwrap_or_else(|_| {
            let seconds = self.policy.deadline.as_secs_f64();
            transport.interrupted();
            Err(Failure::passing(format!(
                "[{}] {} did not finish within {seconds} s",
                self.kind, self.target
            )))
        });
        let took = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.row.send_us.add(took);
        self.row.last_send_us.set(took);
        let verdict = result.as_ref().map(|done| *done).map_err(|failure| failure.again);
        let ended = {
            let mut queue = self.queue();
            let ended = queue.end(verdict, self.begun.elapsed());
            self.row.queued.set(queue.len() as u64);
            ended
        };
        self.count(ended, &parcel, result.as_ref().err());
        self.tell(ended, result.err(), told);
        self.moved.notify_waiters();
    }

    fn count(&self, ended: Ended, parcel: &Parcel<P>, failure: Option<&Failure>) {
        let row = self.row;
        if let Some(failure) = failure {
            row.failures.add(1);
            row.failing.set(row.failing.get() + 1);
            row.last_failure.set(epoch_s());
            row.last_error.set(failure.text.as_bytes());
        }
        match ended {
            Ended::Delivered => {
                row.pushes.add(1);
                row.values.add(parcel.values);
                row.bytes.add(parcel.bytes as u64);
                row.last_push.set(parcel.at_s);
                row.failing.set(0);
                row.last_error.set(b"");
            }
            Ended::Again(..) => row.retries.add(1),
            Ended::Lost(_) => self.lost(parcel),
        }
    }

    fn lost(&self, parcel: &Parcel<P>) {
        self.row.dropped.add(1);
        self.row.dropped_values.add(parcel.values);
    }

    /// The lines of the original about retries, and ours about a receiver that fails and works
    /// again.
    fn tell(&self, ended: Ended, failure: Option<Failure>, told: &mut Told) {
        let log = self.log;
        let kind = self.kind;
        if let Some(failure) = failure {
            if let Some(line) = told.failed(&failure.text, self.begun.elapsed()) {
                log(&line);
            }
            if let Retry::Times(most, _) = self.policy.retry {
                match ended {
                    Ended::Again(n, pause) => {
                        let pause = pause.as_secs();
                        log(&format!(
                            "[uwsgi-stats-pusher] {kind} failed ({n}), retry in {pause}s"
                        ));
                    }
                    Ended::Lost(_) => log(&format!(
                        "[uwsgi-stats-pusher] {kind} failed and maximum number of retries was reached ({most})"
                    )),
                    Ended::Delivered => {}
                }
            }
            return;
        }
        let Some(failures) = told.succeeded() else { return };
        if matches!(self.policy.retry, Retry::Times(..)) {
            log(&format!("[uwsgi-stats-pusher] retry succeeded for {kind}"));
        } else {
            let target = &self.target;
            log(&format!(
                "[uwsgi-stats-pusher] {kind} to {target} works again after {failures} failures"
            ));
        }
    }
}

fn epoch_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
