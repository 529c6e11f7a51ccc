//! What a duty is told and what it answers: a moment, lines for the log, orders.

/// One second of the monotonic clock.
pub const SECOND: u64 = 1_000_000;

/// A moment as both clocks tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic microseconds; everything is decided with these.
    pub us: u64,
    /// Seconds since the epoch; only texts show them.
    pub wall_s: u64,
}

impl Now {
    /// Whole seconds since `us`.
    pub fn seconds_since(self, us: u64) -> u64 {
        self.us.saturating_sub(us) / SECOND
    }

    /// The wall clock at the monotonic moment `us`, as far as this moment can tell.
    pub fn wall_at(self, us: u64) -> u64 {
        match us.checked_sub(self.us) {
            Some(ahead) => self.wall_s.saturating_add(ahead.div_ceil(SECOND)),
            None => self.wall_s.saturating_sub(self.seconds_since(us)),
        }
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, without a newline.
    pub text: String,
    /// It carries a date even when `log-date` is off.
    pub dated: bool,
}

impl Line {
    /// A line that carries a date only with `log-date`.
    pub fn plain(text: impl Into<String>) -> Line {
        Line { text: text.into(), dated: false }
    }

    /// A line that always carries a date.
    pub fn dated(text: impl Into<String>) -> Line {
        Line { text: text.into(), dated: true }
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<O> {
    /// Write a line.
    Say(Line),
    /// Carry out an order.
    Do(O),
}

/// Lines and orders, in the sequence in which they are to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps<O>(Vec<Step<O>>);

impl<O> Default for Steps<O> {
    fn default() -> Steps<O> {
        Steps(Vec::new())
    }
}

impl<O> Steps<O> {
    /// Nothing to do.
    pub fn new() -> Steps<O> {
        Steps::default()
    }

    /// Adds a line that carries a date only with `log-date`.
    pub fn say(&mut self, text: impl Into<String>) {
        self.0.push(Step::Say(Line::plain(text)));
    }

    /// Adds a line that always carries a date.
    pub fn say_dated(&mut self, text: impl Into<String>) {
        self.0.push(Step::Say(Line::dated(text)));
    }

    /// Adds an order.
    pub fn order(&mut self, order: O) {
        self.0.push(Step::Do(order));
    }

    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines alone.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.iter().filter_map(|step| match step {
            Step::Say(line) => Some(line),
            Step::Do(_) => None,
        })
    }

    /// The orders alone.
    pub fn orders(&self) -> impl Iterator<Item = &O> {
        self.0.iter().filter_map(|step| match step {
            Step::Say(_) => None,
            Step::Do(order) => Some(order),
        })
    }
}

impl<O> Extend<Step<O>> for Steps<O> {
    fn extend<I: IntoIterator<Item = Step<O>>>(&mut self, steps: I) {
        self.0.extend(steps);
    }
}

impl<O> IntoIterator for Steps<O> {
    type Item = Step<O>;
    type IntoIter = std::vec::IntoIter<Step<O>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What tests ask of steps.
#[cfg(test)]
impl<O: Clone> Steps<O> {
    /// The texts, a date shown as `V `.
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |line: &Line| format!("{}{}", if line.dated { "V " } else { "" }, line.text);
        self.lines().map(text).collect()
    }

    pub(crate) fn given(&self) -> Vec<O> {
        self.orders().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_orders_keep_their_sequence() {
        let mut steps = Steps::new();
        steps.say("before");
        steps.order(7);
        steps.say_dated("after");
        assert_eq!(steps.texts(), ["before", "V after"]);
        assert_eq!(steps.given(), [7]);
        let all: Vec<_> = steps.into_iter().collect();
        assert_eq!(all.get(1), Some(&Step::Do(7)), "between its lines");
    }

    #[test]
    fn the_wall_clock_of_another_moment_follows_from_this_one() {
        let now = Now { us: 10 * SECOND, wall_s: 1000 };
        assert_eq!(now.wall_at(12 * SECOND), 1002);
        assert_eq!(now.wall_at(12 * SECOND + 1), 1003, "a deadline is not told too early");
        assert_eq!(now.wall_at(7 * SECOND), 997);
        assert_eq!(now.seconds_since(11 * SECOND), 0, "the future is no time ago");
    }
}
