//! The user metric row: a slot of the pool for names that come from the configuration or from
//! applications. The pool's rules are in `metric_pool`.

use super::row;
use crate::cells::{Gauge, Signed, Text};

row! {
    /// One slot. Any process may change `value`; the rest is written once at registration.
    pub struct MetricRow => MetricCells {
        /// 0 free, 1 ready, 2 lost in a race of two registrations.
        pub state: Gauge,
        /// Arena generation in which it was last registered; others are not listed.
        pub generation: Gauge,
        /// Position in the list.
        pub order: Gauge,
        /// Name.
        pub name: Text<16>,
        /// OID relative to the server's branch, empty for none.
        pub oid: Text<8>,
        /// Kind code: 0 counter, 1 gauge, 2 absolute, 3 alias.
        pub kind: Gauge,
        /// Present value.
        pub value: Signed,
        /// Value it started with.
        pub initial: Signed,
        /// Bit 0: a collector owns the value and the API may not write it.
        pub flags: Gauge,
    }
}

/// Flag of a metric whose value is collected.
const COLLECTED: u64 = 1;

impl MetricRow {
    /// True when the application API may write the value.
    pub fn is_manual(&self) -> bool {
        self.kind.get() != 3 && self.flags.get() & COLLECTED == 0
    }

    /// Sets the value; false when it is not manual.
    pub fn set(&self, value: i64) -> bool {
        self.write(|_| Some(value))
    }

    /// Adds with wrap-around; false when it is not manual.
    pub fn inc(&self, by: i64) -> bool {
        let manual = self.is_manual();
        if manual {
            self.value.add_shared(by);
        }
        manual
    }

    /// Subtracts with wrap-around; false when it is not manual.
    pub fn dec(&self, by: i64) -> bool {
        self.inc(by.wrapping_neg())
    }

    /// Multiplies with wrap-around; false when it is not manual.
    pub fn mul(&self, by: i64) -> bool {
        self.write(|v| Some(v.wrapping_mul(by)))
    }

    /// Divides, truncating; false for zero and when it is not manual.
    pub fn div(&self, by: i64) -> bool {
        by != 0 && self.write(|v| Some(v.wrapping_div(by)))
    }

    /// Raises the value to at least `to`; false when it is not manual.
    pub fn set_max(&self, to: i64) -> bool {
        self.write(|v| Some(v.max(to)))
    }

    /// Lowers the value to `to`, but never to or below its initial value; false when not manual.
    pub fn set_min(&self, to: i64) -> bool {
        let initial = self.initial.get();
        self.write(|v| Some(if to > initial && to < v { to } else { v }))
    }

    fn write(&self, next: impl Fn(i64) -> Option<i64>) -> bool {
        self.is_manual() && self.value.update(next)
    }
}
