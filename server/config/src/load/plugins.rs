//! Plugins by name: the comma list of `plugins`, and what each name means here.

use super::{Loader, Step};
use crate::config::{Origin, PluginUse};
use crate::finding::Finding;
use crate::source::PluginAnswer;

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
            if self.config.plugins.iter().any(|plugin| plugin.name == wish.name) {
                continue;
            }
            let name = wish.name.clone();
            if !self.plugin(wish) && needed {
                let fault = Finding::fault(format!("unable to load plugin \"{name}\""));
                return Err(fault.at(option, Some(list), origin).into());
            }
        }
        Ok(())
    }

    /// Looks for one plugin; false when it is missing.
    fn plugin(&mut self, wish: PluginUse) -> bool {
        let directories: Vec<String> =
            self.config.values("plugins-dir").map(str::to_owned).collect();
        let path = match self.source.plugin(&wish.name, &directories) {
            PluginAnswer::BuiltIn => None,
            PluginAnswer::Loaded { path, rows } => {
                self.config.registry.add_rows(&rows);
                Some(path)
            }
            PluginAnswer::Missing(lines) => {
                self.config.messages.extend(lines);
                return false;
            }
        };
        self.config.plugins.push(PluginUse { path, ..wish });
        true
    }
}

/// Reads `N:name|initialiser`.
fn wish(text: &str) -> PluginUse {
    let (modifier1, name) = match text.split_once(':') {
        Some((number, name)) if number.parse::<u8>().is_ok() => (number.parse().ok(), name),
        _ => (None, text),
    };
    let name = name.split('|').next().unwrap_or_default();
    PluginUse { name: name.to_owned(), modifier1, path: None }
}
