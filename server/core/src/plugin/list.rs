//! `plugins-list`: the plugins that this configuration makes use of, as text.

use std::path::Path;

use uwsgi_config::Config;

use super::find;
use super::shipped::{self, Shipped};
use crate::language;

/// Modifier under which the server itself answers pings.
const PING: u8 = 100;

/// The list in the form that users' scripts read: parts of the server first, then those that take
/// requests, by modifier.
pub fn list(config: &Config, binary: &Path) -> String {
    let mut text = String::from("\n*** uWSGI loaded generic plugins ***\n");
    generic(config).iter().for_each(|name| text += &format!("{name}\n"));
    text += "\n*** uWSGI loaded request plugins ***\n";
    let requests = requests(config, binary);
    requests.iter().for_each(|(modifier, name)| text += &format!("{modifier}: {name}\n"));
    text + "--- end of plugins list ---\n\n"
}

/// Asked for by name, or by an option of theirs.
fn generic(config: &Config) -> Vec<String> {
    let mut names = Vec::new();
    if config.has("http") {
        names.extend(["corerouter".to_owned(), "http".to_owned()]);
    }
    for plugin in &config.plugins {
        let takes_no_requests = match plugin.path.as_deref().and_then(find::opened) {
            Some(loaded) => loaded.modifier1().is_none(),
            None => shipped::find(&plugin.name) == Some(Shipped::Part),
        };
        let name = plugin.own_name.as_ref().unwrap_or(&plugin.name);
        if takes_no_requests && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn requests(config: &Config, binary: &Path) -> Vec<(u8, String)> {
    let mut found = vec![(PING, "ping".to_owned())];
    if language::is_there(config, binary) {
        let python =
            config.plugins.iter().filter(|p| shipped::find(&p.name) == Some(Shipped::Python));
        found.push((python.filter_map(|p| p.modifier1).next().unwrap_or(0), "python".to_owned()));
    }
    for plugin in &config.plugins {
        let Some(loaded) = plugin.path.as_deref().and_then(find::opened) else { continue };
        let modifier = loaded.modifier1().map(|own| plugin.modifier1.unwrap_or(own));
        if let Some(modifier) = modifier {
            found.retain(|(taken, _)| *taken != modifier);
            found.push((modifier, loaded.name().to_owned()));
        }
    }
    found.sort();
    found
}
