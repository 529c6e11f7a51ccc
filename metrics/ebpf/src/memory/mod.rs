//! Memory and disk: faults, block I/O, out of memory.

use crate::probe::Probe;

pub(crate) const PROBE: Probe = Probe {
    name: "memory",
    about: "page faults, block I/O, out of memory",
    default: false,
    programs: &[],
};
