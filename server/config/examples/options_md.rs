//! Prints the reference of all options as Markdown, generated from the option table.
//!
//! Owns the layout of `docs/options.md` and nothing else; every word in it comes from the table.

use uwsgi_config::table;
use uwsgi_config::{Arg, Row, Status};

const PREFACE: &str = "\
# Options

Generated from the option table by `make docs`; `make docs-check` fails when it is not current.

- Every option works on the command line (`--name value`, `--name=value`, `-x value`) and in an
  ini file (`name = value`, booleans as `name = true`). Words behind a comma are the same option.
- **Value** is how the text is read, with unit and range, and the words or keys it may have;
  *repeatable* means that every mention counts. A value in brackets is optional and must be glued to
  the name (`--logdate=%Y`).
- `uwsgi --explain NAME` says the same about one option, with examples.
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
            row.switches().join(", "),
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

/// How the value is read and what it may be.
fn value(row: &Row) -> String {
    let list = |label: &str, words: &[&str]| {
        let quoted: Vec<String> = words.iter().map(|word| code(word)).collect();
        (!words.is_empty()).then(|| format!("; {label} {}", quoted.join(", ")))
    };
    let words = list(if row.open { "such as" } else { "one of" }, row.words).unwrap_or_default();
    let keys = list("keys", row.keys).unwrap_or_default();
    let text = format!("{}{words}{keys}", row.value_words());
    match row.arg {
        Arg::Optional => format!("[{text}]"),
        Arg::None | Arg::Required => text,
    }
}

fn status(row: &Row) -> String {
    format!("{}{}", row.status_word(), if row.is_new() { ", new" } else { "" })
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", escape(text)) }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}
