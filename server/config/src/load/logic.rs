//! Conditions and loops: which of the following options count, and how often.
//!
//! A block filters every option from its opening line to its end, across files. Its test runs
//! again for each line. It refuses nesting, as the file format always did.

use super::{Loader, Step};
use crate::config::Origin;
use crate::finding::Finding;
use crate::row::{Kind, Row};

/// What stands for the current word, path or value inside a block.
const CONTEXT: &str = "%(_)";

/// An open block.
pub(super) struct Block {
    name: &'static str,
    operand: String,
    /// Past its `else`.
    flipped: bool,
    /// A line of the block is being added right now; what it adds itself is not filtered.
    running: bool,
    origin: Origin,
}

/// What one line of a block becomes: one line per element, with its context when it has one.
type Contexts = Vec<Option<String>>;

/// True when the option starts a block.
fn opens(row: &Row) -> bool {
    row.kind == Kind::Logic && (row.name.starts_with("if-") || row.name.starts_with("for"))
}

fn ends(row: &Row) -> bool {
    matches!(row.name, "endif" | "endfor")
}

impl Loader<'_> {
    /// Adds an option to the list, as often as the open block says.
    pub(super) fn append(&mut self, key: &str, value: Option<String>, origin: Origin) -> Step {
        match self.config.registry.find(key) {
            Some(row) if opens(row) => self.open_block(row, key, value, origin),
            Some(row) if ends(row) => {
                self.block = None;
                self.push(key, value, origin, false)
            }
            // A bare `end` closes too; it is no option and leaves no entry.
            None if key == "end" && self.block.is_some() => {
                self.block = None;
                Ok(())
            }
            Some(row) if row.name == "else" => {
                self.flip(&origin)?;
                self.push(key, value, origin, false)
            }
            _ if self.block.as_ref().is_some_and(|block| !block.running) => {
                self.filtered(key, value, &origin)
            }
            _ => self.push(key, value, origin, false),
        }
    }

    fn open_block(
        &mut self,
        row: &'static Row,
        key: &str,
        value: Option<String>,
        origin: Origin,
    ) -> Step {
        if self.block.is_some() {
            let text = format!("recursive logic in options is not supported (option = {key})");
            return Err(Finding::fault(text).at(key, value.as_deref(), &origin).into());
        }
        self.push(key, value.clone(), origin.clone(), false)?;
        let operand = value.unwrap_or_default();
        self.block =
            Some(Block { name: row.name, operand, flipped: false, running: false, origin });
        Ok(())
    }

    fn flip(&mut self, origin: &Origin) -> Step {
        match &mut self.block {
            Some(block) if block.name.starts_with("if-") => {
                block.flipped = true;
                Ok(())
            }
            _ => {
                Err(Finding::fault("\"else\" without a condition before it").origin(origin).into())
            }
        }
    }

    fn filtered(&mut self, key: &str, value: Option<String>, origin: &Origin) -> Step {
        let contexts = self.contexts();
        if let Some(block) = &mut self.block {
            block.running = true;
        }
        let result = contexts.into_iter().try_for_each(|context| {
            let value = match (&value, context) {
                (Some(value), Some(context)) => Some(value.replace(CONTEXT, &context)),
                (value, _) => value.clone(),
            };
            self.push(key, value, origin.clone(), false)
        });
        if let Some(block) = &mut self.block {
            block.running = false;
        }
        result
    }

    /// Runs the test of the open block.
    fn contexts(&mut self) -> Contexts {
        let Some(block) = &self.block else { return vec![None] };
        let (operand, flipped) = (block.operand.clone(), block.flipped);
        let words = |words: &mut dyn Iterator<Item = String>| words.map(Some).collect();
        match block.name {
            "for" => words(&mut operand.split_ascii_whitespace().map(str::to_owned)),
            "for-times" => {
                let times = crate::value::int(Some(&operand));
                words(&mut (1..=times).map(|number| number.to_string()))
            }
            "for-readline" => self.lines_of(&operand),
            condition => {
                let (plain, negated) = match condition.strip_prefix("if-not-") {
                    Some(plain) => (plain, true),
                    None => (condition.trim_start_matches("if-"), false),
                };
                let (holds, context) = self.test(plain, &operand);
                if holds != (negated != flipped) { vec![context] } else { Vec::new() }
            }
        }
    }

    /// Whether a condition holds, and what stands for `%(_)` in its lines.
    fn test(&self, condition: &str, operand: &str) -> (bool, Option<String>) {
        let (name, wanted) = match operand.split_once('=') {
            Some((name, wanted)) => (name, Some(wanted)),
            None => (operand, None),
        };
        let path = || Some(operand.to_owned());
        match condition {
            "opt" => {
                let entry = self.config.entries.iter().find(|entry| entry.key == name);
                let value = entry.and_then(|entry| entry.value.clone());
                let holds = match wanted {
                    Some(wanted) => value.as_deref() == Some(wanted),
                    None => entry.is_some(),
                };
                (holds, value)
            }
            "env" => {
                let value = self.env.get(name);
                let holds = value.is_some_and(|value| wanted.is_none_or(|wanted| wanted == value));
                (holds, value.cloned())
            }
            "reload" => (self.env.contains_key("UWSGI_RELOADS"), None),
            "hostname" => (self.source.facts().hostname == operand, path()),
            "exists" => (self.source.look(operand).readable, path()),
            "file" => (self.source.look(operand).file, path()),
            "dir" => (self.source.look(operand).directory, path()),
            _ => (false, None),
        }
    }

    fn lines_of(&mut self, file: &str) -> Contexts {
        match self.source.read(file) {
            Ok(content) => {
                let text = String::from_utf8_lossy(&content.bytes).into_owned();
                text.lines().map(|line| Some(line.to_owned())).collect()
            }
            Err(error) => {
                self.config.messages.push(error.text);
                Vec::new()
            }
        }
    }

    /// Names a block that was opened in `path` and never closed there.
    pub(super) fn warn_open_block(&mut self, path: &str) {
        let Some(block) = &self.block else { return };
        if matches!(&block.origin, Origin::File { path: opened, .. } if opened == path) {
            let (name, origin) = (block.name, &block.origin);
            let text = format!("\"{name}\" {origin} has no end: it filters every later option");
            self.config.findings.push(Finding::warning(text).origin(origin));
        }
    }
}
