//! `--explain`: all that the table knows about an option, under any spelling.

use std::fmt::Write as _;

use super::words::range;
use crate::registry::{Custom, Registry};
use crate::row::{Arg, Kind, Row};
use crate::suggest;

/// Names offered when there is no such option.
const OFFERED: usize = 8;

/// The answer for one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// What is known.
    Known(String),
    /// Why there is nothing to say, with the nearest names.
    Unknown(String),
}

/// Explains `asked`: a name or alias with or without dashes, a letter, the only option that
/// begins so.
#[must_use]
pub fn explain(asked: &str, names: &Registry) -> Explained {
    let bare = asked.trim().trim_start_matches('-');
    let mut letters = bare.chars();
    if let (Some(letter), None) = (letters.next(), letters.next())
        && let Some(row) = names.find_short(letter)
    {
        return Explained::Known(page(row.name, row, None));
    }
    let begins = || names.names().map(|(name, _)| name).filter(|name| name.starts_with(bare));
    let only = begins().next().filter(|_| !bare.is_empty() && begins().nth(1).is_none());
    for name in [bare, &bare.replace('_', "-")].into_iter().chain(only) {
        if let Some(row) = names.find(name) {
            let custom = names.custom(name).filter(|_| row.kind == Kind::Custom);
            return Explained::Known(page(name, row, custom));
        }
    }
    let near = suggest::near(bare, names, OFFERED);
    let offer = if near.is_empty() { "nothing is near to it".to_owned() } else { near.join(", ") };
    Explained::Unknown(format!("unknown option \"{bare}\", near: {offer}"))
}

fn page(name: &str, row: &Row, custom: Option<&Custom>) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "{label:<13} {value}");
        }
    };
    line("option", name.to_owned());
    if custom.is_none() {
        let others: Vec<&str> = row.names().filter(|other| *other != name).collect();
        line("same as", others.join(", "));
    }
    line("letter", row.short.map(|letter| format!("-{letter}")).unwrap_or_default());
    line("meaning", custom.map_or(row.help, |custom| &custom.template).to_owned());
    line("argument", row.arg.word().to_owned());
    line("value", row.kind.words().to_owned());
    line("unit", row.unit.to_owned());
    line("range", row.limits().map(range).unwrap_or_default());
    line(if row.open { "such as" } else { "one of" }, row.words.join(", "));
    line("keys", row.keys.join(", "));
    line("default", row.default.to_owned());
    line("repeated", if row.kind.repeatable() { "every mention counts" } else { "" }.to_owned());
    line("switches on", row.switches().join(", "));
    line("takes effect", if row.immediate() { "while reading" } else { "" }.to_owned());
    line("section", row.section.to_owned());
    line("status", status(row));
    if custom.is_none() {
        line("documented", format!("docs/options.md#{}", row.section));
    }
    examples(name, row, &mut line);
    text
}

/// The status, with what it means where that is not plain.
fn status(row: &Row) -> String {
    let more = match row.status_word() {
        "pending" => ": known and checked, without effect in this build",
        "accepted" => ": taken without a word, has no effect",
        _ => "",
    };
    format!("{}{more}{}", row.status_word(), if row.is_new() { ", not in uWSGI" } else { "" })
}

/// The option as it is written in each place.
fn examples(name: &str, row: &Row, line: &mut dyn FnMut(&str, String)) {
    let value = sample(row);
    let shell = if value.contains([' ', '$', '^', '*', ';']) {
        format!("'{value}'")
    } else {
        value.clone()
    };
    line(
        "command line",
        match row.arg {
            Arg::None => format!("--{name}"),
            Arg::Required => format!("--{name} {shell}"),
            Arg::Optional => format!("--{name}  or  --{name}={shell}"),
        },
    );
    let written = if row.arg == Arg::None { "true" } else { &value };
    line("ini", format!("{name} = {written}"));
    let variable = name.to_uppercase().replace('-', "_");
    line(
        "environment",
        format!("UWSGI_{variable}={}", if row.arg == Arg::None { "1" } else { &shell }),
    );
}

/// A value that shows the form.
fn sample(row: &Row) -> String {
    if let Some(word) = row.words.first() {
        return (*word).to_owned();
    }
    if let Some(key) = row.keys.first() {
        return format!("{key}=value");
    }
    if let (Some((least, most)), true) = (row.limits(), row.kind.numeric()) {
        return 4.clamp(least, most).to_string();
    }
    let word = !row.default.is_empty() && row.default != "true";
    if word && matches!(row.kind, Kind::Str | Kind::List) {
        return row.default.to_owned();
    }
    let text = match row.kind {
        Kind::Flag | Kind::InverseFlag | Kind::Noop => "true",
        Kind::Int | Kind::RawInt | Kind::U64 | Kind::U16 => "4",
        Kind::Megabytes => "256",
        Kind::Chmod => "664",
        Kind::Umask => "022",
        Kind::User => "www-data",
        Kind::Group => "www-data",
        Kind::Regexp => "^/static/",
        Kind::NamedRegexp => "name ^/static/",
        Kind::RegexpDict => "^/static/ value",
        Kind::Dict | Kind::Placeholder => "key=value",
        Kind::Address | Kind::Socket => "127.0.0.1:3031",
        Kind::Ip => "127.0.0.1",
        Kind::Cron => "0 3 -1 -1 -1 command",
        Kind::Route => "^/old/ redirect:/new/",
        Kind::Hook => "exec:command",
        Kind::Env => "NAME=value",
        Kind::Plugins => "python3",
        Kind::Config => "app.ini",
        Kind::Str
        | Kind::Spaced
        | Kind::List
        | Kind::Words
        | Kind::Custom
        | Kind::Logic
        | Kind::Action => "value",
    };
    text.to_owned()
}
