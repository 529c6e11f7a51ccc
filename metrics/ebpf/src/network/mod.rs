//! Network: what becomes of client connections, by listening socket.

use crate::probe::Probe;

pub(crate) const PROBE: Probe = Probe {
    name: "network",
    about: "retransmits, resets, full queues, closed windows, bytes, round trips",
    default: true,
    programs: &[],
};
