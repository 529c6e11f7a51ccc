//! Prints the reference of all options as Markdown, generated from the option table.
//!
//! Owns the layout of `docs/options.md` and nothing else; every word in it comes from the table.

use uwsgi_config::table;
use uwsgi_config::{Arg, Flags, Kind, Row, Status};

const PREFACE: &str = "\
# Options

Generated from the option table by `make docs`; `make docs-check` fails when it is not current.

- Every option works on the command line (`--name value`, `--name=value`, `-x value`) and in an
  ini file (`name = value`, booleans as `name = true`). Words behind a comma are the same option.
- **Value** is how the text is read; *repeatable* means that every mention counts. A value in
  brackets is optional and must be glued to the name (`--logdate=%Y`).
- **works** acts as described. **pending** is known and checked, and says in one line of the log
  that it is ignored; one that would decide which other options count is refused instead.
  **accepted** never had an effect here and is taken without a word.
- **new** marks an option that uWSGI does not have.
";

fn main() {
    println!("{PREFACE}");
    let sections = sections();
    for section in &sections {
        let (works, all) = count(section);
        println!("- [{section}](#{section}): {works} of {all} work");
    }
    sections.iter().for_each(|section| print_section(section));
}

/// Names of sections in the order of the table, each once.
fn sections() -> Vec<&'static str> {
    let mut names = Vec::new();
    for row in table::rows() {
        if !names.contains(&row.section) {
            names.push(row.section);
        }
    }
    names
}

fn rows_of(section: &str) -> impl Iterator<Item = &'static Row> {
    table::rows().iter().filter(move |row| row.section == section)
}

/// Options of a section that work, and all of them.
fn count(section: &str) -> (usize, usize) {
    let works = rows_of(section).filter(|row| row.status == Status::Works).count();
    (works, rows_of(section).count())
}

fn print_section(section: &str) {
    println!("\n## {section}\n");
    println!("| Option | Value | Default | Switches on | Status | Meaning |");
    println!("|---|---|---|---|---|---|");
    for row in rows_of(section) {
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            names(row),
            value(row),
            code(row.default),
            switches(row.flags),
            status(row),
            escape(row.help),
        );
    }
}

fn names(row: &Row) -> String {
    let letter = row.short.map(|letter| format!("`-{letter}`"));
    let long = row.names().map(|name| format!("`{name}`"));
    long.chain(letter).collect::<Vec<_>>().join(", ")
}

fn value(row: &Row) -> String {
    let kind = kind(row.kind);
    let text = if row.unit.is_empty() { kind.to_owned() } else { format!("{kind}, {}", row.unit) };
    match row.arg {
        Arg::Optional => format!("[{text}]"),
        Arg::None | Arg::Required => text,
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Flag => "boolean",
        Kind::InverseFlag => "boolean, turned round",
        Kind::Int | Kind::U64 => "number",
        Kind::RawInt => "number with sign",
        Kind::U16 => "number to 65535",
        Kind::Megabytes => "number",
        Kind::Str | Kind::Spaced => "text",
        Kind::List => "text, repeatable",
        Kind::Chmod => "octal mode",
        Kind::Umask => "octal mask",
        Kind::User => "user",
        Kind::Group => "group",
        Kind::Regexp => "regexp, repeatable",
        Kind::NamedRegexp => "name and regexp, repeatable",
        Kind::Dict => "key=value, repeatable",
        Kind::RegexpDict => "regexp and value, repeatable",
        Kind::Address => "address",
        Kind::Ip => "IP address, repeatable",
        Kind::Words => "comma list",
        Kind::Cron => "time table and command, repeatable",
        Kind::Route => "rule, repeatable",
        Kind::Hook => "action:arguments, repeatable",
        Kind::Socket => "socket, repeatable",
        Kind::Env => "NAME=value, repeatable",
        Kind::Plugins => "comma list, repeatable",
        Kind::Config => "file",
        Kind::Placeholder | Kind::Custom => "key=value",
        Kind::Logic => "logic",
        Kind::Action => "action, then exit",
        Kind::Noop => "boolean",
    }
}

fn switches(flags: Flags) -> String {
    let set = Flags::NAMES.iter().filter(|(flag, _)| flags.contains(*flag));
    let words = set.filter(|(flag, _)| *flag != Flags::IMMEDIATE);
    words.map(|(_, name)| name.to_lowercase().replace('_', "-")).collect::<Vec<_>>().join(", ")
}

fn status(row: &Row) -> String {
    let word = match (row.status, row.kind) {
        (Status::Works, _) => "works",
        (Status::Pending, Kind::Noop) => "accepted",
        (Status::Pending, _) => "pending",
    };
    let new = if row.names().any(table::is_own) { ", new" } else { "" };
    format!("{word}{new}")
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", escape(text)) }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}
