//! The limits of resident memory, which come before every other wish.

use crate::{Settings, Slot};

/// How memory stands against its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// Below the limits, or there are none.
    None,
    /// No more workers.
    Soft,
    /// One of this many workers has to go.
    Hard(u64),
}

/// Weighs the workers that are meant to run; who is being stopped counts no more.
pub(crate) fn pressure(slots: &[Slot], settings: &Settings) -> Pressure {
    let (soft, hard) = (settings.rss_soft, settings.rss_hard);
    if soft == 0 {
        return Pressure::None;
    }
    let meant = || slots.iter().filter(|slot| !slot.cheaped);
    let total = meant().fold(0u64, |sum, slot| sum.saturating_add(slot.rss));
    let count = meant().count() as u64;
    match () {
        () if hard > 0 && count > 1 && total >= hard => Pressure::Hard(count),
        () if total >= soft => Pressure::Soft,
        () => Pressure::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{cheaped, idle};

    fn judge(rss: &[u64], soft: u64, hard: u64) -> Pressure {
        let slots: Vec<_> = rss.iter().map(|&rss| Slot { rss, ..idle() }).collect();
        pressure(&slots, &Settings { rss_soft: soft, rss_hard: hard, ..Settings::default() })
    }

    #[test]
    fn limits_count_from_the_very_byte() {
        let cases = [
            (&[50, 49][..], Pressure::None),
            (&[50, 50], Pressure::Soft),
            (&[100, 99], Pressure::Soft),
            (&[100, 100], Pressure::Hard(2)),
            (&[u64::MAX, u64::MAX], Pressure::Hard(2)),
        ];
        for (rss, want) in cases {
            assert_eq!(judge(rss, 100, 200), want, "{rss:?}");
        }
    }

    #[test]
    fn the_last_worker_stays_however_large() {
        assert_eq!(judge(&[500], 100, 200), Pressure::Soft);
    }

    #[test]
    fn without_a_soft_limit_nothing_is_weighed() {
        assert_eq!(judge(&[500, 500], 0, 200), Pressure::None);
        assert_eq!(judge(&[500, 500], 100, 0), Pressure::Soft, "and without a hard one none goes");
    }

    #[test]
    fn who_is_being_stopped_weighs_nothing() {
        let ending = Slot { alive: true, rss: 900, ..cheaped() };
        let settings = Settings { rss_soft: 100, rss_hard: 200, ..Settings::default() };
        assert_eq!(pressure(&[idle(), ending], &settings), Pressure::None);
    }
}
