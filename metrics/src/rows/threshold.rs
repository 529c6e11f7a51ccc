//! The threshold row: one configured threshold and where it stands.

use super::row;
use crate::cells::{Counter, Gauge, Signed, Text};

/// Where a threshold stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ThresholdState {
    /// The condition does not hold.
    #[default]
    Quiet = 0,
    /// It holds, but not yet for long enough.
    Pending = 1,
    /// It holds.
    Firing = 2,
}

impl ThresholdState {
    /// The state of a code; unknown codes are quiet.
    pub fn from_code(code: u64) -> ThresholdState {
        match code {
            1 => ThresholdState::Pending,
            2 => ThresholdState::Firing,
            _ => ThresholdState::Quiet,
        }
    }
}

row! {
    /// One row per threshold in configuration order, written by the observer.
    pub struct ThresholdRow => ThresholdCells {
        /// As configured; empty marks an unused row.
        pub text: Text<32>,
        /// Metric it watches.
        pub key: Text<16>,
        /// Code of a [`ThresholdState`].
        pub state: Gauge,
        /// Since when, epoch seconds.
        pub since: Gauge,
        /// Last value compared, in thousandths.
        pub value_milli: Signed,
        /// Bound it is compared with, in thousandths.
        pub bound_milli: Signed,
        /// Times it began to fire.
        pub fired: Counter,
        /// Last alarm raised, epoch seconds; 0 when there was none.
        pub last_alarm: Gauge,
    }
}
