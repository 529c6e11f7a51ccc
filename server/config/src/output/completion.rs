//! `--completion`: the command line for bash, zsh and fish.
//!
//! What follows an option is a word of its list, a file, or something that no shell can guess.
//! An option whose value may be a path gets files; a number gets nothing.

use std::fmt::Write as _;

use crate::registry::Registry;
use crate::row::{Arg, Kind, Row};

/// What can be offered for a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// There is no value.
    Nothing,
    /// A value that cannot be guessed.
    Unknown,
    /// Files.
    Files,
    /// These words.
    Words(&'static [&'static str]),
}

impl Offer {
    fn of(row: &Row) -> Self {
        match row.kind {
            _ if row.arg == Arg::None => Self::Nothing,
            _ if !row.words.is_empty() => Self::Words(row.words),
            kind if kind.numeric() => Self::Unknown,
            Kind::Config | Kind::Str | Kind::List | Kind::Action => Self::Files,
            _ => Self::Unknown,
        }
    }
}

/// The script for `shell`; `None` when there is none for it.
#[must_use]
pub fn completion(shell: &str, names: &Registry) -> Option<String> {
    match shell {
        "bash" => Some(bash(names)),
        "zsh" => Some(zsh(names)),
        "fish" => Some(fish(names)),
        _ => None,
    }
}

const BASH: &str = r#"# bash completion of uwsgi, printed by `uwsgi --completion bash`
_uwsgi() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} glued=
    # bash makes three words of --name=value
    if [[ $cur == = ]]; then
        cur= glued=1
    elif [[ $prev == = && $COMP_CWORD -gt 1 ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]} glued=1
    fi
    COMPREPLY=()
    case $prev in
@REQUIRED@    esac
    [[ $glued ]] && case $prev in
@OPTIONAL@    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$_uwsgi_names" -- "$cur")
    else
        _uwsgi_files
    fi
}
_uwsgi_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
_uwsgi_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}
_uwsgi_names='
@NAMES@'
complete -F _uwsgi uwsgi
"#;

fn bash(names: &Registry) -> String {
    let list = names.names().fold(String::new(), |text, (name, _)| text + "--" + name + "\n");
    BASH.replace("@REQUIRED@", &cases(names, Arg::Required))
        .replace("@OPTIONAL@", &cases(names, Arg::Optional))
        .replace("@NAMES@", &list)
}

/// The branches for the options whose argument is `arg`, one for each kind of offer.
fn cases(names: &Registry, arg: Arg) -> String {
    let mut groups: Vec<(Offer, Vec<String>)> = Vec::new();
    for (name, row) in names.names().filter(|(_, row)| row.arg == arg) {
        let letter = row.short.filter(|letter| first(names, *letter, name, row));
        let spellings = letter.map(|letter| format!("-{letter}")).into_iter();
        let spellings = spellings.chain([format!("--{name}")]);
        match groups.iter_mut().find(|(known, _)| *known == Offer::of(row)) {
            Some((_, group)) => group.extend(spellings),
            None => groups.push((Offer::of(row), spellings.collect())),
        }
    }
    groups.iter().fold(String::new(), |text, (offer, group)| text + &case(*offer, group))
}

fn case(offer: Offer, spellings: &[String]) -> String {
    let action = match offer {
        Offer::Nothing | Offer::Unknown => "return".to_owned(),
        Offer::Files => "_uwsgi_files; return".to_owned(),
        Offer::Words(words) => format!("_uwsgi_words '{}'; return", words.join(" ")),
    };
    format!("        {})\n            {action} ;;\n", spellings.join("|"))
}

/// True for the name that carries the letter: the canonical one of the first row that claims it.
fn first(names: &Registry, letter: char, name: &str, row: &Row) -> bool {
    row.name == name && names.find_short(letter).is_some_and(|found| found.name == name)
}

fn zsh(names: &Registry) -> String {
    let mut text = String::from(
        "#compdef uwsgi\n# zsh completion of uwsgi, printed by `uwsgi --completion zsh`\n\
         local -a specs=(\n",
    );
    for (name, row) in names.names() {
        let _ = writeln!(text, "  {}", zsh_spec(&format!("--{name}"), "=", row));
        if let Some(letter) = row.short.filter(|letter| first(names, *letter, name, row)) {
            let _ = writeln!(text, "  {}", zsh_spec(&format!("-{letter}"), "+", row));
        }
    }
    text.push_str(")\n_arguments -s -S $specs '*:configuration:_files'\n");
    text
}

/// One argument of `_arguments`; `glue` says that the value may be in the same word.
fn zsh_spec(spelling: &str, glue: &str, row: &Row) -> String {
    let help = row.help.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    let help = help.replace('\'', "'\\''");
    let (glue, optional) = match row.arg {
        Arg::None => ("", ""),
        Arg::Required => (glue, ":"),
        Arg::Optional => (if glue == "=" { "=-" } else { "-" }, "::"),
    };
    let action = match Offer::of(row) {
        Offer::Nothing => String::new(),
        Offer::Unknown => "value: ".to_owned(),
        Offer::Files => "value:_files".to_owned(),
        Offer::Words(words) => format!("value:({})", words.join(" ")),
    };
    format!("'*{spelling}{glue}[{help}]{optional}{action}'")
}

fn fish(names: &Registry) -> String {
    let mut text =
        String::from("# fish completion of uwsgi, printed by `uwsgi --completion fish`\n");
    for (name, row) in names.names() {
        let letter = row.short.filter(|letter| first(names, *letter, name, row));
        let short = letter.map(|letter| format!(" -s {letter}")).unwrap_or_default();
        let help = row.help.replace('\\', "\\\\").replace('\'', "\\'");
        let value = match (Offer::of(row), row.arg) {
            (Offer::Nothing, _) | (_, Arg::Optional) => String::new(),
            (Offer::Unknown, _) => " -x".to_owned(),
            (Offer::Files, _) => " -r".to_owned(),
            (Offer::Words(words), _) => format!(" -x -a '{}'", words.join(" ")),
        };
        let _ = writeln!(text, "complete -c uwsgi{short} -l {name}{value} -d '{help}'");
    }
    text
}
