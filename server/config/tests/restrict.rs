//! `blacklist` and `whitelist`: what may be mentioned, and `resolve`.

mod support;

use support::{Files, args, error_lines, flat, ini, load_with};

fn forbidden(key: &str, list: &str) -> String {
    format!("uWSGI error: forbidden option \"{key}\" (by {list})")
}

#[test]
fn lists_forbid_until_their_end() {
    for (given, expected) in [
        (&["--blacklist", "socket processes", "-p", "3"][..], Some(("processes", "blacklist"))),
        (&["--blacklist", "Processes", "--processes", "3"], Some(("processes", "blacklist"))),
        (&["--blacklist", "Processes", "--workers", "3"], None),
        (&["--blacklist", "proc", "--processes", "3"], None),
        (&["--blacklist", "a\tprocesses", "--processes", "3"], None),
        (&["--blacklist", "processes", "--end-blacklist", "--processes", "3"], None),
        (
            &["--blacklist", "end-blacklist", "--end-blacklist"],
            Some(("end-blacklist", "blacklist")),
        ),
        (&["--blacklist", "foo", "--set", "foo=1"], Some(("foo", "blacklist"))),
        (&["--blacklist", "foo", "--set-ph", "foo=1"], Some(("foo", "blacklist"))),
        (&["--blacklist", "foo", "--resolve", "foo=localhost"], Some(("foo", "blacklist"))),
        (&["--blacklist", "a", "--blacklist", "b", "--set", "a=1"], None),
        (&["--whitelist", "workers", "--processes", "3"], Some(("processes", "whitelist"))),
        (&["--whitelist", "", "--master"], Some(("master", "whitelist"))),
        (&["--whitelist", "MASTER", "--master", "--end-whitelist", "-p", "3"], None),
        (&["--blacklist", "a", "--whitelist", "set", "--set", "a=1"], Some(("a", "blacklist"))),
        (&["--whitelist", "set", "--set", "a=1"], Some(("a", "whitelist"))),
    ] {
        let result = args(given);
        match expected {
            None => assert!(result.is_ok(), "{given:?}: {result:?}"),
            Some((key, list)) => {
                assert_eq!(error_lines(result)[0], forbidden(key, list), "{given:?}")
            }
        }
    }
}

#[test]
fn a_skipped_line_is_judged_and_an_earlier_one_is_not() {
    let text = "[uwsgi]\nblacklist = socket\nif-env = UNSET\nsocket = :0\nendif =";
    assert_eq!(error_lines(ini(text))[0], forbidden("socket", "blacklist"));
    let text = "[uwsgi]\nsocket = :0\nblacklist = socket\nx = 1";
    assert_eq!(flat(&ini(text).expect("loads")), ["socket=:0", "blacklist=socket", "x=1"]);
    let env = [("UWSGI_PROCESSES", "1")];
    assert!(load_with(&["--blacklist", "processes"], &env, &Files::default()).is_ok());
}

#[test]
fn an_inherited_line_is_judged_too() {
    let files = Files::new(&[
        ("x.ini", "[uwsgi]\nblacklist = socket\ninherit = i.ini"),
        ("i.ini", "[uwsgi]\nsocket = :0"),
    ]);
    let lines = error_lines(load_with(&["--ini", "x.ini"], &[], &files));
    assert_eq!(
        lines,
        [forbidden("socket", "blacklist"), "  (option \"socket\" at i.ini:2, value \":0\")".into()]
    );
}

#[test]
fn resolve_makes_a_placeholder_of_an_address() {
    let config =
        ini("[uwsgi]\nstrict = 1\nresolve = here=localhost\nchdir = /%(here)").expect("loads");
    assert_eq!(config.last("chdir"), Some("/127.0.0.1"));
    for (given, line) in [
        ("here", "invalid resolve syntax, must be placeholder=domain"),
        ("here=nowhere", "unable to resolve name nowhere"),
        (
            "processes=localhost",
            "you cannot use processes as a placeholder, it is already available as an option",
        ),
    ] {
        assert_eq!(error_lines(args(&["--resolve", given]))[0], line);
    }
}
