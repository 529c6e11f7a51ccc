//! What happens when everything is read: passes, late actions, checks.

use super::files::content;
use super::{Loader, Step, Stop};
use crate::config::{Action, Config, Origin};
use crate::finding::Finding;
use crate::{check, expand};

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
        let entry = &self.config.entries[at];
        let Some(old) = entry.value.clone().filter(|_| !entry.fixed) else { return Ok(()) };
        let (key, origin) = (entry.key.clone(), entry.origin.clone());
        let Some(new) = self.expanded(symbol, &key, &old, &origin)? else { return Ok(()) };
        self.keys.update(&key, Some(&old), &new);
        self.config.entries[at].value = Some(new);
        Ok(())
    }

    /// A value after all passes at once: for options whose value is used while reading.
    pub(super) fn expanded_now(
        &mut self,
        key: &str,
        value: String,
        origin: &Origin,
    ) -> Result<String, Stop> {
        let mut value = value;
        for symbol in ['$', '@', '%'] {
            value = self.expanded(symbol, key, &value, origin)?.unwrap_or(value);
        }
        Ok(value)
    }

    fn expanded(
        &mut self,
        symbol: char,
        key: &str,
        value: &str,
        origin: &Origin,
    ) -> Result<Option<String>, Stop> {
        if !value.contains(symbol) {
            return Ok(None);
        }
        let Self { config, keys, env, source, .. } = self;
        let mut code = None;
        let mut lookup = |inner: &str| match symbol {
            '$' => Ok(expand::variable(env, inner)),
            '@' => {
                let (text, log) = content(*source, inner).map_err(|error| {
                    config.messages.extend(error.log);
                    code = Some(error.code);
                    error.text
                })?;
                config.messages.extend(log);
                Ok(Some(text))
            }
            _ => Ok(keys.expression(inner)),
        };
        let new = expand::pass(value, symbol, &mut lookup);
        self.config.code = code.unwrap_or(self.config.code);
        let new = new.map_err(|text| Finding::fault(text).at(key, Some(value), origin))?;
        self.spend(new.as_ref().map_or(0, String::len), origin)?;
        Ok(new)
    }

    /// Options that act when everything else is known, in the order they were given.
    pub(super) fn late_actions(&mut self) {
        let mut late = Vec::new();
        for entry in &self.config.entries {
            match entry.row.map(|row| row.name) {
                Some("print") => late.push(Action::Print(entry.text().to_owned())),
                Some("version") => late.push(Action::Version),
                Some("dump-options" | "option-status" | "build-info" | "ebpf-check" | "nagios")
                    if !crate::value::boolean(entry.value.as_deref()) => {}
                Some("dump-options") => late.push(Action::DumpOptions),
                Some("option-status") => late.push(Action::OptionStatus),
                Some("explain") => late.push(Action::Explain(entry.text().to_owned())),
                Some("json-schema") => late.push(Action::JsonSchema),
                Some("completion") => late.push(Action::Completion(entry.text().to_owned())),
                Some("build-info") => late.push(Action::BuildInfo),
                Some("ebpf-check") => late.push(Action::EbpfCheck),
                Some("cheaper-replay") => {
                    late.push(Action::CheaperReplay(entry.text().to_owned()));
                }
                Some("ping") => late.push(Action::Ping(entry.text().to_owned())),
                Some("nagios") => late.push(Action::Nagios),
                _ => {}
            }
        }
        let wanted: Vec<&str> = self.config.values("get").collect();
        if !wanted.is_empty() {
            let values = wanted.iter().filter_map(|name| self.first(name));
            late.extend(values.map(Action::Print).chain([Action::Exit(0)]));
        }
        // A check is the only answer of the run that makes it.
        if self.config.check.is_some() {
            late.retain(|action| !action.ends_process());
        }
        self.config.actions.extend(late);
    }

    /// What stands beside the first use of an option; nothing where it is a mere flag.
    fn first(&self, name: &str) -> Option<String> {
        self.config.shown().find(|entry| entry.key == name)?.value.clone()
    }

    /// The configuration, judged unless something else happens instead of serving.
    pub(super) fn finish(mut self) -> Config {
        self.config.magic = self.magic.table();
        if self.config.ends_with().is_none() && self.config.faults().next().is_none() {
            let found = check::check(&self.config, &self.keys, self.strict);
            self.config.findings.extend(found);
        }
        self.config
    }
}
