//! One look at an instance: plain data, the same whichever source it came from.
//!
//! Owns nothing but values. Counters are totals since the instance began, sizes are bytes,
//! times are microseconds and moments epoch seconds unless the name says otherwise; rates are the
//! business of `state`. What a source does not tell is zero, empty or absent. It is what recordings
//! hold, so every field may be missing when it is read back.

mod instance;
mod jobs;
mod kernel;
mod requests;
mod watched;

use serde::{Deserialize, Deserializer, Serialize};

pub(crate) use instance::{Accept, End, Node, Router, StaticNode, Subscription};
pub(crate) use instance::{App, Core, Gateway, Late, Process, Socket, System, Worker};
pub(crate) use jobs::{Banned, Cron, Daemon, Emperor, Legion, Lock, Member, Mule, Spooler, Vassal};
pub(crate) use kernel::{Calls, Kernel, KernelSocket, KernelWorker, Kill, Times};
pub(crate) use requests::{InFlight, Latency, Route, Trail, Waits};
pub(crate) use watched::{Alarm, Cache, Logger, Metric, Metrics, Probe, Pusher, Threshold};

/// A number that may be none: JSON knows no such numbers and has null for them.
///
/// # Errors
/// Those of the deserializer, when it is something else.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

/// Everything one refresh learns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Picture {
    /// When it was taken, epoch microseconds.
    pub(crate) taken: u64,
    /// Server version, empty when the source does not say.
    pub(crate) version: String,
    /// Largest backlog that the kernel allows; `None` where the source does not say.
    pub(crate) somaxconn: Option<u64>,
    /// Connections waiting in the fullest accept queue.
    pub(crate) listen_queue: u64,
    /// Connections dropped by full accept queues.
    pub(crate) listen_queue_errors: u64,
    /// Signals waiting for the master.
    pub(crate) signal_queue: u64,
    /// Working directory of the master.
    pub(crate) cwd: Option<String>,
    /// User id of the master.
    pub(crate) uid: Option<u64>,
    /// Group id of the master.
    pub(crate) gid: Option<u64>,
    /// Process id of the master.
    pub(crate) pid: Option<u64>,
    /// First start; 0 where the source does not say.
    pub(crate) started_at: u64,
    /// Reloads done.
    pub(crate) reloads: u64,
    /// When the last of them was done, 0 for none or where the source does not say.
    pub(crate) last_reload: u64,
    /// What kind of instance answered.
    pub(crate) body: Body,
    /// The source is one of ours and tells of latencies and requests in flight.
    pub(crate) deep: bool,
    /// One for each kind of latency that has been recorded.
    pub(crate) latencies: Vec<Latency>,
    /// Requests running now, oldest first.
    pub(crate) in_flight: Vec<InFlight>,
    /// Requests by what they were.
    pub(crate) routes: Vec<Route>,
    /// What the server remembers of the time before this look.
    pub(crate) trails: Vec<Trail>,
    /// Listening sockets.
    pub(crate) sockets: Vec<Socket>,
    /// Router processes.
    pub(crate) gateways: Vec<Gateway>,
    /// Mules.
    pub(crate) mules: Vec<Mule>,
    /// Processes the master looks after.
    pub(crate) daemons: Vec<Daemon>,
    /// Spoolers.
    pub(crate) spoolers: Vec<Spooler>,
    /// Commands at times.
    pub(crate) crons: Vec<Cron>,
    /// Locks and their holders.
    pub(crate) locks: Vec<Lock>,
    /// Caches.
    pub(crate) caches: Vec<Cache>,
    /// Legions.
    pub(crate) legions: Vec<Legion>,
    /// The source can list metrics, whether or not they are in this picture.
    pub(crate) lists_metrics: bool,
    /// Metrics by name.
    pub(crate) metrics: Metrics,
    /// Alarms.
    pub(crate) alarms: Vec<Alarm>,
    /// Thresholds.
    pub(crate) thresholds: Vec<Threshold>,
    /// Receivers of metrics.
    pub(crate) pushers: Vec<Pusher>,
    /// Receivers of lines of the log.
    pub(crate) loggers: Vec<Logger>,
    /// Probes in the kernel.
    pub(crate) probes: Vec<Probe>,
    /// What probes count, where somebody wants to see it.
    pub(crate) kernel: Option<Kernel>,
    /// Who ended processes of the instance.
    pub(crate) kills: Vec<Kill>,
    /// The master itself.
    pub(crate) master: Option<Process>,
    /// The process that answers and measures.
    pub(crate) observer: Option<Process>,
    /// The machine and the control group.
    pub(crate) system: Option<System>,
    /// What an operator must know about the source itself.
    pub(crate) remark: Option<String>,
}

impl Picture {
    /// The workers; none of an emperor or a router.
    pub(crate) fn workers(&self) -> &[Worker] {
        match &self.body {
            Body::Workers(workers) => workers,
            Body::Emperor(_) | Body::Router(_) | Body::Nothing => &[],
        }
    }

    /// A total over the workers; a document can hold any numbers, so it stops at the largest.
    pub(crate) fn sum(&self, value: impl Fn(&Worker) -> u64) -> u64 {
        total(self.workers().iter().map(value))
    }

    /// Requests that failed; of servers that do not count them, those that raised an exception.
    pub(crate) fn failures(&self) -> u64 {
        self.sum(|worker| worker.failed_requests).max(self.sum(|worker| worker.exceptions))
    }

    /// The latency of this name.
    pub(crate) fn latency(&self, name: &str) -> Option<&Latency> {
        self.latencies.iter().find(|latency| latency.name == name)
    }
}

/// The kind of instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// None that is known.
    #[default]
    Nothing,
    /// An instance, workers in the order of the source.
    Workers(Vec<Worker>),
    /// An emperor.
    Emperor(Emperor),
    /// The stats server of a router.
    Router(Router),
}

/// The sum of what sources tell, which may be anything.
pub(crate) fn total(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}
