//! What probes in the kernel count: for each worker, each listening socket, each core's thread.
//!
//! The rows lie in maps that programs in the kernel and this server both write; the observer copies
//! the first two into the arena. `program/layout.h` of the probes is made from these lists, so both
//! sides have one definition. A probe that is not loaded leaves its cells at zero.

use super::{Steps, row};
use crate::cells::{Counter, Gauge, Text};

/// Ways to wait, in the order of every list of waits.
pub const WAITS: [&str; 6] = ["run_queue", "disk", "network", "lock", "memory", "system_call"];

/// Classes of system calls, in the order of every list of classes.
pub const SYSCALL_CLASSES: [&str; 8] =
    ["read", "write", "poll", "futex", "file", "fsync", "network", "other"];

/// Outside of a request and inside of one, in the order of every pair.
pub const DURING: [&str; 2] = ["idle", "request"];

/// Words before what the kernel writes: who writes a line owns it.
const LINE: usize = 16;

row! {
    /// One row per worker; programs add atomically.
    pub struct KernelWorkerRow => KernelWorkerCells {
        /// Time between being able to run and running, outside of requests and inside.
        pub run_queue: [Steps; DURING.len()],
        /// Time not on a processor, from leaving it to coming back.
        pub off_cpu: [Steps; DURING.len()],
        /// Times a core gave the processor away because it waited.
        pub voluntary: [Counter; DURING.len()],
        /// Times the processor was taken from a core that could have gone on.
        pub involuntary: [Counter; DURING.len()],
        /// Times a core came back on another processor.
        pub migrations: Counter,
        /// What requests waited for, nanoseconds, in the order of [`WAITS`].
        pub waited_ns: [Counter; WAITS.len()],
        /// System calls of requests, by class.
        pub syscalls: [Steps; SYSCALL_CLASSES.len()],
        /// System calls of requests that answered an error, by class.
        pub syscall_errors: [Counter; SYSCALL_CLASSES.len()],
        /// Page faults without and with I/O, outside of requests and inside.
        pub minor_faults: [Counter; DURING.len()],
        /// See `minor_faults`.
        pub major_faults: [Counter; DURING.len()],
        /// Time of reads from block devices, and of writes to them, that this worker asked for.
        pub block_io: [Steps; 2],
        /// Bytes of them.
        pub block_bytes: [Counter; 2],
        /// Those that failed.
        pub block_errors: Counter,
        /// Times the system was out of memory and chose this worker.
        pub oom: Counter,
    }
}

row! {
    /// One row per listening TCP socket; programs add atomically, the observer writes what lives.
    pub struct KernelSocketRow => KernelSocketCells {
        /// Address; empty marks an unused row (the server).
        pub name: Text<16>,
        /// Connections whose handshake was completed.
        pub established: Counter,
        /// Waiting connections that one found on its arrival, itself included: 1, 2, 3 to 4, 5 to 8 ...
        pub depth: [Counter; 16],
        /// Sum of these depths.
        pub depth_sum: Counter,
        /// Arrivals that took the last place of the queue.
        pub full: Counter,
        /// Answers to a client's first packet that had to be sent again.
        pub synack_retransmits: Counter,
        /// Waits that could not be told, since their mark was overwritten.
        pub lost: Counter,
        /// Connections that ended.
        pub closed: Counter,
        /// Segments sent again to clients.
        pub retransmits: Counter,
        /// Resets sent to clients.
        pub resets_sent: Counter,
        /// Resets that clients sent.
        pub resets_received: Counter,
        /// Segments thrown away because the receive queue of a connection was full.
        pub receive_queue_full: Counter,
        /// Times a client closed its window, and times we closed ours.
        pub zero_windows: [Counter; 2],
        /// Bytes that clients sent, and that they acknowledged, of connections that ended.
        pub bytes: [Counter; 2],
        /// Bytes of the same kinds, of connections that live (a level, made anew at each look).
        pub live_bytes: [Gauge; 2],
        /// Live connections at the last look.
        pub live: Gauge,
        /// Live connections whose client's window was closed at the last look.
        pub live_stalled: Gauge,
        /// Smoothed round trip of each connection at its end.
        pub rtt: Steps,
        /// Time in which clients' windows kept data from being sent, nanoseconds.
        pub window_limited_ns: Counter,
        /// Time in which our own send buffer did, nanoseconds.
        pub buffer_limited_ns: Counter,
        /// `bytes` with those of connections that live, as far as somebody looked (observer).
        pub all_bytes: [Counter; 2],
        /// `window_limited_ns` and `buffer_limited_ns`, in the same way (observer).
        pub all_limited_ns: [Counter; 2],
        /// Mean smoothed round trip of the connections that live, nanoseconds (observer).
        pub live_rtt_ns: Gauge,
        /// Live connections for which our own window was closed at the last look (observer).
        pub live_shut: Gauge,
    }
}

