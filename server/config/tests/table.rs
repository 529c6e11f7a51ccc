//! The table against the facts of the reference list: names, arity, letters, flags.

#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]

use std::collections::HashSet;

use uwsgi_config::{Flags, Row, Status, table};

/// Arities that differ from the list on purpose: options that take a value but are declared
/// without one, and one whose value the list forgot.
const ARITY_MENDED: &[(&str, &str)] = &[
    ("need-app", "optional"),
    ("so-send-timeout", "required"),
    ("socket-send-timeout", "required"),
    ("so-write-timeout", "required"),
    ("socket-write-timeout", "required"),
    ("ssl-option", "required"),
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
    let source = include_str!("../src/table/status.rs");
    let names: Vec<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .collect();
    assert!(names.len() > 50, "the list was read");
    assert!(names.is_sorted(), "the list is searched by halving");
    for name in names {
        let row = table::find(name).unwrap_or_else(|| panic!("{name} is no option"));
        assert_eq!(row.status, Status::Works, "{name}");
    }
}
