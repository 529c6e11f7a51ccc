//! What requests did and do: latencies, requests in flight, kinds of requests, the past.

use serde::{Deserialize, Serialize};

/// One kind of latency over all workers, µs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Latency {
    /// `request`, `queue`, `application`, `write`.
    pub(crate) name: String,
    /// Samples.
    pub(crate) count: u64,
    /// Their sum.
    pub(crate) sum: u64,
    /// Median.
    pub(crate) p50: u64,
    /// Nine of ten are faster.
    pub(crate) p90: u64,
    /// Ninety-nine of a hundred are faster.
    pub(crate) p99: u64,
    /// The samples: (highest value of the cell, count) ascending, used cells only; empty where the
    /// source does not tell.
    pub(crate) cells: Vec<(u64, u64)>,
}

/// One request that has begun and not ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct InFlight {
    /// Worker id.
    pub(crate) worker: u64,
    /// Core id.
    pub(crate) core: u64,
    /// When it began, epoch microseconds; 0 where the source does not say.
    pub(crate) start: u64,
    /// How long it has been running, µs.
    pub(crate) age: u64,
    /// Its age is known to whole seconds only.
    pub(crate) coarse: bool,
    /// What the core is doing: `application`, `writing`, ...; empty where the source does not say.
    pub(crate) phase: String,
    /// Request method.
    pub(crate) method: String,
    /// Host asked for.
    pub(crate) host: String,
    /// Request URI, possibly cut.
    pub(crate) uri: String,
    /// Client address.
    pub(crate) remote: String,
    /// Protocol the client speaks, where known.
    pub(crate) proto: String,
    /// Mount point of the application, `/` for the default one; empty where that is not known.
    pub(crate) app: String,
    /// Request variables in the order of the source, secrets hidden; empty where nobody asked.
    pub(crate) vars: Vec<(String, String)>,
    /// There were more of them than the source keeps.
    pub(crate) more_vars: bool,
    /// What it waits for, where probes say so.
    pub(crate) waits: Option<Waits>,
}

/// What a running request waits for and has waited for; times in µs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Waits {
    /// What it waits for now; nothing for one that runs, or that no probe watches.
    pub(crate) now: Option<String>,
    /// What it has waited for, in the order of the source; empty where it is not measured.
    pub(crate) parts: Vec<(String, u64)>,
    /// The system call it is in, and for how long.
    pub(crate) call: Option<(String, u64)>,
    /// Its slowest system call that has ended.
    pub(crate) slowest: Option<(String, u64)>,
}

/// Requests of one application, method and status; times in µs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Route {
    /// Mount point, `/` for the default application, empty where none served.
    pub(crate) app: String,
    /// Method.
    pub(crate) method: String,
    /// Status or class of statuses.
    pub(crate) code: String,
    /// Requests.
    pub(crate) count: u64,
    /// Time of all of them.
    pub(crate) sum: u64,
    /// Median.
    pub(crate) p50: u64,
    /// Ninety-nine of a hundred are faster.
    pub(crate) p99: u64,
}

/// One series of the past as the server keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Trail {
    /// Name: `requests`, `p99`, `rss` ...
    pub(crate) name: String,
    /// Seconds from one value to the next.
    pub(crate) step: u64,
    /// Moment of the last value.
    pub(crate) end: u64,
    /// What one of the unit is in values: 1000 where they are thousandths.
    pub(crate) scale: u64,
    /// Oldest first; a moment that nobody recorded is zero.
    pub(crate) values: Vec<u64>,
}
