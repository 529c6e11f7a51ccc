//! `key=value,key=value` as the argument of a pusher; what is no key of it is refused.

pub(crate) use uwsgi_watch::keyval::get;

use std::time::Duration;

/// Reads a list.
///
/// # Errors
/// A key that is not among `known`, with those that are.
pub(crate) fn read(text: &str, known: &[&str]) -> Result<Vec<(String, String)>, String> {
    let pairs = uwsgi_watch::keyval::pairs(text);
    match pairs.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        Some((key, _)) => Err(format!("\"{key}\" is not one of {}", known.join(", "))),
        None => Ok(pairs),
    }
}

/// A number of seconds; `default` without the key.
///
/// # Errors
/// The key, its value, and what it should be.
pub(crate) fn period(
    pairs: &[(String, String)],
    key: &str,
    default: Duration,
) -> Result<Duration, String> {
    let Some(text) = get(pairs, key) else { return Ok(default) };
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    let seconds = seconds.ok_or_else(|| format!("{key} = {text} is not a number of seconds"))?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_named() {
        let pairs = read("path=a\\,b,freq=2", &["path", "freq"]).unwrap();
        assert_eq!(get(&pairs, "path"), Some("a,b"));
        let refused = read("speed=1", &["path", "freq"]).unwrap_err();
        assert_eq!(refused, "\"speed\" is not one of path, freq");
    }
}
