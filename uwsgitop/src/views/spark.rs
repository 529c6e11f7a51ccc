//! A line of history in one row of characters.
//!
//! Pure; knows the eight block characters and the plain ones for terminals without UTF-8.

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PLAIN: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '%', '#'];

/// The newest `width` values, scaled to the largest of them; zero is blank and anything above
/// zero is seen. Returns the line and that largest value.
pub(crate) fn line(values: &[u64], width: usize, utf8: bool) -> (String, u64) {
    let newest = values.get(values.len().saturating_sub(width)..).unwrap_or_default();
    let largest = newest.iter().copied().max().unwrap_or(0);
    let alphabet = if utf8 { &BLOCKS } else { &PLAIN };
    let level = |&value: &u64| match value {
        0 => 0,
        _ => (u128::from(value) * 8).div_ceil(u128::from(largest.max(1))) as usize,
    };
    let text = newest.iter().map(|value| alphabet.get(level(value)).copied().unwrap_or('?'));
    (text.collect(), largest)
}

/// The same over `height` lines, the top one first: one character for each value, a moment that
/// nobody told is blank, and anything above zero is seen.
pub(crate) fn tall(values: &[Option<u64>], height: usize, utf8: bool) -> Vec<String> {
    tall_of(values, values.iter().flatten().copied().max().unwrap_or(0), height, utf8)
}

/// The same scaled to `largest`, which none of them should exceed.
pub(crate) fn tall_of(
    values: &[Option<u64>],
    largest: u64,
    height: usize,
    utf8: bool,
) -> Vec<String> {
    let largest = largest.max(1);
    let alphabet = if utf8 { &BLOCKS } else { &PLAIN };
    let eighths = |value: &Option<u64>| {
        let scaled = u128::from(value.unwrap_or(0)) * 8 * height as u128;
        usize::try_from(scaled.div_ceil(u128::from(largest))).unwrap_or(0)
    };
    let levels: Vec<usize> = values.iter().map(eighths).collect();
    let line = |below: usize| {
        let level = |level: &usize| level.saturating_sub(below * 8).min(8);
        levels.iter().map(|all| alphabet.get(level(all)).copied().unwrap_or('?')).collect()
    };
    (0..height).rev().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_values_are_scaled_to_their_largest() {
        assert_eq!(line(&[99, 0, 1, 4, 8], 4, true), (" ▁▄█".to_owned(), 8));
        assert_eq!(line(&[0, 1, 4, 8], 9, false), (" .=#".to_owned(), 8));
        assert_eq!(line(&[u64::MAX], 1, false), ("#".to_owned(), u64::MAX));
        assert_eq!(line(&[0, 0], 2, true), ("  ".to_owned(), 0));
        assert_eq!(line(&[], 5, true), (String::new(), 0));
        assert_eq!(line(&[1], 0, true), (String::new(), 0));
    }

    #[test]
    fn a_tall_graph_stands_on_its_ground() {
        let values = [Some(0), None, Some(1), Some(8), Some(16)];
        assert_eq!(tall(&values, 2, true), ["    █", "  ▁██"]);
        assert_eq!(tall(&values, 1, false), ["  .=#"]);
        assert_eq!(tall_of(&values, 32, 1, true), ["  ▁▂▄"]);
        assert_eq!(tall(&[], 1, true), [""]);
        assert_eq!(tall(&[Some(u64::MAX)], 1, false), ["#"]);
    }
}
