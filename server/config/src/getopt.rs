//! The command line as GNU `getopt_long` reads it, over the option table.
//!
//! Owns abbreviations, permutation, clustered letters and the four error texts.
//! It refuses meaning: what an option does is decided by the caller, item by item.

use crate::registry::Registry;
use crate::row::{Arg, Row};
use crate::table;

/// One thing found on the command line.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// An option; the name is the full long name, or the canonical name of a letter.
    Option { name: String, value: Option<String> },
    /// Something that is not an option, after all options.
    Positional(String),
}

/// Walks the arguments once; options come first, positionals last unless `posix` is set.
pub(crate) struct Getopt<'a> {
    binary: &'a str,
    args: &'a [String],
    posix: bool,
    /// `--check` is among the arguments, see [`Getopt::output_form`].
    checking: bool,
    next: usize,
    /// Byte offset inside a cluster of letters, `-Mp4`.
    cluster: Option<usize>,
    positionals: Vec<&'a String>,
    drained: usize,
}

impl<'a> Getopt<'a> {
    /// Reads `args`, which do not include the binary; `posix` stops at the first positional.
    pub(crate) fn new(binary: &'a str, args: &'a [String], posix: bool) -> Self {
        let (positionals, cluster) = (Vec::new(), None);
        Self { binary, args, posix, checking: false, next: 0, cluster, positionals, drained: 0 }
    }

    /// The same walk where `--check` is known to be among the arguments.
    pub(crate) fn checking(mut self, checking: bool) -> Self {
        self.checking = checking;
        self
    }

    /// The next item, an error text, or the end.
    /// The names are those known at this moment.
    pub(crate) fn item(&mut self, names: &Registry) -> Option<Result<Item, String>> {
        if let Some(at) = self.cluster {
            return Some(self.letter(at, names));
        }
        while let Some(arg) = self.args.get(self.next) {
            if arg == "--" {
                self.positionals.extend(&self.args[self.next + 1..]);
                self.next = self.args.len();
            } else if let Some(long) = arg.strip_prefix("--") {
                self.next += 1;
                return Some(self.long(long, names));
            } else if arg.len() > 1 && arg.starts_with('-') {
                return Some(self.letter(1, names));
            } else if self.posix {
                self.positionals.extend(&self.args[self.next..]);
                self.next = self.args.len();
            } else {
                self.positionals.push(arg);
                self.next += 1;
            }
        }
        let positional = self.positionals.get(self.drained)?;
        self.drained += 1;
        Some(Ok(Item::Positional((*positional).clone())))
    }

    /// The name of the long option that comes next, when no known name begins so.
    pub(crate) fn unknown(&self, names: &Registry) -> Option<&'a str> {
        let rest = if self.cluster.is_some() { &[] } else { self.args.get(self.next..)? };
        let mut options = rest.iter().take_while(|arg| *arg != "--");
        let option = options.find(|arg| self.posix || (arg.len() > 1 && arg.starts_with('-')))?;
        let name = option.strip_prefix("--")?.split('=').next()?;
        let known = names.names().any(|(known, _)| known.starts_with(name));
        (!known).then_some(name)
    }

    fn long(&mut self, text: &str, names: &Registry) -> Result<Item, String> {
        let (wanted, glued) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if text == "json" && self.output_form() {
            let value = Some("json".to_owned());
            return Ok(Item::Option { name: "check-format".to_owned(), value });
        }
        let (name, row) = self.lookup(wanted, text, names)?;
        let value =
            match (row.arg, glued) {
                (Arg::None, Some(_)) => {
                    return Err(self.error(&format!("option '--{name}' doesn't allow an argument")));
                }
                (Arg::Required, None) => Some(self.following().ok_or_else(|| {
                    self.error(&format!("option '--{name}' requires an argument"))
                })?),
                (_, glued) => glued,
            };
        Ok(Item::Option { name, value })
    }

    /// `--json` has always read a file. Next to `--check` it is the form of the answer, unless
    /// what follows can be a JSON source.
    fn output_form(&self) -> bool {
        let source = |text: &String| {
            let path = text.rsplit_once(':').map_or(text.as_str(), |(path, _)| path);
            let suffixed =
                |path: &str| [".json", ".js"].iter().any(|suffix| path.ends_with(suffix));
            text == "-" || text.contains("://") || suffixed(text) || suffixed(path)
        };
        self.checking && !self.args.get(self.next).is_some_and(source)
    }

    /// Exact name first, then the only option that starts so.
    fn lookup(
        &self,
        wanted: &str,
        text: &str,
        names: &Registry,
    ) -> Result<(String, &'static Row), String> {
        if let Some(row) = names.find(wanted) {
            return Ok((wanted.to_owned(), row));
        }
        let begins = names.names().filter(|(name, _)| name.starts_with(wanted));
        let (young, old): (Vec<_>, Vec<_>) = begins.partition(|(name, _)| table::is_young(name));
        let candidates = if old.is_empty() { young } else { old };
        match candidates[..] {
            [] => Err(self.error(&format!("unrecognized option '--{text}'"))),
            [(name, row)] => Ok((name.to_owned(), row)),
            _ => {
                let mut line = format!("option '--{text}' is ambiguous; possibilities:");
                for (name, _) in candidates {
                    line.push_str(&format!(" '--{name}'"));
                }
                Err(self.error(&line))
            }
        }
    }

    fn letter(&mut self, at: usize, names: &Registry) -> Result<Item, String> {
        let arg = &self.args[self.next];
        let letter = arg[at..].chars().next().unwrap_or('-');
        let rest = &arg[at + letter.len_utf8().min(arg.len() - at)..];
        let Some(row) = names.find_short(letter) else {
            self.advance(at, letter, rest);
            return Err(self.error(&format!("invalid option -- '{letter}'")));
        };
        if row.arg == Arg::None {
            self.advance(at, letter, rest);
            return Ok(Item::Option { name: row.name.to_owned(), value: None });
        }
        self.cluster = None;
        self.next += 1;
        let value = match (rest.is_empty(), row.arg) {
            (false, _) => Some(rest.to_owned()),
            (true, Arg::Required) => Some(self.following().ok_or_else(|| {
                self.error(&format!("option requires an argument -- '{letter}'"))
            })?),
            (true, _) => None,
        };
        Ok(Item::Option { name: row.name.to_owned(), value })
    }

    /// Steps to the next letter of the cluster, or past it.
    fn advance(&mut self, at: usize, letter: char, rest: &str) {
        if rest.is_empty() {
            self.cluster = None;
            self.next += 1;
        } else {
            self.cluster = Some(at + letter.len_utf8());
        }
    }

    fn following(&mut self) -> Option<String> {
        let value = self.args.get(self.next)?.clone();
        self.next += 1;
        Some(value)
    }

    fn error(&self, text: &str) -> String {
        format!("{}: {text}", self.binary)
    }
}
