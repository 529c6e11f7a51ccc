//! Changes of the process environment: `env`, `ienv`, `unenv`, `early-envdir`, `envdir`.
//!
//! What is immediate is visible to all that is read afterwards, also to commands that are run for
//! their output. The rest waits: the server takes the whole list, in order, before it goes on.

use super::{Loader, Step, Stop};
use crate::config::Origin;
use crate::finding::Finding;
use crate::source::plain;

impl Loader<'_> {
    /// One change at once, by the option that asks for it.
    pub(super) fn change(&mut self, option: &str, text: &str, origin: &Origin) -> Step {
        let (name, value) = assignment(option, text);
        self.export(name, value.map(str::to_owned), origin)
    }

    /// `early-envdir`: the variables of a directory, at once.
    pub(super) fn early_directory(&mut self, directory: &str, origin: &Origin) -> Step {
        for (name, value) in self.directory("early-envdir", directory, origin)? {
            self.export(&name, value, origin)?;
        }
        Ok(())
    }

    fn export(&mut self, name: &str, value: Option<String>, origin: &Origin) -> Step {
        self.spend(name.len() + value.as_ref().map_or(0, String::len), origin)?;
        self.source.export(name, value.as_deref());
        match &value {
            Some(value) => self.env.insert(name.to_owned(), value.clone()),
            None => self.env.remove(name),
        };
        self.config.environment.push((name.to_owned(), value));
        Ok(())
    }

    /// What waits: `env` and `unenv` in their order, then the directories.
    pub(super) fn late_environment(&mut self) -> Step {
        let mut changes = Vec::new();
        let mut directories = Vec::new();
        for entry in &self.config.entries {
            match entry.row {
                Some(row) if matches!(row.name, "env" | "unenv") => {
                    let (name, value) = assignment(row.name, entry.text());
                    changes.push((name.to_owned(), value.map(str::to_owned)));
                }
                Some(row) if row.name == "envdir" => {
                    directories.push((entry.text().to_owned(), entry.origin.clone()));
                }
                _ => {}
            }
        }
        for (directory, origin) in directories {
            changes.extend(self.directory("envdir", &directory, &origin)?);
        }
        self.config.environment.extend(changes);
        Ok(())
    }

    fn directory(&self, option: &str, path: &str, origin: &Origin) -> Result<Changes, Stop> {
        let files = self.source.variables(path).map_err(|error| {
            let reason = plain(&error);
            let text = format!("[uwsgi-envdir] opendir(): {reason} [config line {}]", line!());
            Finding::fault(text).at(option, Some(path), origin)
        })?;
        let read = |(name, bytes): (String, Vec<u8>)| match content(bytes) {
            Some(text) => Ok((name, Some(text).filter(|text| !text.is_empty()))),
            None => {
                let text = format!("content of \"{path}/{name}\" is not valid UTF-8");
                Err(Finding::fault(text).origin(origin).into())
            }
        };
        files.into_iter().map(read).collect()
    }
}

/// Names with their new values; a name without value is removed.
type Changes = Vec<(String, Option<String>)>;

/// A bare name is removed, whichever option names it; `unenv` takes all of its text for a name.
fn assignment<'a>(option: &str, text: &'a str) -> (&'a str, Option<&'a str>) {
    match text.split_once('=') {
        Some((name, value)) if option != "unenv" => (name, Some(value)),
        _ => (text, None),
    }
}

/// The text of a variable's file: blanks at its end go, a NUL stands for a line end.
fn content(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    Some(text.trim_end_matches([' ', '\t', '\r', '\n']).replace('\0', "\n"))
}
