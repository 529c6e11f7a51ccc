//! The YAML reader: the options under one key, in order, duplicates kept.
//!
//! Two kinds of files are in the world: those for a YAML parser and those for a reader of plain
//! `key: value` lines. A text that is no YAML is tried once more with such lines made proper
//! ([`repair`]). A key without value is an option with an empty one, so that `endif:` closes
//! its block; a list is one option per item; a mapping below a key gives its own pairs.

mod repair;
mod tree;

use std::borrow::Cow;

use super::text::utf8;
use super::{Asked, Document, Line, Malformed};
use tree::{Shape, Tree};

/// Levels of lists and mappings; an anchor that holds itself would have no end.
const MAX_DEPTH: usize = 64;
/// What a file may cost: its nodes, each as often as an alias repeats it, and the bytes of the
/// options they become. A few hundred bytes of aliases can stand for gigabytes.
const MAX_COST: usize = 64 << 20;
/// What each visit of a node costs beside its text.
const NODE_COST: usize = 64;

/// Reads the wanted section of every document; several are merged in order.
pub(super) fn read(content: &[u8], asked: &Asked<'_>) -> Result<Document, Malformed> {
    let tree = parse(&text(content)?)?;
    let mut walk =
        Walk { tree: &tree, asked, document: Document::default(), found: false, left: MAX_COST };
    for root in &tree.roots {
        walk.search(*root, 0)?;
    }
    let Walk { mut document, found, .. } = walk;
    if !found {
        let (section, path) = (asked.section(), asked.path);
        document.log.push(format!(
            "*** WARNING: Can't find section \"{section}\" in YAML configuration file {path} ***"
        ));
    }
    Ok(document)
}

/// The text as YAML, or else as lines. What is wrong with the text itself is what gets said.
fn parse(text: &str) -> Result<Tree, Malformed> {
    tree::parse(text).or_else(|fault| {
        tree::parse(&repair::repair(text)).map_err(|_| Malformed {
            text: format!("error parsing YAML file: {}", fault.reason),
            line: Some(fault.line),
        })
    })
}

/// The bytes as text. Lines that are comments may hold any bytes, as they may in other formats:
/// they stay as empty comments.
fn text(content: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    utf8(content).map(Cow::Borrowed).or_else(|fault| {
        let line = |line| match std::str::from_utf8(line) {
            Ok(text) => Some(text),
            Err(_) => line.trim_ascii_start().starts_with(b"#").then_some("#"),
        };
        let lines: Option<Vec<&str>> = content.split(|byte| *byte == b'\n').map(line).collect();
        lines.map(|lines| Cow::Owned(lines.join("\n"))).ok_or(fault)
    })
}

type Step = Result<(), Malformed>;

struct Walk<'a> {
    tree: &'a Tree,
    asked: &'a Asked<'a>,
    document: Document,
    found: bool,
    left: usize,
}

impl<'a> Walk<'a> {
    /// Looks at a node, which costs.
    fn enter(&mut self, node: usize, depth: usize) -> Result<(&'a Shape, u32), Malformed> {
        let tree: &'a Tree = self.tree;
        let Some(node) = tree.nodes.get(node) else {
            return Err(Malformed { text: "error parsing YAML file".into(), line: None });
        };
        let text = match &node.shape {
            Shape::Scalar(text) => text.len(),
            Shape::List(_) | Shape::Map(_) => 0,
        };
        let refuse = |reason: &str| Malformed {
            text: format!("error parsing YAML file: {reason}"),
            line: Some(node.line),
        };
        if depth > MAX_DEPTH {
            return Err(refuse("too many levels"));
        }
        let cost = NODE_COST + text;
        self.left =
            self.left.checked_sub(cost).ok_or_else(|| refuse("aliases stand for too much"))?;
        Ok((&node.shape, node.line))
    }

    /// Looks for the section at any depth.
    fn search(&mut self, node: usize, depth: usize) -> Step {
        match self.enter(node, depth)?.0 {
            Shape::Scalar(_) => Ok(()),
            Shape::List(items) => items.iter().try_for_each(|item| self.search(*item, depth + 1)),
            Shape::Map(pairs) => pairs.chunks_exact(2).try_for_each(|pair| {
                let key = self.scalar(pair[0]).is_some_and(|key| key == self.asked.section());
                match self.scalar(pair[1]) {
                    None if key => {
                        self.found = true;
                        self.options(pair[1], depth + 1)
                    }
                    // A section that is there and empty.
                    Some("") if key => {
                        self.found = true;
                        Ok(())
                    }
                    _ => self.search(pair[1], depth + 1),
                }
            }),
        }
    }

