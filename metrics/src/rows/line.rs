//! The ends of the rings that lines of requests travel in, and what their reader tells the writers.

use super::row;
use crate::cells::{Counter, Gauge};

row! {
    /// The writer's end of a worker's ring.
    pub struct LineHead => LineHeadCells {
        /// Words written, over all lives of the slot (worker).
        pub words: Gauge,
    }
}

row! {
    /// The reader's end of a worker's ring.
    pub struct LineTail => LineTailCells {
        /// Words read (who reads the ring: the observer, at the end the master).
        pub words: Gauge,
        /// Lines without room that the log has told of (the same).
        pub told: Counter,
    }
}

row! {
    /// The one row of the reader.
    pub struct LineDesk => LineDeskCells {
        /// 1 while the reader sleeps, 2 while it naps (it; who wakes it).
        pub bed: Gauge,
        /// Twice the bytes taken out of the pipe that other lines of the log come through, by whoever
        /// took them; one more while somebody is taking.
        pub piped: Gauge,
    }
}
