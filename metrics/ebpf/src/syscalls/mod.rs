//! System calls of requests, by class.

use crate::probe::Probe;

pub(crate) const PROBE: Probe = Probe {
    name: "syscalls",
    about: "system calls of requests: count and time by class, the slowest",
    default: false,
    programs: &[],
};
