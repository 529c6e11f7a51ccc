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
}
