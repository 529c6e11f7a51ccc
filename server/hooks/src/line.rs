//! Lines of the log.

/// One line, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// The date goes in front.
    pub dated: bool,
}

impl Line {
    /// A line without a date.
    pub fn plain(text: impl Into<String>) -> Line {
        Line { text: text.into(), dated: false }
    }

    /// A line with the date in front.
    pub fn dated(text: impl Into<String>) -> Line {
        Line { text: text.into(), dated: true }
    }
}
