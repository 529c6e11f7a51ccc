//! What is measured, stored and told: caches, metrics, alarms, thresholds, pushers, probes.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One cache.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cache {
    /// Name.
    pub(crate) name: String,
    /// Hash function.
    pub(crate) hash: String,
    /// Slots of the hash table.
    pub(crate) hashsize: u64,
    /// Largest key, bytes.
    pub(crate) keysize: u64,
    /// Most items.
    pub(crate) max_items: u64,
    /// Blocks.
    pub(crate) blocks: u64,
    /// Size of a block, bytes.
    pub(crate) blocksize: u64,
    /// Items now.
    pub(crate) items: u64,
    /// Lookups that found one.
    pub(crate) hits: u64,
    /// Lookups that did not.
    pub(crate) miss: u64,
    /// Times there was no room.
    pub(crate) full: u64,
    /// Last change, 0 where it is not kept.
    pub(crate) last_modified_at: u64,
}

/// One metric of the classic list, or one sample of an application's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Metric {
    /// Name; of a labelled one with its labels.
    pub(crate) name: String,
    /// Relative OID, empty for none.
    pub(crate) oid: String,
    /// 0 counter, 1 gauge, 2 absolute, 3 alias.
    pub(crate) kind: u64,
    /// Value; whole numbers in the classic list.
    #[serde(deserialize_with = "super::number")]
    pub(crate) value: f64,
    /// What it tells, in the words of the application that made it; empty for the server's own.
    pub(crate) help: String,
    /// Its unit, where the application names one.
    pub(crate) unit: String,
}

/// All metrics of one second. There may be thousands, so the pictures of that second share them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Metric>", into = "Vec<Metric>")]
pub(crate) struct Metrics(Arc<[Metric]>);

impl Metrics {
    /// Whether both are the same reading of the same second.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Vec<Metric>> for Metrics {
    fn from(all: Vec<Metric>) -> Self {
        Self(all.into())
    }
}

impl From<Metrics> for Vec<Metric> {
    fn from(all: Metrics) -> Self {
        all.0.to_vec()
    }
}

impl Deref for Metrics {
    type Target = [Metric];

    fn deref(&self) -> &[Metric] {
        &self.0
    }
}

/// One alarm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Alarm {
    /// Name.
    pub(crate) name: String,
    /// Kind of action.
    pub(crate) kind: String,
    /// Messages that were to be delivered.
    pub(crate) triggered: u64,
    /// Messages held back as too many.
    pub(crate) suppressed: u64,
    /// Messages lost.
    pub(crate) dropped: u64,
    /// Messages delivered.
    pub(crate) delivered: u64,
    /// Messages given up.
    pub(crate) failed: u64,
    /// Attempts made again.
    pub(crate) retries: u64,
    /// Messages waiting now.
    pub(crate) queued: u64,
    /// Last message, 0 for none.
    pub(crate) last_run: u64,
    /// Last delivery, 0 for none.
    pub(crate) last_delivered: u64,
    /// Why the last attempt failed.
    pub(crate) last_error: String,
}

/// One threshold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Threshold {
    /// As configured.
    pub(crate) text: String,
    /// Metric it watches.
    pub(crate) key: String,
    /// `quiet`, `pending`, `firing`.
    pub(crate) state: String,
    /// Since when.
    pub(crate) since: u64,
    /// Last value compared.
    #[serde(deserialize_with = "super::number")]
    pub(crate) value: f64,
    /// What it was compared with.
    #[serde(deserialize_with = "super::number")]
    pub(crate) bound: f64,
    /// Times it began to fire.
    pub(crate) fired: u64,
    /// Last alarm raised, 0 for none.
    pub(crate) last_alarm: u64,
}

/// One receiver of lines of the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Logger {
    /// The name that routes use, or its kind.
    pub(crate) name: String,
    /// What it is and where.
    pub(crate) target: String,
    /// Lines that it has.
    pub(crate) messages: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Lines lost.
    pub(crate) dropped: u64,
    /// Failures.
    pub(crate) errors: u64,
    /// Times that it took lines again.
    pub(crate) reconnects: u64,
    /// Files moved away.
    pub(crate) rotations: u64,
    /// Lines waiting now.
    pub(crate) queued: u64,
}

/// One receiver of metrics.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Pusher {
    /// Kind: `carbon`, `statsd` ...
    pub(crate) kind: String,
    /// The receiver.
    pub(crate) target: String,
    /// Pushes taken.
    pub(crate) pushes: u64,
    /// Values in them.
    pub(crate) values: u64,
    /// Bytes in them, as encoded.
    pub(crate) bytes: u64,
    /// Attempts that failed.
    pub(crate) failures: u64,
    /// Attempts made again.
    pub(crate) retries: u64,
    /// Pushes lost.
    pub(crate) dropped: u64,
    /// Pushes waiting.
    pub(crate) queued: u64,
    /// Moment of the last push that was taken, 0 for none.
    pub(crate) last_push: u64,
    /// Last failure, 0 for none.
    pub(crate) last_failure: u64,
    /// Failures since the last success.
    pub(crate) failing: u64,
    /// Time of the last attempt, µs.
    pub(crate) last_send: u64,
    /// Why it failed, empty after a success.
    pub(crate) last_error: String,
}

/// One probe in the kernel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Probe {
    /// Its name.
    pub(crate) name: String,
    /// `healthy`, `degraded`, ...
    pub(crate) state: String,
    /// Why it is not healthy.
    pub(crate) reason: String,
    /// What would help.
    pub(crate) remedy: String,
    /// Programs attached.
    pub(crate) programs: u64,
    /// How often they ran; 0 where the kernel does not count.
    pub(crate) runs: u64,
    /// How long, nanoseconds.
    pub(crate) run_ns: u64,
}
