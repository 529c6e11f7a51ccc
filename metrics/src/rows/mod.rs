//! The rows of the arena: one struct per kind, all cells, one writer each.
//!
//! A row is `repr(C)` and 128-byte aligned, so that two writers never share a cache line or its
//! prefetched neighbour. The macro below makes, from one list of fields, the row that lives in the
//! mapping and its owned twin for snapshots (`CoreRow` and `CoreCells`), so the two cannot drift.

mod alarm;
mod app;
mod core;
mod daemon;
mod gateway;
mod globals;
mod kernel;
mod line;
mod logger;
mod metric;
mod mule;
mod pusher;
mod snmp;
mod socket;
mod spread;
mod steps;
mod system;
mod threshold;
mod traffic;
mod used;
mod worker;

pub use alarm::{AlarmCells, AlarmRow};
pub use app::{APP_BUCKETS_US, AppCells, AppRow};
pub use core::{CoreCells, CoreRow};
pub use daemon::{DaemonCells, DaemonRow, DaemonState};
pub use gateway::{GatewayCells, GatewayRow};
pub use globals::{CHEAPER_REASONS, GlobalCells, Globals, HOOK_PHASES, RELOADS};
pub use kernel::{
    DURING, EndCells, EndRow, KILLS, KernelSocketCells, KernelSocketRow, KernelWorkerCells,
    KernelWorkerRow, KillCells, KillRow, ListenerCells, ListenerRow, PROBE_STATES, PROBES,
    ProbeCells, ProbeRow, SYSCALL_CLASSES, ThreadCells, ThreadRow, WAITS, WaitCells, WaitRow,
};
pub use line::{LineDesk, LineDeskCells, LineHead, LineHeadCells, LineTail, LineTailCells};
pub use logger::{LoggerCells, LoggerRow};
pub use metric::{MetricCells, MetricRow};
pub use mule::{MuleCells, MuleRow};
pub use pusher::{PusherCells, PusherRow};
pub use snmp::{SNMP_VALUES, SnmpCells, SnmpRow, SnmpValueCells, SnmpValueRow};
pub use socket::{SocketCells, SocketRow};
pub use spread::{SPREAD_BOUNDS_US, Spread, SpreadCells};
pub use steps::{STEP_CELLS, Steps, StepsSnap, step_bounds, step_of};
pub use system::{STALLS, SystemCells, SystemRow, stall_at};
pub use threshold::{ThresholdCells, ThresholdRow, ThresholdState};
pub use traffic::{TrafficCells, TrafficRow};
pub use used::{Used, UsedCells};
pub use worker::{EXITS, RECYCLES, WorkerCells, WorkerRow};

/// Alignment of rows and sections: a cache line and the line the prefetcher brings along.
pub(crate) const ALIGN: usize = 128;

/// A type that may be laid over mapped memory that other processes write.
///
/// # Safety
/// Every field is an atomic, or made of atomics, for which any bit pattern is valid; the type is
/// `repr(C)`, has no padding that is read, and its alignment is at most [`ALIGN`].
pub unsafe trait Row {}

/// A row that can take over all values of the same row of another arena.
pub trait Carry {
    /// Copies cell by cell; the caller is the only writer of `self`.
    fn carry(&self, from: &Self);
    /// Adds the counts of a row that is given up; the caller is the only writer of `self`.
    fn fold(&self, from: &Self);
}

/// Declares a row and its plain twin from one list of fields.
macro_rules! row {
    (
        $(#[$meta:meta])*
        pub struct $row:ident => $cells:ident {
            $( $(#[$doc:meta])* pub $field:ident: $cell:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[repr(C, align(128))]
        pub struct $row {
            $( $(#[$doc])* pub $field: $cell, )*
        }

        #[doc = concat!("Plain copy of a [`", stringify!($row), "`].")]
        #[derive(Clone, Debug, Default)]
        pub struct $cells {
            $( $(#[$doc])* pub $field: <$cell as $crate::cells::Cell>::Plain, )*
        }

        // SAFETY: all fields are cells, that is atomics or structs of atomics, valid for any bits;
        // repr(C) and the alignment are given right above.
        unsafe impl $crate::rows::Row for $row {}

        impl $row {
            /// The cells in their order, each with its size in bytes: the layout for readers and
            /// writers that are not written in Rust.
            pub const FIELDS: &'static [(&'static str, usize)] =
                &[$((stringify!($field), size_of::<$cell>()),)*];

            /// Copies every cell; each cell is read once, the row as a whole is not atomic.
            pub fn read(&self) -> $cells {
                $cells { $( $field: $crate::cells::Cell::plain(&self.$field), )* }
            }
        }

        impl $crate::rows::Carry for $row {
            fn carry(&self, from: &$row) {
                $( $crate::cells::Cell::carry(&self.$field, &from.$field); )*
            }
            fn fold(&self, from: &$row) {
                $( $crate::cells::Cell::fold(&self.$field, &from.$field); )*
            }
        }
    };
}
pub(crate) use row;
