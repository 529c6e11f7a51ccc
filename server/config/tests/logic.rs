//! Conditions and loops: what of a block reaches the list.

#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]

mod support;

use support::{Files, error_lines, flat, ini, load_with};
use uwsgi_config::Config;

/// Loads lines under `[uwsgi]` beside a few files and variables; keeps what is no logic.
fn lines(text: &str) -> Vec<String> {
    let content = format!("[uwsgi]\n{text}");
    let files = Files::new(&[
        ("x.ini", &content),
        ("words", "one\ntwo\r\n"),
        ("dir/file", ""),
        ("more.ini", "[uwsgi]\nfrom = more"),
    ]);
    let env = [("SET", "v"), ("EMPTY", "")];
    let config = load_with(&["--ini", "x.ini"], &env, &files).expect("loads");
    without_logic(&config)
}

fn without_logic(config: &Config) -> Vec<String> {
    let logic = |line: &String| {
        ["for", "if", "endif", "endfor", "end-", "else"].iter().any(|start| line.starts_with(start))
    };
    flat(config).into_iter().filter(|line| !logic(line)).collect()
}

#[test]
fn loops_repeat_each_line_before_the_next() {
    for (block, expected) in [
        (
            "for = a b c\nx = x-%(_)\ny = %(_)%(_)\nendfor =",
            &["x=x-a", "x=x-b", "x=x-c", "y=aa", "y=bb", "y=cc"][..],
        ),
        ("for-times = 2\nx = %(_)\nendif =", &["x=1", "x=2"]),
        ("for-readline = words\nx = %(_)\nend-for =\ny = %(_)", &["x=one", "x=two", "y=%(_)"]),
        ("for = a b\nset = s=%(_)\nendfor\nz = 1", &["s=a", "s=b", "z=1"]),
        ("for = a b\ninclude = more.ini\nendfor", &["from=more", "from=more"]),
        ("for = a\nx = 1\nend =\ny = %(_)", &["x=1", "y=%(_)"]),
        ("for =\nx = 1\nendfor =", &[]),
        ("for-readline = none\nx = 1\nendfor =", &[]),
    ] {
        assert_eq!(lines(block), expected, "{block:?}");
    }
}

#[test]
fn conditions_choose_their_lines() {
    for (condition, holds, context) in [
        ("if-env = SET", true, "v"),
        ("ifenv = SET=v", true, "v"),
        ("if-env = SET=w", false, ""),
        ("if-env = EMPTY", true, ""),
        ("if-not-env = SET", false, ""),
        ("if-not-env = UNSET", true, "%(_)"),
        ("if-opt = first", true, "1"),
        ("if-opt = first=1", true, "1"),
        ("if-opt = first=2", false, ""),
        ("if-not-opt = other", true, "%(_)"),
        ("if-exists = words", true, "words"),
        ("if-exists = dir", true, "dir"),
        ("if-not-exists = none", true, "none"),
        ("if-file = words", true, "words"),
        ("if-file = dir", false, ""),
        ("ifdir = dir", true, "dir"),
        ("if-not-dir = words", true, "words"),
        ("if-hostname = box", true, "box"),
        ("if-not-hostname = box", false, ""),
        ("if-reload = 1", false, ""),
        ("if-not-reload = 1", true, "%(_)"),
    ] {
        let got =
            lines(&format!("first = 1\n{condition}\nx = %(_)\nelse =\ny = 1\nendif =\nz = 1"));
        let inner = if holds { format!("x={context}") } else { "y=1".to_owned() };
        assert_eq!(got, ["first=1", &inner, "z=1"], "{condition:?}");
    }
}

#[test]
fn a_skipped_block_skips_what_would_act_at_once() {
    let text = "if-env = UNSET\nini = none.ini\nexit = 3\nstrict = 1\nendif =\nx = 1";
    assert_eq!(lines(text), ["x=1"]);
}

#[test]
fn blocks_do_not_nest() {
    let text = "[uwsgi]\nif-env = A\nfor = a b\nendfor =\nendif =";
    let expected = "recursive logic in options is not supported (option = for)";
    assert_eq!(error_lines(ini(text))[0], expected);
    let lines = error_lines(ini("[uwsgi]\nelse =\n"));
    assert_eq!(lines, ["\"else\" without a condition before it", "  (at x.ini:2)"]);
}

#[test]
fn a_block_without_end_is_named_and_goes_on() {
    let files = Files::new(&[("x.ini", "[uwsgi]\nif-env = UNSET\nx = 1\n")]);
    let config = load_with(&["x.ini", "--ini", "x.ini:none"], &[], &files).expect("loads");
    let warning = "\"if-env\" at x.ini:2 has no end: it filters every later option";
    assert!(config.messages.iter().any(|line| line == warning), "{:?}", config.messages);
    assert_eq!(config.last("x"), None);
}
