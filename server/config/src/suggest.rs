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

/// Names to offer for `key`: one edit away, then those that begin with it, then a few edits away,
/// then those that hold it.
pub(crate) fn near(key: &str, names: &Registry, most: usize) -> Vec<String> {
    let edits = if key.len() < 6 { 1 } else { MAX_DISTANCE + 1 };
    let rank = |name: &str| {
        let close = name.len().abs_diff(key.len()) <= edits && key.len() <= 64;
        let made = close.then(|| distance(name.as_bytes(), key.as_bytes()));
        let made = made.filter(|made| *made <= edits && !key.is_empty());
        match made {
            Some(0 | 1) => made,
            _ if key.is_empty() => None,
            _ if name.starts_with(key) => Some(2),
            Some(made) => Some(made + 1),
            None => name.contains(key).then_some(edits + 2),
        }
    };
    let mut found: Vec<(usize, &str)> =
        names.names().filter_map(|(name, _)| Some((rank(name)?, name))).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(most).map(|(_, name)| name.to_owned()).collect()
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
    fn near_names_come_in_order() {
        let near = |key| near(key, &Registry::default(), 4);
        assert_eq!(near("proceses")[0], "processes", "one edit");
        assert!(near("procss").contains(&"processes".to_owned()), "three edits");
        assert_eq!(near("stat")[0], "stats", "{:?}", near("stat"));
        assert_eq!(near("").len() + near("completely-different").len(), 0);
    }

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
