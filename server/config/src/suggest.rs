//! Near names for keys that are no option.

use crate::registry::Registry;

/// Typing mistakes that still point to one option.
const MAX_DISTANCE: usize = 2;

/// Longer keys are near to nothing.
const MAX_LENGTH: usize = 64;

/// The option most probably meant by `key`: the name with dashes for underscores, or the
/// nearest name within two edits. Short keys get no guess, they are near to too much.
pub(crate) fn suggest(key: &str, names: &Registry) -> Option<String> {
    let dashed = key.replace('_', "-");
    if names.find(&dashed).is_some() {
        return Some(dashed);
    }
    if key.len() < 4 {
        return None;
    }
    nearest(key, names.names().map(|(name, _)| name)).map(str::to_owned)
}

/// The word nearest to `key` within two edits, or one for words of a few letters.
pub(crate) fn nearest<'a>(key: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if key.len() > MAX_LENGTH {
        return None;
    }
    let most = if key.len() < 4 { 1 } else { MAX_DISTANCE };
    let near = words.filter(|word| word.len().abs_diff(key.len()) <= most);
    let scored = near.map(|word| (distance(word.as_bytes(), key.as_bytes()), word));
    scored.filter(|(score, _)| *score <= most).min().map(|(_, word)| word)
}

/// Levenshtein distance.
fn distance(left: &[u8], right: &[u8]) -> usize {
    // On the stack: every name of the table is measured for every unknown key.
    let mut cells = [0; MAX_LENGTH + 1];
    let row = &mut cells[..=right.len()];
    row.iter_mut().enumerate().for_each(|(at, cell)| *cell = at);
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replace = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_the_option() {
        for (key, expected) in [
            ("proceses", Some("processes")),
            ("cpu_affinity", Some("cpu-affinity")),
            ("htp-socket", Some("http-socket")),
            ("foo", None),
            ("workdir", None),
            ("completely-different", None),
        ] {
            assert_eq!(suggest(key, &Registry::default()).as_deref(), expected, "{key}");
        }
    }
}
