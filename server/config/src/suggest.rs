//! Near names for keys that are no option.

use crate::registry::Registry;

/// Typing mistakes that still point to one option.
const MAX_DISTANCE: usize = 2;

/// The option most probably meant by `key`: the name with dashes for underscores, or the
/// nearest name within two edits. Short keys get no guess, they are near to too much.
pub(crate) fn suggest(key: &str, names: &Registry) -> Option<String> {
    let dashed = key.replace('_', "-");
    if names.find(&dashed).is_some() {
        return Some(dashed);
    }
    if key.len() < 4 || key.len() > 64 {
        return None;
    }
    let near = names.names().filter(|(name, _)| name.len().abs_diff(key.len()) <= MAX_DISTANCE);
    let scored = near.map(|(name, _)| (distance(name.as_bytes(), key.as_bytes()), name));
    let best = scored.filter(|(score, _)| *score <= MAX_DISTANCE).min();
    best.map(|(_, name)| name.to_owned())
}

/// Levenshtein distance.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
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
