//! The last walk over the list: what is applied only when everything else is read.
//!
//! Inherited files, late declarations, and declared options that were mentioned before their
//! declaration. It starts over when the list grew and names became known, because an earlier
//! entry may mean something by then.

use super::{INHERITED, Loader, Step};
use crate::config::Origin;
use crate::finding::Finding;
use crate::row::Kind;

/// How often one file may be inherited before it counts as a circle.
const MAX_INHERITS: usize = 32;

impl Loader<'_> {
    /// Applies the list.
    pub(super) fn apply_all(&mut self) -> Step {
        let mut at = 0;
        let mut declared = self.config.registry.customs().len();
        while at < self.config.entries.len() {
            let before = self.config.entries.len();
            self.applying = Some(at);
            self.apply_at(at)?;
            at += 1;
            let known = self.config.registry.customs().len();
            if self.config.entries.len() > before && known > declared {
                (at, declared) = (0, known);
            }
        }
        self.applying = None;
        Ok(())
    }

    fn apply_at(&mut self, at: usize) -> Step {
        let entry = &self.config.entries[at];
        if entry.done {
            return Ok(());
        }
        let Some(row) = entry.row.or_else(|| self.config.registry.find(&entry.key)) else {
            return Ok(());
        };
        let (key, value, origin) = (entry.key.clone(), entry.value.clone(), entry.origin.clone());
        let entry = &mut self.config.entries[at];
        (entry.done, entry.row) = (true, Some(row));
        let text = value.as_deref().unwrap_or_default();
        match row.name {
            "inherit" => self.inherit(text, &origin),
            "declare-option2" => self.declare(&key, text, &origin),
            _ if row.kind == Kind::Custom => self.custom(&key, value.as_deref(), &origin),
            _ => Ok(()),
        }
    }

    /// Reads a file whose values keep their text.
    fn inherit(&mut self, path: &str, origin: &Origin) -> Step {
        let times = self.inherited.entry(path.to_owned()).or_default();
        *times += 1;
        if *times > MAX_INHERITS {
            let fault = Finding::fault(format!("config include loop: {path} includes itself"));
            return Err(fault.origin(origin).into());
        }
        self.load_by_suffix(path, INHERITED, origin)
    }
}
