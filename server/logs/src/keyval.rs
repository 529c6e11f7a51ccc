//! Arguments of the form `key=value,key=value`.

/// The pairs of `text`. A part without `=` is an error that names it.
pub fn pairs(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').ok_or_else(|| format!("\"{part}\" is no key=value")))
        .collect()
}

/// The value of the last pair with that key, unless it is empty.
pub fn value<'a>(pairs: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    pairs
        .iter()
        .rev()
        .find(|(own, _)| *own == key)
        .map(|(_, value)| *value)
        .filter(|v| !v.is_empty())
}

/// The first key that is none of `known`.
pub fn unknown<'a>(pairs: &[(&'a str, &'a str)], known: &[&str]) -> Option<&'a str> {
    pairs.iter().map(|(key, _)| *key).find(|key| !known.contains(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pair_counts_and_a_stray_word_is_named() {
        let found = pairs("a=1,b=,a=2,").unwrap();
        assert_eq!(
            (value(&found, "a"), value(&found, "b"), value(&found, "c")),
            (Some("2"), None, None)
        );
        assert_eq!(unknown(&found, &["a"]), Some("b"));
        assert_eq!(pairs("a=1,oops").unwrap_err(), "\"oops\" is no key=value");
    }
}
