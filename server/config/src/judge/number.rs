//! Numbers: sign, trailing text, range.

use super::{fault, warning};
use crate::config::Entry;
use crate::finding::Finding;
use crate::row::{Kind, Row};
use crate::value::scan;

/// Judges the text of a number. An empty text, a key without value in a file, counts as 0.
pub(super) fn judge(entry: &Entry, row: &Row, text: &str) -> Vec<Finding> {
    let (number, length) = scan(text);
    let key = &entry.key;
    let mut found = Vec::new();
    if number < 0 && row.kind == Kind::Int {
        let text = format!("invalid value for option \"{key}\": must be > 0");
        found.push(fault(entry, text).allowed(allowed(row)));
    } else if row.range.is_some_and(|(least, most)| number < least || number > most) {
        let text = format!("invalid value for option \"{key}\": {number} is out of range");
        found.push(fault(entry, text).allowed(allowed(row)));
    }
    if number < 0 && row.kind == Kind::Megabytes {
        let text = format!("[WARNING] value \"{text}\" for option \"{key}\" - using 0 !");
        found.push(warning(entry, text).allowed(allowed(row)));
    }
    if row.kind == Kind::U16 && number > i64::from(u16::MAX) {
        let text = format!("[WARNING] value \"{text}\" for option \"{key}\" - using 65535 !");
        found.push(warning(entry, text).allowed(allowed(row)));
    }
    if let Some(most) = row.most.filter(|most| number > *most) {
        let text = format!("[WARNING] value \"{text}\" for option \"{key}\" - using {most} !");
        found.push(warning(entry, text).allowed(allowed(row)));
    }
    if odd(row, text, length) {
        let text = format!(
            "[WARNING] non-numeric value \"{text}\" for option \"{key}\" - using {number} !"
        );
        found.push(warning(entry, text).allowed(allowed(row)));
    }
    found
}

/// Text around the number that is neither a blank nor a comment.
fn odd(row: &Row, text: &str, length: usize) -> bool {
    let mut rest = &text[length..];
    if row.kind == Kind::Megabytes && length > 0 {
        let fraction = rest.strip_prefix('.').unwrap_or(rest);
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let rest = rest.trim();
    let comment = rest.is_empty() || rest.starts_with("//");
    !text.trim().is_empty() && (length == 0 || !comment)
}

/// What a number of this row may be.
fn allowed(row: &Row) -> String {
    let unit = match row.unit {
        "" => String::new(),
        unit => format!(" ({unit})"),
    };
    match (row.limits(), row.kind) {
        (Some((least, most)), _) => format!("a whole number from {least} to {most}{unit}"),
        (None, Kind::Megabytes) => format!("a number from 0 up{unit}"),
        (None, Kind::U16) => format!("a whole number from 0 to 65535{unit}"),
        (None, Kind::RawInt) => format!("a whole number{unit}"),
        (None, _) => format!("a whole number from 0 up{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::expect;

    #[test]
    fn numbers_keep_their_leading_digits_and_their_range() {
        expect(&[
            ("processes", "4", ""),
            ("processes", "4 // as many as cores", ""),
            ("processes", "", ""),
            ("processes", "-1", "!invalid value for option \"processes\": must be > 0"),
            (
                "harakiri",
                "10s",
                "-[WARNING] non-numeric value \"10s\" for option \"harakiri\" - using 10 !",
            ),
            (
                "processes",
                "%(nope)",
                "-[WARNING] non-numeric value \"%(nope)\" for option \"processes\" - using 0 !",
            ),
            ("threads", "4096", ""),
            ("threads", "4097", "-[WARNING] value \"4097\" for option \"threads\" - using 4096 !"),
            ("prio", "-5", ""),
            ("limit-as", "1.5", ""),
            ("limit-as", "-3", "-[WARNING] value \"-3\" for option \"limit-as\" - using 0 !"),
            (
                "limit-as",
                "2k",
                "-[WARNING] non-numeric value \"2k\" for option \"limit-as\" - using 2 !",
            ),
            ("http-socket-modifier1", "9", ""),
            (
                "http-socket-modifier1",
                "300",
                "!invalid value for option \"http-socket-modifier1\": 300 is out of range",
            ),
            (
                "buffer-size",
                "70000",
                "-[WARNING] value \"70000\" for option \"buffer-size\" - using 65535 !",
            ),
        ]);
    }
}
