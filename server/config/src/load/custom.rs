//! Options that the configuration declares itself: from a template to the options it stands for.
//!
//! What a template names acts at once and stays out of the list that users see; only `set` and
//! files add to it. The server does see it: as entries marked hidden, in front of everything that
//! is applied late, because it was applied before that. It refuses endless recursion.

use super::conditions::words;
use super::{ENTRY, INCLUDED, Loader, Step};
use crate::check::{refused, refuses};
use crate::config::{Entry, Origin};
use crate::finding::Finding;
use crate::registry::Custom;
use crate::row::{Kind, Row};

/// How deep templates may name each other's options.
const DEEPEST: usize = 32;

impl Loader<'_> {
    /// `declare-option = name=template`.
    pub(super) fn declare(&mut self, key: &str, value: &str, origin: &Origin) -> Step {
        let Some((name, template)) = value.split_once('=') else {
            let text = format!("invalid {value} syntax, must be newoption=template");
            let fault = Finding::fault(text).at(key, Some(value), origin);
            return Err(fault.allowed("name=option=value;option=value").into());
        };
        if self.config.registry.find(name).is_some() {
            let text = format!("option \"{name}\" exists: its declaration {origin} has no effect");
            self.config.findings.push(Finding::warning(text).at(key, Some(value), origin));
        }
        if let Some(odd) = parts(template).find(|part| !part.contains('=')) {
            let text = format!(
                "template of \"{name}\" {origin} ends before \"{odd}\", which is not option=value"
            );
            self.config.findings.push(Finding::warning(text).at(key, Some(value), origin));
        }
        let custom = Custom { name: name.to_owned(), template: template.to_owned() };
        self.config.registry.declare(custom);
        Ok(())
    }

    /// A declared option at work.
    pub(super) fn custom(&mut self, name: &str, argument: Option<&str>, origin: &Origin) -> Step {
        let Some(custom) = self.config.registry.custom(name) else { return Ok(()) };
        if self.depth == DEEPEST {
            let fault = Finding::fault(format!("declared option \"{name}\" expands without end"));
            return Err(fault.at(name, argument, origin).into());
        }
        let pairs = expand(&custom.template, argument.unwrap_or_default());
        let origin = match origin {
            through @ Origin::Through { .. } => through.clone(),
            at => Origin::Through { option: name.to_owned(), at: Box::new(at.clone()) },
        };
        self.depth += 1;
        let result = pairs.into_iter().try_for_each(|(key, value)| self.apply(key, value, &origin));
        self.depth -= 1;
        result
    }

    /// One option of a template.
    fn apply(&mut self, key: String, value: String, origin: &Origin) -> Step {
        self.spend(ENTRY + key.len() + value.len(), origin)?;
        match self.config.registry.find(&key) {
            Some(row) if refuses(row) => Err(refused(&key, Some(&value), origin).into()),
            Some(row) if row.name == "inherit" => self.load_by_suffix(&value, INCLUDED, origin),
            Some(row) if row.name == "declare-option2" => self.declare(&key, &value, origin),
            Some(row) if matches!(row.name, "env" | "ienv" | "unenv") => {
                self.change(row.name, &value, origin)
            }
            Some(row) if leaves_no_trace(row) => self.immediate(row, &key, Some(value), origin),
            Some(row) if row.immediate() => {
                let entry = hidden(key.clone(), value.clone(), Some(row), origin);
                match self.applying {
                    None => self.config.entries.push(entry),
                    Some(_) => self.hide(entry),
                }
                self.immediate(row, &key, Some(value), origin)
            }
            row => {
                self.hide(hidden(key, value, row, origin));
                Ok(())
            }
        }
    }

    /// Keeps an entry where its effect belongs: before all that is applied late, or right behind
    /// the option being applied.
    fn hide(&mut self, entry: Entry) {
        match self.applying {
            None => self.early.push(entry),
            Some(at) => self.behind.push((at, entry)),
        }
    }

    /// Puts the hidden entries into the list.
    pub(super) fn assemble(&mut self) {
        let mut list = std::mem::take(&mut self.early);
        let mut behind = std::mem::take(&mut self.behind);
        behind.sort_by_key(|(at, _)| *at);
        let mut behind = behind.into_iter().peekable();
        for (at, entry) in std::mem::take(&mut self.config.entries).into_iter().enumerate() {
            list.push(entry);
            while let Some((_, entry)) = behind.next_if(|(place, _)| *place == at) {
                list.push(entry);
            }
        }
        self.config.entries = list;
    }
}

