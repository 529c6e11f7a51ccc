//! The application row: one application as one worker has it loaded.

use super::row;
use crate::cells::{Counter, Gauge, Text};

row! {
    /// One row per worker and app slot. Counts use `add` with one thread, `add_shared` with more.
    pub struct AppRow => AppCells {
        /// 1 when the slot holds an application; written last.
        pub used: Gauge,
        /// Id of the application.
        pub id: Gauge,
        /// Plugin number that serves it.
        pub modifier1: Gauge,
        /// Mount point, empty for the default application.
        pub mountpoint: Text<32>,
        /// Seconds the application took to load.
        pub startup_time: Gauge,
        /// Requests dispatched to it.
        pub requests: Counter,
        /// Uncaught exceptions.
        pub exceptions: Counter,
        /// Directory it runs in, empty when unset.
        pub chdir: Text<32>,
    }
}
