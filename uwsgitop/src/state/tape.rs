//! How a recording goes, and where a replay is: plain data for the last lines of the screen.

/// A recording that is being made.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Taping {
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Readings written since the program began.
    pub(crate) readings: u64,
    /// Readings the disk was too slow for.
    pub(crate) lost: u64,
    /// Why nothing is recorded any more.
    pub(crate) ended: Option<String>,
}

/// Where a replay is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tape {
    /// The first moment of the recording, epoch microseconds.
    pub(crate) begin: u64,
    /// The last one.
    pub(crate) end: u64,
    /// The one that is shown.
    pub(crate) now: u64,
    /// How many times as fast as it was.
    pub(crate) speed: u64,
    /// It stands still.
    pub(crate) paused: bool,
    /// Nothing more was recorded.
    pub(crate) over: bool,
    /// Damages of the file that were passed over.
    pub(crate) damages: u64,
}

/// What may be asked of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// One reading of the source that is shown, forth or back.
    Step(bool),
    /// Seconds, negative for back.
    By(i64),
    /// To the beginning.
    Begin,
    /// To the end.
    End,
    /// Faster, or slower.
    Faster(bool),
    /// To a place on the time bar: tenths of thousandths of the whole.
    Place(u16),
}
