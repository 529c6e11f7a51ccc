//! When a log file has to go, and what it is called then.

/// Names that are tried when a rotated file of the same second is there already.
const MOST_TRIES: u32 = 1000;

/// Whether a file of `size` bytes has to go. One of exactly the limit may stay; 0 is no limit.
pub fn is_due(size: u64, most: u64) -> bool {
    most > 0 && size > most
}

/// What `path` is called from now on: `backup` where a name is configured, which the next rotation
/// replaces, else the path with the second behind it. `taken` tells whether a name is in use.
pub fn name(path: &str, backup: Option<&str>, second: u64, taken: impl Fn(&str) -> bool) -> String {
    if let Some(backup) = backup {
        return backup.to_owned();
    }
    let plain = format!("{path}.{second}");
    if !taken(&plain) {
        return plain;
    }
    let more = (1..MOST_TRIES).map(|n| format!("{plain}.{n}"));
    more.into_iter().find(|name| !taken(name)).unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_no_reason() {
        assert!(is_due(101, 100) && !is_due(100, 100) && !is_due(u64::MAX, 0));
    }

    #[test]
    fn two_rotations_in_a_second_keep_both_files() {
        assert_eq!(name("a.log", None, 7, |_| false), "a.log.7");
        assert_eq!(name("a.log", None, 7, |n| n == "a.log.7"), "a.log.7.1");
        assert_eq!(name("a.log", Some("b"), 7, |_| true), "b");
        assert_eq!(
            name("a.log", None, 7, |_| true),
            "a.log.7",
            "rather one lost than none written"
        );
    }
}
