//! When a log file has to go, and what it is called then.

/// Names that are tried when a rotated file of the same second is there already.
const MOST_TRIES: u32 = 1000;

/// Whether a file of `size` bytes has to go. One of exactly the limit may stay; 0 is no limit.
pub fn is_due(size: u64, most: u64) -> bool {
    most > 0 && size > most
}

/// What `path` is called from now on: `backup` where a name is configured, which the next rotation
/// replaces, else the path with the second behind it. `taken` tells whether a name is in use; nothing
/// when all of that second are.
pub fn name(
    path: &str,
    backup: Option<&str>,
    second: u64,
    taken: impl Fn(&str) -> bool,
) -> Option<String> {
    if let Some(backup) = backup {
        return Some(backup.to_owned());
    }
    let plain = format!("{path}.{second}");
    if !taken(&plain) {
        return Some(plain);
    }
    let more = (1..MOST_TRIES).map(|n| format!("{plain}.{n}"));
    more.into_iter().find(|name| !taken(name))
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
        let name = |backup, taken: &dyn Fn(&str) -> bool| name("a.log", backup, 7, taken);
        assert_eq!(name(None, &|_| false).as_deref(), Some("a.log.7"));
        assert_eq!(name(None, &|n| n == "a.log.7").as_deref(), Some("a.log.7.1"));
        assert_eq!(name(Some("b"), &|_| true).as_deref(), Some("b"));
        assert_eq!(name(None, &|_| true), None, "no file is replaced");
    }
}
