//! The edge: alarms with their rows, the tasks that deliver, the clock.
//!
//! Messages come from any thread ([`Runner::raise`]) and never wait. Each alarm has a task of its
//! own, so that a receiver that hangs delays nobody else; with `cheap` those of the network share
//! one. Every message is counted once as triggered and once as delivered, suppressed, dropped or
//! failed; what waits is `queued`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use uwsgi_metrics::AlarmRow;

use crate::lane::{Ended, Lane, Limits, Taken};
use crate::{Action, Definition, Event, Facts, Failure};

/// A delivery that takes longer has failed. Actions have limits of their own, which are shorter.
const LONGEST_DELIVERY: Duration = Duration::from_secs(120);

/// Unknown names that are told; one line is enough for each, and a program that makes up names
/// must not fill memory.
const TOLD_NAMES: usize = 64;

/// Writes one line to the log.
type Log = fn(&str);

/// See the module.
pub struct Runner {
    alarms: Vec<Arc<Alarm>>,
    log: Log,
    begun: Instant,
    told: Mutex<HashSet<String>>,
    /// Something was delivered or given up.
    moved: Arc<Notify>,
}

struct Alarm {
    name: String,
    kind: &'static str,
    lane: Mutex<Lane>,
    row: &'static AlarmRow,
    /// Wakes the task that delivers.
    wake: Arc<Notify>,
}

impl Alarm {
    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner {
    /// Makes the alarms and starts the tasks that deliver; to be called within a tokio runtime.
    /// Rows of alarms stand in the order of `definitions`. The error says which alarm has what
    /// wrong with its argument.
    pub fn start(
        definitions: &[Definition],
        rows: impl Fn(u32) -> &'static AlarmRow,
        limits: Limits,
        facts: &Facts,
        cheap: bool,
    ) -> Result<Runner, String> {
        let log = facts.log.unwrap_or(|_| ());
        let mut runner = Runner {
            alarms: Vec::new(),
            log,
            begun: Instant::now(),
            told: Mutex::default(),
            moved: Arc::default(),
        };
        let (mut tasks, mut shared): (Vec<Vec<_>>, Vec<_>) = (Vec::new(), Vec::new());
        let of_network = Arc::new(Notify::new());
        for (index, definition) in (0..).zip(definitions) {
            let mut action = definition.action(facts)?;
            action.begin();
            let together = cheap && definition.kind.network;
            let wake = if together { Arc::clone(&of_network) } else { Arc::default() };
            let alarm = runner.add(definition, rows(index), limits, wake);
            if together {
                shared.push((alarm, action));
            } else {
                tasks.push(vec![(alarm, action)]);
            }
        }
        tasks.push(shared);
        for members in tasks.into_iter().filter(|members| !members.is_empty()) {
            let task = Task { members, begun: runner.begun, moved: Arc::clone(&runner.moved), log };
            tokio::spawn(task.run());
        }
        Ok(runner)
    }

    fn add(
        &mut self,
        definition: &Definition,
        row: &'static AlarmRow,
        limits: Limits,
        wake: Arc<Notify>,
    ) -> Arc<Alarm> {
        // What waited in a process that died, or in the image before this one, is lost.
        row.dropped.add_shared(row.queued.get());
        row.queued.set(0);
        let (name, kind) = (definition.name.clone(), definition.kind.name);
        let lane = Mutex::new(Lane::new(limits));
        let alarm = Arc::new(Alarm { name, kind, lane, row, wake });
        self.alarms.push(Arc::clone(&alarm));
        alarm
    }

    /// A message for one alarm, from any thread; it never waits. An unknown name is told once.
    pub fn raise(&self, event: Event) {
        uwsgi_usdt::alarm__raise(|| (event.alarm.as_bytes(), event.text.as_slice()));
        let Some(alarm) = self.named(&event.alarm) else { return self.unknown(&event.alarm) };
        let row = alarm.row;
        let mut lane = alarm.lane();
        row.triggered.add_shared(1);
        row.last_len.set(event.text.len() as u64);
        match lane.offer(event, self.begun.elapsed()) {
            Taken::Queued => {
                row.last_run.set(epoch_s());
                row.queued.set(lane.len() as u64);
                alarm.wake.notify_one();
            }
            Taken::Suppressed => row.suppressed.add_shared(1),
            Taken::Dropped => row.dropped.add_shared(1),
        }
    }

    /// The first of two with one name counts.
    fn named(&self, name: &str) -> Option<&Arc<Alarm>> {
        self.alarms.iter().find(|alarm| alarm.name == name)
    }

    fn unknown(&self, name: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_NAMES && told.insert(name.to_owned()) {
            (self.log)(&format!("[uwsgi-alarm] unable to find alarm \"{}\"", name.escape_debug()));
        }
    }

    /// Waits until all is delivered, but not beyond `limit`, nor for what will not be tried until
    /// then; gives up the rest and tells how many messages that were.
    pub async fn finish(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let in_time =
            |alarm: &&Arc<Alarm>| alarm.lane().due().is_some_and(|due| self.begun + due < end);
        while self.alarms.iter().any(|alarm| in_time(&alarm)) && Instant::now() < end {
            tokio::select! {
                () = self.moved.notified() => {}
                () = sleep_until(end) => {}
            }
        }
        let mut left = 0;
        for alarm in &self.alarms {
            let waited = alarm.lane().clear() as u64;
            alarm.row.dropped.add_shared(waited);
            alarm.row.queued.set(0);
            left += waited;
        }
        if left > 0 {
            (self.log)(&format!("[uwsgi-alarm] {left} messages were not delivered"));
        }
    }
}

/// Delivers for one alarm or for several.
struct Task {
    members: Vec<(Arc<Alarm>, Box<dyn Action>)>,
    begun: Instant,
    moved: Arc<Notify>,
    log: Log,
}

impl Task {
    async fn run(mut self) {
        loop {
            let wake = self.members.first().map(|(alarm, _)| Arc::clone(&alarm.wake));
            let Some(wake) = wake else { return };
            let dues = self.members.iter().map(|(alarm, _)| alarm.lane().due()).enumerate();
            let next = dues.filter_map(|(at, due)| Some((due?, at))).min();
            match next {
                Some((due, at)) if due <= self.begun.elapsed() => self.attempt(at).await,
                Some((due, _)) => tokio::select! {
                    () = wake.notified() => {}
                    () = sleep_until(self.begun + due) => {}
                },
                None => wake.notified().await,
            }
        }
    }

