//! One list, four formats: what can be said in one of them can be said in all.
#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]

mod support;

use proptest::prelude::*;
use support::print::{FORMATS, print};
use support::{Files, flat, load_with};
use uwsgi_config::{Origin, probe};

fn list(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// What a list becomes, read from a file of this format.
fn loaded(suffix: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let name = format!("c.{suffix}");
    let files =
        Files::new(&[(name.as_str(), &print(suffix, &list(pairs))), ("words", "w1\nw2\r\n")]);
    let env = [("HOME", "/h")];
    let config = load_with(&["--include", &name], &env, &files);
    flat(&config.expect(&name))
}

/// Every construct of the logic: the options of a file, and the list without the constructs.
type Construct = (&'static [(&'static str, &'static str)], &'static [&'static str]);
const LOGIC: &[Construct] = &[
    (
        &[("for", "a b"), ("x", "%(_)"), ("y", "-%(_)"), ("endfor", "")],
        &["x=a", "x=b", "y=-a", "y=-b"],
    ),
    (&[("for-times", "2"), ("x", "%(_)"), ("end-for", "")], &["x=1", "x=2"]),
    (&[("for-readline", "words"), ("x", "%(_)"), ("endfor", "")], &["x=w1", "x=w2"]),
    (
        &[("a", "v"), ("if-opt", "a"), ("x", "%(_)"), ("endif", ""), ("y", "1")],
        &["a=v", "x=v", "y=1"],
    ),
    (&[("if-opt", "a=b"), ("x", "1"), ("endif", ""), ("y", "1")], &["y=1"]),
    (&[("if-not-opt", "a"), ("x", "1"), ("end-if", "")], &["x=1"]),
    (&[("if-env", "HOME"), ("x", "%(_)"), ("endif", "")], &["x=/h"]),
    (&[("ifenv", "NONE"), ("x", "1"), ("endif", ""), ("y", "1")], &["y=1"]),
    (&[("if-not-env", "NONE"), ("x", "1"), ("endif", "")], &["x=1"]),
    (&[("if-exists", "words"), ("x", "%(_)"), ("endif", "")], &["x=words"]),
    (&[("ifexists", "none"), ("x", "1"), ("endif", "")], &[]),
    (&[("if-not-exists", "none"), ("x", "1"), ("endif", "")], &["x=1"]),
    (&[("if-file", "words"), ("x", "1"), ("endif", "")], &["x=1"]),
    (&[("if-not-file", "words"), ("x", "1"), ("endif", "")], &[]),
    (&[("if-dir", "words"), ("x", "1"), ("endif", "")], &[]),
    (&[("ifdir", "words"), ("x", "1"), ("endif", "")], &[]),
    (&[("if-directory", "words"), ("x", "1"), ("endif", "")], &[]),
    (&[("if-not-dir", "words"), ("x", "1"), ("endif", "")], &["x=1"]),
    (&[("if-reload", ""), ("x", "1"), ("endif", "")], &[]),
    (&[("if-not-reload", ""), ("x", "1"), ("endif", "")], &["x=1"]),
    (&[("if-hostname", "box"), ("x", "%(_)"), ("endif", "")], &["x=box"]),
    (&[("if-not-hostname", "box"), ("x", "1"), ("endif", "")], &[]),
    (&[("if-env", "NONE"), ("x", "1"), ("else", ""), ("x", "2"), ("endif", "")], &["x=2"]),
    (&[("set-ph", "a=1"), ("x", "%(a)%(a + 1)")], &["a=1", "x=12"]),
    (&[("x", "$(HOME)@(words)")], &["x=/hw1\nw2\r"]),
];

#[test]
fn logic_works_in_every_format() {
    for (pairs, expected) in LOGIC {
        for suffix in FORMATS {
            let blocks = ["for", "if", "else", "end"];
            let got = loaded(suffix, pairs);
            let got: Vec<_> =
                got.iter().filter(|line| !blocks.iter().any(|b| line.starts_with(b))).collect();
            assert_eq!(got, *expected, "{suffix}: {pairs:?}");
        }
    }
}

#[test]
fn yaml_as_people_write_it_closes_its_blocks() {
    let text = "uwsgi:\n  for: a b\n  x: %(_)\n  endfor:\n  if-env: NONE\n  y: 1\n  endif:\n\
                \x20 z:\n  - 1\n  - %(x)\n";
    let config = load_with(&["c.yml"], &[], &Files::new(&[("c.yml", text)])).expect("loads");
    let expected = ["for=a b", "x=a", "x=b", "endfor=", "if-env=NONE", "endif=", "z=1", "z=a"];
    assert_eq!(flat(&config), expected);
}

#[test]
fn every_option_knows_its_line_in_every_format() {
    let pairs = [("one", "1"), ("two", "2"), ("one", "3")];
    for suffix in FORMATS {
        let (name, text) = (format!("c.{suffix}"), print(suffix, &list(&pairs)));
        let files = Files::new(&[(name.as_str(), &text)]);
        let config = load_with(&[&name], &[], &files).expect("loads");
        let wanted: Vec<Origin> =
            (2..5).map(|line| Origin::File { path: name.clone(), line }).collect();
        let got: Vec<Origin> = config.entries.iter().map(|entry| entry.origin.clone()).collect();
        assert_eq!(got, wanted, "{suffix}\n{text}");
    }
}

#[test]
fn a_section_of_the_same_file_is_read_without_naming_it() {
    for (name, text) in [
        ("c.ini", "[uwsgi]\nini = :more\na = 1\n[more]\nb = 2\n"),
        ("c.yaml", "uwsgi:\n  yaml: :more\n  a: 1\nmore:\n  b: 2\n"),
        ("c.json", r#"{"uwsgi": {"json": ":more", "a": 1}, "more": {"b": 2}}"#),
        (
            "c.xml",
            "<c><uwsgi id='more'><b>2</b></uwsgi><uwsgi id='top'><xml>:more</xml><a>1</a></uwsgi></c>",
        ),
    ] {
        let wanted = if name.ends_with("xml") { "c.xml:top" } else { name };
        let config = load_with(&[wanted], &[], &Files::new(&[(name, text)])).expect("loads");
        let last: Vec<_> = config.entries[1..].iter().map(|entry| &entry.key).collect();
        assert_eq!(last, ["b", "a"], "{name}");
        let said = config.messages.iter().filter(|line| line.contains("c.")).count();
        assert_eq!(said, 1, "the file is announced once: {:?}", config.messages);
    }
}

#[test]
fn formats_include_each_other() {
    let files = Files::new(&[
        ("a.ini", "[uwsgi]\nx = ini\ninclude = b.yaml\nz = ini\n"),
        ("b.yaml", "uwsgi:\n  x: yaml\n  json: c.json:s\n"),
        ("c.json", r#"{"s": {"x": "json", "include": "d.xml"}}"#),
        ("d.xml", "<uwsgi><x>xml</x><y>%n %S</y></uwsgi>"),
    ]);
    let config = load_with(&["a.ini"], &[], &files).expect("loads");
    let lines: Vec<String> =
        flat(&config).into_iter().filter(|line| !line.starts_with("json")).collect();
    assert_eq!(lines, ["x=ini", "x=yaml", "x=json", "x=xml", "y=d a.ini", "z=ini"]);
}

#[test]
fn a_byte_order_mark_is_no_text() {
    for suffix in FORMATS {
        let text = format!("\u{feff}{}", print(suffix, &list(&[("a", "1")])));
        let read = probe::read(suffix, text.as_bytes(), "");
        assert_eq!(read, Ok(vec![("a".into(), "1".into(), 2)]), "{suffix}");
    }
}

#[test]
fn mode_given_early_filters_elements() {
    let files = Files::new(&[("c.xml", "<uwsgi><a mode='x'>1</a><b mode='y'>2</b></uwsgi>")]);
    let config = load_with(&["--mode", "y", "--xml", "c.xml"], &[], &files).expect("loads");
    assert!(config.has("b") && !config.has("a"));
    let config = load_with(&["c.xml"], &[("UWSGI_MODE", "x")], &files).expect("loads");
    assert!(config.has("a") && !config.has("b"));
}

/// Text that every format can hold: ini has no line ends and loses blanks at both ends.
fn value() -> impl Strategy<Value = String> {
    "[ -~äß€\u{1F980}]{0,24}".prop_map(|text| text.trim().to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_list_survives_every_format(
        list in proptest::collection::vec(("[a-z][a-z0-9-]{0,12}", value()), 0..10),
    ) {
        for suffix in FORMATS {
            let read = probe::read(suffix, print(suffix, &list).as_bytes(), "uwsgi");
            let read = read.map_err(|text| TestCaseError::fail(format!("{suffix}: {text}")))?;
            let (numbers, read): (Vec<u32>, Vec<_>) =
                read.into_iter().map(|(key, value, line)| (line, (key, value))).unzip();
            prop_assert_eq!(&read, &list, "{}", suffix);
            prop_assert!(numbers.is_sorted(), "{}: lines go up", suffix);
            prop_assert_eq!(print(suffix, &read), print(suffix, &list));
        }
    }

    /// Formats with escapes hold any text at all, as keys too where keys are text.
    #[test]
    fn any_text_survives_where_there_are_escapes(
        list in proptest::collection::vec(("[^\0]{1,12}", "[^\0]{0,24}"), 0..6),
    ) {
        for suffix in ["yaml", "json"] {
            let read = probe::read(suffix, print(suffix, &list).as_bytes(), "uwsgi");
            let read = read.map_err(|text| TestCaseError::fail(format!("{suffix}: {text}")))?;
            let read: Vec<_> = read.into_iter().map(|(key, value, _)| (key, value)).collect();
            prop_assert_eq!(&read, &list, "{}", suffix);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..300), piece in "[\\PC\n\t]{0,80}",
    ) {
        for suffix in FORMATS {
            let _ = probe::read(suffix, &bytes, "");
            let _ = probe::read(suffix, piece.as_bytes(), "a");
        }
    }
}
