//! What every instance has: workers, cores, applications, sockets, routers, its processes.

use serde::{Deserialize, Serialize};

/// One worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Worker {
    /// 1 and up; 0 when never spawned.
    pub(crate) id: u64,
    /// Process id.
    pub(crate) pid: u64,
    /// It takes requests.
    pub(crate) accepting: bool,
    /// Requests served.
    pub(crate) requests: u64,
    /// Requests served since its last spawn.
    pub(crate) delta_requests: u64,
    /// Requests that failed; 0 where the source does not say.
    pub(crate) failed_requests: u64,
    /// Exceptions raised by the application.
    pub(crate) exceptions: u64,
    /// Signals handled.
    pub(crate) signals: u64,
    /// Signals waiting for it.
    pub(crate) signal_queue: u64,
    /// `idle`, `busy`, `cheap`, `pause`, `sigN`.
    pub(crate) status: String,
    /// Average response time, µs.
    pub(crate) avg_rt: u64,
    /// Resident memory, bytes.
    pub(crate) rss: u64,
    /// Address space, bytes.
    pub(crate) vsz: u64,
    /// Memory of its own and its share of the rest, bytes; 0 while unmeasured.
    pub(crate) uss: u64,
    /// Its share of all it maps, bytes; 0 while unmeasured.
    pub(crate) pss: u64,
    /// Swapped memory, bytes.
    pub(crate) swap: u64,
    /// Bytes sent.
    pub(crate) tx: u64,
    /// Bytes received.
    pub(crate) rx: u64,
    /// Times spawned.
    pub(crate) respawn_count: u64,
    /// Harakiris suffered.
    pub(crate) harakiri_count: u64,
    /// Deadline of the running request, 0 for none.
    pub(crate) harakiri_pending: u64,
    /// Deaths by a signal.
    pub(crate) killed_count: u64,
    /// Ends by reason, those that happened.
    pub(crate) exits: Vec<End>,
    /// Why it ended last, in words; empty before the first end or where the source does not say.
    pub(crate) last_exit: String,
    /// Time spent in requests, µs.
    pub(crate) running_time: u64,
    /// Processor time, µs.
    pub(crate) cpu_time: u64,
    /// Open descriptors; 0 while unmeasured.
    pub(crate) open_fds: u64,
    /// Threads; 0 while unmeasured.
    pub(crate) threads: u64,
    /// Last spawn, 0 for never.
    pub(crate) last_spawn: u64,
    /// How long its last start took, µs.
    pub(crate) startup: u64,
    /// Applications.
    pub(crate) apps: Vec<App>,
    /// Cores; empty when the source leaves them out.
    pub(crate) cores: Vec<Core>,
}

/// How often processes ended for one reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct End {
    /// The reason.
    pub(crate) reason: String,
    /// How often.
    pub(crate) count: u64,
}

/// One core of a worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Core {
    /// 0 and up.
    pub(crate) id: u64,
    /// Requests served.
    pub(crate) requests: u64,
    /// Of them by the static file server.
    pub(crate) static_requests: u64,
    /// Of them by internal routing.
    pub(crate) routed_requests: u64,
    /// Tasks handed to offload threads.
    pub(crate) offloaded_requests: u64,
    /// Errors while writing.
    pub(crate) write_errors: u64,
    /// Errors while reading.
    pub(crate) read_errors: u64,
    /// A request is running now.
    pub(crate) in_request: bool,
}

/// One application in one worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct App {
    /// 0 and up.
    pub(crate) id: u64,
    /// Plugin that serves it.
    pub(crate) modifier1: u64,
    /// Where it is mounted; empty for the default one.
    pub(crate) mountpoint: String,
    /// How long it took to load, seconds.
    pub(crate) startup_time: u64,
    /// Requests served.
    pub(crate) requests: u64,
    /// Exceptions raised.
    pub(crate) exceptions: u64,
    /// Directory it runs in, empty for the server's.
    pub(crate) chdir: String,
    /// Answers by class, 1xx to 5xx and others; empty where the source does not say.
    pub(crate) responses: Vec<u64>,
    /// Time spent in its requests, µs.
    pub(crate) running_time: u64,
    /// Bytes sent.
    pub(crate) tx: u64,
    /// Its requests by duration: (highest µs of the bucket, count), the last bucket without an end
    /// being `u64::MAX`; not cumulative.
    pub(crate) buckets: Vec<(u64, u64)>,
}

/// One listening socket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Socket {
    /// Bound name.
    pub(crate) name: String,
    /// Protocol spoken; empty for the front of a router.
    pub(crate) proto: String,
    /// Connections waiting.
    pub(crate) queue: u64,
    /// Backlog.
    pub(crate) max_queue: u64,
    /// A shared socket.
    pub(crate) shared: bool,
    /// Its protocol allows offloading.
    pub(crate) can_offload: bool,
    /// Connections accepted; `None` where the source does not say, as with those below.
    pub(crate) accepted: Option<u64>,
    /// Connections dropped because the queue was full.
    pub(crate) drops: Option<u64>,
    /// Connections that were seen waiting.
    pub(crate) waited: Option<u64>,
    /// Requests that came through it.
    pub(crate) requests: Option<u64>,
    /// Of these, whose client left before the end of the response.
    pub(crate) aborted: Option<u64>,
    /// Requests refused and connections lost, by reason, those that happened.
    pub(crate) refused: Vec<End>,
    /// What a probe tells of it.
    pub(crate) accept: Option<Accept>,
}

