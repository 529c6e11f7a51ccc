//! The tests of blocks: what a loop yields, whether a condition holds.
//!
//! Answers with contexts, one per repetition of a line. It refuses to remember: every line of
//! a block asks again, because an option between two lines may change the answer.

use fancy_regex::Regex;

use super::{Loader, Stop};
use crate::config::Origin;
use crate::finding::Finding;

/// What one line of a block becomes: one line per element, with its context when it has one.
type Contexts = Vec<Option<String>>;

/// Longest piece of a line that `for-readline` hands on; the rest of the line comes after it.
const LONGEST_LINE: usize = 1023;

/// Most repetitions of one line. A loop beyond it is a mistake, and would fill the memory.
const MOST_REPETITIONS: usize = 1 << 20;

impl Loader<'_> {
    /// Runs the test of the open block for a line that stands at `origin`.
    pub(super) fn contexts(&mut self, origin: &Origin) -> Result<Contexts, Stop> {
        let Some(block) = &self.block else { return Ok(vec![None]) };
        let (name, operand, flipped) = (block.name, block.operand.clone(), block.flipped);
        let contexts: Contexts = match name {
            "for" => words(&operand).map(|word| Some(word.to_owned())).collect(),
            "for-glob" => self.paths(operand),
            "for-times" => times(&operand, origin)?,
            "for-readline" => self.lines_of(&operand, origin)?,
            condition => {
                let (plain, negated) = match condition.strip_prefix("if-not-") {
                    Some(plain) => (plain, true),
                    None => (condition.trim_start_matches("if-"), false),
                };
                let (holds, context) = self.test(plain, &operand, origin)?;
                if holds != (negated != flipped) { vec![context] } else { Vec::new() }
            }
        };
        Ok(contexts)
    }

    /// Whether a condition holds, and what stands for `%(_)` in its lines.
    fn test(
        &self,
        condition: &str,
        operand: &str,
        origin: &Origin,
    ) -> Result<(bool, Option<String>), Stop> {
        let (name, wanted) = match operand.split_once('=') {
            Some((name, wanted)) => (name, Some(wanted)),
            None => (operand, None),
        };
        let equals = |value: Option<&str>| {
            value.is_some_and(|value| wanted.is_none_or(|wanted| wanted == value))
        };
        let path = |holds: bool| (holds, Some(operand.to_owned()));
        Ok(match condition {
            "opt" => {
                let value = self.keys.value(name);
                (equals(value), value.map(str::to_owned))
            }
            "env" => {
                let value = self.env.get(name);
                (equals(value.map(String::as_str)), value.cloned())
            }
            "reload" => (self.env.contains_key("UWSGI_RELOADS"), None),
            "hostname" => path(self.hostname == operand),
            "hostname-match" => path(matches(operand, &self.hostname, origin)?),
            "plugin" => path(self.has_plugin(operand)),
            "exists" => path(self.source.look(operand).readable),
            "file" => path(self.source.look(operand).file),
            "dir" => path(self.source.look(operand).directory),
            _ => (false, None),
        })
    }

    /// The paths that match a pattern; the pattern itself when nothing does.
    fn paths(&self, pattern: String) -> Contexts {
        let paths = self.source.glob(&pattern);
        if paths.is_empty() { vec![Some(pattern)] } else { paths.into_iter().map(Some).collect() }
    }

    fn lines_of(&mut self, file: &str, origin: &Origin) -> Result<Contexts, Stop> {
        let content = match self.source.read(file) {
            Ok(content) => content,
            Err(error) => {
                let told =
                    self.block.as_mut().map(|block| std::mem::replace(&mut block.told, true));
                if told != Some(true) {
                    self.config.messages.push(error.text);
                }
                return Ok(Vec::new());
            }
        };
        let Ok(text) = std::str::from_utf8(&content.bytes) else {
            let text = format!("content of \"{file}\" is not valid UTF-8");
            return Err(Finding::fault(text).origin(origin).into());
        };
        let lines = text.split_terminator('\n').flat_map(pieces).map(Some);
        let contexts: Contexts = lines.take(MOST_REPETITIONS + 1).collect();
        if contexts.len() > MOST_REPETITIONS {
            return Err(too_many(&format!("for-readline = {file}"), origin));
        }
        Ok(contexts)
    }
}

/// The words of a list, one or more spaces between them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// `1` to `N`, where `N` is the leading number of the operand.
fn times(operand: &str, origin: &Origin) -> Result<Contexts, Stop> {
    let times = usize::try_from(crate::value::int(Some(operand))).unwrap_or(0);
    if times > MOST_REPETITIONS {
        return Err(too_many(&format!("for-times = {operand}"), origin));
    }
    Ok((1..=times).map(|number| Some(number.to_string())).collect())
}

fn too_many(what: &str, origin: &Origin) -> Stop {
    let allowed = format!("at most {MOST_REPETITIONS}");
    let fault = Finding::fault(format!("{what}: too many repetitions"));
    fault.origin(origin).allowed(allowed).into()
}

/// A line in pieces of at most [`LONGEST_LINE`] bytes, each without carriage returns at its end.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = line;
    loop {
        let most = rest.len().min(LONGEST_LINE);
        let end = (0..=most).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(most);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece.trim_end_matches('\r').to_owned());
        if after.is_empty() {
            return pieces;
        }
        rest = after;
    }
}

fn matches(pattern: &str, hostname: &str, origin: &Origin) -> Result<bool, Stop> {
    let hit = Regex::new(pattern).and_then(|regex| regex.is_match(hostname));
    hit.map_err(|error| {
        let text = format!("regular expression \"{pattern}\": {error}");
        Finding::fault(text).origin(origin).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_come_in_pieces_that_keep_characters_whole() {
        let long = "x".repeat(LONGEST_LINE - 1) + "é!\r";
        let pieces = pieces(&long);
        assert_eq!(pieces.iter().map(String::len).collect::<Vec<_>>(), [LONGEST_LINE - 1, 3]);
        assert_eq!(pieces[1], "é!");
        assert_eq!(super::pieces(""), [""]);
    }
}
