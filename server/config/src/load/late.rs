//! What happens when everything is read: passes, inherited files, late actions, checks.

use super::files::content;
use super::{INHERITED, Loader, Step};
use crate::config::{Action, Config, Origin};
use crate::finding::Finding;
use crate::{check, expand};

/// How often one file may be inherited before it counts as a circle.
const MAX_INHERITS: usize = 32;

impl Loader<'_> {
    pub(super) fn passes(&mut self) -> Step {
        for symbol in ['$', '@', '%'] {
            for at in 0..self.config.entries.len() {
                self.pass(symbol, at)?;
            }
        }
        Ok(())
    }

    fn pass(&mut self, symbol: char, at: usize) -> Step {
        let Self { config, keys, env, source, .. } = self;
        let entry = &mut config.entries[at];
        let Some(old) = entry.value.as_deref().filter(|_| !entry.fixed) else { return Ok(()) };
        let mut lookup = |inner: &str| match symbol {
            '$' => Ok(expand::variable(env, inner)),
            '@' => content(*source, inner).map(Some),
            _ => Ok(keys.expression(inner)),
        };
        let new = expand::pass(old, symbol, &mut lookup)
            .map_err(|text| Finding::fault(text).about(entry))?;
        if let Some(new) = new {
            keys.update(&entry.key, entry.value.as_deref(), &new);
            entry.value = Some(new);
        }
        Ok(())
    }

    /// Reads every inherited file, also those that inherited files name.
    pub(super) fn inherit(&mut self) -> Step {
        let mut at = 0;
        while let Some(entry) = self.config.entries.get(at) {
            at += 1;
            if entry.row.is_some_and(|row| row.name == "inherit") {
                let (path, origin) = (entry.text().to_owned(), entry.origin.clone());
                self.inherit_one(&path, &origin)?;
            }
        }
        Ok(())
    }

    /// A file may be inherited once; the list would never end otherwise.
    fn inherit_one(&mut self, path: &str, origin: &Origin) -> Step {
        let times = self.config.values("inherit").filter(|other| *other == path).count();
        if times > MAX_INHERITS {
            let fault = Finding::fault(format!("config include loop: {path} includes itself"));
            return Err(fault.origin(origin).into());
        }
        self.load_by_suffix(path, INHERITED, origin)
    }

    /// Options that act when everything else is known, in the order they were given.
    pub(super) fn late_actions(&mut self) {
        let mut late = Vec::new();
        for entry in &self.config.entries {
            match entry.row.map(|row| row.name) {
                Some("print") => late.push(Action::Print(entry.text().to_owned())),
                Some("version") => late.push(Action::Version),
                Some("dump-options") => late.push(Action::DumpOptions),
                Some("option-status") => late.push(Action::OptionStatus),
                _ => {}
            }
        }
        let wanted: Vec<&str> = self.config.values("get").collect();
        if !wanted.is_empty() {
            let values = wanted.iter().map(|name| self.first(name));
            late.extend(values.map(Action::Print).chain([Action::Exit(0)]));
        }
        if self.config.flag("check") {
            late.push(Action::Check);
        }
        self.config.actions.extend(late);
    }

    fn first(&self, name: &str) -> String {
        let hit = self.config.entries.iter().find(|entry| entry.key == name);
        hit.map(|entry| entry.text().to_owned()).unwrap_or_default()
    }

    /// The configuration, judged unless something else happens instead of serving.
    pub(super) fn finish(mut self) -> Config {
        self.config.magic = self.magic.table();
        let serves = self.config.ends_with().is_none_or(|action| *action == Action::Check);
        if serves && self.config.faults().next().is_none() {
            let found = check::check(&self.config, &self.keys, self.strict);
            self.config.findings.extend(found);
        }
        self.config
    }
}
