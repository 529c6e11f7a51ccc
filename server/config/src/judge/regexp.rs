//! Regular expressions as Perl and PCRE understand them.
//!
//! One scan finds what PCRE refuses, with its number and offset, because scripts look for that
//! line. What passes is compiled: where only our engine gives up, the C server would have
//! started, so that is a warning.

use fancy_regex::Regex;

use super::{fault, place, warning};
use crate::config::Entry;
use crate::finding::Finding;

/// What PCRE says no to: its number, the offset where it noticed, and words for people.
type Refusal = (u32, usize, &'static str);

/// Judges one regexp.
pub(super) fn judge(entry: &Entry, text: &str) -> Option<Finding> {
    if let Some((code, offset, reason)) = refused(text) {
        let finding = fault(entry, format!("pcre error: code {code} at offset {offset}"));
        return Some(finding.allowed(format!("a regexp, and in \"{text}\" {reason}")));
    }
    let error = Regex::new(text).err()?;
    let text = format!("regexp \"{text}\" of {} cannot be used here: {error}", place(entry));
    Some(warning(entry, text))
}

/// The first thing PCRE refuses. Patterns in the extended notation are not scanned: there a
/// comment may hold anything.
fn refused(text: &str) -> Option<Refusal> {
    if text.contains("(?x") || text.contains("(?^x") {
        return None;
    }
    Scan { bytes: text.as_bytes(), at: 0, open: 0, atom: false }.run()
}

/// A walk over the pattern: where it is, how many groups are open, and whether a quantifier
/// would have something to repeat.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    open: usize,
    atom: bool,
}

