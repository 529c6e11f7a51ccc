//! The collectors and the metrics directory, once per second.
//!
//! Whatever can be slow (files, commands, functions, the directory) runs in threads of the
//! runtime: a round waits a moment for it, so that files that answer are fresh, and goes on without
//! those that do not. Each metric has at most one reading under way, and there is a bound on all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, spawn_blocking};
use uwsgi_metrics::Snapshot;
use uwsgi_watch::collector::{Failure, Outside, Tasks, end_all, take_over};
use uwsgi_watch::directory::{self, Directory};

use crate::instance::Instance;
use crate::log;
use crate::metrics::list;
use crate::sockets::plain;

/// Threads for what can be slow; a reading more waits for one of them.
pub(super) const THREADS: usize = 64;

/// Time a round waits for what is outside: most of it answers in microseconds.
const PATIENCE: Duration = Duration::from_millis(100);

/// The metrics of an instance and what is under way.
pub(super) struct Metrics {
    instance: &'static Instance,
    tasks: Tasks,
    readings: Vec<Reading>,
    files: Option<Files>,
    start: Instant,
}

/// The last word from outside about one metric.
#[derive(Default)]
struct Reading {
    under_way: Option<JoinHandle<Result<i64, Failure>>>,
    value: Option<i64>,
    /// The failure that the log knows of.
    told: Option<String>,
}

impl Metrics {
    /// Nothing is collected and nothing said when the subsystem is off.
    pub(super) fn new(instance: &'static Instance) -> Metrics {
        let (settings, arena) = (&instance.settings, &instance.arena);
        let mut tasks = Tasks::default();
        if settings.metrics {
            log!("metrics collector thread started");
            tasks = Tasks::new(&settings.user_metrics, arena);
            let all = (0..tasks.len()).filter_map(|index| tasks.get(index)?.outside());
            if all.into_iter().any(|outside| matches!(outside, Outside::Exec { .. })) {
                // An observer that was killed could end none of its commands.
                let since = arena.globals().started_at_us.get();
                take_over(&format!("{}-{since}", instance.master_pid()));
            }
        }
        let readings = (0..tasks.len()).map(|_| Reading::default()).collect();
        Metrics { instance, tasks, readings, files: None, start: Instant::now() }
    }

    /// One round: collects what is due, writes what changed.
    pub(super) async fn round(&mut self, snapshot: &Snapshot) {
        let due = self.tasks.due(self.start.elapsed().as_secs());
        self.begin(&due);
        self.wait(&due).await;
        let arena = &self.instance.arena;
        for index in due {
            let (Some(task), Some(reading)) = (self.tasks.get(index), self.readings.get(index))
            else {
                continue;
            };
            task.store(arena, snapshot, reading.value);
        }
        // Not before the first round, which brings what is listed once it has been measured.
        if self.files.is_none() {
            self.files = Files::new(self.instance);
        }
        if let Some(files) = &mut self.files {
            files.round(self.instance, snapshot).await;
        }
    }

    fn begin(&mut self, due: &[usize]) {
        for &index in due {
            let (Some(task), Some(reading)) = (self.tasks.get(index), self.readings.get_mut(index))
            else {
                continue;
            };
            let Some(outside) = task.outside().filter(|_| reading.under_way.is_none()) else {
                continue;
            };
            let (outside, name) = (outside.clone(), task.name.clone());
            let call = move |symbol: &str| uwsgi_sys::symbol::call_metric(symbol, &name);
            reading.under_way = Some(spawn_blocking(move || outside.read(call)));
        }
    }

    async fn wait(&mut self, due: &[usize]) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        for &index in due {
            let Some(reading) = self.readings.get_mut(index) else { continue };
            let Some(under_way) = &mut reading.under_way else { continue };
            let Ok(answer) = tokio::time::timeout_at(deadline, under_way).await else { continue };
            reading.under_way = None;
            let Some(task) = self.tasks.get(index) else { continue };
            match answer {
                Ok(Ok(value)) => (reading.value, reading.told) = (Some(value), None),
                Ok(Err(failure)) => reading.fail(&task.name, task.outside(), failure),
                // A reading that panicked has said so; it is tried again.
                Err(_) => {}
            }
        }
    }
}

impl Reading {
    /// A file that cannot be read is 0, and one that cannot be opened also a line each time, as
    /// users know it. Of other failures the first is told, and the value stays.
    fn fail(&mut self, name: &str, outside: Option<&Outside>, failure: Failure) {
        let is_file = matches!(outside, Some(Outside::File { .. }));
        let again = is_file && matches!(failure, Failure::Open(..));
        if is_file {
            self.value = Some(0);
        }
        let text = match failure {
            Failure::Open(path, e) => {
                let path = path.display();
                format!("open(\"{path}\"): {} [core/metrics.c line {}]", plain(&e), line!())
            }
            Failure::Read(path, e) => format!("metric {name}: {}: {}", path.display(), plain(&e)),
            Failure::Other(text) => format!("metric {name}: {text}"),
        };
        if again || self.told.as_ref() != Some(&text) {
            log!("{text}");
            self.told = Some(text);
        }
    }
}

/// What is left when the instance ends: no command goes on, and the files hold the last values.
pub(super) fn end(instance: &'static Instance) {
    end_all();
    let Some(path) = instance.metrics_dir.get() else { return };
    for item in list(instance) {
        let name = String::from_utf8_lossy(&item.name);
        if directory::read(path, &name) != Some(item.value) {
            // The rounds have told why a file cannot be written.
            let _ = directory::write(path, &name, item.value);
        }
    }
}

/// A metric whose file could not be written, and the line about it.
type Unwritten = (Arc<str>, String);

/// The metrics directory.
struct Files {
    directory: Directory,
    writing: Option<JoinHandle<Vec<Unwritten>>>,
    told: Option<String>,
}

impl Files {
    fn new(instance: &'static Instance) -> Option<Files> {
        let path = instance.metrics_dir.get()?;
        let items = list(instance);
        let names = items.iter().filter_map(|item| std::str::from_utf8(&item.name).ok());
        let directory = Directory::new(path, names, &instance.arena);
        Some(Files { directory, writing: None, told: None })
    }

    /// Writes what changed, unless the last writing is still under way.
    async fn round(&mut self, instance: &'static Instance, snapshot: &Snapshot) {
        if let Some(writing) = self.writing.take_if(|writing| writing.is_finished()) {
            self.settle(writing.await.unwrap_or_default());
        }
        if self.writing.is_some() {
            return;
        }
        let changes = self.directory.changes(&instance.arena, snapshot);
        if changes.is_empty() {
            return;
        }
        let path = self.directory.path();
        self.writing = Some(spawn_blocking(move || {
            let one = |(name, value): (Arc<str>, i64)| {
                let (path, e) = directory::write(&path, &name, value).err()?;
                let path = path.display();
                let line = line!();
                Some((
                    name,
                    format!("open(\"{path}\"): {} [core/metrics.c line {line}]", plain(&e)),
                ))
            };
            changes.into_iter().filter_map(one).collect()
        }));
    }

    /// What could not be written is written again; the log hears of the first.
    fn settle(&mut self, failed: Vec<Unwritten>) {
        failed.iter().for_each(|(name, _)| self.directory.forget(name));
        let first = failed.into_iter().next().map(|(_, text)| text);
        if let Some(text) = first.as_ref().filter(|_| first != self.told) {
            log!("{text}");
        }
        self.told = first;
    }
}
