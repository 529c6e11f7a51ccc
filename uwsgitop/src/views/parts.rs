//! What views of rows share: the line of their forms, ages, levels, numbers without a unit.
//!
//! Pure; "now" is the moment of the picture, so that a recording shows the ages of its time.

use crate::human;
use crate::page::{Cell, Line, Paint};
use crate::picture::Picture;

/// Which of these forms is chosen, and the end of a line that names them all.
pub(super) fn forms(names: &[&str], chosen: usize) -> (usize, Line) {
    let chosen = chosen.checked_rem(names.len()).unwrap_or(0);
    let mut line = Line::of(" | m shows", Paint::Hint);
    for (number, name) in names.iter().enumerate() {
        line = match number == chosen {
            true => line.and(format!(" [{name}]"), Paint::Strong),
            false => line.and(format!("  {name} "), Paint::Hint),
        };
    }
    (chosen, line)
}

/// Whole seconds between a moment and the picture.
pub(super) fn age(picture: &Picture, moment: u64) -> u64 {
    (picture.taken / 1_000_000).saturating_sub(moment)
}

/// How long ago a moment was; nothing for 0. The latest is the largest.
pub(super) fn ago(picture: &Picture, moment: u64) -> Cell {
    match moment {
        0 => Cell::none(),
        _ => Cell::number(moment as f64, human::age(age(picture, moment))),
    }
}

/// A count that should be zero.
pub(super) fn unwanted(count: u64, paint: Paint) -> Cell {
    let cell = Cell::count(count);
    if count > 0 { cell.painted(paint) } else { cell }
}

/// A rate; nothing before it is known.
pub(super) fn rate(per_second: Option<f64>) -> Cell {
    per_second.map_or_else(Cell::none, |rate| Cell::number(rate, human::per_second(rate)))
}

/// Nanoseconds; nothing where there were none.
pub(super) fn nanos(ns: Option<u64>) -> Cell {
    ns.map_or_else(Cell::none, |ns| Cell::number(ns as f64, human::nanos(ns)))
}

/// A text below a row, in lines that fit.
pub(super) fn below(text: &str, width: usize, paint: Paint) -> Vec<Line> {
    /// Blanks in front.
    const INDENT: usize = 3;
    let room = width.saturating_sub(INDENT).max(20);
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let wide = crate::page::columns_of(word);
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if crate::page::columns_of(last) + 1 + wide <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let blank = " ".repeat(INDENT);
    lines.into_iter().map(|line| Line::of(format!("{blank}{line}"), paint)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_go_round() {
        let names = ["a", "b"];
        assert_eq!(forms(&names, 3).0, 1);
        assert_eq!(forms(&names, 0).1.text(), " | m shows [a]  b ");
        assert_eq!(forms(&[], 3).0, 0);
    }

    #[test]
    fn long_texts_break_between_words() {
        let lines = below("one two three four five six", 23, Paint::Plain);
        let texts: Vec<String> = lines.iter().map(Line::text).collect();
        assert_eq!(texts, ["   one two three four", "   five six"]);
        assert_eq!(below("", 80, Paint::Plain).len(), 1);
    }

    #[test]
    fn ages_are_those_of_the_picture() {
        let picture = Picture { taken: 100_900_000, ..Picture::default() };
        assert_eq!(ago(&picture, 90).text, "10s");
        assert_eq!(ago(&picture, 200).text, "0s", "clocks differ");
        assert_eq!(ago(&picture, 0), Cell::none());
    }
}
