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
    let scored =
        near.filter_map(|word| Some((distance(word.as_bytes(), key.as_bytes(), most)?, word)));
    scored.min().map(|(_, word)| word)
}

/// Names to offer for `key`: one edit away, then those that begin with it, then a few edits away,
/// then those that hold it.
pub(crate) fn near(key: &str, names: &Registry, most: usize) -> Vec<String> {
    let edits = if key.len() < 6 { 1 } else { MAX_DISTANCE + 1 };
    let rank = |name: &str| {
        let measured = !key.is_empty() && key.len() <= MAX_LENGTH;
        let made = measured.then(|| distance(name.as_bytes(), key.as_bytes(), edits)).flatten();
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

/// Levenshtein distance up to `most`; none beyond it. Only the cells near the diagonal are
/// looked at, and a hopeless word is left early: every name is measured for every unknown key.
fn distance(left: &[u8], right: &[u8], most: usize) -> Option<usize> {
    const FAR: usize = MAX_LENGTH * 2;
    if left.len().abs_diff(right.len()) > most {
        return None;
    }
    let mut before = [FAR; MAX_LENGTH + 1];
    (0..=most.min(right.len())).for_each(|at| before[at] = at);
    for (i, a) in (1_usize..).zip(left) {
        let mut now = [FAR; MAX_LENGTH + 1];
        let first = i.saturating_sub(most);
        if first == 0 {
            now[0] = i;
        }
        for j in first.max(1)..=right.len().min(i + most) {
            let replace = before[j - 1] + usize::from(*a != right[j - 1]);
            now[j] = replace.min(before[j] + 1).min(now[j - 1] + 1);
        }
        if now[first..=right.len().min(i + most)].iter().all(|cell| *cell > most) {
            return None;
        }
        before = now;
    }
    Some(before[right.len()]).filter(|distance| *distance <= most)
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

    #[test]
    fn the_distance_counts_edits_up_to_its_bound() {
        for (left, right, expected) in [
            ("", "", Some(0)),
            ("", "ab", Some(2)),
            ("abc", "abc", Some(0)),
            ("abc", "axc", Some(1)),
            ("abc", "bc", Some(1)),
            ("abcd", "badc", None),
            ("processes", "proceses", Some(1)),
            ("kitten", "sitting", None),
            ("aaaaaa", "bbbbbb", None),
        ] {
            assert_eq!(distance(left.as_bytes(), right.as_bytes(), 2), expected, "{left} {right}");
            assert_eq!(distance(right.as_bytes(), left.as_bytes(), 2), expected, "{right} {left}");
        }
    }
}