    fn scalar(&self, node: usize) -> Option<&'a str> {
        match &self.tree.nodes.get(node)?.shape {
            Shape::Scalar(text) => Some(text),
            Shape::List(_) | Shape::Map(_) => None,
        }
    }

    /// The options of a mapping, or of a list of mappings.
    fn options(&mut self, node: usize, depth: usize) -> Step {
        let (shape, line) = self.enter(node, depth)?;
        match shape {
            Shape::Scalar(text) => {
                self.warn(line, &format!("\"{text}\" stands without a key"));
                Ok(())
            }
            Shape::List(items) => items.iter().try_for_each(|item| self.options(*item, depth + 1)),
            Shape::Map(pairs) => pairs.chunks_exact(2).try_for_each(|pair| {
                let (shape, line) = self.enter(pair[0], depth + 1)?;
                match shape {
                    Shape::Scalar(key) => self.values(key, line, pair[1], depth + 1),
                    Shape::List(_) | Shape::Map(_) => {
                        self.warn(line, "a key that is no text stands");
                        Ok(())
                    }
                }
            }),
        }
    }

    /// The options that the key of line `number` and its value become.
    fn values(&mut self, key: &str, number: u32, node: usize, depth: usize) -> Step {
        match self.enter(node, depth)?.0 {
            Shape::Scalar(value) => {
                let (key, value) = (key.to_owned(), value.clone());
                self.document.lines.push(Line { key, value, number });
                Ok(())
            }
            Shape::List(items) => items.iter().try_for_each(|item| {
                let line = self.tree.nodes.get(*item).map_or(number, |node| node.line);
                self.values(key, line, *item, depth + 1)
            }),
            Shape::Map(_) => self.options(node, depth + 1),
        }
    }

    fn warn(&mut self, line: u32, what: &str) {
        let text = format!("{what} at {}:{line} and is ignored", self.asked.path);
        self.document.warnings.push((line, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(content: &str, section: &str) -> Result<Document, Malformed> {
        read(content.as_bytes(), &Asked { path: "x.yaml", section, mode: None })
    }

    fn pairs(content: &str, section: &str) -> Vec<String> {
        let lines = document(content, section).unwrap_or_else(|bad| panic!("{content:?}: {bad:?}"));
        lines.lines.into_iter().map(|line| format!("{}={}", line.key, line.value)).collect()
    }

    #[test]
    fn values_become_options() {
        for (lines, expected) in [
            ("a: b\nmaster: true\na: c", &["a=b", "master=true", "a=c"][..]),
            ("'q': \"x\\ty\"\nr: 'it''s'", &["q=x\ty", "r=it's"]),
            ("a: b # c\n# d\nhttp: :8080", &["a=b", "http=:8080"]),
            ("if-env: X\nb: %(_)\nendif:\nc: d", &["if-env=X", "b=%(_)", "endif=", "c=d"]),
            ("a: @(f)\nb:\n- x\n- %(y)", &["a=@(f)", "b=x", "b=%(y)"]),
            ("a: [x, 'y z', 1]\nb: []", &["a=x", "a=y z", "a=1"]),
            ("a:\n  b: 1\n  c: 2\nd: {e: 3}", &["b=1", "c=2", "e=3"]),
            ("- a: 1\n- b: 2\n- a: 3", &["a=1", "b=2", "a=3"]),
            ("a: |\n  x\n  y\nb: >\n  x\n  y\nc: 1", &["a=x\ny\n", "b=x y\n", "c=1"]),
            ("a: &x b\nc: *x\nd: &l [1, 2]\ne: *l", &["a=b", "c=b", "d=1", "d=2", "e=1", "e=2"]),
            ("base: &b {m: 1}\n<<: *b", &["m=1", "m=1"]),
            ("a: b: c\nroute: ^/x: y", &["a=b: c", "route=^/x: y"]),
            ("a: ~\nb: null\nc: ''", &["a=~", "b=null", "c="]),
            ("cron: * * x", &["cron=* * x"]),
            ("a: x\n   y", &["a=x y"]),
        ] {
            let text: String = lines.lines().map(|line| format!("  {line}\n")).collect();
            assert_eq!(pairs(&format!("uwsgi:\n{text}"), ""), expected, "{lines}");
        }
    }

    #[test]
    fn the_wanted_section_counts() {
        for (text, section, expected) in [
            ("uwsgi:\n  a: 1\nother:\n  b: 2\nuwsgi:\n  c: 3\n", "", &["a=1", "c=3"][..]),
            ("uwsgi:\n  a: 1\nother:\n  b: 2\n", "other", &["b=2"]),
            ("conf:\n  uwsgi:\n    a: 1\n", "", &["a=1"]),
            ("---\nuwsgi:\n  a: 1\n---\nuwsgi:\n  b: 2\n...\n", "", &["a=1", "b=2"]),
            ("uwsgi:\n\ta: 1\n\tb: 2\n", "", &["a=1", "b=2"]),
            ("uwsgi: {a: 1, b: [2, 3]}", "", &["a=1", "b=2", "b=3"]),
            ("uwsgi:\n", "", &[]),
        ] {
            assert_eq!(pairs(text, section), expected, "{text:?}");
            assert!(document(text, section).expect("reads").log.is_empty(), "{text:?}");
        }
        for text in ["", "uwsgi: x", "- a: b", "a: {b: 1}", "# nothing"] {
            let log = document(text, "").expect("reads").log;
            assert_eq!(
                log,
                ["*** WARNING: Can't find section \"uwsgi\" in YAML configuration file x.yaml ***"]
            );
        }
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let text = "# c\nuwsgi:\n  a: %x\n  b:\n  - 1\n\n  - 2\n  c:\n  d: |\n    x\n  e: 1\n";
        let lines = document(text, "").expect("reads").lines;
        let got: Vec<_> = lines.iter().map(|line| (&*line.key, line.number)).collect();
        assert_eq!(got, [("a", 3), ("b", 5), ("b", 7), ("c", 8), ("d", 9), ("e", 11)]);
    }

    #[test]
    fn what_means_nothing_is_named() {
        let warnings = document("uwsgi:\n- a\n- ? [b]\n  : c\n", "").expect("reads").warnings;
        assert_eq!(
            warnings[0],
            (2, "\"a\" stands without a key at x.yaml:2 and is ignored".into())
        );
        assert_eq!(warnings[1].0, 3);
    }

    #[test]
    fn comments_may_hold_any_bytes_and_values_not() {
        let asked = Asked { path: "x.yaml", section: "", mode: None };
        let read = |text: &[u8]| read(text, &asked);
        let lines = read(b"uwsgi:\n  # caf\xe9\n  a: 1\n").expect("reads").lines;
        assert_eq!((lines[0].key.as_str(), lines[0].number), ("a", 3));
        assert_eq!(read(b"uwsgi:\n  a: caf\xe9\n").expect_err("a value").line, Some(2));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line) in [
            ("uwsgi:\n  a: \"x\n", None),
            ("uwsgi:\n  a: [x\n", None),
            ("uwsgi:\n  a: *none\n", Some(2)),
            ("uwsgi:\n  a: &x [*x]\n", Some(2)),
        ] {
            let malformed = document(text, "").expect_err(text);
            assert!(malformed.text.starts_with("error parsing YAML file: "), "{malformed:?}");
            assert!(line.is_none() || malformed.line == line, "{text:?}: {malformed:?}");
        }
    }

    #[test]
    fn a_few_aliases_cannot_stand_for_gigabytes() {
        let mut text = String::from("a0: &a0 [xxxxxxxxxx, xxxxxxxxxx]\n");
        for level in 1..30 {
            let below = level - 1;
            text.push_str(&format!("a{level}: &a{level} [*a{below}, *a{below}]\n"));
        }
        text.push_str("uwsgi:\n  b: *a29\n");
        let malformed = document(&text, "").expect_err("too much");
        assert!(malformed.text.contains("aliases stand for too much"), "{malformed:?}");
    }
}
