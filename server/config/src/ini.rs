//! The INI reader: bytes in, lines of one section out.
//!
//! Line by line, no continuation, no escapes. A `;` or `#` starts a comment only as the first
//! visible byte of a line, because existing files carry both inside values.

/// One `key = value` line of the wanted section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Left side, stripped.
    pub(crate) key: &'a [u8],
    /// Right side, stripped; empty when there is no `=`.
    pub(crate) value: &'a [u8],
    /// Counted from 1.
    pub(crate) number: u32,
}

/// What a file holds for a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section<'a> {
    /// The section appeared at least once.
    pub(crate) found: bool,
    /// Its lines, sections of the same name merged in order.
    pub(crate) lines: Vec<Line<'a>>,
}

/// Reads the lines of `section` out of a whole file.
pub(crate) fn read<'a>(content: &'a [u8], section: &str) -> Section<'a> {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let mut result = Section { found: false, lines: Vec::new() };
    let mut inside = false;
    for (index, raw) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = strip(raw);
        match line.first() {
            None | Some(b';' | b'#') => {}
            Some(b'[') => {
                // The last byte goes, whatever it is: `[uwsgi` followed by any byte is `uwsg`.
                inside = line[1..].split_last().is_some_and(|(_, name)| name == section.as_bytes());
                result.found |= inside;
            }
            Some(_) if inside => result.lines.push(split(line, index)),
            Some(_) => {}
        }
    }
    result
}

fn split(line: &[u8], index: usize) -> Line<'_> {
    let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
    match line.iter().position(|byte| *byte == b'=') {
        Some(at) => Line { key: strip(&line[..at]), value: strip(&line[at + 1..]), number },
        None => Line { key: line, value: b"", number },
    }
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

    fn pairs(content: &str, section: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        read(content.as_bytes(), section)
            .lines
            .iter()
            .map(|line| (text(line.key), text(line.value)))
            .collect()
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
        assert!(!read(file.as_bytes(), "UWSGI").found, "section names are case sensitive");
    }

    #[test]
    fn comments_bom_and_blank_lines_disappear() {
        let file = "\u{feff}[uwsgi]\n; a = 1\n  # b = 2\n\n\t\na = 3";
        assert_eq!(pairs(file, "uwsgi"), [("a".to_owned(), "3".to_owned())]);
    }

    #[test]
    fn line_numbers_count_every_line() {
        let section = read(b"; one\n[uwsgi]\n\na = 1\n", "uwsgi");
        assert_eq!(section.lines[0].number, 4);
    }
}