impl Scan<'_> {
    fn run(mut self) -> Option<Refusal> {
        while let Some(byte) = self.next() {
            let refusal = match byte {
                b'\\' => self.escape(),
                b'[' => self.class(),
                b'(' => self.group(),
                b')' => self.close(),
                b'*' | b'+' | b'?' => self.repeat(),
                b'{' => self.counted(),
                b'|' => self.set(false),
                _ => self.set(true),
            };
            if refusal.is_some() {
                return refusal;
            }
        }
        (self.open > 0).then_some((114, self.at, "a parenthesis is not closed"))
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn set(&mut self, atom: bool) -> Option<Refusal> {
        self.atom = atom;
        None
    }

    /// Goes behind the next `end`, or to the end of the pattern.
    fn skip_behind(&mut self, end: &[u8]) {
        let found = self.rest().windows(end.len()).position(|window| window == end);
        self.at = found.map_or(self.bytes.len(), |found| self.at + found + end.len());
    }

    fn escape(&mut self) -> Option<Refusal> {
        match self.next() {
            None => Some((101, self.at, "a backslash stands at the end")),
            Some(b'Q') => {
                self.skip_behind(b"\\E");
                self.set(true)
            }
            // An end without beginning means nothing.
            Some(b'E') => None,
            Some(_) => self.set(true),
        }
    }

    fn class(&mut self) -> Option<Refusal> {
        if self.rest().starts_with(b"^") {
            self.at += 1;
        }
        let mut last: Option<u8> = None;
        let mut first = true;
        while let Some(byte) = self.next() {
            match byte {
                b']' if !first => return self.set(true),
                b'\\' if self.rest().starts_with(b"Q") => {
                    self.skip_behind(b"\\E");
                    last = None;
                }
                b'\\' => {
                    self.at += 1;
                    last = None;
                }
                b'[' if self.posix_name() => last = None,
                b'-' => match (last, self.rest().first()) {
                    (Some(low), Some(high)) if *high != b']' && *high != b'\\' && *high < low => {
                        return Some((108, self.at, "a range in a class is out of order"));
                    }
                    (Some(_), Some(high)) if *high != b']' && *high != b'\\' => {
                        self.at += 1;
                        last = None;
                    }
                    _ => last = Some(b'-'),
                },
                byte => last = Some(byte),
            }
            first = false;
        }
        Some((106, self.bytes.len(), "a class is not closed with ]"))
    }

    /// Goes behind `:alpha:]` and its like.
    fn posix_name(&mut self) -> bool {
        let rest = self.rest();
        let Some(mark) = rest.first().copied().filter(|mark| b":.=".contains(mark)) else {
            return false;
        };
        let end = [mark, b']'];
        let name = rest.get(1..).unwrap_or_default();
        let Some(length) = name.windows(2).position(|window| window == end) else { return false };
        let plain =
            name.iter().take(length).all(|byte| byte.is_ascii_alphabetic() || *byte == b'^');
        if plain {
            self.at += 1 + length + 2;
        }
        plain
    }

    fn group(&mut self) -> Option<Refusal> {
        if self.rest().starts_with(b"?#") {
            self.skip_behind(b")");
            return None;
        }
        let verb = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b':';
        if self.rest().starts_with(b"*") && self.rest().get(1).is_some_and(verb) {
            self.skip_behind(b")");
            return self.set(false);
        }
        if self.rest().starts_with(b"?") {
            self.at += 1;
            self.skip_behind_kind();
        }
        self.open += 1;
        self.set(false)
    }

    /// Goes behind what follows `(?`; a condition is a group of its own.
    fn skip_behind_kind(&mut self) {
        if self.rest().starts_with(b"(") {
            return;
        }
        while let Some(byte) = self.next() {
            match byte {
                b')' => {
                    self.at -= 1;
                    return;
                }
                b'<' | b'P' if matches!(self.rest().first(), Some(b'=' | b'!')) => {
                    self.at += 1;
                    return;
                }
                b':' | b'=' | b'!' | b'>' | b'|' => return,
                b'\'' => {
                    self.skip_behind(b"'");
                    return;
                }
                _ => {}
            }
        }
    }

    fn close(&mut self) -> Option<Refusal> {
        if self.open == 0 {
            return Some((122, self.at - 1, "a parenthesis closes nothing"));
        }
        self.open -= 1;
        self.set(true)
    }

    fn repeat(&mut self) -> Option<Refusal> {
        if !self.atom {
            return Some((109, self.at - 1, "nothing stands before a quantifier"));
        }
        // Lazy and possessive forms belong to the quantifier.
        if matches!(self.rest().first(), Some(b'?' | b'+')) {
            self.at += 1;
        }
        self.set(false)
    }

    /// `{2}`, `{2,}`, `{2,5}`; any other brace is a plain character.
    fn counted(&mut self) -> Option<Refusal> {
        let end = self.rest().iter().position(|byte| *byte == b'}');
        let inside = end.and_then(|end| self.rest().get(..end)).unwrap_or_default();
        let text = std::str::from_utf8(inside).unwrap_or_default();
        let (least, most) = text.split_once(',').unwrap_or((text, text));
        let Ok(least) = least.parse::<u32>() else { return self.set(true) };
        let most = if most.is_empty() { Ok(u32::MAX) } else { most.parse::<u32>() };
        let Ok(most) = most else { return self.set(true) };
        self.at += inside.len() + 1;
        if most < least {
            return Some((104, self.at - 1, "the numbers of a quantifier are out of order"));
        }
        self.repeat()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::refused;

    /// Patterns with the answer of libpcre2 10.42: number and offset, none when it compiles.
    const PCRE2: &[(&str, Option<(u32, usize)>)] = &[
        (r#"^/foo"#, None),
        (r#"^/(foo"#, Some((114, 6))),
        (r#"a)"#, Some((122, 1))),
        (r#"[a"#, Some((106, 2))),
        (r#"[]a]"#, None),
        (r#"[]"#, Some((106, 2))),
        (r#"[^]a]"#, None),
        (r#"*a"#, Some((109, 0))),
        (r#"a**"#, Some((109, 2))),
        (r#"a*+"#, None),
        (r#"a++b"#, None),
        (r#"a+++"#, Some((109, 3))),
        (r#"a|*"#, Some((109, 2))),
        (r#"(?:*a)"#, Some((109, 3))),
        (r#"(+)"#, Some((109, 1))),
        (r#"a{3,1}"#, Some((104, 5))),
        (r#"a{3}"#, None),
        (r#"a{3,}{2}"#, Some((109, 7))),
        (r#"{3}"#, Some((109, 2))),
        (r#"a{x}"#, None),
        (r#"a{,3}"#, None),
        (r#"\Qa(b\E)"#, Some((122, 7))),
        (r#"\Qa(b\E"#, None),
        (r#"a\"#, Some((101, 2))),
        (r#"[z-a]"#, Some((108, 3))),
        (r#"[a-]"#, None),
        (r#"[[:alpha:]]"#, None),
        (r#"[[:alpha:]"#, Some((106, 10))),
        (r#"(?i)foo"#, None),
        (r#"(?i:foo)"#, None),
        (r#"(?=a)b"#, None),
        (r#"(?<=a)b"#, None),
        (r#"(?<!a)b"#, None),
        (r#"(?<n>a)\k<n>"#, None),
        (r#"(?'n'a)"#, None),
        (r#"(?P<n>a)(?P=n)"#, None),
        (r#"(?>a)"#, None),
        (r#"(?|a|b)"#, None),
        (r#"(?#a(b)c"#, None),
        (r#"(a)(?(1)b|c)"#, None),
        (r#"(?R)?"#, None),
        (r#"(?1)(a)"#, None),
        (r#"(*UTF8)a"#, None),
        (r#"(a)?"#, None),
        (r#"(?=a)*b"#, None),
        (r#"a|"#, None),
        (r#"()"#, None),
        (r#"\E*"#, Some((109, 2))),
        (r#"a\E*"#, None),
        (r#"(a|b"#, Some((114, 4))),
        (r#"((a)"#, Some((114, 4))),
        (r#"\("#, None),
        (r#"\["#, None),
        (r#"[\]"#, Some((106, 3))),
        (r#"[\Q]\E]"#, None),
        (r#".*\.(css|js)$"#, None),
        (r#"^/static/(.*)$"#, None),
        (r#"{a"#, None),
        (r#"a{2"#, None),
        (r#"a{1,2}+"#, None),
        (r#"[+--]"#, None),
        (r#"[--a]"#, None),
        (r#"[a-c-e]"#, None),
        (r#"\\"#, None),
        (r#"[^"#, Some((106, 2))),
        (r#"[a-z"#, Some((106, 4))),
        (r#"(?"#, Some((114, 2))),
        (r#"(?:"#, Some((114, 3))),
        (r#"?"#, Some((109, 0))),
    ];

    #[test]
    fn the_scan_says_what_pcre_says() {
        for (pattern, expected) in PCRE2 {
            let got = refused(pattern).map(|(code, offset, _)| (code, offset));
            assert_eq!(got, *expected, "{pattern}");
        }
    }

    #[test]
    fn what_only_our_engine_refuses_is_a_warning() {
        let said = said("log-drain", "(?C1)a");
        assert!(said.len() == 1 && said[0].starts_with("-regexp \"(?C1)a\""), "{said:?}");
    }
}
