//! Times: wall clock, and the C library's way of writing it.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Zoned;

/// Microseconds since the epoch.
pub fn epoch_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64)
}

/// When this image of the process began, epoch microseconds: the first call decides.
pub fn started_us() -> u64 {
    static STARTED: OnceLock<u64> = OnceLock::new();
    *STARTED.get_or_init(epoch_us)
}

/// Seconds since the epoch.
pub fn epoch_s() -> u64 {
    epoch_us() / 1_000_000
}

/// Local time as `ctime` writes it, 24 characters: `Fri Nov 20 08:18:27 2026`.
pub fn ctime() -> String {
    Zoned::now().strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// Local time in a format of the user's; a format that cannot be used shows itself.
pub fn strftime(format: &str) -> String {
    jiff::fmt::strtime::format(format, &Zoned::now()).unwrap_or_else(|_| format.to_owned())
}

/// Text of the current second, made again only when the second changes.
#[derive(Default)]
pub struct SecondCache {
    second: u64,
    text: String,
}

impl SecondCache {
    /// [`ctime`] of the moment `epoch_us`.
    pub fn ctime(&mut self, epoch_us: u64) -> &str {
        let second = epoch_us / 1_000_000;
        if second != self.second {
            self.second = second;
            let stamp = jiff::Timestamp::from_second(second as i64).unwrap_or_default();
            let local = stamp.to_zoned(jiff::tz::TimeZone::system());
            self.text = local.strftime("%a %b %e %H:%M:%S %Y").to_string();
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctime_has_the_24_characters_that_log_readers_cut_at() {
        assert_eq!(ctime().len(), 24);
        let mut cache = SecondCache::default();
        assert_eq!(cache.ctime(1_000_000_000_000_000).len(), 24);
        assert_eq!(&cache.ctime(1_000_000_000_000_000)[20..], "2001");
    }

    #[test]
    fn a_bad_format_is_shown_instead_of_lost() {
        assert_eq!(strftime("foo"), "foo");
    }
}
