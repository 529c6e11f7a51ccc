//! Values that the server did not want: told when their number changes, and counted. Pure.

use std::time::Duration;

/// Another number of refused values is told no sooner than this.
const PAUSE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    told: Option<(u64, Duration)>,
}

impl Refusals {
    /// A push was taken, but for `failed` of its values; the line, when one is due.
    pub(super) fn note(&mut self, failed: u64, total: u64, now: Duration) -> Option<String> {
        let (last, at) = self.told.unwrap_or_default();
        let due = self.told.is_none_or(|_| now.saturating_sub(at) >= PAUSE);
        if failed == last || !due && failed > 0 {
            return None;
        }
        self.told = (failed > 0).then_some((failed, now));
        Some(match failed {
            0 => "every value is accepted again".to_owned(),
            _ => format!(
                "{failed} of {total} values were refused: they have no item of type trapper, or not one of their type"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_once() {
        let at = Duration::from_secs;
        let mut refusals = Refusals::default();
        assert_eq!(refusals.note(0, 9, at(0)), None);
        assert!(refusals.note(3, 9, at(1)).unwrap().starts_with("3 of 9 values"));
        assert_eq!(refusals.note(3, 9, at(100)), None);
        assert!(refusals.note(4, 9, at(101)).unwrap().starts_with("4 of 9 values"));
        assert_eq!(refusals.note(5, 9, at(102)), None, "flapping is told once a minute");
        assert!(refusals.note(5, 9, at(161)).is_some());
        assert_eq!(refusals.note(0, 9, at(162)).as_deref(), Some("every value is accepted again"));
        assert_eq!(refusals.note(0, 9, at(163)), None);
    }
}
