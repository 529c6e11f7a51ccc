//! Magic variables: `%n`, `%d`, `%k` and the rest, substituted over a whole file while it loads.
//!
//! Owns the table of values and its upper-case twins, which freeze at the first file.
//! It refuses the command line and the environment: those texts are never substituted.

use std::collections::BTreeMap;

use crate::VERSION;
use crate::source::{Facts, Place};

/// Letters that describe the current file; the upper-case letter describes the first one.
const ABOUT_FILE: &[u8] = b"opsnedcxij";

/// Bytes that a file may grow to; a variable can be a long path, and stand there very often.
const LONGEST: usize = 64 << 20;

/// Unknown letters that are told one by one; a file that is full of them is none of ours.
const MOST_TOLD: usize = 100;

/// The values at one moment of loading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Magic {
    values: BTreeMap<u8, String>,
    frozen: bool,
}

/// A file after substitution.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Substituted {
    /// The text.
    pub(crate) bytes: Vec<u8>,
    /// Letters without meaning, which vanished, with the line of each.
    pub(crate) unknown: Vec<(char, u32)>,
    /// How many more there are.
    pub(crate) more: usize,
}

impl Magic {
    /// The values that do not depend on a file.
    pub(crate) fn new(facts: &Facts) -> Self {
        let mut magic = Self::default();
        let seconds = facts.started_us / 1_000_000;
        for (letter, value) in [
            (b'v', facts.cwd.clone()),
            (b'V', VERSION.to_owned()),
            (b'h', facts.hostname.clone()),
            (b'b', facts.binary.clone()),
            (b't', seconds.to_string()),
            (b'T', facts.started_us.to_string()),
            (b'k', facts.cpus.to_string()),
            (b'u', facts.user.0.to_string()),
            (b'U', facts.user.1.clone()),
            (b'g', facts.group.0.to_string()),
            (b'G', facts.group.1.clone()),
            (b'[', "\u{1b}".to_owned()),
            (b'%', "%".to_owned()),
        ] {
            magic.values.insert(letter, value);
        }
        magic
    }

    /// Takes the values of a file: `given` as it was named, `place` when it is a real file; what
    /// is none changes nothing but its name. `first` says that this file may set the upper-case
    /// twins.
    pub(crate) fn enter(&mut self, given: &str, section: &str, place: Option<&Place>, first: bool) {
        self.values.insert(b'o', given.to_owned());
        let Some(place) = place else { return };
        self.values.insert(b'x', section.to_owned());
        self.enter_place(place);
        if first && !self.frozen {
            self.frozen = true;
            for letter in ABOUT_FILE {
                let value = self.values.get(letter).cloned().unwrap_or_default();
                self.values.insert(letter.to_ascii_uppercase(), value);
            }
        }
    }

    fn enter_place(&mut self, place: &Place) {
        let (directory, name) = match place.path.rfind('/') {
            Some(at) => place.path.split_at(at + 1),
            None => ("", place.path.as_str()),
        };
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
        for (letter, value) in [
            (b'p', place.path.clone()),
            (b's', name.to_owned()),
            (b'n', stem.to_owned()),
            (b'e', extension.to_owned()),
            (b'd', directory.to_owned()),
            (b'c', parts.last().copied().unwrap_or_default().to_owned()),
            (b'i', place.inode.to_string()),
            (b'j', hash(&place.path)),
        ] {
            self.values.insert(letter, value);
        }
        for digit in b'0'..=b'9' {
            let part = parts.get(usize::from(digit - b'0')).copied().unwrap_or_default();
            self.values.insert(digit, part.to_owned());
        }
    }

    /// Replaces every `%` and the byte after it. `%(` belongs to a later pass and stays.
    /// `%` before a blank, a line end, the end of the text or a non-ASCII letter stays too:
    /// eating them would glue lines together or cut a character in half. A text that grows beyond
    /// all measure is cut: nobody takes it.
    pub(crate) fn substitute(&self, content: &[u8]) -> Substituted {
        let mut bytes = Vec::with_capacity(content.len());
        let (mut unknown, mut more) = (Vec::new(), 0);
        let mut line = 1;
        let mut comment = is_comment(content);
        let mut rest = content;
        while let Some((&byte, tail)) = rest.split_first().filter(|_| bytes.len() <= LONGEST) {
            rest = tail;
            if byte == b'\n' {
                line += 1;
                comment = is_comment(rest);
            }
            let letter = match (byte, tail.first()) {
                (b'%', Some(&letter)) if letter.is_ascii_graphic() && letter != b'(' => letter,
                _ => {
                    bytes.push(byte);
                    continue;
                }
            };
            rest = &tail[1..];
            match self.values.get(&letter) {
                Some(value) => bytes.extend_from_slice(value.as_bytes()),
                // What is only a remark needs no meaning.
                None if known(letter) || comment => {}
                None if unknown.len() == MOST_TOLD => more += 1,
                None => unknown.push((char::from(letter), line)),
            }
        }
        Substituted { bytes, unknown, more }
    }

