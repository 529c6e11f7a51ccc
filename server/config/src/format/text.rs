//! What all readers share: bytes as text, and the line of a place in it.

use super::Malformed;

/// The bytes as text; what is no UTF-8 is refused with its line.
pub(super) fn utf8(content: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(content).map_err(|error| {
        let line = Lines::new(content).at(error.valid_up_to());
        Malformed { text: "text is not valid UTF-8".into(), line: Some(line) }
    })
}

/// Turns offsets into line numbers. It counts forward from the last answer, so a reader that
/// asks in order passes over its text once.
pub(super) struct Lines<'a> {
    content: &'a [u8],
    offset: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        Self { content, offset: 0, line: 1 }
    }

    /// The line, counted from 1, that the byte at `offset` belongs to.
    pub(super) fn at(&mut self, offset: usize) -> u32 {
        let offset = offset.min(self.content.len());
        if offset < self.offset {
            (self.offset, self.line) = (0, 1);
        }
        let passed = self.content[self.offset..offset].iter().filter(|byte| **byte == b'\n');
        self.line = self.line.saturating_add(u32::try_from(passed.count()).unwrap_or(u32::MAX));
        self.offset = offset;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_in_any_order() {
        let mut lines = Lines::new(b"a\nbc\n\nd");
        for (offset, line) in [(0, 1), (2, 2), (6, 4), (1, 1), (5, 3), (99, 4)] {
            assert_eq!(lines.at(offset), line, "offset {offset}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_line() {
        assert_eq!(utf8("ä".as_bytes()), Ok("ä"));
        assert_eq!(utf8(b"a\nb\xff").expect_err("no UTF-8").line, Some(2));
    }
}
