//! Sources and passes: names and sections, injected text, circles, expansion and its limits.
#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]

mod support;

use support::{Files, args, error_lines, flat, ini, load_with};
use uwsgi_config::{Config, Origin};

fn load(args: &[&str], files: &[(&str, &str)]) -> Config {
    load_with(args, &[("X", "python3"), ("N", "7")], &Files::new(files)).expect("loads")
}

#[test]
fn injected_text_surrounds_every_later_file_and_keeps_its_lines() {
    let files = [
        ("head", "[uwsgi]\na = %n\n"),
        ("foot", "\n\nc = %s\n[other]\nd = 1"),
        ("x.ini", "b = 1\ninclude = y.ini"),
        ("y.ini", "processes = 2"),
        ("z.ini", "[uwsgi]\ne = 1\n"),
    ];
    let args = ["--ini", "z.ini", "--inject-before", "head", "--inject-after", "foot", "x.ini"];
    let config = load(&args, &files);
    let list = flat(&config);
    let expected = ["e=1", "inject-before=head", "inject-after=foot", "a=x", "b=1", "a=y"];
    assert_eq!(list[..6], expected);
    assert_eq!(list[6..], ["processes=2", "c=y.ini", "c=x.ini"]);
    for (key, place) in [("a", "head"), ("processes", "y.ini"), ("c", "foot")] {
        let origin = config.entry(key).map(|entry| entry.origin.clone());
        let line = match place {
            "head" => 2,
            "foot" => 3,
            _ => 1,
        };
        assert_eq!(origin, Some(Origin::File { path: place.into(), line }), "{key}");
    }
    let lines =
        error_lines(load_with(&["--inject-before", "none", "x.ini"], &[], &Files::new(&files)));
    assert!(lines[0].starts_with("open(\"none\"): No such file or directory ["), "{lines:?}");
}

#[test]
fn two_halves_of_a_document_make_one() {
    let files = [
        ("header.xml", "<uwsgi>\n<socket>:3031</socket>\n"),
        ("footer.xml", "<master/>\n</uwsgi>\n"),
        ("body.xml", "<processes>8</processes>\n"),
    ];
    let args =
        ["--inject-before", "header.xml", "--inject-after", "footer.xml", "--xml", "body.xml"];
    let list = flat(&load(&args, &files));
    let own = list.iter().rev().take(3).rev();
    assert_eq!(own.collect::<Vec<_>>(), ["socket=:3031", "processes=8", "master=1"]);
}

#[test]
fn sections_are_found_behind_the_last_file() {
    let files = [("x.ini", "[uwsgi]\na = %x\n[app]\nb = %x"), ("dir:1/y.ini", "[uwsgi]\nc = 1")];
    for (given, expected) in [
        (&["x.ini:app"][..], &["b=app"][..]),
        (&["x.ini", ":app"], &["a=", "b=app"]),
        (&["--ini", "x.ini:app", "--ini", ":uwsgi"], &["b=app", "a=uwsgi"]),
        (&["--ini", "x.ini", "--ini", ":app"], &["a=", "b=app"]),
        (&["--config", "x.ini:app"], &["b=app"]),
        (&["--ini", "x.ini:"], &["a="]),
        (&["--ini", "dir:1/y.ini"], &["c=1"]),
        (&["dir:1/y.ini"], &["c=1"]),
    ] {
        let list = flat(&load(given, &files));
        let own: Vec<&String> = list.iter().filter(|line| !line.starts_with("config=")).collect();
        assert_eq!(own, expected, "{given:?}");
    }
    assert_eq!(error_lines(args(&[":app"])), ["unable to load configuration from :app"]);
    assert_eq!(error_lines(args(&["--ini", ":app"])), ["\":app\" names a section of no file"]);
}

#[test]
fn circles_through_formats_and_sections_are_errors() {
    let files = Files::new(&[
        ("a.ini", "[uwsgi]\nyaml = b.yaml"),
        ("b.yaml", "uwsgi:\n  include: c.json\n"),
        ("c.json", "{\"uwsgi\": {\"ini\": \"a.ini\"}}"),
        ("s.ini", "[uwsgi]\nini = :two\n[two]\nini = :uwsgi"),
        ("late.ini", "[uwsgi]\ninherit = late.ini"),
    ]);
    for (given, name) in [("a.ini", "a.ini"), ("s.ini", "s.ini"), ("late.ini", "late.ini")] {
        let lines = error_lines(load_with(&["--ini", given], &[], &files));
        assert_eq!(lines[0], format!("config include loop: {name} includes itself"), "{given}");
    }
}

#[test]
fn names_of_plugins_and_numbers_used_early_are_expanded() {
    let config = load(
        &["x.ini"],
        &[(
            "x.ini",
            "[uwsgi]\ndir = /p\nplugins-dir = %(dir)/$(N)\nplugins = $(X)\nlisten = $(N)0\numask = 02%(w)\nw = 2",
        )],
    );
    assert_eq!(config.plugins[0].name, "python3");
    assert_eq!(config.last("plugins-dir"), Some("/p/7"));
    assert_eq!((config.int("listen", 100), config.last("umask")), (70, Some("022")));
    let raw =
        ini("[uwsgi]\nif-env = $(X)\na = 1\nendif\nfor = $(X)\nb = %(_)\nendfor").expect("loads");
    assert_eq!((raw.last("a"), raw.last("b")), (None, Some("$(X)")), "operands stay raw");
    assert_eq!(raw.entry("for").map(|entry| entry.text().to_owned()).as_deref(), Some("$(X)"));
}

#[test]
fn content_loses_one_line_end_and_a_missing_source_is_fatal() {
    let files = [
        (
            "x.ini",
            "[uwsgi]\na = <@(one)>\nb = <@(two)>\nc = <@(crlf)>\nd = <@(cr)>\nset = e=@(one)",
        ),
        ("one", "1\n"),
        ("two", "2\n\n"),
        ("crlf", "3\r\n"),
        ("cr", "4\r"),
    ];
    let config = load(&["x.ini"], &files);
    let expected = ["a=<1>", "b=<2\n>", "c=<3\r>", "d=<4>", "e=1"];
    assert_eq!(flat(&config), expected);
    let lines = error_lines(args(&["--set", "x=@(none)"]));
    assert!(lines[0].starts_with("open(\"none\"): No such file or directory ["), "{lines:?}");
    assert_eq!(lines[1], "  (option \"x\" on the command line, value \"@(none)\")");
}

#[test]
fn endless_expansion_names_the_option() {
    for (text, key) in [
        ("a = x%(a)", "a"),
        ("a = x%(b)\nb = y%(a)", "a"),
        ("a = x@(x.ini)", "a"),
        ("a = %(b)%(b)\nb = %(c)%(c)\nc = x%(a)", "a"),
    ] {
        let lines = error_lines(ini(&format!("[uwsgi]\n{text}")));
        assert!(lines.iter().any(|line| line.contains("expands without end")), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.contains(&format!("(option \"{key}\" at x.ini:2"))),
            "{lines:?}"
        );
    }
}
