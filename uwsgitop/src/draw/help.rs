//! The help: every key and every view, made from the list of views.

use crate::page::{Line, Paint};
use crate::views::ALL;

/// Keys that mean the same everywhere.
const KEYS: &[(&str, &str)] = &[
    ("q, Ctrl-C", "quit"),
    ("arrows, pages", "move the cursor or scroll"),
    ("<, >, left, right", "sort by another column; r the other way round"),
    ("/", "show only rows with these words; Esc takes it back"),
    ("Enter, space", "open a row; mark a row"),
    ("f, p", "ten refreshes a second; stand still"),
    ("Tab", "the next source, where there are several"),
    ("m", "another form of the view"),
    ("t", "the next theme: dark, light, contrast, mono"),
    ("mouse", "a row, again to open it; a title to sort; a view; the wheel"),
    ("x", "ask the server for something, where --control allows it"),
];

/// Keys of a replay.
const REPLAY: &[(&str, &str)] = &[
    ("[ ], { }, ( )", "one reading, one minute, to the end: back and forth"),
    ("- +, p", "slower, faster; stand still; a click on the bar goes there"),
];

/// The keys that mean the same everywhere, for `--help`.
pub(crate) fn keys() -> String {
    KEYS.iter().map(|(key, what)| format!("  {key:<20} {what}\n")).collect()
}

/// Columns of the keys.
const GUTTER: usize = 21;

/// The whole text, in lines of this width where that is possible, with the keys of a replay where
/// one is shown.
pub(super) fn lines(replay: bool, width: usize) -> Vec<Line> {
    let entry = |key: &str, what: &str| entry(key, what, width);
    let mut lines = vec![Line::title(" KEYS")];
    lines.extend(KEYS.iter().flat_map(|(key, what)| entry(key, what)));
    if replay {
        lines.extend(REPLAY.iter().flat_map(|(key, what)| entry(key, what)));
    }
    lines.push(Line::title(" VIEWS"));
    for view in ALL {
        lines.extend(entry(&format!("{}  {}", view.key, view.name), view.answers));
        lines.extend(view.keys.iter().flat_map(|(key, what)| entry(&format!("   {key}"), what)));
    }
    lines
}

/// A key and what it does, which breaks between words.
fn entry(key: &str, what: &str, width: usize) -> Vec<Line> {
    let room = width.saturating_sub(GUTTER).max(GUTTER);
    let mut texts: Vec<String> = vec![String::new()];
    for word in what.split(' ') {
        match texts.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.len() + 1 + word.len() <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => texts.push(word.to_owned()),
        }
    }
    let keys = [key].into_iter().chain(std::iter::repeat(""));
    let line = |(key, text): (&str, String)| {
        Line::of(format!(" {key:<20}"), Paint::Strong).and(text, Paint::Plain)
    };
    keys.zip(texts).map(line).collect()
}
