//! The rows of families and series, and what is used of their pools.
#![allow(unsafe_code, reason = "the row macro states that any bit pattern is valid for them")]

use crate::cells::{Counter, Gauge, Real};
use crate::rows::row;

row! {
    /// How much of the pools is used. Any process, by atomic add.
    pub struct SeriesHead => SeriesHeadCells {
        /// Family slots taken.
        pub families: Gauge,
        /// Series slots taken.
        pub series: Gauge,
        /// Words taken.
        pub words: Gauge,
        /// Families in the order in which they were registered.
        pub registered: Counter,
        /// Families and series that found no room.
        pub dropped: Counter,
    }
}

row! {
    /// One family. Any process registers it; its definition never changes afterwards.
    pub struct FamilyRow => FamilyCells {
        /// 0 free, 1 ready, 2 lost in a race of two registrations.
        pub state: Gauge,
        /// Arena generation in which it was last registered; others are not shown.
        pub generation: Gauge,
        /// Position in that generation.
        pub order: Gauge,
        /// Kind code.
        pub kind: Gauge,
        /// Mode code of a gauge.
        pub mode: Gauge,
        /// How many labels its series have.
        pub labels: Gauge,
        /// The definition as one text, see `spec`.
        pub key: Gauge,
        /// Help text.
        pub help: Gauge,
        /// Unit, a text.
        pub unit: Gauge,
        /// Upper bounds of its buckets, a run of words.
        pub bounds: Gauge,
    }
}

row! {
    /// One series. Two lines of its own, so that two hot counters never share one.
    pub struct SeriesRow => SeriesCells {
        /// 0 free, 1 ready, 2 lost in a race of two registrations, 3 removed by the application.
        pub state: Gauge,
        /// Kind code of the family.
        pub kind: Gauge,
        /// Mode code of the family.
        pub mode: Gauge,
        /// Upper bounds of the family.
        pub bounds: Gauge,
        /// Counts of the buckets, or value and stamp for each process; a run of words.
        pub cells: Gauge,
        /// The whole part of a counter: what was added in whole numbers.
        pub whole: Counter,
        /// The rest of a counter, the value of a gauge, the sum of a histogram or summary.
        pub part: Real,
        /// Slot of the family.
        pub family: Gauge,
        /// Arena generation in which it was last asked for.
        pub generation: Gauge,
        /// Family and label values as one text.
        pub key: Gauge,
    }
}
