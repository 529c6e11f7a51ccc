//! `--help`, `--dump-options`, `--option-status`: every name there is, one line each.

use std::fmt::Write as _;

use crate::registry::Registry;
use crate::row::{Row, Status};
use crate::table;

/// Every option with its help, one line per name: four spaces, the letter, the name, the help.
/// An option that the configuration declared shows its template.
#[must_use]
pub fn help(binary: &str, names: &Registry) -> String {
    let mut text = format!("Usage: {binary} [options...]\n");
    let width = names.names().map(|(name, row)| label(name, row).len()).max().unwrap_or(0);
    for (name, row) in names.names() {
        let help = names.custom(name).filter(|_| table::find(name).is_none());
        let help = help.map_or(row.help, |custom| custom.template.as_str());
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

/// Every name and alias, one per line.
#[must_use]
pub fn dump_options(names: &Registry) -> String {
    names.names().fold(String::new(), |text, (name, _)| text + name + "\n")
}

/// Options of one section by status.
#[derive(Clone, Copy, Default)]
struct Count {
    works: usize,
    pending: usize,
    accepted: usize,
}

impl Count {
    fn add(&mut self, row: &Row) {
        match (row.status, row.status_word()) {
            (Status::Works, _) => self.works += 1,
            (_, "accepted") => self.accepted += 1,
            _ => self.pending += 1,
        }
    }
}

/// Two tables, tab separated under their headings, a blank line between them: how many options of
/// each section work, are pending, or are accepted without effect; then every name with argument,
/// section and status.
#[must_use]
pub fn option_status(names: &Registry) -> String {
    let rows = table::rows().iter().chain(names.plugin_rows().iter().copied());
    let mut counts: Vec<(&str, Count)> = vec![("all", Count::default())];
    for row in rows {
        counts[0].1.add(row);
        match counts.iter_mut().find(|(section, _)| *section == row.section) {
            Some((_, count)) => count.add(row),
            None => {
                let mut count = Count::default();
                count.add(row);
                counts.push((row.section, count));
            }
        }
    }
    let mut text = String::from("section\tworks\tpending\taccepted\n");
    for (section, count) in counts {
        let Count { works, pending, accepted } = count;
        let _ = writeln!(text, "{section}\t{works}\t{pending}\t{accepted}");
    }
    text.push_str("\noption\targument\tsection\tstatus\n");
    for (name, row) in names.names() {
        let (arg, status) = (row.arg.word(), row.status_word());
        let _ = writeln!(text, "{name}\t{arg}\t{}\t{status}", row.section);
    }
    text
}
