//! System calls of requests, by class: how many, how long, how many answered an error; and the
//! slowest one of each running request.

use crate::probe::{Probe, Program};

pub(crate) const PROBE: Probe = Probe {
    name: "syscalls",
    about: "system calls of requests: count and time by class, the slowest",
    default: false,
    programs: &[
        Program {
            name: "syscalls_enter",
            tracepoint: "sys_enter",
            gives: "when a system call began, and which",
        },
        Program {
            name: "syscalls_exit",
            tracepoint: "sys_exit",
            gives: "count, time and errors of system calls",
        },
    ],
};
