//! What limits the server now, in one line: the finding, the reason, the option that would change it.
//!
//! Answers: is it well; if not, what is it, since when, and what can be done? A pure function over
//! what [`Memory`] kept of the last minute and the newest picture. Each rule looks at one thing and
//! is silent where the source does not tell enough; the most pressing finding comes first. It
//! never guesses: what is named was counted.

mod failures;
mod fine;
mod load;
mod machine;
mod memory;
mod slow;
#[cfg(test)]
mod tests;
mod told;

use crate::page::{Line, Paint};

pub(crate) use memory::Memory;
use memory::Window;

/// How pressing a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// As it should be.
    Fine,
    /// Worth a look.
    Warning,
    /// Users suffer.
    Critical,
}

impl Level {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// How pressing it is.
    pub(crate) level: Level,
    /// What it is, with its numbers.
    pub(crate) what: String,
    /// Why, as far as it was measured; empty where it was not.
    pub(crate) why: String,
    /// What would change it, an option mostly; empty where nothing need change.
    pub(crate) remedy: String,
}

impl Finding {
    fn new(level: Level, what: impl Into<String>) -> Self {
        Self { level, what: what.into(), why: String::new(), remedy: String::new() }
    }

    fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// The finding as one line of text.
    pub(crate) fn text(&self) -> String {
        let parts = [&self.what, &self.why, &self.remedy];
        let parts: Vec<&str> =
            parts.iter().map(|part| part.as_str()).filter(|p| !p.is_empty()).collect();
        parts.join("; ")
    }

    /// The same painted, with the level as a word in front.
    pub(crate) fn line(&self) -> Line {
        let paint = match self.level {
            Level::Fine => Paint::Good,
            Level::Warning => Paint::Warn,
            Level::Critical => Paint::Bad,
        };
        let mut line = Line::of(format!(" {}: ", self.level.word()), paint)
            .and(self.what.as_str(), Paint::Plain);
        if !self.why.is_empty() {
            line = line.and(format!("; {}", self.why), Paint::Plain);
        }
        if !self.remedy.is_empty() {
            line = line.and(format!("; {}", self.remedy), Paint::Strong);
        }
        line
    }
}

/// A rule looks at one thing.
type Rule = fn(&Window<'_>) -> Option<Finding>;

/// All rules; those that stand earlier go first among equally pressing ones.
const RULES: &[Rule] = &[
    failures::nobody_serves,
    failures::dying,
    load::turned_away,
    load::saturated,
    failures::failing,
    slow::hanging,
    machine::memory,
    machine::throttled,
    failures::harakiri,
    load::waiting_in_the_router,
    slow::slower_than_usual,
    machine::stalled,
    machine::swapped,
    told::firing,
    told::undelivered,
    told::unwatched,
    told::signals,
];

/// Everything found, the most pressing first; never empty once there is a picture of an instance.
pub(crate) fn of(memory: &Memory) -> Vec<Finding> {
    let Some(window) = memory.window() else { return Vec::new() };
    let mut found: Vec<Finding> = RULES.iter().filter_map(|rule| rule(&window)).collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    if found.is_empty() {
        found.extend(fine::well(&window));
    }
    found
}
