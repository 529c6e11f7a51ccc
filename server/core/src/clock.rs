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

/// Microseconds of the clock that nobody sets, as other processes of this machine see them.
pub fn monotonic_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0) / 1000)
}

/// The same in milliseconds, as the last tick of the system saw it: for deadlines, at a fraction of the
/// cost.
pub fn coarse_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000)
        .saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000)
}

/// Seconds since the epoch.
pub fn epoch_s() -> u64 {
    epoch_us() / 1_000_000
}

/// The format of [`ctime`].
const CTIME: &str = "%a %b %e %H:%M:%S %Y";

/// Local time as `ctime` writes it, 24 characters: `Fri Nov 20 08:18:27 2026`.
pub fn ctime() -> String {
    Zoned::now().strftime(CTIME).to_string()
}

/// How far local time is ahead of UTC now, seconds.
pub fn local_offset() -> i64 {
    Zoned::now().offset().seconds().into()
}

/// What [`ctime`] says of the second `epoch_s`, local time being `offset` seconds ahead of UTC. It
/// takes no memory and no lock: for signal handlers.
pub fn ctime_of(epoch_s: u64, offset: i64) -> [u8; 24] {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
    let local = epoch_s.saturating_add_signed(offset);
    let (days, second) = (local / 86_400, local % 86_400);
    let (year, month, day) = date(days);
    let mut out = *b"??? ??? ?? ??:??:?? ????";
    let mut put = |at: usize, text: &[u8]| {
        out.iter_mut().skip(at).zip(text).for_each(|(place, byte)| *place = *byte);
    };
    let name = |list: &'static [u8], at: u64| list.chunks(3).nth(at as usize).unwrap_or_default();
    put(0, name(DAYS, days % 7));
    put(4, name(MONTHS, month - 1));
    let digits = |value: u64| [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
    put(8, &digits(day));
    if day < 10 {
        put(8, b" ");
    }
    for (at, value) in [(11, second / 3600), (14, second / 60 % 60), (17, second % 60)] {
        put(at, &digits(value));
    }
    put(20, &digits(year / 100));
    put(22, &digits(year % 100));
    out
}

/// A moment in UTC, as RFC 3339 has it: `2026-11-20T08:18:27.000400Z`.
pub fn rfc3339(epoch_us: u64) -> [u8; 27] {
    let (second, micros) = (epoch_us / 1_000_000, epoch_us % 1_000_000);
    let (year, month, day) = date(second / 86_400);
    let mut out = *b"0000-00-00T00:00:00.000000Z";
    let mut put = |at: usize, mut value: u64, digits: usize| {
        for place in out.iter_mut().skip(at).take(digits).rev() {
            *place = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    let time = [(11, second / 3600 % 24), (14, second / 60 % 60), (17, second % 60)];
    for (at, value) in [(5, month), (8, day)].into_iter().chain(time) {
        put(at, value, 2);
    }
    put(0, year, 4);
    put(20, micros, 6);
    out
}

/// Year, month and day of a day since the epoch.
fn date(days: u64) -> (u64, u64, u64) {
    let by = |year: u64, other: u64| year.is_multiple_of(other);
    let leap = |year: u64| by(year, 4) && (!by(year, 100) || by(year, 400));
    let (mut year, mut rest) = (1970 + days / 146_097 * 400, days % 146_097);
    while rest >= 365 + u64::from(leap(year)) {
        rest -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
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
        self.local(epoch_us, CTIME)
    }

    /// Local time of the moment `epoch_us`; always asked for in the same format. One that cannot be
    /// used shows itself.
    pub fn local(&mut self, epoch_us: u64, format: &str) -> &str {
        let second = epoch_us / 1_000_000;
        if second != self.second {
            self.second = second;
            let stamp = jiff::Timestamp::from_second(second as i64).unwrap_or_default();
            let local = stamp.to_zoned(jiff::tz::TimeZone::system());
            let text = jiff::fmt::strtime::format(format, &local);
            self.text = text.unwrap_or_else(|_| format.to_owned());
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
    fn a_handler_writes_the_same_time() {
        for (second, offset, expected) in [
            (0, 0, "Thu Jan  1 00:00:00 1970"),
            (951_782_399, 0, "Mon Feb 28 23:59:59 2000"),
            (951_782_399, 1, "Tue Feb 29 00:00:00 2000"),
            (1_709_251_199, 0, "Thu Feb 29 23:59:59 2024"),
            (1_735_689_599, 3600, "Wed Jan  1 00:59:59 2025"),
            (4_107_542_400, -1, "Sun Feb 28 23:59:59 2100"),
        ] {
            assert_eq!(ctime_of(second, offset), *expected.as_bytes(), "{second}");
        }
        let (now, text) = (epoch_s(), ctime());
        let made = [now, now + 1].map(|s| ctime_of(s, local_offset()).to_vec());
        assert!(made.contains(&text.into_bytes()));
    }

    #[test]
    fn collectors_read_the_time_with_its_micros() {
        for (us, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_251_199_000_001, "2024-02-29T23:59:59.000001Z"),
            (1_795_162_707_000_400, "2026-11-20T08:18:27.000400Z"),
        ] {
            assert_eq!(String::from_utf8_lossy(&rfc3339(us)), expected);
        }
    }

    #[test]
    fn a_bad_format_is_shown_instead_of_lost() {
        assert_eq!(strftime("foo"), "foo");
        assert_eq!(SecondCache::default().local(1_000_000, "%!"), "%!");
    }
}
