//! Plugins by name: the comma list of `plugins`, the names that the program's own name implies,
//! and what each name means here.
//!
//! The rows of a plugin join the registry when its line is read. Options written before that line
//! are recognised at the end of reading, so the order of lines decides nothing.

use super::{Loader, Step};
use crate::config::{Origin, PluginUse};
use crate::finding::Finding;
use crate::row::Kind;
use crate::source::PluginAnswer;

/// What the name of the program begins with when names of plugins follow.
const PROGRAM: &str = "uwsgi_";

impl Loader<'_> {
    /// Takes every plugin of a comma list; one that is `needed` and missing ends the start.
    pub(super) fn plugins(
        &mut self,
        option: &str,
        list: &str,
        needed: bool,
        origin: &Origin,
    ) -> Step {
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        for wish in names.map(wish) {
            let name = wish.name.clone();
            if !self.plugin(wish) && needed {
                let fault = Finding::fault(format!("unable to load plugin \"{name}\""));
                return Err(fault.at(option, Some(list), origin).into());
            }
        }
        Ok(())
    }

    /// Plugins named by the program itself: `uwsgi_python3_psgi` asks for two.
    pub(super) fn implied_plugins(&mut self, program: &str) {
        let program = self.env.get("UWSGI_ORIGINAL_PROC_NAME").map_or(program, String::as_str);
        let name = program.rsplit('/').next().unwrap_or_default();
        let names = name.find(PROGRAM).map(|at| name[at + PROGRAM.len()..].to_owned());
        for name in names.iter().flat_map(|names| names.split('_')).filter(|name| !name.is_empty())
        {
            self.config.messages.push(format!("[uwsgi] implicit plugin requested {name}"));
            self.plugin(PluginUse::named(name));
        }
    }

    /// Loads one plugin unless it is there; false when it is missing.
    fn plugin(&mut self, wish: PluginUse) -> bool {
        if self.config.plugins.iter().any(|plugin| plugin.is_called(&wish.name)) {
            return true;
        }
        let answer = self.source.plugin(&wish, &self.plugin_directories());
        let (path, own_name) = match answer {
            PluginAnswer::BuiltIn => (None, None),
            PluginAnswer::Loaded { path, name, rows } => {
                if self.is_loaded(&path, &name) {
                    return true;
                }
                let ignored = self.config.registry.add_rows(&rows);
                let line = |option| format!("option \"{option}\" of plugin {name} exists already");
                self.config.messages.extend(ignored.into_iter().map(line));
                (Some(path), Some(name))
            }
            PluginAnswer::Missing(lines) => {
                self.config.messages.extend(lines);
                return false;
            }
        };
        self.config.plugins.push(PluginUse { path, own_name, ..wish });
        true
    }

    /// True when that file, or another plugin of that name, is there already.
    fn is_loaded(&mut self, path: &str, name: &str) -> bool {
        let mut plugins = self.config.plugins.iter();
        let Some(other) = plugins.find(|p| p.path.as_deref() == Some(path) || p.is_called(name))
        else {
            return false;
        };
        if other.path.as_deref() != Some(path) {
            let line = format!("plugin {name} is loaded already, {path} is left out");
            self.config.messages.push(line);
        }
        true
    }

    fn plugin_directories(&self) -> Vec<String> {
        self.config.values("plugins-dir").map(str::to_owned).collect()
    }

    /// True when a plugin of that name is built in or was loaded.
    pub(super) fn has_plugin(&self, name: &str) -> bool {
        self.source.built_in(name) || self.config.plugins.iter().any(|p| p.is_called(name))
    }

    /// With `autoload`: loads the plugin that knows `option`, if nothing else does.
    pub(super) fn autoload(&mut self, option: &str) {
        if !self.autoloads || self.config.registry.find(option).is_some() {
            return;
        }
        let Some(name) = self.source.plugin_with(option, &self.plugin_directories()) else {
            return;
        };
        self.config.messages.push(format!("option \"{option}\" found in plugin {name}"));
        self.plugin(PluginUse::named(name));
    }

    /// Gives every key that became an option after its line its row.
    pub(super) fn recognise(&mut self) {
        let registry = &self.config.registry;
        for entry in self.config.entries.iter_mut().filter(|e| e.row.is_none() && !e.placeholder) {
            entry.row = registry.find(&entry.key).filter(|row| row.kind != Kind::Custom);
        }
    }

    /// `dlopen`: a library that cannot be opened costs a line and nothing else.
    pub(super) fn open_library(&mut self, path: &str) {
        if let Err(text) = self.source.open_library(path) {
            self.config.messages.push(text);
        }
    }
}

/// Reads `N:name|initialiser`.
fn wish(text: &str) -> PluginUse {
    let (modifier1, name) = match text.split_once(':') {
        Some((number, name)) if number.parse::<u8>().is_ok() => (number.parse().ok(), name),
        _ => (None, text),
    };
    let (name, initialiser) = match name.split_once('|') {
        Some((name, function)) => (name, Some(function.to_owned()).filter(|f| !f.is_empty())),
        None => (name, None),
    };
    PluginUse { modifier1, initialiser, ..PluginUse::named(name) }
}
