//! Options that change the environment: when, in which order, and who sees it.

mod support;

use support::{Files, args, error_lines, ini, load_with};
use uwsgi_config::Config;

fn changes(config: &Config) -> Vec<String> {
    let text = |(name, value): &(String, Option<String>)| match value {
        Some(value) => format!("{name}={value}"),
        None => format!("-{name}"),
    };
    config.environment.iter().map(text).collect()
}

#[test]
fn late_changes_keep_their_order_and_no_placeholder_sees_them() {
    let text = "[uwsgi]\nenv = A=1\nenv = B=x=y\nunenv = HOME\nenv = C\nenv = D=\nx = $(A)-$(HOME)";
    let files = Files::new(&[("x.ini", text)]);
    let config = load_with(&["x.ini"], &[("HOME", "/h")], &files).expect("loads");
    assert_eq!(changes(&config), ["A=1", "B=x=y", "-HOME", "-C", "D="]);
    assert_eq!(config.last("x"), Some("$(A)-/h"));
}

#[test]
fn immediate_changes_are_seen_by_all_that_follows() {
    let text = "[uwsgi]\nienv = A=1\nx = $(A)$(B)\nif-env = A=1\ny = 1\nendif\nienv = B\nif-env = B\nz = 1\nendif";
    let files = Files::new(&[("x.ini", text)]);
    let config = load_with(&["x.ini"], &[("B", "b")], &files).expect("loads");
    assert_eq!(changes(&config), ["A=1", "-B"]);
    assert_eq!(config.last("x"), Some("1$(B)"), "the passes come last");
    assert_eq!((config.last("y"), config.last("z")), (Some("1"), None));
}

#[test]
fn directories_give_variables_early_or_late() {
    let files = Files::new(&[
        (
            "x.ini",
            "[uwsgi]\nenv = A=first\nearly-envdir = early\nenvdir = late\nx = $(A)|$(E)|$(L)|$(GONE)",
        ),
        ("early/A", "v1 \t\r\n\n"),
        ("early/E", "a\nb\n"),
        ("early/GONE", ""),
        ("late/A", "v2"),
        ("late/L", "one\0two"),
        ("late/BLANK", " \n"),
    ]);
    let config = load_with(&["x.ini"], &[("GONE", "g")], &files).expect("loads");
    assert_eq!(config.last("x"), Some("v1|a\nb|$(L)|$(GONE)"));
    let expected = ["A=v1", "E=a\nb", "-GONE", "A=first", "A=v2", "-BLANK", "L=one\ntwo"];
    assert_eq!(changes(&config), expected);
    for option in ["envdir", "early-envdir"] {
        let lines = error_lines(ini(&format!("[uwsgi]\n{option} = none")));
        assert!(
            lines[0].starts_with("[uwsgi-envdir] opendir(): No such file or directory ["),
            "{lines:?}"
        );
    }
}

#[test]
fn a_declared_option_changes_the_environment_at_once() {
    let given = ["--declare-option", "p=env=Z=$1;unenv=Y", "--set", "x=$(Z)$(Y)", "--p", "v"];
    let config = load_with(&given, &[("Y", "y")], &Files::default()).expect("loads");
    assert_eq!(config.last("x"), Some("v$(Y)"));
    assert_eq!(changes(&config), ["Z=v", "-Y"]);
}

#[test]
fn variables_are_options_in_the_order_of_the_environment() {
    let env =
        [("UWSGI_FOO", "x=$(H)"), ("UWSGI_BAR", "%(foo)"), ("H", "/h"), ("UWSGI_INI", "x.ini")];
    let files = Files::new(&[("x.ini", "[uwsgi]\ny = %n")]);
    let config = load_with(&[], &env, &files).expect("loads");
    assert_eq!(support::flat(&config), ["foo=x=/h", "bar=x=/h", "y=x"]);
    let strict = load_with(&["--strict"], &[("UWSGI_NO_SUCH", "1")], &Files::default());
    assert_eq!(error_lines(strict)[0], "[strict-mode] unknown config directive: no-such");
    assert!(args(&["--ienv", "A=1"]).is_ok());
}
