//! Texts for people: `--help`, `--show-config`, `--dump-options`, `--option-status`.

use std::fmt::Write as _;

use crate::config::{Config, Entry};
use crate::registry::Registry;
use crate::row::{Arg, Row, Status};

/// Every option with its help, one line per name: four spaces, the letter, the name, the help.
#[must_use]
pub fn help(binary: &str, registry: &Registry) -> String {
    let mut text = format!("Usage: {binary} [options...]\n");
    let width = registry.names().map(|(name, row)| label(name, row).len()).max().unwrap_or(0);
    for (name, row) in registry.names() {
        let help = registry.custom(name).map_or(row.help, |custom| custom.template.as_str());
        let _ = writeln!(text, "    {:<width$} {help}", label(name, row));
    }
    text
}

fn label(name: &str, row: &Row) -> String {
    match row.short {
        Some(letter) => format!("-{letter}|--{name}"),
        None => format!("--{name}"),
    }
}

/// The list of entries in the form of an ini file, surrounded by blank lines.
#[must_use]
pub fn show_config(config: &Config) -> String {
    let mut text = String::from("\n;uWSGI instance configuration\n[uwsgi]\n");
    let origins = config.flag("show-config-origin");
    for entry in config.shown() {
        if origins {
            let _ = writeln!(text, ";{}", entry.origin);
        }
        let _ = writeln!(text, "{} = {}", entry.key, shown(entry));
    }
    text.push_str(";end of configuration\n\n");
    text
}

fn shown(entry: &Entry) -> &str {
    entry.value.as_deref().unwrap_or("true")
}

/// Every name and alias, one per line.
#[must_use]
pub fn dump_options(registry: &Registry) -> String {
    registry.names().fold(String::new(), |text, (name, _)| text + name + "\n")
}

/// Every name with argument, section and status, tab separated, under a heading.
#[must_use]
pub fn option_status(registry: &Registry) -> String {
    let mut text = String::from("option\targument\tsection\tstatus\n");
    for (name, row) in registry.names() {
        let arg = match row.arg {
            Arg::None => "none",
            Arg::Required => "required",
            Arg::Optional => "optional",
        };
        let status = match row.status {
            Status::Works => "works",
            Status::Pending => "pending",
        };
        let _ = writeln!(text, "{name}\t{arg}\t{}\t{status}", row.section);
    }
    text
}
