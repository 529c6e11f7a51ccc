//! The edge of a lane: its task, the clock, the row of the arena, the log.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
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

    /// Tries once more what waits, at once.
    pub(crate) fn hurry(&self) {
        self.shared.queue().hurry();
        self.shared.wake.notify_one();
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.shared.row.failing.get() > 0
    }

    /// Returns when nothing waits.
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
        let (ended, hurried) = {
            let mut queue = self.queue();
            let wish = result.as_ref().err().and_then(|_| transport.wish());
            let ended = queue.end(verdict, self.begun.elapsed(), wish);
            if let (Ended::Again(_, pause), Retry::Patient) = (ended, self.policy.retry) {
                queue.spread(by_chance(pause / 4));
            }
            self.row.queued.set(queue.len() as u64);
            (ended, queue.is_hurried())
        };
        self.count(ended, &parcel, result.as_ref().err());
        fire_done(result.is_ok(), took, parcel.bytes, [self.kind, &self.target]);
        self.tell(ended, hurried, result.err(), told);
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
            Ended::Delivered(_) => {
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

    /// Where attempts are counted, the lines of the original, each time; elsewhere ours about a
    /// receiver that fails.
    fn tell(&self, ended: Ended, hurried: bool, failure: Option<Failure>, told: &mut Told) {
        let (log, kind) = (self.log, self.kind);
        let Some(failure) = failure else { return self.tell_success(ended, told) };
        let line = told.failed(&failure.text, self.begun.elapsed());
        let Retry::Times(most, _) = self.policy.retry else {
            line.iter().for_each(|line| log(line));
            return;
        };
        log(&failure.text);
        match ended {
            Ended::Again(failed, pause) => log(&format!(
                "[uwsgi-stats-pusher] {kind} failed ({}), retry in {}s",
                failed - 1,
                pause.as_secs()
            )),
            Ended::Lost(_) if failure.again && !hurried => log(&format!(
                "[uwsgi-stats-pusher] {kind} failed and maximum number of retries was reached ({most})"
            )),
            Ended::Lost(_) | Ended::Delivered(_) => {}
        }
    }

    fn tell_success(&self, ended: Ended, told: &mut Told) {
        let (log, kind, target) = (self.log, self.kind, &self.target);
        let Some(failures) = told.succeeded() else { return };
        let again = matches!(ended, Ended::Delivered(failed) if failed > 0);
        if again && matches!(self.policy.retry, Retry::Times(..)) {
            log(&format!("[uwsgi-stats-pusher] retry succeeded for {kind}"));
        } else {
            log(&format!(
                "[uwsgi-stats-pusher] {kind} to {target} works again after {failures} failures"
            ));
        }
    }
}

/// One probe for all kinds of lanes.
#[inline(never)]
fn fire_done(delivered: bool, us: u64, bytes: usize, [pusher, target]: [&str; 2]) {
    uwsgi_usdt::push__done(|| {
        (delivered.into(), us, pusher.as_bytes(), target.as_bytes(), bytes as u64)
    });
}

/// Something below `most`. The keys of the standard library's hash maps are chance enough to keep
/// instances apart.
fn by_chance(most: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 1024;
    most * u32::try_from(chance).unwrap_or(0) / 1024
}

fn epoch_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
