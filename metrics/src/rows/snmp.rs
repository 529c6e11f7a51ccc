//! The rows of SNMP: what the agent counts, and the values that applications give it.

use super::row;
use crate::cells::{Counter, Gauge, Signed, Text};

/// Values that applications may set: `2.1` to `2.100` in the agent's tree.
pub const SNMP_VALUES: u32 = 100;

row! {
    /// The agent. The observer writes it, but for the community.
    pub struct SnmpRow => SnmpCells {
        /// The community that an application has set; empty leaves that of the configuration.
        /// Any process writes it that holds `community_writer`.
        pub community: Text<9>,
        /// Pid of whoever replaces the community now; 0 is nobody.
        pub community_writer: Signed,
        /// Datagrams that are for the agent.
        pub requests: Counter,
        /// Datagrams answered, reports among them.
        pub responses: Counter,
        /// Dropped: no message, or one that is not for an agent.
        pub malformed: Counter,
        /// Dropped: another community.
        pub bad_community: Counter,
        /// Dropped: from an address that may not ask.
        pub denied: Counter,
        /// Dropped: asks for what is not there, and the agent is to be silent about that.
        pub silent: Counter,
        /// SNMPv3: messages that were not accepted, most of them answered with a report.
        pub unauthentic: Counter,
        /// Datagrams on the `udp` socket that were for nobody and went to the log.
        pub messages: Counter,
    }
}

row! {
    /// One value of an application. Any process writes it (`add_shared`); each call also sets what
    /// it is, so a reader may see the new kind with the old value for an instant.
    pub struct SnmpValueRow => SnmpValueCells {
        /// Tag of its type on the wire: 0x41 Counter32, 0x42 Gauge32, 0x46 Counter64; 0 is unset.
        pub kind: Gauge,
        /// The value. The types of 32 bits send the lower half.
        pub value: Counter,
    }
}

impl SnmpValueRow {
    /// Replaces the value.
    pub fn set(&self, kind: u8, value: u64) {
        self.value.set(value);
        self.kind.set(kind.into());
    }

    /// Adds to the value, around the end of 64 bits; a subtraction adds the complement.
    pub fn add(&self, kind: u8, by: u64) {
        self.value.add_shared(by);
        self.kind.set(kind.into());
    }
}
