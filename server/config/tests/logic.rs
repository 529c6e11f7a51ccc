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
        ("dir/other", ""),
        ("closing.ini", "[uwsgi]\nendfor =\nz = %(_)"),
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
        ("for = a\nx = 1\nend =\ny = %(_)", &["x=1", "end=", "y=%(_)"]),
        ("for = a\tb  c\nx = %(_)\nendfor =", &["x=a\tb", "x=c"]),
        ("for-glob = dir/*\nx = %(_)\nendfor =", &["x=dir/file", "x=dir/other"]),
        ("for-glob = no*\nx = %(_)\nendfor =", &["x=no*"]),
        ("for-times = 2x\nx = %(_)\nendfor =", &["x=1", "x=2"]),
        ("for-times = -1\nx = %(_)\nendfor =", &[]),
        ("for = a b\ninclude = closing.ini\ny = %(_)\nendfor", &["z=%(_)", "z=%(_)", "y=a", "y=b"]),
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
        ("if-hostname-match = ^b.x$", true, "^b.x$"),
        ("if-hostname-match = ^B", false, ""),
        ("if-hostname-match = (?i)^B(?=o)", true, "(?i)^B(?=o)"),
        ("if-not-hostname-match = ^db", true, "^db"),
        ("if-not-hostname-match = box", false, ""),
        ("if-plugin = python3", true, "python3"),
        ("ifplugin = python", true, "python"),
        ("ifplugin = psgi", false, ""),
        ("if-not-plugin = nope", true, "nope"),
        ("if-not-plugin = python3", false, ""),
        ("if-directory = dir", true, "dir"),
        ("ifexists = words", true, "words"),
        ("if-not-file = dir", true, "dir"),
        ("if-reload = 1", false, ""),
        ("if-not-reload = 1", true, "%(_)"),
    ] {
        let got = lines(&format!(
            "plugin = python3\nfirst = 1\n{condition}\nx = %(_)\nelse =\ny = 1\nendif =\nz = 1"
        ));
        let inner = if holds { format!("x={context}") } else { "y=1".to_owned() };
        assert_eq!(got, ["plugin=python3", "first=1", &inner, "z=1"], "{condition:?}");
    }
}

#[test]
fn a_skipped_block_skips_what_would_act_at_once() {
    let text = "if-env = UNSET\nini = none.ini\nexit = 3\nstrict = 1\nendif =\nx = 1";
    assert_eq!(lines(text), ["x=1"]);
}

#[test]
fn blocks_do_not_nest() {
    let text = "[uwsgi]\nif-not-env = A\nfor = a b\nendfor =\nendif =";
    let expected = "recursive logic in options is not supported (option = for)";
    assert_eq!(error_lines(ini(text))[0], expected);
    let skipped = lines("if-env = A\nfor = a b\nx = 1\nendfor =\ny = 1\nendif =");
    assert_eq!(skipped, ["y=1"], "what is skipped opens nothing, and any end closes");
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

#[test]
fn any_end_closes_any_block_and_stays_in_the_list() {
    for end in ["end", "endif", "end-if", "endfor", "end-for"] {
        for opening in ["if-env = UNSET", "for ="] {
            let config = ini(&format!("[uwsgi]\n{opening}\nx = 1\n{end} =\ny = 1"));
            let config = config.unwrap_or_else(|failure| panic!("{end}: {failure:?}"));
            let list = flat(&config);
            assert_eq!(list[1..], [format!("{end}="), "y=1".to_owned()], "{opening}");
        }
    }
}

#[test]
fn blocks_reach_back_onto_the_command_line() {
    let files = Files::new(&[("x.ini", "[uwsgi]\nx = 1\nif-env = UNSET\ny = 1\n")]);
    let args = ["--ini", "x.ini", "--set", "a=1", "--end-if", "--set", "b=1"];
    let config = load_with(&args, &[], &files).expect("loads");
    assert_eq!(without_logic(&config), ["x=1", "b=1"]);
    let loop_args = ["--for", "1 2", "--master", "--set", "x=%(_)", "--endfor"];
    let config = load_with(&loop_args, &[], &files).expect("flags live in loops");
    assert_eq!(without_logic(&config), ["master=!", "master=!", "x=1", "x=2"]);
}

#[test]
fn a_flag_of_the_command_line_has_no_value_to_ask_for() {
    let files = Files::new(&[("x.ini", "[uwsgi]\nif-opt = master\nx = 1\nendif =\n")]);
    let config = load_with(&["--master", "x.ini"], &[], &files).expect("loads");
    assert_eq!(without_logic(&config), ["master=!"]);
    let config = ini("[uwsgi]\nmaster = true\nif-opt = master=true\nx = %(_)\nend").expect("loads");
    assert_eq!(config.last("x"), Some("true"));
}

#[test]
fn a_file_of_lines_that_is_not_there_is_named_once() {
    let config = ini("[uwsgi]\nfor-readline = none\nx = 1\ny = 1\nendfor").expect("loads");
    let said = config.messages.iter().filter(|line| line.starts_with("open(\"none\"): No such"));
    assert_eq!(said.count(), 1, "{:?}", config.messages);
}

#[test]
fn what_does_not_end_is_a_fault() {
    let many = "for-times = 1000000\nx = %(_)\ny = %(_)\nz = %(_)\nendfor";
    let two = "[uwsgi]\nfor = a b\nini = x.ini:other\nendfor\n[other]\nini = x.ini";
    for (text, line) in [
        ("[uwsgi]\nfor-times = 999999999\nx = 1", "for-times = 999999999: too many repetitions"),
        (&format!("[uwsgi]\n{many}"), "the list of options grows without end"),
        (two, "config include loop: x.ini includes itself"),
        ("[uwsgi]\nif-hostname-match = (\nx = 1", "regular expression \"(\": "),
    ] {
        let lines = error_lines(ini(text));
        assert!(lines.iter().any(|found| found.starts_with(line)), "{lines:?}");
    }
}