    /// The non-empty values, for `uwsgi.magic_table`.
    pub(crate) fn table(&self) -> Vec<(char, String)> {
        let filled = self.values.iter().filter(|(_, value)| !value.is_empty());
        filled.map(|(letter, value)| (char::from(*letter), value.clone())).collect()
    }
}

/// True for letters that have a meaning even while they have no value.
fn known(letter: u8) -> bool {
    letter.is_ascii_digit() || ABOUT_FILE.contains(&letter.to_ascii_lowercase())
}

/// True for a line that every format with comments skips.
fn is_comment(line: &[u8]) -> bool {
    let first = line.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    matches!(first, Some(b'#' | b';'))
}

/// The djb33x hash of a path: its four bytes in little-endian order as upper-case hex.
fn hash(path: &str) -> String {
    let step = |hash: u32, byte: u8| hash.wrapping_mul(33) ^ u32::from(byte);
    let hash = path.bytes().fold(5381, step);
    hash.to_le_bytes().iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn magic() -> Magic {
        let facts = Facts { cpus: 2, hostname: "box".into(), ..Facts::default() };
        let mut magic = Magic::new(&facts);
        let place = Place { path: "/srv/www/app.v1.ini".into(), inode: 77 };
        magic.enter("app.v1.ini", "web", Some(&place), true);
        magic
    }

    fn text(content: &str) -> String {
        String::from_utf8(magic().substitute(content.as_bytes()).bytes).expect("utf-8")
    }

    #[test]
    fn variables_describe_file_and_machine() {
        for (given, expected) in [
            ("%n.%e", "app.v1.ini"),
            ("%d|%s", "/srv/www/|app.v1.ini"),
            ("%p %o", "/srv/www/app.v1.ini app.v1.ini"),
            ("%c %0 %1 %2.", "www srv www ."),
            ("%x %i", "web 77"),
            ("%(%k * 4)", "%(2 * 4)"),
            ("%%Y %h %V", concat!("%Y box ", "2.0.31")),
            ("50%\nx", "50%\nx"),
            ("50% x%", "50% x%"),
            ("%é", "%é"),
            ("%(foo)", "%(foo)"),
            ("%[x", "\u{1b}x"),
        ] {
            assert_eq!(text(given), expected, "{given:?}");
        }
    }

    #[test]
    fn letters_without_meaning_vanish_and_are_reported() {
        let result = magic().substitute(b"a\nb %q c %9");
        assert_eq!(result.bytes, b"a\nb  c ");
        assert_eq!(result.unknown, [('q', 2)]);
        let remarks = magic().substitute(b"# %q\n \t; %q\nx # %q\n");
        assert_eq!(remarks.unknown, [('q', 3)], "a remark is a line of its own");
        let full = magic().substitute("%q".repeat(MOST_TOLD + 5).as_bytes());
        assert_eq!((full.unknown.len(), full.more), (MOST_TOLD, 5));
    }

    #[test]
    fn a_text_does_not_grow_beyond_all_measure() {
        let path = format!("/{}/x.ini", "d".repeat(4000));
        let mut magic = magic();
        magic.enter("x.ini", "", Some(&Place { path: path.clone(), inode: 1 }), true);
        let text = "%p".repeat(1 << 20);
        assert!(magic.substitute(text.as_bytes()).bytes.len() <= LONGEST + path.len());
    }

    #[test]
    fn twins_stay_with_the_first_file() {
        let mut magic = magic();
        let place = Place { path: "/etc/second.ini".into(), inode: 1 };
        magic.enter("second.ini", "uwsgi", Some(&place), true);
        let text = magic.substitute(b"%n %N %D").bytes;
        assert_eq!(text, b"second app.v1 /srv/www/");
    }

    #[test]
    fn what_is_no_file_leaves_the_values_of_the_last_one() {
        let mut magic = Magic::new(&Facts::default());
        magic.enter("-", "x", None, true);
        assert_eq!(magic.substitute(b"%o|%n|%x|%N|%O").bytes, b"-||||");
        let place = Place { path: "/etc/a.ini".into(), inode: 1 };
        magic.enter("a.ini", "s", Some(&place), true);
        magic.enter("exec://cat", "t", None, true);
        assert_eq!(magic.substitute(b"%o|%n|%x|%N|%O").bytes, b"exec://cat|a|s|a|a.ini");
    }

    #[test]
    fn hash_is_little_endian_djb33x() {
        // 5381 * 33 ^ 'a' = 0x2b5c4, stored low byte first.
        assert_eq!(hash("a"), "C4B50200");
    }
}
