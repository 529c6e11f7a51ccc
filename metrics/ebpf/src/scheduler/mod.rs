//! Scheduler: how long a core waits for a processor, and what else it waits for.
//!
//! `sched_switch` sees a core's thread leave its processor and come back, `sched_wakeup` sees it
//! become able to run in between. From leaving to that it waited for something, from then on for a
//! processor. What for is told by the system call it is in, whose number lies in the registers it
//! came into the kernel with: system calls themselves cost nothing.
//!
//! A thread that is registered runs, so nothing of it can be missed by not looking at new threads.

use crate::probe::{Probe, Program};

pub(crate) const PROBE: Probe = Probe {
    name: "scheduler",
    about: "run-queue latency, time off the processor, what requests wait for",
    default: true,
    programs: &[
        Program {
            name: "scheduler_switch",
            tracepoint: "sched_switch",
            gives: "switches and times off the processor",
        },
        Program {
            name: "scheduler_wakeup",
            tracepoint: "sched_wakeup",
            gives: "waits for a processor",
        },
    ],
};
