//! The command line: what GNU getopt accepts, its texts, bare arguments, one-shot options.

mod support;

use support::{Files, args, error_lines, flat, load_with};
use uwsgi_config::Action;

#[test]
fn arguments_reach_their_options_in_every_spelling() {
    for (given, expected) in [
        (&["--socket", ":1"][..], &["socket=:1"][..]),
        (&["--socket=:1"], &["socket=:1"]),
        (&["-s", ":1"], &["socket=:1"]),
        (&["-s:1"], &["socket=:1"]),
        (&["-Mp4"], &["master=!", "processes=4"]),
        (&["-M", "-p", "4"], &["master=!", "processes=4"]),
        (&["-C664"], &["chmod-socket=664"]),
        (&["-C", "--master"], &["chmod-socket=!", "master=!"]),
        (&["--logdate=%Y", "-L"], &["logdate=%Y", "disable-logging=!"]),
        (&["--log-date"], &["log-date=!"]),
        (&["--workers", "2"], &["workers=2"]),
        (&["--processes", "--master"], &["processes=--master"]),
        (&["--show-config-o"], &["show-config-origin=!"]),
        (&["--show-conf"], &["show-config=!"]),
        (&["--module=a=b"], &["module=a=b"]),
        (&["[ignored", "--master"], &["master=!"]),
        (&["app.py", "--master"], &["master=!", "wsgi-file=app.py"]),
        (&["pkg.mod:app()"], &["module=pkg.mod:app()"]),
    ] {
        let config = args(given).unwrap_or_else(|failure| panic!("{given:?}: {failure:?}"));
        assert_eq!(flat(&config), expected, "{given:?}");
    }
}

#[test]
fn mistakes_have_the_texts_of_getopt() {
    for (given, line) in [
        (&["--foo"][..], "uwsgi: unrecognized option '--foo'"),
        (&["--foo=1"], "uwsgi: unrecognized option '--foo=1'"),
        (&["--master=true"], "uwsgi: option '--master' doesn't allow an argument"),
        (&["--socket"], "uwsgi: option '--socket' requires an argument"),
        (&["-s"], "uwsgi: option requires an argument -- 's'"),
        (&["-Mé"], "uwsgi: invalid option -- 'é'"),
        (&["-MW"], "uwsgi: invalid option -- 'W'"),
    ] {
        let lines = error_lines(args(given));
        assert_eq!(lines, [line, "getopt_long() error"], "{given:?}");
    }
}

#[test]
fn an_ambiguous_beginning_lists_what_it_could_be() {
    let lines = error_lines(args(&["--proc", "2"]));
    let start = "uwsgi: option '--proc' is ambiguous; possibilities:";
    assert!(lines[0].starts_with(start), "{lines:?}");
    for name in ["'--processes'", "'--procname'", "'--procname-master'"] {
        assert!(lines[0].contains(name), "{lines:?}");
    }
    assert_eq!(lines[1], "getopt_long() error");
}

#[test]
fn bare_arguments_are_read_after_the_options() {
    let files = Files::new(&[("a.ini", "[uwsgi]\nprocesses = 4\n[x]\nthreads = 2")]);
    let load = |args: &[&str], env: &[(&str, &str)]| {
        load_with(args, env, &files).map(|config| flat(&config)).map_err(|f| f.lines)
    };
    let late = Ok(vec!["processes=8".to_owned(), "processes=4".to_owned()]);
    assert_eq!(load(&["a.ini", "--processes", "8"], &[]), late, "permutation");
    assert_eq!(load(&["a.ini:x"], &[]), Ok(vec!["threads=2".to_owned()]));
    assert_eq!(load(&["--", "a.ini"], &[]), Ok(vec!["processes=4".to_owned()]));
    let posix = load(&["a.ini", "--processes"], &[("POSIXLY_CORRECT", "1")]);
    let lines = posix.expect_err("--processes is a bare argument then");
    assert_eq!(
        lines.last().map(String::as_str),
        Some("unable to load configuration from --processes")
    );
}

