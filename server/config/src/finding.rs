//! What is wrong, or odd, with a configuration: one value, shown as log lines or as JSON.
//!
//! A finding is made where the fault is seen and never prints itself. The first line of a fault
//! is the text that users and scripts know; the second says which mention is meant and what
//! would be right.

use crate::config::{Entry, Origin};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The server does not start.
    Fault,
    /// One line in the log.
    Warning,
}

/// One fault or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub level: Level,
    /// The text itself; a few have more than one line.
    pub text: String,
    /// The option it is about, as written.
    pub option: Option<String>,
    /// The value seen.
    pub value: Option<String>,
    /// Where it was written.
    pub origin: Option<Origin>,
    /// What would be accepted instead.
    pub allowed: Option<String>,
    /// The name or value probably meant.
    pub meant: Option<String>,
}

impl Finding {
    fn new(level: Level, text: impl Into<String>) -> Self {
        Self {
            level,
            text: text.into(),
            option: None,
            value: None,
            origin: None,
            allowed: None,
            meant: None,
        }
    }

    /// Something that ends the start.
    pub fn fault(text: impl Into<String>) -> Self {
        Self::new(Level::Fault, text)
    }

    /// Something worth a line.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Level::Warning, text)
    }

    /// Says which mention of which option is meant.
    #[must_use]
    pub fn about(mut self, entry: &Entry) -> Self {
        self.option = Some(entry.key.clone());
        self.value.clone_from(&entry.value);
        self.origin = Some(entry.origin.clone());
        self
    }

    /// Says which option, value and place are meant, where there is no entry.
    #[must_use]
    pub fn at(mut self, option: &str, value: Option<&str>, origin: &Origin) -> Self {
        self.option = Some(option.to_owned());
        self.value = value.map(str::to_owned);
        self.origin = Some(origin.clone());
        self
    }

    /// Says where, when no option is to blame.
    #[must_use]
    pub fn origin(mut self, origin: &Origin) -> Self {
        self.origin = Some(origin.clone());
        self
    }

    /// Says what would be right.
    #[must_use]
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Says what was probably meant.
    #[must_use]
    pub fn meant(mut self, name: impl Into<String>) -> Self {
        self.meant = Some(name.into());
        self
    }

    /// The finding as log lines: its text, and for faults the line that says where.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.text.lines().map(str::to_owned).collect();
        lines.extend((self.level == Level::Fault).then(|| self.details()).flatten());
        lines
    }

    /// The lines of [`Finding::lines`], and for a warning too the line that says where, unless its
    /// text does.
    #[must_use]
    pub fn placed_lines(&self) -> Vec<String> {
        let mut lines = self.lines();
        let place = self.origin.as_ref().map(Origin::to_string);
        let told = place.is_none_or(|place| self.text.contains(&place));
        if self.level == Level::Warning && !told {
            lines.extend(self.details());
        }
        lines
    }

    fn details(&self) -> Option<String> {
        let place = self.origin.as_ref().map(Origin::to_string);
        let mut parts = Vec::new();
        match (&self.option, place) {
            (Some(option), Some(place)) => parts.push(format!("option \"{option}\" {place}")),
            (Some(option), None) => parts.push(format!("option \"{option}\"")),
            (None, _) if self.origin == Some(Origin::CommandLine) => {}
            (None, place) => parts.extend(place),
        }
        if self.option.is_some() {
            parts.push(format!("value \"{}\"", self.value.as_deref().unwrap_or_default()));
        }
        parts.extend(self.allowed.as_ref().map(|allowed| format!("allowed: {allowed}")));
        parts.extend(self.meant.as_ref().map(|name| format!("did you mean \"{name}\"?")));
        (!parts.is_empty()).then(|| format!("  ({})", parts.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_where_and_what_would_be_right() {
        let origin = Origin::File { path: "a.ini".into(), line: 3 };
        let fault = Finding::fault("bad").at("threads", Some("x"), &origin).allowed("a number");
        let place = "  (option \"threads\" at a.ini:3, value \"x\", allowed: a number)";
        assert_eq!(fault.lines(), ["bad", place]);
        assert_eq!(Finding::fault("one\ntwo").lines(), ["one", "two"]);
        assert_eq!(Finding::fault("bad").origin(&origin).lines(), ["bad", "  (at a.ini:3)"]);
        let odd = Finding::warning("odd").origin(&origin);
        assert_eq!(odd.lines(), ["odd"]);
        assert_eq!(odd.placed_lines(), ["odd", "  (at a.ini:3)"]);
        let placed = Finding::warning("odd at a.ini:3").origin(&origin);
        assert_eq!(placed.placed_lines(), ["odd at a.ini:3"], "said once");
    }
}
