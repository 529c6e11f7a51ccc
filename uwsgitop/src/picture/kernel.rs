//! What probes in the kernel count: for each worker, each listening socket; who ended processes.
//!
//! Times are nanoseconds: a system call takes one or two thousand of them. What the probe behind a
//! number is not attached to stays zero; [`Probe::programs`](super::Probe) tells which are.

use serde::{Deserialize, Serialize};

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kernel {
    /// Workers, 1 and up.
    pub(crate) workers: Vec<KernelWorker>,
    /// Listening TCP sockets.
    pub(crate) sockets: Vec<KernelSocket>,
}

/// How long something took, many times, nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Times {
    /// How often.
    pub(crate) count: u64,
    /// All of it.
    pub(crate) sum: u64,
    /// Ninety-nine of a hundred took less.
    pub(crate) p99: u64,
}

/// System calls of one class, of requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Calls {
    /// The class: `read`, `futex`, `network` ...
    pub(crate) class: String,
    /// How often and how long.
    pub(crate) times: Times,
    /// Those that answered an error.
    pub(crate) errors: u64,
}

/// One worker as the kernel sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KernelWorker {
    /// 1 and up.
    pub(crate) id: u64,
    /// Able to run and waiting for a processor, in requests.
    pub(crate) run_queue: Times,
    /// Not on a processor, in requests.
    pub(crate) off_cpu: Times,
    /// Times it gave the processor away, and times it was taken from it.
    pub(crate) switches: [u64; 2],
    /// Times it came back on another processor.
    pub(crate) migrations: u64,
    /// What its requests waited for: (name, nanoseconds).
    pub(crate) waited: Vec<(String, u64)>,
    /// System calls of its requests.
    pub(crate) calls: Vec<Calls>,
    /// Page faults without I/O and with I/O.
    pub(crate) faults: [u64; 2],
    /// Reads from block devices, and writes to them.
    pub(crate) block: [Times; 2],
    /// Bytes of them.
    pub(crate) block_bytes: [u64; 2],
    /// Those that failed.
    pub(crate) block_errors: u64,
    /// Times the system was out of memory and chose it.
    pub(crate) oom: u64,
}

/// One listening socket and its connections as the kernel sees them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KernelSocket {
    /// Address.
    pub(crate) name: String,
    /// Connections whose handshake was completed.
    pub(crate) established: u64,
    /// Those that live.
    pub(crate) live: u64,
    /// Those of them whose client took nothing at the last look.
    pub(crate) stalled: u64,
    /// Segments sent again to clients.
    pub(crate) retransmits: u64,
    /// First answers to clients sent again.
    pub(crate) synack_retransmits: u64,
    /// Resets sent to clients, and by them.
    pub(crate) resets: [u64; 2],
    /// Times a client closed its window, and times we closed ours.
    pub(crate) zero_windows: [u64; 2],
    /// Segments thrown away because the receive queue of a connection was full.
    pub(crate) receive_queue_full: u64,
    /// Bytes received, and sent and acknowledged.
    pub(crate) bytes: [u64; 2],
    /// Smoothed round trip of connections that ended.
    pub(crate) rtt: Times,
    /// Mean smoothed round trip of those that live, nanoseconds.
    pub(crate) live_rtt: u64,
    /// Time in which clients kept data from being sent, and time in which our buffers did.
    pub(crate) limited: [u64; 2],
}

/// Who ended processes of the instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kill {
    /// Signal.
    pub(crate) signal: String,
    /// Sender.
    pub(crate) by: String,
    /// How often.
    pub(crate) count: u64,
}
