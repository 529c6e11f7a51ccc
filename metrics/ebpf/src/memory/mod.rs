//! Memory and disk: page faults of cores, block I/O that workers ask for, workers that the kernel
//! ends for want of memory.
//!
//! **Faults** are the kernel's own counts of the task, looked at whenever a core leaves its
//! processor. What came since the last look is of requests when one ran at either time or in
//! between: parsing and logging count as the request, and a core that never leaves its processor is
//! not looked at. Where the probe `scheduler` is at work its program looks, and none is added.
//! Threads that the application starts are not cores and are not looked at.
//!
//! **Block I/O** belongs to the process whose thread was running when the request was made, any
//! thread of a worker. That is so for reads, read-ahead, direct writes, and what `fsync` flushes of
//! data. It is not so for what was only written to the page cache: the kernel's own threads flush
//! it later, or whoever asks for it, and those are named nowhere here; nor for the journal of a
//! file system. `/proc/PID/io` names who made pages dirty, this probe who made a device work.
//! Time runs from the making of the request to its end, so that it includes the queue of the
//! device; bios that were merged belong to whoever began the request. Devices without requests (zram, md)
//! are seen by what lies under them. Discards are left out. An end that the kernel does not tell
//! leaves its request uncounted.
//!
//! **Out of memory**: `mark_victim`, for the system and for control groups. How many others it hit
//! is in `uwsgi_cgroup_memory_events_total`.
//!
//! Cost, measured on two busy processors of a virtual machine (Linux 6.18):
//!
//! | program | each | how often |
//! |---|---|---|
//! | `memory_switch` | 0.2 µs | every switch of the machine; 0.14 for a request at 12,700 requests/s: 0.03 µs |
//! | the same in `scheduler_switch` | not measurable | |
//! | `memory_io_start`, `memory_io_done` | 0.3 and 0.25 µs | every request to a block device |
//! | `memory_oom` | | a death for want of memory |
//!
//! The other ways to count faults: a program at `page_fault_user` and `page_fault_kernel` takes
//! 0.08 µs for each fault of the machine (38,000 a second while something compiles), cannot tell the
//! kinds apart before the next fault, and exists on some architectures only; `getrusage` at both
//! ends of a request takes 0.4 µs.

use crate::probe::{Probe, Program};

pub(crate) const PROBE: Probe = Probe {
    name: "memory",
    about: "page faults, block I/O, out of memory",
    default: false,
    programs: &[
        Program { name: "memory_switch", tracepoint: "sched_switch", gives: "page faults" },
        Program { name: "memory_io_start", tracepoint: "block_io_start", gives: "block I/O" },
        Program { name: "memory_io_issue_of", tracepoint: "block_rq_issue", gives: "block I/O" },
        Program { name: "memory_io_issue", tracepoint: "block_rq_issue", gives: "block I/O" },
        Program { name: "memory_io_done", tracepoint: "block_rq_complete", gives: "block I/O" },
        Program { name: "memory_oom", tracepoint: "mark_victim", gives: "out of memory" },
    ],
};

/// Which program stands in for which: kernels before `block_io_start` tell of a request when it
/// goes to its device, the oldest with the queue in front of it; those that do not give the victim
/// itself give its pid.
pub(crate) const INSTEAD: &[(&str, &str)] = &[
    ("memory_switch", "scheduler_switch"),
    ("memory_io_issue_of", "memory_io_start"),
    ("memory_io_issue", "memory_io_start"),
    ("memory_io_issue", "memory_io_issue_of"),
];
