//! System calls of requests, by worker and class.

use super::{Histograms, OfWorker, Spreads};
use crate::metric_pool::Kind::Counter;
use crate::rows::KernelWorkerRow;
use crate::schema::build::{at, i, kernel_worker, nth};
use crate::schema::{Metric, Unit};
use Unit::{Count, Micros};

const PROBE: &str = "syscalls";

/// Three rows for each class, by its place in `SYSCALL_CLASSES`: OIDs of counts begin at 30, those
/// of times at 38, those of errors at 46.
macro_rules! classes {
    ($($n:literal $class:literal $count:literal $time:literal $errors:literal),*) => {
        pub(super) const ROWS: &[Metric] = &[
            $(
                kernel_worker(
                    PROBE,
                    |w| i(w.syscalls[$n].count()),
                    Counter,
                    Count,
                    "System calls of this class that requests made.",
                )
                .extended(
                    concat!("kernel.worker.N.syscalls.", $class),
                    concat!("20.N.", $count),
                ),
            )*
            $(
                kernel_worker(
                    PROBE,
                    |w| i(w.syscalls[$n].sum_ns / 1_000),
                    Counter,
                    Micros,
                    "Time that requests spent in system calls of this class.",
                )
                .extended(
                    concat!("kernel.worker.N.syscalls.", $class, "_us"),
                    concat!("20.N.", $time),
                ),
            )*
            $(
                kernel_worker(
                    PROBE,
                    |w| i(w.syscall_errors[$n]),
                    Counter,
                    Count,
                    "System calls of requests that answered an error.",
                )
                .extended(
                    concat!("kernel.worker.N.syscalls.", $class, "_errors"),
                    concat!("20.N.", $errors),
                )
                .family("uwsgi_worker_syscall_errors_total")
                .label("class", $class)
                .cell(nth(at!(KernelWorkerRow.syscall_errors), $n)),
            )*
        ];

        const BY_CLASS: &[OfWorker] = &[$((&[("class", $class)], |w| &w.syscalls[$n])),*];
    };
}

classes! {
    0 "read" 30 38 46,
    1 "write" 31 39 47,
    2 "poll" 32 40 48,
    3 "futex" 33 41 49,
    4 "file" 34 42 50,
    5 "fsync" 35 43 51,
    6 "network" 36 44 52,
    7 "other" 37 45 53
}

pub(super) const HISTOGRAMS: &[Histograms] = &[Histograms {
    probe: PROBE,
    family: "uwsgi_worker_syscall_seconds",
    help: "Time that requests spent in system calls, by class.",
    spreads: Spreads::Worker(BY_CLASS),
}];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::SYSCALL_CLASSES;

    #[test]
    fn classes_have_their_names() {
        let names: Vec<_> = BY_CLASS.iter().map(|(labels, _)| labels[0].1).collect();
        assert_eq!(names, SYSCALL_CLASSES);
    }
}
