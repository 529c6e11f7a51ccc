//! The table against the facts of the reference list: names, arity, letters, flags.

#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]

use std::collections::HashSet;

use uwsgi_config::{Flags, Kind, Row, Status, table};

/// Arities that differ from the list on purpose: options that take a value but are declared
/// without one, and some whose value the list forgot.
const ARITY_MENDED: &[(&str, &str)] = &[
    ("need-app", "optional"),
    ("so-send-timeout", "required"),
    ("socket-send-timeout", "required"),
    ("so-write-timeout", "required"),
    ("socket-write-timeout", "required"),
    ("ssl-option", "required"),
    ("subscription-mountpoint", "optional"),
    ("subscription-mountpoints", "optional"),
];

fn flag_names(row: &Row) -> String {
    let set = Flags::NAMES.iter().filter(|(flag, _)| row.flags.contains(*flag));
    let mut names: Vec<&str> = set.map(|(_, name)| *name).collect();
    names.sort_unstable();
    names.join(" ")
}

#[test]
fn every_name_of_the_reference_has_its_arity_letter_and_flags() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("options.tsv").lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [section, name, short, argument, flags] = fields[..] else { panic!("bad line {line}") };
        count += 1;
        let Some(row) = table::find(name) else {
            wrong.push(format!("{name}: missing"));
            continue;
        };
        let mended = ARITY_MENDED.iter().find(|(mended, _)| *mended == name);
        let argument = mended.map_or(argument, |(_, argument)| argument);
        let letter = row.short.map(String::from).unwrap_or_default();
        let got = (row.section, row.arg.word(), letter.as_str(), flag_names(row));
        let wanted = (section, argument, short, flags.to_owned());
        if got != wanted {
            wrong.push(format!("{name}: {got:?} instead of {wanted:?}"));
        }
    }
    assert_eq!(count, 1252, "the list of facts is complete");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn newer_names_are_rows_and_every_other_name_is_declared_our_own() {
    let newer: HashSet<&str> = include_str!("newer-names.txt").lines().collect();
    let missing: Vec<_> = newer.iter().filter(|name| table::find(name).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let reference = include_str!("options.tsv").lines().filter_map(|line| line.split('\t').nth(1));
    let reference: HashSet<&str> = reference.collect();
    let wrong: Vec<&str> = table::names()
        .map(|(name, _)| name)
        .filter(|name| (reference.contains(name) || newer.contains(name)) == table::is_own(name))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn no_name_belongs_to_two_rows() {
    let mut seen = HashSet::new();
    let twice: Vec<&str> =
        table::names().map(|(name, _)| name).filter(|name| !seen.insert(*name)).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn the_first_row_of_a_letter_wins() {
    for (letter, name) in [
        ('s', "socket"),
        ('p', "processes"),
        ('H', "home"),
        ('w', "module"),
        ('M', "master"),
        ('C', "chmod-socket"),
        ('h', "help"),
    ] {
        assert_eq!(table::find_short(letter).map(|row| row.name), Some(name), "-{letter}");
    }
}

#[test]
fn every_row_has_a_help_line_in_the_house_voice() {
    for row in table::rows() {
        let ends_well = !row.help.ends_with('.') && !row.help.is_empty();
        let starts_well = row.help.chars().next().is_some_and(char::is_alphabetic);
        assert!(ends_well && starts_well && row.help.len() < 100, "{}: {:?}", row.name, row.help);
    }
}

#[test]
fn the_list_of_working_options_is_sorted_and_names_only_options() {
    let names: Vec<&str> = include_str!("../src/table/works.txt").lines().collect();
    assert!(names.len() > 50, "the list was read");
    assert!(names.is_sorted(), "the list is searched by halving");
    for name in names {
        let row = table::find(name).unwrap_or_else(|| panic!("{name} is no option"));
        assert_eq!(row.status, Status::Works, "{name}");
    }
}

/// The reading of a value in the reference, and the kinds that refine it.
fn fits(reading: &str, kind: Kind) -> bool {
    match reading {
        "flag" => matches!(kind, Kind::Flag | Kind::Action),
        "inverse" => kind == Kind::InverseFlag,
        "text" => !matches!(kind, Kind::Flag | Kind::InverseFlag | Kind::List | Kind::Int),
        "list" => !matches!(kind, Kind::Flag | Kind::InverseFlag | Kind::Str | Kind::Int),
        "int" => kind == Kind::Int,
        "u64" => matches!(kind, Kind::U64 | Kind::U16),
        "u16" => kind == Kind::U16,
        "megabytes" => kind == Kind::Megabytes,
        "route" => kind == Kind::Route,
        "regexps" => kind == Kind::Regexp,
        "named-regexps" => kind == Kind::NamedRegexp,
        "dict" => kind == Kind::Dict,
        "regexp-dict" => kind == Kind::RegexpDict,
        "socket" => kind == Kind::Socket,
        _ => true,
    }
}

#[test]
fn every_value_is_read_as_in_the_reference() {
    let mut wrong = Vec::new();
    for line in include_str!("readings.tsv").lines() {
        let (name, reading) = line.split_once('\t').expect("two columns");
        let row = table::find(name).unwrap_or_else(|| panic!("{name} is no option"));
        if !fits(reading, row.kind) {
            wrong.push(format!("{name}: {:?} for {reading}", row.kind));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn defaults_lie_in_their_range_and_among_their_words() {
    for row in table::rows().iter().filter(|row| !row.default.is_empty()) {
        let words = row.words.is_empty() || row.words.contains(&row.default);
        let number = row.default.parse::<i64>();
        let range = row.range.is_none_or(|(least, most)| {
            number.as_ref().is_ok_and(|number| *number >= least && *number <= most)
        });
        let counted = matches!(row.kind, Kind::Int | Kind::U64 | Kind::U16);
        assert!(words && range && (!counted || number.is_ok()), "{} = {}", row.name, row.default);
    }
}

#[test]
fn words_and_keys_stand_where_they_are_read() {
    for row in table::rows() {
        let listed = row.keys.is_empty() || matches!(row.kind, Kind::List | Kind::Cron);
        let worded =
            row.words.is_empty() || matches!(row.kind, Kind::Str | Kind::Words | Kind::Action);
        let ranged = row.range.is_none() || matches!(row.kind, Kind::Int | Kind::U64);
        assert!(listed && worded && ranged, "{}", row.name);
    }
}
