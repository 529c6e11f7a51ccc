//! `inject-before` and `inject-after`: raw text around every configuration read afterwards.
//!
//! The parts are glued byte by byte, so a part may open what another one closes. Each line is
//! still known by the file it begins in. It refuses to know the format.

use super::files::FILE;
use super::{Loader, Stop};
use crate::config::Origin;

/// Sources to put around what is read.
#[derive(Default)]
pub(super) struct Injections {
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

/// A configuration with all that was put around it.
pub(super) struct Whole {
    pub(super) bytes: Vec<u8>,
    parts: Vec<Part>,
    /// Line ends in all parts but the last, counted once.
    ends: u32,
    /// Where the last part begins in the bytes.
    last: usize,
}

/// One source of a whole.
struct Part {
    path: String,
    /// The line of the whole where it begins.
    line: u32,
    /// It begins in the middle of that line, which therefore belongs to the part before.
    inside: bool,
}

impl Whole {
    /// One source alone.
    pub(super) fn new(path: &str, bytes: Vec<u8>) -> Self {
        let part = Part { path: path.to_owned(), line: 1, inside: false };
        Self { bytes, parts: vec![part], ends: 0, last: 0 }
    }

    fn empty() -> Self {
        Self { bytes: Vec::new(), parts: Vec::new(), ends: 0, last: 0 }
    }

    fn add(&mut self, path: &str, bytes: &[u8]) {
        let ends = self.bytes[self.last..].iter().filter(|byte| **byte == b'\n').count();
        self.ends = self.ends.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        self.last = self.bytes.len();
        let line = self.ends.saturating_add(1);
        let inside = self.bytes.last().is_some_and(|byte| *byte != b'\n');
        self.parts.push(Part { path: path.to_owned(), line, inside });
        self.bytes.extend_from_slice(bytes);
    }

    /// Where a line of the whole was written.
    pub(super) fn origin(&self, line: u32) -> Origin {
        let begins = |part: &&Part| part.line + u32::from(part.inside) <= line;
        let Some(part) = self.parts.iter().rev().find(begins).or(self.parts.first()) else {
            return Origin::Implied;
        };
        Origin::File { path: part.path.clone(), line: line.saturating_sub(part.line) + 1 }
    }
}

impl Loader<'_> {
    /// The content of a configuration with all that belongs around it.
    pub(super) fn whole(&mut self, path: &str, origin: &Origin) -> Result<Whole, Stop> {
        let content = self.read(path, origin)?;
        let (before, after) = (self.injections.before.clone(), self.injections.after.clone());
        if before.is_empty() && after.is_empty() {
            return Ok(Whole::new(path, content));
        }
        let mut whole = Whole::empty();
        for injected in &before {
            let content = self.injected(injected, origin)?;
            whole.add(injected, &content);
        }
        whole.add(path, &content);
        for injected in &after {
            let content = self.injected(injected, origin)?;
            whole.add(injected, &content);
        }
        Ok(whole)
    }

    /// Text to put around, counted before it is glued: it may be named any number of times.
    fn injected(&mut self, path: &str, origin: &Origin) -> Result<Vec<u8>, Stop> {
        let content = self.read(path, origin)?;
        self.spend(FILE + content.len(), origin)?;
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_belong_to_the_part_they_begin_in() {
        let mut whole = Whole::empty();
        for (path, text) in [("a", "1\n2\n"), ("b", "3\n4"), ("empty", ""), ("c", "4\n5\n6")] {
            whole.add(path, text.as_bytes());
        }
        let places: Vec<String> = (1..=6).map(|line| whole.origin(line).to_string()).collect();
        let expected = ["at a:1", "at a:2", "at b:1", "at b:2", "at c:2", "at c:3"];
        assert_eq!(places, expected);
        assert_eq!(Whole::new("x", Vec::new()).origin(7).to_string(), "at x:7");
    }
}
