//! System calls of requests, by class: how many, how long, how many answered an error; and the
//! slowest one of each running request.
//!
//! One program stands at the begin of every system call, one at its end. Both look for the running
//! thread among the cores first. Between the begin and the end of a request, the first writes down
//! which call it is and since when: whoever looks at the request finds it there. The second counts.
//!
//! - A call that began outside of a request is not counted. No request begins or ends inside of a
//!   call, since the thread itself marks both.
//! - A call that never comes back (`exit`, or the thread was killed) is not counted; the row keeps it
//!   until the next thread takes the row.
//! - A call that a signal interrupts is one call with an error, and what the kernel or the program
//!   does to go on is another: `strace -c` counts the same way.
//! - What children of a request and other threads of the worker do is not the request's.
//!
//! Cost, Linux 6.18 on x86_64. A call that does nothing takes 112 ns. Two empty programs at these
//! tracepoints add 115 ns to it, because they send all tasks the kernel's slow way in and out; ours
//! add 135 ns, whoever calls, and 205 ns inside of a request. In a pid namespace these are 180 ns and
//! 280 ns, for its own tasks. By the kernel's count, which takes time itself, a run is 70 ns and 73 ns.
//! The smallest request over a kept connection makes 2.1 calls, one of them inside: at 20,000 of them
//! each second a worker needs 1.07 to 1.10 times the processor time that it needs without (6.4 us
//! each), and 1.07 with empty programs. So the probe is not in the default set.

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
