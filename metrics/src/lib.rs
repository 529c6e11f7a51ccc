//! The arena: one shared mapping that holds every number of every process, and what is made of it.
//!
//! It owns the layout (rows, histograms, in-flight records, history rings), the schema table that
//! names each metric once, the owned [`Snapshot`], and the two expositions derived from it (stats
//! JSON, Prometheus and OpenMetrics). It opens no socket, starts no thread, knows no other crate
//! of the workspace, and never locks: writers use plain relaxed stores on rows of their own, and
//! readers copy.
//!
//! A process that wants to look at a running instance links this crate alone and uses [`Reader`].

#[cfg_attr(loom, allow(dead_code, reason = "the model is its only user there"))]
mod exemplar;
#[cfg_attr(loom, allow(dead_code, reason = "the model is its only user there"))]
mod index;
#[cfg_attr(loom, allow(dead_code, reason = "the model is its only user there"))]
mod lines;
mod seqlock;
mod sync;

#[cfg(not(loom))]
pub use self::whole::*;

/// Everything but the model-checked core: the mapping casts need the real atomics.
#[cfg(not(loom))]
mod whole {
    pub use crate::arena::Arena;
    pub use crate::calls::{call_class, call_name};
    pub use crate::cells::{Cell, Counter, Gauge, Real, Signed, Text};
    pub use crate::exemplar::{ExemplarView, trace_context};
    pub use crate::exponential::{Exponential, MOST_BUCKETS, ZERO_THRESHOLD};
    pub use crate::header::{Header, HeaderCells, Section, SectionCells, SectionRow};
    pub use crate::histogram::{Histogram, Latency, LatencySnap};
    pub use crate::history::{History, HistoryWriter, Ring, Series};
    pub use crate::inflight::{Brief, InFlight, InFlightView, Phase, Running, Start, vars_pairs};
    pub use crate::json::{Details, StatsOptions, stats_json};
    pub use crate::kernel::KernelSnap;
    pub use crate::lines::Found;
    pub use crate::log_lines::LineRing;
    pub use crate::metric_pool::{Kind, Registration};
    pub use crate::reader::Reader;
    pub use crate::requests::{DurationSnap, RequestKey, RequestsSnap, Size};
    pub use crate::rows::{
        APP_BUCKETS_US, AlarmCells, AlarmRow, AppCells, AppRow, CHEAPER_REASONS, Carry, CoreCells,
        CoreRow, DURING, DaemonCells, DaemonRow, DaemonState, EXITS, EndCells, EndRow,
        GatewayCells, GatewayRow, GlobalCells, Globals, HOOK_PHASES, KILLS, KernelSocketCells,
        KernelSocketRow, KernelWorkerCells, KernelWorkerRow, KillCells, KillRow, LineDesk,
        LineDeskCells, LineHead, LineHeadCells, LineTail, LineTailCells, ListenerCells,
        ListenerRow, LoggerCells, LoggerRow, MetricCells, MetricRow, MuleCells, MuleRow,
        PROBE_STATES, PROBES, ProbeCells, ProbeRow, PusherCells, PusherRow, RECYCLES, RELOADS, Row,
        SNMP_VALUES, SPREAD_BOUNDS_US, STALLS, STEP_CELLS, SYSCALL_CLASSES, SnmpCells, SnmpRow,
        SnmpValueCells, SnmpValueRow, SocketCells, SocketRow, Spread, SpreadCells, Steps,
        StepsSnap, SystemCells, SystemRow, ThreadCells, ThreadRow, ThresholdCells, ThresholdRow,
        ThresholdState, TrafficCells, TrafficRow, Used, UsedCells, WAITS, WaitCells, WaitRow,
        WorkerCells, WorkerRow, stall_at, step_bounds, step_of,
    };
    pub use crate::series::{
        FamilyKind, FamilyRefused, FamilyRow, FamilySnap, FamilySpec, GaugeMode, Sample,
        SeriesHead, SeriesRef, SeriesRow,
    };
    pub use crate::shape::Shape;
    pub use crate::snapshot::{CoreSnap, Snapshot, SocketSnap, Status, WorkerSnap};
    pub use crate::table::{Table, Words};
    pub use crate::view::View;
}

#[cfg(not(loom))]
mod arena;
#[cfg(not(loom))]
mod calls;
#[cfg(not(loom))]
mod cells;
#[cfg(not(loom))]
mod exponential;
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "states that any bit pattern is a valid row")]
mod header;
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "states that any bit pattern is a valid histogram")]
mod histogram;
#[cfg(not(loom))]
mod history;
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "states that any bit pattern is a valid record")]
mod inflight;
#[cfg(not(loom))]
mod json;
#[cfg(not(loom))]
mod kernel;
#[cfg(not(loom))]
mod log_lines;
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "the one place that maps memory and casts it to rows")]
mod map;
#[cfg(not(loom))]
mod metric_pool;
#[cfg(not(loom))]
pub mod prometheus;
#[cfg(not(loom))]
pub mod protobuf;
#[cfg(not(loom))]
mod reader;
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "states that any bit pattern is a valid row")]
mod requests;
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "rows state here that any bit pattern is valid for them")]
mod rows;
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "states that any bit pattern is a valid row")]
pub mod schema;
#[cfg(not(loom))]
mod seats;
#[cfg(not(loom))]
pub mod series;
#[cfg(not(loom))]
mod shape;
#[cfg(not(loom))]
mod signals;
#[cfg(not(loom))]
mod snapshot;
#[cfg(not(loom))]
mod table;
#[cfg(not(loom))]
mod view;