#[test]
fn bare_arguments_that_are_nothing_known_fail() {
    for (given, line) in [
        ("5", "unable to load configuration from 5"),
        ("x.conf", "unable to load configuration from x.conf"),
    ] {
        assert_eq!(error_lines(args(&[given])), [line]);
    }
    let missing = error_lines(args(&["none.ini"]));
    let text = "realpath() of none.ini failed: No such file or directory [";
    assert!(missing[0].starts_with(text), "{missing:?}");
}

#[test]
fn one_shot_options_act_in_their_place() {
    for (given, expected) in [
        (&["-h", "--nonsense"][..], vec![Action::Help]),
        (&["--version"], vec![Action::Version]),
        (&["--stop", "x.pid", "--reload", "y"], vec![Action::Stop("x.pid".into())]),
        (&["--reload", "x.pid"], vec![Action::Reload("x.pid".into())]),
        (&["--connect-and-read", ":1"], vec![Action::ConnectAndRead(":1".into())]),
        (&["--iprint", "a", "--exit=3"], vec![Action::Print("a".into()), Action::Exit(3)]),
        (&["--exit"], vec![Action::Exit(1)]),
        (&["--dump-options"], vec![Action::DumpOptions]),
        (&["--option-status"], vec![Action::OptionStatus]),
        (&["--explain", "-s"], vec![Action::Explain("-s".into())]),
        (&["--json-schema"], vec![Action::JsonSchema]),
        (&["--completion", "zsh"], vec![Action::Completion("zsh".into())]),
        (&["--build-info"], vec![Action::BuildInfo]),
        (&["--ebpf-check"], vec![Action::EbpfCheck]),
        (
            &["--check", "--version", "--stop", "x.pid", "--print", "a"],
            vec![Action::Print("a".into())],
        ),
        (&["--check", "--help"], vec![Action::Help]),
        (&["--print", "%(processes)", "-p", "3"], vec![Action::Print("3".into())]),
        (
            &["--get", "processes", "--workers", "9", "--processes", "3"],
            vec![Action::Print("3".into()), Action::Exit(0)],
        ),
    ] {
        let config = args(given).expect("loads");
        assert_eq!(config.actions, expected, "{given:?}");
    }
}

#[test]
fn environment_comes_first_and_reserved_names_are_no_options() {
    let env = [
        ("UWSGI_FOO_BAR", "xx_YY"),
        ("UWSGI_RELOADS", "0"),
        ("OTHER", "1"),
        ("UWSGI_PROCESSES", "1"),
        ("UWSGI_MASTER", "1"),
    ];
    let config = load_with(&["-p", "2"], &env, &Files::default()).expect("loads");
    let expected = ["foo-bar=xx_YY", "processes=1", "master=1", "processes=2"];
    assert_eq!(flat(&config), expected);
    assert_eq!(config.int("workers", 9), 2, "the later mention counts, under any name");
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_an_error_not_a_loss() {
    use std::os::unix::ffi::OsStringExt;
    let bad = std::ffi::OsString::from_vec(b"a\xff".to_vec());
    let failure = uwsgi_config::load(&["uwsgi".into(), bad], &[], &Files::default());
    let fault = failure.faults().next().expect("fails");
    assert!(fault.text.contains("is not valid UTF-8"));
}

#[test]
fn a_misspelt_option_gets_a_guess_behind_the_known_texts() {
    for (given, guess) in [("--proceses", Some("processes")), ("--utterly-unknown", None)] {
        let lines = error_lines(args(&[given]));
        assert_eq!(lines[0], format!("uwsgi: unrecognized option '{given}'"));
        assert_eq!(lines[1], "getopt_long() error");
        let hint = guess.map(|name| format!("  (did you mean \"{name}\"?)"));
        assert_eq!(lines.get(2), hint.as_ref());
    }
}
