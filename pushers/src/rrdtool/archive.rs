//! What a new file keeps: its round robin archives, as `RRA:CF:XFF:STEPS:ROWS`.

use std::fmt;

/// How the values of several steps become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consolidation {
    Average,
    Max,
    Min,
    Last,
}

use Consolidation::{Average, Last, Max, Min};

/// Name and meaning, for reading and writing.
const NAMES: [(&str, Consolidation); 4] =
    [("AVERAGE", Average), ("MAX", Max), ("MIN", Min), ("LAST", Last)];

impl Consolidation {
    /// By the name that files and options use.
    pub(super) fn named(name: &str) -> Option<Consolidation> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, it)| *it)
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

/// One archive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Archive {
    pub(super) by: Consolidation,
    /// The part of a row's time that may be unknown.
    pub(super) xff: f64,
    /// Steps in a row.
    pub(super) steps: u64,
    pub(super) rows: u64,
}

/// A day of five minutes, a week of hours, a month of days, a year of weeks.
pub(super) const USUAL: [Archive; 4] =
    [average(1, 288), average(12, 168), average(288, 31), average(2016, 52)];

/// Most rows of an archive, 40 years of five minutes, and most steps of a row. An update after a
/// long pause holds every row in memory.
pub(super) const MOST: u64 = 1 << 22;

const fn average(steps: u64, rows: u64) -> Archive {
    Archive { by: Average, xff: 0.5, steps, rows }
}

impl Archive {
    /// Reads `RRA:CF:XFF:STEPS:ROWS`.
    pub(super) fn parse(text: &str) -> Option<Archive> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["RRA", by, xff, steps, rows] = parts[..] else { return None };
        let archive = Archive {
            by: Consolidation::named(by)?,
            xff: xff.parse().ok()?,
            steps: steps.parse().ok()?,
            rows: rows.parse().ok()?,
        };
        let sound = (0.0..1.0).contains(&archive.xff)
            && (1..=MOST).contains(&archive.steps)
            && (1..=MOST).contains(&archive.rows);
        sound.then_some(archive)
    }
}

impl fmt::Display for Archive {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RRA:{}:{}:{}:{}", self.by.name(), self.xff, self.steps, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_read_and_shown() {
        let shown: Vec<String> = USUAL.iter().map(Archive::to_string).collect();
        assert_eq!(shown[1], "RRA:AVERAGE:0.5:12:168");
        for text in [&*shown[3], "RRA:MAX:0.25:6:10", "RRA:MIN:0:1:1", "RRA:LAST:0.999:2:3"] {
            assert_eq!(Archive::parse(text).map(|a| a.to_string()).as_deref(), Some(text));
        }
        for text in ["", "RRA", "RRA:MEAN:0.5:1:1", "RRA:MAX:1:1:1", "RRA:MAX:0.5:0:1"] {
            assert_eq!(Archive::parse(text), None, "{text}");
        }
        for text in ["RRA:MAX:0.5:1", "RRA:MAX:0.5:1:0", "RRA:MAX:NaN:1:1", "MAX:0.5:1:1"] {
            assert_eq!(Archive::parse(text), None, "{text}");
        }
    }
}
