//! One look at an instance: plain data, the same whichever source it came from.
//!
//! Owns nothing but values. Counters are totals since the instance began, sizes are bytes,
//! times are microseconds unless the name says otherwise; rates are `state`'s business.

/// Everything one refresh learns.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Picture {
    /// Server version, empty when the source does not say.
    pub(crate) version: String,
    /// Connections waiting in the fullest accept queue.
    pub(crate) listen_queue: u64,
    /// Working directory of the master.
    pub(crate) cwd: Option<String>,
    /// User id of the master.
    pub(crate) uid: Option<u64>,
    /// Group id of the master.
    pub(crate) gid: Option<u64>,
    /// Process id of the master.
    pub(crate) pid: Option<u64>,
    /// What kind of instance answered.
    pub(crate) body: Body,
    /// What only the arena knows.
    pub(crate) details: Option<Details>,
    /// What an operator must know about the source itself.
    pub(crate) remark: Option<String>,
}

/// The table part of a picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Body {
    /// Neither workers nor vassals: a router's document, for instance.
    #[default]
    Nothing,
    /// An instance, workers in the order of the source.
    Workers(Vec<Worker>),
    /// An emperor.
    Emperor(Emperor),
}

/// One worker.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Worker {
    /// 1 and up; 0 when never spawned.
    pub(crate) id: u64,
    /// Process id.
    pub(crate) pid: u64,
    /// Requests served.
    pub(crate) requests: u64,
    /// Exceptions raised by the application.
    pub(crate) exceptions: u64,
    /// Signals handled.
    pub(crate) signals: u64,
    /// `idle`, `busy`, `cheap`, `pause`, `sigN`.
    pub(crate) status: String,
    /// Average response time, µs.
    pub(crate) avg_rt: u64,
    /// Resident memory, bytes.
    pub(crate) rss: u64,
    /// Address space, bytes.
    pub(crate) vsz: u64,
    /// Bytes sent.
    pub(crate) tx: u64,
    /// Times spawned.
    pub(crate) respawn_count: u64,
    /// Harakiris suffered.
    pub(crate) harakiri_count: u64,
    /// Time spent in requests, µs.
    pub(crate) running_time: u64,
    /// Epoch seconds of the last spawn, 0 for never.
    pub(crate) last_spawn: u64,
    /// Cores; empty when the source leaves them out.
    pub(crate) cores: Vec<Core>,
}

/// One core of a worker.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Core {
    /// 0 and up.
    pub(crate) id: u64,
    /// Requests served.
    pub(crate) requests: u64,
    /// A request is running now.
    pub(crate) in_request: bool,
}

/// An emperor and its vassals.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Emperor {
    /// Monitor arguments.
    pub(crate) monitors: Vec<String>,
    /// Tyrant mode, 0 or 1.
    pub(crate) tyrant: u64,
    /// (id, pid) in the order of the document; the pid may be negative.
    pub(crate) vassals: Vec<(String, i64)>,
}

/// What the arena adds: latencies, requests in flight, queues, history; a document, too, when
/// probes in the kernel are at work.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Details {
    /// One line per kind of latency that has been recorded.
    pub(crate) latencies: Vec<Latency>,
    /// Requests running now, oldest first.
    pub(crate) in_flight: Vec<InFlight>,
    /// Listening sockets.
    pub(crate) sockets: Vec<Socket>,
    /// Thousandths of requests per second, one value per second, oldest first.
    pub(crate) history: Vec<u64>,
    /// Probes in the kernel.
    pub(crate) probes: Vec<Probe>,
}

/// Percentiles of one kind of latency over all workers, µs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Latency {
    /// `request`, `application`, ...
    pub(crate) name: &'static str,
    /// Samples.
    pub(crate) count: u64,
    /// Median.
    pub(crate) p50: u64,
    /// Nine of ten are faster.
    pub(crate) p90: u64,
    /// Ninety-nine of a hundred are faster.
    pub(crate) p99: u64,
}

/// One request that has begun and not ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct InFlight {
    /// Worker id.
    pub(crate) worker: u64,
    /// Core id.
    pub(crate) core: u64,
    /// How long it has been running, µs.
    pub(crate) age: u64,
    /// What the core is doing: `application`, `writing`, ...
    pub(crate) phase: String,
    /// Request method.
    pub(crate) method: String,
    /// Request URI, possibly cut.
    pub(crate) uri: String,
    /// Client address.
    pub(crate) remote: String,
    /// What it waits for, where probes say so.
    pub(crate) waits: Option<Waits>,
}

/// What a running request waits for and has waited for; times in µs.
#[derive(Debug, Clone, Default, PartialEq)]
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

/// One probe in the kernel.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Probe {
    /// Its name.
    pub(crate) name: String,
    /// `healthy`, `degraded`, ...
    pub(crate) state: String,
    /// Why it is not healthy.
    pub(crate) reason: String,
    /// Programs attached.
    pub(crate) programs: u64,
    /// How often they ran; 0 where the kernel does not count.
    pub(crate) runs: u64,
    /// How long, nanoseconds.
    pub(crate) run_ns: u64,
}

/// One listening socket.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Socket {
    /// Bound name.
    pub(crate) name: String,
    /// Protocol spoken.
    pub(crate) proto: String,
    /// Connections waiting.
    pub(crate) queue: u64,
    /// Backlog.
    pub(crate) max_queue: u64,
    /// What a probe tells of it.
    pub(crate) accept: Option<Accept>,
}

/// The accept queue of a listening socket, as a probe sees it; times in µs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Accept {
    /// Connections that waited to be accepted.
    pub(crate) count: u64,
    /// Median of their waits.
    pub(crate) p50: u64,
    /// Ninety-nine of a hundred waited less.
    pub(crate) p99: u64,
    /// Connections that were completed.
    pub(crate) established: u64,
    /// Sum of the queue lengths they found, themselves included.
    pub(crate) depth_sum: u64,
    /// How many of them found it full.
    pub(crate) full: u64,
    /// Segments sent again to clients, where that is measured.
    pub(crate) retransmits: Option<u64>,
}
