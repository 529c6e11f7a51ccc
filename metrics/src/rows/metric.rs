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
        /// What an earlier instance counted, added to what is collected.
        pub base: Signed,
        /// The metric an alias stands for; empty otherwise.
        pub target: Text<16>,
        /// Bits: see the constants of [`MetricRow`].
        pub flags: Gauge,
    }
}

impl MetricRow {
    /// A collector owns the value: the API may not write it.
    pub const COLLECTED: u64 = 1;
    /// The value goes back to the initial one after it was pushed.
    pub const RESET_AFTER_PUSH: u64 = 2;
    /// The name is that of a built-in metric, whose place in the list it takes.
    pub const REPLACES: u64 = 4;
    /// No metric of its own: `base` is added to the built-in metric of that name.
    pub const BASE: u64 = 8;

    /// True when the application API may write the value.
    pub fn is_manual(&self) -> bool {
        self.kind.get() != 3 && self.flags.get() & (Self::COLLECTED | Self::BASE) == 0
    }

    /// True for a row that only holds the base of a built-in metric.
    pub(crate) fn is_base(&self) -> bool {
        self.flags.get() & Self::BASE != 0
    }

    /// The base of such a row; 0 for a metric.
    pub(crate) fn base_alone(&self) -> i64 {
        if self.is_base() { self.base.get() } else { 0 }
    }

    /// The value for a pusher. With `reset_after_push` it goes back to the initial value in the
    /// same step, so that no update between reading and resetting is lost.
    pub fn take_for_push(&self) -> i64 {
        if self.flags.get() & Self::RESET_AFTER_PUSH == 0 {
            return self.value.get();
        }
        self.value.swap(self.initial.get())
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