row! {
    /// One row per core: the server writes the first line, programs the others.
    pub struct ThreadRow => ThreadCells {
        /// Number of the request being served, 0 outside of one.
        pub request: Gauge,
        /// `waits` at its beginning.
        pub base: [Gauge; WAITS.len()],
        /// Free for the server.
        pub own: [Gauge; LINE - 1 - WAITS.len()],
        /// Thread id in the server's namespace, 0 for nobody (the server).
        pub tid: Gauge,
        /// When it left the processor last, 0 while it runs; monotonic nanoseconds.
        pub out_ns: Gauge,
        /// When it became able to run, 0 when it is not waiting for a processor.
        pub ready_ns: Gauge,
        /// Why it left: an index into [`WAITS`].
        pub why: Gauge,
        /// Its last processor, raised by one.
        pub cpu: Gauge,
        /// Its own counts of page faults at the last look, minor and major, raised by one.
        pub faults: [Gauge; 2],
        /// What it has waited for since it exists, nanoseconds, in the order of [`WAITS`].
        pub waits: [Counter; WAITS.len()],
        /// 1 when it left the processor in a request.
        pub during: Gauge,
        /// Free for programs.
        pub rest: [Gauge; LINE - 8 - WAITS.len()],
        /// The system call it is in, raised by one; 0 outside of one.
        pub call: Gauge,
        /// When that began, monotonic nanoseconds.
        pub call_ns: Gauge,
        /// The request that the next two are of.
        pub slowest_of: Gauge,
        /// The slowest system call of that request, raised by one.
        pub slowest: Gauge,
        /// How long it took, nanoseconds.
        pub slowest_ns: Gauge,
        /// Requests that had ended when `faults` were looked at.
        pub ended: Gauge,
    }
}

row! {
    /// One row per listening TCP socket that programs look for (the server; `sock` a program).
    pub struct ListenerRow => ListenerCells {
        /// The kernel's address of the socket, 0 when that is not known (a program).
        pub sock: Gauge,
        /// Port, host byte order; 0 marks an unused row.
        pub port: Gauge,
        /// Row of it in the table of sockets.
        pub socket: Gauge,
        /// Address, in network order; zero for any.
        pub address: [Gauge; 2],
        /// Its family, as the kernel numbers them.
        pub family: Gauge,
        /// The kernel's address of its network namespace, 0 when that is not known (a program).
        pub net: Gauge,
    }
}

row! {
    /// The last signals that can end a process of this server, one row each, used in turn; in the
    /// first row only `number` is used, for the count of all (programs).
    pub struct EndRow => EndCells {
        /// Count of signals when this row was written, 0 for an unused one.
        pub number: Gauge,
        /// Who got it.
        pub pid: Gauge,
        /// Which one.
        pub signal: Gauge,
        /// Process in which it was sent, 0 for one outside of the server's pid namespace.
        pub sender: Gauge,
        /// User of the sender.
        pub uid: Gauge,
        /// 1 when the system was out of memory.
        pub oom: Gauge,
        /// When, monotonic nanoseconds.
        pub at_ns: Gauge,
        /// Command of the sender, NUL-terminated bytes.
        pub command: [Gauge; 2],
        /// 1 when the kernel sent it by itself.
        pub kernel: Gauge,
        /// Why, as `si_code` says.
        pub code: Gauge,
        /// Address of a fault.
        pub address: Gauge,
        /// Number of the sender when it is a process of this server.
        pub own: Gauge,
    }
}

row! {
    /// One row per probe that this build knows (master at a start, observer later).
    pub struct ProbeRow => ProbeCells {
        /// Name; empty marks an unused row.
        pub name: Text<2>,
        /// Index into [`PROBE_STATES`].
        pub state: Gauge,
        /// Why it is not healthy.
        pub reason: Text<40>,
        /// Programs of it that are attached.
        pub programs: Gauge,
        /// How often they ran, where the kernel counts (`kernel.bpf_stats_enabled`).
        pub runs: Counter,
        /// How long they ran, nanoseconds, where the kernel counts.
        pub run_ns: Counter,
        /// What would help, empty when nothing is known to.
        pub remedy: Text<32>,
    }
}

/// What may become of a probe.
pub const PROBE_STATES: [&str; 5] = ["off", "healthy", "degraded", "unsupported", "failed"];

impl ProbeCells {
    /// The word for its state.
    pub fn state_name(&self) -> &'static str {
        PROBE_STATES.get(self.state as usize).copied().unwrap_or(PROBE_STATES[0])
    }
}

/// Rows for probes.
pub const PROBES: u32 = 8;

row! {
    /// What a core's running request waits for, as the observer sees it each second and whenever
    /// somebody asks.
    pub struct WaitRow => WaitCells {
        /// The request that the rest is of, 0 outside of one.
        pub request: Gauge,
        /// What it has waited for, nanoseconds, in the order of [`WAITS`].
        pub waited_ns: [Gauge; WAITS.len()],
        /// What it waits for now, an index into [`WAITS`] raised by one; 0 when it runs.
        pub waiting: Gauge,
        /// Its slowest system call, raised by one.
        pub slowest: Gauge,
        /// How long that took, nanoseconds.
        pub slowest_ns: Gauge,
        /// The system call it is in, raised by one.
        pub call: Gauge,
        /// For how long, nanoseconds.
        pub call_for_ns: Gauge,
    }
}

row! {
    /// Ends of workers by a signal, by who sent it (the master). Rows are taken in order.
    pub struct KillRow => KillCells {
        /// Command of the sender, `kernel` or `oom-killer`; empty marks a free row.
        pub by: Text<2>,
        /// The signal.
        pub signal: Gauge,
        /// How many.
        pub count: Counter,
    }
}

/// Rows for [`KillRow`]; the last one is for whoever finds no row.
pub const KILLS: u32 = 32;
