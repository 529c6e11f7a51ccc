//! Signals: who ended a process of this server.

use crate::probe::Probe;

pub(crate) const PROBE: Probe = Probe {
    name: "signals",
    about: "who ended a worker: sender of the signal, or out of memory",
    default: true,
    programs: &[],
};
