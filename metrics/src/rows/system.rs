//! The system row: what the machine and the control group of the instance say.

use super::row;
use crate::cells::Gauge;

row! {
    /// One row, written by the observer.
    pub struct SystemRow => SystemCells {
        /// Load average over 1, 5 and 15 minutes, hundredths.
        pub load: [Gauge; 3],
        /// Memory that can be had without swapping, bytes.
        pub mem_available: Gauge,
    }
}
