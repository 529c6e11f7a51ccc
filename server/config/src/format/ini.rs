//! The INI reader: bytes in, lines of one section out.
//!
//! Line by line, no continuation, no escapes. A `;` or `#` starts a comment only as the first
//! visible byte of a line, because existing files carry both inside values.

use super::{Asked, Document, Line, Malformed};

/// Reads the lines of the wanted section; sections of the same name are merged in order.
pub(super) fn read(content: &[u8], asked: &Asked<'_>) -> Result<Document, Malformed> {
    let (mut lines, mut found, mut inside) = (Vec::new(), false, false);
    for (index, raw) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = strip(raw);
        match line.first() {
            None | Some(b';' | b'#') => {}
            Some(b'[') => {
                // The last byte goes, whatever it is: `[uwsgi` followed by any byte is `uwsg`.
                let name = line[1..].split_last().map(|(_, name)| name);
                inside = name == Some(asked.section().as_bytes());
                found |= inside;
            }
            Some(_) if inside => lines.push(split(line, index)?),
            Some(_) => {}
        }
    }
    let (section, path) = (asked.section(), asked.path);
    let missing = || {
        format!(
            "*** WARNING: Can't find section \"{section}\" in INI configuration file {path} ***"
        )
    };
    let log = if found { Vec::new() } else { vec![missing()] };
    Ok(Document { lines, log, warnings: Vec::new() })
}

fn split(line: &[u8], index: usize) -> Result<Line, Malformed> {
    let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
    let (key, value) = match line.iter().position(|byte| *byte == b'=') {
        Some(at) => (strip(&line[..at]), strip(&line[at + 1..])),
        None => (line, b"".as_slice()),
    };
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map(str::to_owned);
        text.map_err(|_| Malformed { text: "text is not valid UTF-8".into(), line: Some(number) })
    };
    Ok(Line { key: text(key)?, value: text(value)?, number })
}

fn strip(mut line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    while let Some((_, rest)) = line.split_first().filter(|(first, _)| blank(first)) {
        line = rest;
    }
    while let Some((_, rest)) = line.split_last().filter(|(last, _)| blank(last)) {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(content: &[u8], section: &str) -> Document {
        read(content, &Asked { path: "x.ini", section, mode: None }).expect("reads")
    }

    fn pairs(content: &str, section: &str) -> Vec<(String, String)> {
        let lines = document(content.as_bytes(), section).lines;
        lines.into_iter().map(|line| (line.key, line.value)).collect()
    }

    #[test]
    fn lines_split_as_the_rules_say() {
        let cases = [
            ("a = b", "a", "b"),
            ("a=b=c", "a", "b=c"),
            (" \ta \t=  b c \r", "a", "b c"),
            ("master", "master", ""),
            ("a = b ; kept", "a", "b ; kept"),
            ("a = b // kept", "a", "b // kept"),
            ("a = \"b\"", "a", "\"b\""),
            ("two words = x", "two words", "x"),
            ("= x", "", "x"),
        ];
        for (line, key, value) in cases {
            let got = pairs(&format!("[uwsgi]\n{line}"), "uwsgi");
            assert_eq!(got, [(key.to_owned(), value.to_owned())], "{line:?}");
        }
    }

    #[test]
    fn only_the_wanted_section_counts_and_duplicates_merge() {
        let file = "x = 0\n[uwsgi]\na = 1\n[other]\nb = 2\n[uwsgi]\nc = 3\n";
        assert_eq!(pairs(file, "uwsgi").len(), 2, "both uwsgi sections, nothing else");
        assert_eq!(pairs(file, "other"), [("b".to_owned(), "2".to_owned())]);
        let log = document(file.as_bytes(), "UWSGI").log;
        assert!(log[0].contains("Can't find section \"UWSGI\""), "names are case sensitive");
    }

    #[test]
    fn comments_and_blank_lines_disappear() {
        let file = "[uwsgi]\n; a = 1\n  # b = 2\n\n\t\na = 3";
        assert_eq!(pairs(file, "uwsgi"), [("a".to_owned(), "3".to_owned())]);
    }

    #[test]
    fn line_numbers_count_every_line() {
        let section = document(b"; one\n[uwsgi]\n\na = 1\n", "uwsgi");
        assert_eq!(section.lines[0].number, 4);
    }
}