fn hidden(key: String, value: String, row: Option<&'static Row>, origin: &Origin) -> Entry {
    Entry {
        key,
        row,
        value: Some(value),
        origin: origin.clone(),
        hidden: true,
        fixed: true,
        placeholder: false,
        done: true,
    }
}

/// Options whose whole effect is elsewhere: in other entries, in the state of the loader.
fn leaves_no_trace(row: &Row) -> bool {
    row.immediate()
        && matches!(row.kind, Kind::Config | Kind::Placeholder | Kind::Logic | Kind::Custom)
}

/// The parts of a template: `;` parts them, `\;` is a semicolon of the text.
fn parts(template: &str) -> impl Iterator<Item = String> {
    let mut parts = vec![String::new()];
    let mut rest = template.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            ';' => parts.push(String::new()),
            '\\' if rest.next_if_eq(&';').is_some() => push(&mut parts, ';'),
            letter => push(&mut parts, letter),
        }
    }
    parts.into_iter().filter(|part| !part.is_empty())
}

fn push(parts: &mut [String], letter: char) {
    if let Some(part) = parts.last_mut() {
        part.push(letter);
    }
}

/// The options of a template with the words of an argument in their places.
fn expand(template: &str, argument: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = words(argument).collect();
    let pairs = parts(template).map_while(|part| {
        let (key, value) = part.split_once('=')?;
        Some((fill(key, &words), fill(value, &words)))
    });
    pairs.collect()
}

/// Replaces `$1` to `$n`. The longest number that has a word counts, so `$10` is the tenth word
/// where there are ten and the first one before a `0` where there are fewer; a number beyond the
/// words stays, unless there are none at all.
fn fill(text: &str, words: &[&str]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count().min(9);
        let number = |length: usize| after[..length].parse::<usize>().ok().filter(|n| *n > 0);
        let word = |length: usize| Some((length, *words.get(number(length)? - 1)?));
        let length = match (1..=digits).rev().find_map(word) {
            Some((length, word)) => {
                out.push_str(word);
                length
            }
            None if words.is_empty() && number(digits).is_some() => digits,
            None => {
                out.push('$');
                0
            }
        };
        rest = &after[length..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_take_their_places() {
        for (template, argument, expected) in [
            ("route=$1 redirect:$2", "^/foo http://x", "route=^/foo redirect:http://x"),
            ("a=$1;b=$2", "x   y", "a=x|b=y"),
            ("a=$1-$3", "x y", "a=x-$3"),
            ("a=[$1$2]", "", "a=[]"),
            ("a=$10 $1", "1 2 3 4 5 6 7 8 9 ten", "a=ten 1"),
            ("a=$10", "x", "a=x0"),
            ("$1=$2", "chdir /tmp", "chdir=/tmp"),
            ("a=b\\;c;d=e", "", "a=b;c|d=e"),
            (";;a=b;", "", "a=b"),
            ("a=b;odd;c=d", "", "a=b"),
            ("a=$$1 $x $0 $", "w", "a=$w $x $0 $"),
            ("a=${HOME} $(X)", "w", "a=${HOME} $(X)"),
            ("a=$1", "$2 x", "a=$2"),
            ("", "x", ""),
        ] {
            let pairs = super::expand(template, argument);
            let texts: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
            assert_eq!(texts.join("|"), expected, "{template:?} with {argument:?}");
        }
    }
}
