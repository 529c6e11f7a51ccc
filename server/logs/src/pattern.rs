//! Patterns that users write for lines of the log.

use fancy_regex::{Regex, RegexBuilder};

/// Steps back that a pattern may take on one line before it counts as no match: a bad pattern must
/// not hold up the others for ever. About a tenth of a second.
const MOST_STEPS: usize = 200_000;

/// One pattern; it matches anywhere in a line.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// It speaks of line ends, and so gets to see them.
    whole: bool,
}

impl Pattern {
    /// Reads the pattern. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let regex = RegexBuilder::new(text).backtrack_limit(MOST_STEPS).build();
        let regex = regex.map_err(|e| e.to_string())?;
        Ok(Pattern { regex, whole: text.contains("\\n") })
    }

    /// Whether `line` matches. `$` stands in front of the line's own end too, as in PCRE; a pattern
    /// that takes too long does not match.
    pub fn matches(&self, line: &str) -> bool {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        self.regex.is_match(if self.whole { line } else { bare }).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_lines_are_seen_by_those_who_ask() {
        let matches = |pattern: &str, line: &str| Pattern::parse(pattern).unwrap().matches(line);
        assert!(matches("b$", "a b\n") && matches("b", "abc") && matches("^a", "abc"));
        assert!(matches(r"b\n$", "a b\n") && !matches(r"b\n", "a b"));
        assert!(matches("(a)(?!b)", "ac\n") && matches(r"(\w)\1", "book\n"));
        assert!(Pattern::parse("(").is_err());
    }

    #[test]
    fn a_bad_pattern_gives_up() {
        let pattern = Pattern::parse(r"(a+)+\1$").unwrap();
        assert!(!pattern.matches(&format!("{}b", "a".repeat(60))));
    }
}
