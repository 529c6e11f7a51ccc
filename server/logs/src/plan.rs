//! Which line goes where.
//!
//! Lines of the server pass `log-drain`, `log-filter` and `log-route`; lines of requests pass
//! `log-req-route`. What no route takes goes to every logger without a name, and where there is none,
//! to the log itself.

use crate::pattern::Pattern;

/// A logger as far as routes care: its place in the list of all, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// Index among the loggers of all streams.
    pub index: usize,
    /// Only routes lead to a logger with a name.
    pub name: Option<String>,
}

/// What becomes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate<'a> {
    /// `log-drain` takes it away.
    Drained,
    /// No `log-filter` wants it.
    Filtered,
    /// These loggers get it, because a route says so.
    Routed(Vec<usize>),
    /// All loggers without a name.
    Everybody(&'a [usize]),
    /// Nobody else: the log itself.
    Original,
}

/// The rules of one stream.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    drains: Vec<Pattern>,
    filters: Vec<Pattern>,
    routes: Vec<(Vec<usize>, Pattern)>,
    everybody: Vec<usize>,
}

impl Plan {
    /// The stream with these loggers.
    pub fn new(stations: &[Station]) -> Plan {
        let unnamed = stations.iter().filter(|station| station.name.is_none());
        Plan { everybody: unnamed.map(|station| station.index).collect(), ..Plan::default() }
    }

    /// Adds a pattern of lines that nobody wants.
    pub fn drain(&mut self, pattern: &str) -> Result<(), String> {
        self.drains.push(Pattern::parse(pattern)?);
        Ok(())
    }

    /// Adds a pattern of lines that are wanted; all others are not, as soon as there is one.
    pub fn filter(&mut self, pattern: &str) -> Result<(), String> {
        self.filters.push(Pattern::parse(pattern)?);
        Ok(())
    }

    /// Adds `name pattern`. `stations` are all that it may lead to, in the order in which they are
    /// looked at; several may share a name. True when there is a logger of that name: without one the
    /// route leads nowhere, and lines pass it by.
    pub fn route(&mut self, option: &str, stations: &[Station]) -> Result<bool, String> {
        let syntax = "invalid custom regexp syntax: must be <custom> <regexp>";
        let (name, pattern) = option.split_once(' ').ok_or(syntax)?;
        let pattern = Pattern::parse(pattern)?;
        let meant = stations.iter().filter(|station| station.name.as_deref() == Some(name));
        let meant: Vec<usize> = meant.map(|station| station.index).collect();
        let found = !meant.is_empty();
        if found {
            self.routes.push((meant, pattern));
        }
        Ok(found)
    }

    /// Whether every line goes to everybody: nothing has to be looked at.
    pub fn is_plain(&self) -> bool {
        self.drains.is_empty() && self.filters.is_empty() && self.routes.is_empty()
    }

    /// What becomes of `message`.
    pub fn decide(&self, message: &[u8]) -> Fate<'_> {
        if !self.is_plain() {
            let line = String::from_utf8_lossy(message);
            let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&line));
            if any(&self.drains) {
                return Fate::Drained;
            }
            if !self.filters.is_empty() && !any(&self.filters) {
                return Fate::Filtered;
            }
            let taken = self.routes.iter().filter(|(_, pattern)| pattern.matches(&line));
            let taken: Vec<usize> = taken.flat_map(|(loggers, _)| loggers).copied().collect();
            if !taken.is_empty() {
                return Fate::Routed(taken);
            }
        }
        match self.everybody.as_slice() {
            [] => Fate::Original,
            all => Fate::Everybody(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stations(names: &[&str]) -> Vec<Station> {
        let name = |name: &&str| Some((*name).to_owned()).filter(|name| !name.is_empty());
        names.iter().enumerate().map(|(index, n)| Station { index, name: name(n) }).collect()
    }

    #[test]
    fn a_route_takes_a_line_from_everybody() {
        let stations = stations(&["errors", "", "queue", "", "errors"]);
        let mut plan = Plan::new(&stations);
        assert!(plan.is_plain());
        assert_eq!(plan.route("errors (HTTP/1.\\d 500)", &stations), Ok(true));
        assert_eq!(plan.route("queue listen queue", &stations), Ok(true));
        assert_eq!(plan.route("nobody .*", &stations), Ok(false));
        assert_eq!(plan.decide(b"GET / (HTTP/1.1 500)\n"), Fate::Routed(vec![0, 4]));
        assert_eq!(plan.decide(b"HTTP/1.1 500, listen queue full\n"), Fate::Routed(vec![0, 4, 2]));
        assert_eq!(plan.decide(b"else\n"), Fate::Everybody(&[1, 3]));
    }

    #[test]
    fn drains_come_before_filters_and_filters_before_routes() {
        let stations = stations(&["a"]);
        let mut plan = Plan::new(&stations);
        plan.drain("noise").unwrap();
        plan.filter("^keep").unwrap();
        plan.filter("^hold").unwrap();
        plan.route("a keep", &stations).unwrap();
        assert_eq!(plan.decide(b"keep noise\n"), Fate::Drained);
        assert_eq!(plan.decide(b"other keep\n"), Fate::Filtered);
        assert_eq!(plan.decide(b"keep this\n"), Fate::Routed(vec![0]));
        assert_eq!(plan.decide(b"hold this\n"), Fate::Original, "the only logger has a name");
    }

    #[test]
    fn a_route_without_a_pattern_and_a_bad_pattern_are_refused() {
        let mut plan = Plan::default();
        assert_eq!(
            plan.route("alone", &[]),
            Err("invalid custom regexp syntax: must be <custom> <regexp>".into())
        );
        assert!(plan.route("a (", &[]).is_err() && plan.drain("(").is_err());
        assert_eq!(plan.decide(b"\xff\n"), Fate::Original);
    }
}
