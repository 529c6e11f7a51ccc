//! `log-alarm` and `not-log-alarm`: which lines of the log raise what. Pure.
//!
//! Both options make one ordered list. A rule that matches raises its alarms and the next one is
//! looked at; a negative rule that matches ends it for the line.

use fancy_regex::{Regex, RegexBuilder};
use uwsgi_alarm::Definition;
use uwsgi_config::{Config, Entry, Finding};

/// Steps back that a pattern may take on one line before it counts as no match: a bad pattern must
/// not hold up the others for ever. About a tenth of a second.
const MOST_STEPS: usize = 200_000;

/// The start of lines that are never looked at, whoever writes them.
const OURS: &[u8] = b"[uwsgi-alarm";

#[derive(Clone, Debug)]
struct Rule {
    pattern: Regex,
    /// `not-log-alarm`.
    negative: bool,
    alarms: Vec<String>,
}

impl Rule {
    /// `$` stands in front of the line's own end too, as in PCRE; only a pattern that speaks of
    /// line ends gets to see it.
    fn matches(&self, line: &str) -> bool {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        let seen = if self.pattern.as_str().contains("\\n") { line } else { bare };
        // A pattern that takes too long on this line does not match it.
        self.pattern.is_match(seen).unwrap_or(false)
    }
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Reads the list; every name must be that of an alarm.
    pub(super) fn from_config(
        config: &Config,
        known: &[Definition],
        faults: &mut Vec<Finding>,
    ) -> Rules {
        let mut rules = Vec::new();
        for entry in &config.entries {
            let option = entry.row.map_or("", |row| row.name);
            if option != "log-alarm" && option != "not-log-alarm" {
                continue;
            }
            match rule(entry, option == "not-log-alarm", known) {
                Ok(rule) => rules.push(rule),
                Err((text, allowed)) => {
                    faults.push(Finding::fault(text).about(entry).allowed(allowed));
                }
            }
        }
        Rules(rules)
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hands each alarm that `line` raises to `raise`, in order.
    pub fn judge(&self, line: &[u8], mut raise: impl FnMut(&str)) {
        if line.starts_with(OURS) {
            return;
        }
        let text = String::from_utf8_lossy(line);
        for rule in &self.0 {
            if !rule.matches(&text) {
                continue;
            }
            if rule.negative {
                return;
            }
            rule.alarms.iter().for_each(|alarm| raise(alarm));
        }
    }
}

/// Reads one rule; the error is the line for the log and what would be right.
fn rule(entry: &Entry, negative: bool, known: &[Definition]) -> Result<Rule, (String, String)> {
    let text = entry.text();
    let Some((names, pattern)) = text.split_once(' ') else {
        let allowed = "<alarm>[,<alarm>] <regexp>".to_owned();
        return Err((format!("invalid log-alarm syntax: {text}"), allowed));
    };
    let refuse = |allowed| (format!("invalid log-alarm: {text}"), allowed);
    let alarms: Vec<String> = names.split(',').map(str::to_owned).collect();
    let strange = |name: &&String| !known.iter().any(|alarm| alarm.name == **name);
    if let Some(name) = alarms.iter().find(strange) {
        return Err(refuse(format!("names of alarms, and there is no \"{name}\"")));
    }
    let pattern = RegexBuilder::new(pattern).backtrack_limit(MOST_STEPS).build();
    let pattern = pattern.map_err(|e| refuse(format!("a regexp: {e}")))?;
    Ok(Rule { pattern, negative, alarms })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn rules(list: &[(bool, &str, &str)]) -> Rules {
        let rule = |(negative, names, pattern): &(bool, &str, &str)| Rule {
            pattern: RegexBuilder::new(pattern).backtrack_limit(MOST_STEPS).build().unwrap(),
            negative: *negative,
            alarms: names.split(',').map(str::to_owned).collect(),
        };
        Rules(list.iter().map(rule).collect())
    }

    fn raised(rules: &Rules, line: &str) -> String {
        let mut out = Vec::new();
        rules.judge(line.as_bytes(), |alarm| out.push(alarm.to_owned()));
        out.join(" ")
    }

    #[test]
    fn rules_are_one_ordered_list() {
        let (yes, not) = (false, true);
        let list = rules(&[
            (yes, "first", "BAD"),
            (not, "first", "NEVERMIND"),
            (yes, "a,b", "^BAD"),
            (yes, "end", "end$"),
        ]);
        for (line, expected) in [
            ("BAD thing\n", "first a b"),
            ("so BAD\n", "first"),
            ("BAD but NEVERMIND\n", "first"),
            ("the end\n", "end"),
            ("[uwsgi-alarm-error] BAD\n", ""),
            ("fine\n", ""),
        ] {
            assert_eq!(raised(&list, line), expected, "{line}");
        }
    }

    #[test]
    fn patterns_look_around_and_bytes_need_not_be_text() {
        let list = rules(&[(false, "a", "BAD(?! joke)")]);
        assert_eq!(raised(&list, "BAD joke"), "");
        assert_eq!(raised(&list, "BAD news"), "a");
        let mut seen = 0;
        list.judge(b"\xff\xfe BAD \xff", |_| seen += 1);
        assert_eq!(seen, 1);
    }

    #[test]
    fn a_pattern_that_explodes_is_no_match_and_soon() {
        let list = rules(&[(false, "a", r"(?=x)(x+x+)+\1y"), (false, "b", "x")]);
        let line = "x".repeat(4000);
        let begun = Instant::now();
        assert_eq!(raised(&list, &line), "b");
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    }
}
