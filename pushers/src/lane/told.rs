//! What the log hears of a receiver: the first failure, a new reason, a reminder once in a while,
//! and that it works again. Pure.

use std::time::Duration;

/// The same reason is repeated after this time.
const REMINDER: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Told {
    last: Option<(String, Duration)>,
    held: u32,
    failures: u32,
}

impl Told {
    /// An attempt failed; the line, when one is due.
    pub(crate) fn failed(&mut self, text: &str, now: Duration) -> Option<String> {
        self.failures = self.failures.saturating_add(1);
        let known = self.last.as_ref().filter(|(last, _)| last == text);
        if known.is_some_and(|(_, at)| now.saturating_sub(*at) < REMINDER) {
            self.held += 1;
            return None;
        }
        self.last = Some((text.to_owned(), now));
        match std::mem::take(&mut self.held) {
            0 => Some(text.to_owned()),
            held => Some(format!("{text} ({held} more failures like the last one)")),
        }
    }

    /// An attempt succeeded; how many had failed before, when some did.
    pub(crate) fn succeeded(&mut self) -> Option<u32> {
        let failures = std::mem::take(self).failures;
        (failures > 0).then_some(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_reason_is_told_once_a_minute() {
        let at = Duration::from_secs;
        let mut told = Told::default();
        assert_eq!(told.failed("down", at(1)).as_deref(), Some("down"));
        assert_eq!(told.failed("down", at(2)), None);
        assert_eq!(
            told.failed("slow", at(3)).as_deref(),
            Some("slow (1 more failures like the last one)")
        );
        assert_eq!(told.failed("slow", at(62)), None);
        assert!(told.failed("slow", at(63)).is_some());
        assert_eq!(told.succeeded(), Some(5));
        assert_eq!(told.succeeded(), None);
        assert_eq!(told.failed("slow", at(64)).as_deref(), Some("slow"));
    }
}