/// The accept queue of a listening socket, as a probe sees it; times in µs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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

/// One process of a router.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Gateway {
    /// Kind of router: `http` ...
    pub(crate) name: String,
    /// Its process.
    pub(crate) process: Process,
    /// Spawns including the first.
    pub(crate) respawns: u64,
    /// Clients connected now.
    pub(crate) active_sessions: u64,
    /// Requests passed on.
    pub(crate) requests: u64,
    /// Bytes received from clients.
    pub(crate) rx: u64,
    /// Bytes sent to clients.
    pub(crate) tx: u64,
    /// Sessions that ended in an error of ours or of a backend.
    pub(crate) errors: u64,
    /// Requests refused by the parser.
    pub(crate) bad_requests: u64,
    /// Sessions ended by a time-out.
    pub(crate) timeouts: u64,
    /// Requests waiting for a worker now.
    pub(crate) queue: u64,
    /// How many requests waited, and how long in all, µs.
    pub(crate) waits: (u64, u64),
    /// Connections waiting to be accepted.
    pub(crate) listen_queue: u64,
    /// Backlog.
    pub(crate) max_queue: u64,
    /// Connections dropped because it was full.
    pub(crate) drops: u64,
}

/// What the kernel says of one process of the instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Process {
    /// Process id, 0 when it is not there.
    pub(crate) pid: u64,
    /// Processor time, µs.
    pub(crate) cpu_time: u64,
    /// Resident memory, bytes.
    pub(crate) rss: u64,
    /// Address space, bytes.
    pub(crate) vsz: u64,
    /// Swapped memory, bytes.
    pub(crate) swap: u64,
    /// Open descriptors.
    pub(crate) open_fds: u64,
    /// Threads.
    pub(crate) threads: u64,
    /// Times it gave the processor away, and times it was taken from it.
    pub(crate) switches: [u64; 2],
    /// Page faults without input and with input.
    pub(crate) faults: [u64; 2],
    /// How late it does what it does each second; `None` where nobody measures it.
    pub(crate) late: Option<Late>,
}

/// How late something regular happened, µs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Late {
    /// How often it happened.
    pub(crate) count: u64,
    /// All delays.
    pub(crate) sum: u64,
    /// The last one.
    pub(crate) last: u64,
    /// The longest one.
    pub(crate) max: u64,
}

/// The machine and the control group; absent where the kernel does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct System {
    /// Load averages over 1, 5 and 15 minutes.
    pub(crate) load: Option<[f64; 3]>,
    /// Memory that can be had without swapping, bytes.
    pub(crate) mem_available: Option<u64>,
    /// Memory that the control group uses and may use, bytes.
    pub(crate) memory_usage: Option<u64>,
    /// Most memory it may use, bytes.
    pub(crate) memory_limit: Option<u64>,
    /// Processes lost to that limit.
    pub(crate) oom_kills: Option<u64>,
    /// Processors it may use, thousandths.
    pub(crate) cpu_limit_milli: Option<u64>,
    /// Time it waited for them, µs.
    pub(crate) cpu_throttled: Option<u64>,
    /// Share of time in which some task waited for processor, memory, disk over 10 s, percent.
    pub(crate) stalls: [Option<f64>; 3],
}

/// The document of a router's own stats server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Router {
    /// Kind: `http`, `fastrouter` ...
    pub(crate) name: String,
    /// Clients connected now.
    pub(crate) active_sessions: u64,
    /// Addresses it listens on.
    pub(crate) sockets: Vec<String>,
    /// It runs only while somebody is subscribed.
    pub(crate) cheap: bool,
    /// Backends of the configuration.
    pub(crate) static_nodes: Vec<StaticNode>,
    /// What instances subscribed to.
    pub(crate) subscriptions: Vec<Subscription>,
}

/// A backend of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StaticNode {
    /// Address.
    pub(crate) name: String,
    /// Requests sent.
    pub(crate) hits: u64,
    /// It is left alone until then.
    pub(crate) grace: u64,
}

/// One key and the nodes that serve it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Subscription {
    /// Key, a host name mostly.
    pub(crate) key: String,
    /// Requests for it.
    pub(crate) hits: u64,
    /// Who serves it.
    pub(crate) nodes: Vec<Node>,
}

/// A subscribed instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    /// Address.
    pub(crate) name: String,
    /// Process id.
    pub(crate) pid: u64,
    /// Requests sent.
    pub(crate) requests: u64,
    /// Last sign of life.
    pub(crate) last_check: u64,
    /// Bytes sent to clients.
    pub(crate) tx: u64,
    /// Bytes received from clients.
    pub(crate) rx: u64,
    /// Cores it has.
    pub(crate) cores: u64,
    /// Load it reported.
    pub(crate) load: u64,
    /// Weight it asked for.
    pub(crate) weight: u64,
    /// Sessions that use it now.
    pub(crate) references: u64,
    /// Failures in a row.
    pub(crate) failures: u64,
    /// It is to be removed.
    pub(crate) death_mark: bool,
}
