//! Scheduler: how long a core waits for a processor, and what else it waits for.

use crate::probe::Probe;

pub(crate) const PROBE: Probe = Probe {
    name: "scheduler",
    about: "run-queue latency, time off the processor, what requests wait for",
    default: true,
    programs: &[],
};
