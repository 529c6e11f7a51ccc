//! `--show-config`: the list of entries as an ini file.
//!
//! Without origins the bytes are those of uWSGI, because scripts read them.

use std::fmt::Write as _;

use crate::config::{Config, Entry};

/// The list of entries in the form of an ini file, surrounded by blank lines. With
/// `show-config-origin` a comment in front of each says where it was written; what a declared option
/// stands for is a comment as a whole, because it is no part of the list.
#[must_use]
pub fn show_config(config: &Config) -> String {
    let mut text = String::from("\n;uWSGI instance configuration\n[uwsgi]\n");
    let origins = config.flag("show-config-origin");
    for entry in &config.entries {
        match (origins, entry.hidden) {
            (false, true) => continue,
            (true, true) => {
                let _ = writeln!(text, ";{}: {} = {}", entry.origin, entry.key, shown(entry));
                continue;
            }
            (true, false) => {
                let _ = writeln!(text, ";{}", entry.origin);
            }
            (false, false) => {}
        }
        let _ = writeln!(text, "{} = {}", entry.key, shown(entry));
    }
    text.push_str(";end of configuration\n\n");
    text
}

fn shown(entry: &Entry) -> &str {
    entry.value.as_deref().unwrap_or("true")
}