    async fn attempt(&mut self, at: usize) {
        let (begun, log) = (self.begun, self.log);
        let Some((alarm, action)) = self.members.get_mut(at) else { return };
        let event = alarm.lane().begin(begun.elapsed());
        let ended = match event {
            Ok(event) => {
                let late = |_| Err(Failure { text: "it took too long".into(), again: true });
                let delivery = timeout(LONGEST_DELIVERY, action.deliver(&event));
                let result = delivery.await.unwrap_or_else(late);
                settle(alarm, &result, begun.elapsed(), log)
            }
            Err(ended) => ended,
        };
        uwsgi_usdt::alarm__done(|| (alarm.name.as_bytes(), ended as u8));
        let row = alarm.row;
        match ended {
            Ended::Delivered => {
                row.delivered.add_shared(1);
                row.last_delivered.set(epoch_s());
            }
            Ended::Again => row.retries.add_shared(1),
            Ended::Failed => row.failed.add_shared(1),
        }
        row.queued.set(alarm.lane().len() as u64);
        self.moved.notify_waiters();
        self.moved.notify_one();
    }
}

/// Enters the result of an attempt.
fn settle(alarm: &Alarm, result: &Result<(), Failure>, now: Duration, log: Log) -> Ended {
    let jitter = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let text = result.as_ref().err().map_or("", |failure| &failure.text);
    alarm.row.last_error.set(text.as_bytes());
    if !text.is_empty() {
        log(&format!("[uwsgi-alarm-{}] {text}", alarm.kind));
    }
    alarm.lane().end(result.as_ref().copied(), now, jitter.into())
}

fn epoch_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests;
