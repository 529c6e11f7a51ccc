//! Scheduler: how long a core waits for a processor, and what else it waits for.
//!
//! `sched_switch` sees a core's thread leave its processor and come back, `sched_wakeup` sees it
//! become able to run in between. From leaving to that it waited for something, from then on for a
//! processor. What for is told by the system call it is in, whose number lies in the registers it
//! came into the kernel with: system calls themselves cost nothing.
//!
//! A thread that is registered runs, so nothing of it can be missed by not looking at new threads.
//!
//! A page fault that waits is one for memory, also when it reads from a disk: it is there that
//! something can be done about it. `poll` and its kin count as network, also for pipes, and as a
//! system call when there is nothing to look at, since that is a sleep.
//!
//! Cost, with the kernel's own measuring included (about 40 ns of each): a switch takes 140 to 220
//! ns, a wake-up 160 to 290, mostly for memory that is not in the processor's caches, and about as
//! much for threads of others. At 20,000 requests/s a busy core seldom leaves: 0.12 switches and 0.07
//! wake-ups for each request, 40 ns of 6.4 us. At 1,400 requests/s, where it leaves after each one,
//! 1.2 and 0.6, 260 ns. In 15 paired runs at 17,500 requests/s CPU per request was 0.99 x, which is
//! to say that the difference is below what such a pair can tell.

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
