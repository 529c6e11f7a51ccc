//! Blocks of configuration logic: which of the following options count, and how often.
//!
//! A block filters every option from its opening line to its end, across files. Its test runs
//! again for each line ([`conditions`](super::conditions)). It refuses nesting, as the file
//! format always did.

use super::{Loader, Step};
use crate::config::Origin;
use crate::finding::Finding;
use crate::row::{Kind, Row};

/// What stands for the current word, path or value inside a block.
const CONTEXT: &str = "%(_)";

/// Any of these ends any block; `end` is no option, only an entry.
const CLOSERS: &[&str] = &["end", "endif", "end-if", "endfor", "end-for"];

/// An open block.
pub(super) struct Block {
    pub(super) name: &'static str,
    pub(super) operand: String,
    /// Past its `else`.
    pub(super) flipped: bool,
    /// What it reads cannot be read, and that was said.
    pub(super) told: bool,
    /// A line of the block is being added right now; what it adds itself is not filtered.
    running: bool,
    origin: Origin,
}

impl Loader<'_> {
    /// Adds an option to the list, as often as the open block says.
    pub(super) fn append(&mut self, key: &str, value: Option<String>, origin: Origin) -> Step {
        self.permit(key, value.as_deref(), &origin)?;
        if self.block.as_ref().is_none_or(|block| block.running) {
            return self.push(key, value, origin, false);
        }
        if CLOSERS.contains(&key) {
            self.block = None;
            let bare = self.config.registry.find(key).is_none();
            return self.push(key, value, origin, bare);
        }
        if key == "else" {
            return self.push(key, value, origin, false);
        }
        self.filtered(key, value.as_deref(), &origin)
    }

    /// An option of the kind `Logic` at work, already in the list.
    pub(super) fn logic(
        &mut self,
        row: &'static Row,
        key: &str,
        value: Option<&str>,
        origin: &Origin,
    ) -> Step {
        match row.name {
            "else" => self.flip(origin),
            name if opens(row) => self.open_block(name, key, value, origin),
            _ => Ok(()),
        }
    }

    fn open_block(
        &mut self,
        name: &'static str,
        key: &str,
        value: Option<&str>,
        origin: &Origin,
    ) -> Step {
        if self.block.is_some() {
            let text = format!("recursive logic in options is not supported (option = {key})");
            return Err(Finding::fault(text).at(key, value, origin).into());
        }
        self.block = Some(Block {
            name,
            operand: value.unwrap_or_default().to_owned(),
            flipped: false,
            told: false,
            running: false,
            origin: origin.clone(),
        });
        Ok(())
    }

    fn flip(&mut self, origin: &Origin) -> Step {
        match &mut self.block {
            Some(block) if block.name.starts_with("if-") => {
                block.flipped = true;
                Ok(())
            }
            _ => {
                let text = "\"else\" without a condition before it";
                Err(Finding::fault(text).origin(origin).into())
            }
        }
    }

    /// One line of the open block: once per element, with its context when it has one.
    fn filtered(&mut self, key: &str, value: Option<&str>, origin: &Origin) -> Step {
        let contexts = self.contexts(origin)?;
        self.run_block(true);
        let result = contexts.iter().try_for_each(|context| {
            let value = match (value, context) {
                (Some(value), Some(context)) => Some(value.replace(CONTEXT, context)),
                (value, _) => value.map(str::to_owned),
            };
            self.push(key, value, origin.clone(), false)
        });
        self.run_block(false);
        result
    }

    fn run_block(&mut self, running: bool) {
        if let Some(block) = &mut self.block {
            block.running = running;
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

/// True when the option starts a block.
fn opens(row: &Row) -> bool {
    row.kind == Kind::Logic
        && (row.name.starts_with("if-") || row.name == "for" || row.name.starts_with("for-"))
}
