//! Every form of every option, and every mistake.

use super::*;
use proptest::prelude::*;

fn spec(option: &str, value: &str) -> Spec {
    let parsed = Spec::parse(option, value).unwrap();
    assert_eq!(parsed.warnings, [""; 0], "{option} {value}");
    parsed.spec
}

fn base() -> Spec {
    Spec { freq: 10, stop_signal: 15, ..Spec::default() }
}

#[test]
fn the_short_forms_say_command_pidfile_and_freq() {
    let command = "run -x, y".to_owned();
    let dumb = Spec { command: command.clone(), ..base() };
    assert_eq!(spec("attach-daemon", "run -x, y"), dumb);
    assert!(dumb.is_dumb());
    let control = Spec { control: true, ..dumb.clone() };
    assert_eq!(spec("attach-control-daemon", "run -x, y"), control);
    let smart = Spec { pidfile: Some("/tmp/m.pid".into()), ..dumb };
    assert_eq!(spec("smart-attach-daemon", "/tmp/m.pid run -x, y"), smart);
    assert!(!smart.is_dumb());
    let hasty = Spec { freq: 3, ..smart.clone() };
    assert_eq!(spec("smart-attach-daemon", "/tmp/m.pid,3 run -x, y"), hasty);
    let second = Spec { daemonize: true, ..smart.clone() };
    assert_eq!(spec("smart-attach-daemon2", "/tmp/m.pid run -x, y"), second);
}

#[test]
fn legion_forms_begin_with_the_legion() {
    let legion = |option, rest: &str| spec(option, &format!("l1 {rest}"));
    assert_eq!(legion("legion-attach-daemon", "run").legion.as_deref(), Some("l1"));
    let smart = legion("legion-smart-attach-daemon", "/p,2 run it");
    assert_eq!((smart.legion.as_deref(), smart.pidfile.as_deref()), (Some("l1"), Some("/p")));
    assert_eq!((smart.freq, smart.command.as_str(), smart.daemonize), (2, "run it", false));
    assert!(legion("legion-smart-attach-daemon2", "/p run").daemonize);
}

#[test]
fn mistakes_of_the_short_forms_name_the_value() {
    for (option, value, text) in [
        ("smart-attach-daemon", "/tmp/m.pid", "invalid smart-attach-daemon syntax: /tmp/m.pid"),
        ("smart-attach-daemon2", "/p,x run", "invalid smart-attach-daemon syntax: /p,x run"),
        ("smart-attach-daemon", " run", "invalid smart-attach-daemon syntax:  run"),
        ("legion-attach-daemon", "l1", "invalid legion daemon syntax: l1"),
        ("legion-attach-daemon", " run", "invalid legion daemon syntax:  run"),
        ("legion-smart-attach-daemon", "l1 run", "invalid smart-attach-daemon syntax: l1 run"),
        ("attach-daemon", "  ", "--attach-daemon: a command is needed: \"  \""),
        ("smart-attach-daemon", "/p  ", "--smart-attach-daemon: a command is needed: \"/p  \""),
    ] {
        assert_eq!(Spec::parse(option, value), Err(text.into()), "{option}");
    }
}

#[test]
fn every_key_has_its_place() {
    let value = "command=c,pidfile=/p,freq=4,daemonize=,touch=/a;/b;,stopsignal=2,reloadsignal=1,\
                 stdin=no,uid=www,gid=33,ns_pid=1,chdir=/d,max_throttle=9,notifypid=1,legion=l";
    let want = Spec {
        command: "c".into(),
        pidfile: Some("/p".into()),
        freq: 4,
        daemonize: true,
        control: false,
        touch: vec!["/a".into(), "/b".into()],
        stop_signal: 2,
        reload_signal: 1,
        stdin: true,
        uid: Some("www".into()),
        gid: Some("33".into()),
        ns_pid: true,
        chdir: Some("/d".into()),
        max_throttle: 9,
        notify_pid: true,
        legion: Some("l".into()),
    };
    assert_eq!(spec("attach-daemon2", value), want);
    assert_eq!(spec("attach-daemon2", "cmd=c"), Spec { command: "c".into(), ..base() });
}

#[test]
fn every_second_name_of_a_key_means_the_same() {
    for (one, other) in [
        ("command=a", "cmd=a"),
        ("command=a", "exec=a"),
        ("cmd=a,stopsignal=3", "cmd=a,stop_signal=3"),
        ("cmd=a,reloadsignal=3", "cmd=a,reload_signal=3"),
        ("cmd=a,pidfile=p,daemonize=1", "cmd=a,pidfile=p,daemon=0"),
        ("cmd=b,cmd=a", "cmd=a"),
    ] {
        assert_eq!(spec("attach-daemon2", one), spec("attach-daemon2", other), "{other}");
    }
}

#[test]
fn mistakes_of_the_list_name_key_value_and_remedy() {
    for (value, text) in [
        ("cmd=x -Q a,b", "invalid --attach-daemon2 keyval syntax"),
        ("", "--attach-daemon2: you need to specify a 'command' key"),
        ("pidfile=/p", "--attach-daemon2: you need to specify a 'command' key"),
        ("cmd=", "--attach-daemon2: you need to specify a 'command' key"),
        (
            "cmd=x,stopsignal=KILL",
            "--attach-daemon2: invalid stopsignal \"KILL\": a number from 1 to 64 is needed",
        ),
        (
            "cmd=x,reload_signal=65",
            "--attach-daemon2: invalid reload_signal \"65\": a number from 0 to 64 is needed",
        ),
        ("cmd=x,freq=-1", "--attach-daemon2: invalid freq \"-1\": a number from 0 is needed"),
        (
            "cmd=x,daemonize=1",
            "--attach-daemon2: 'daemonize' needs a 'pidfile' key to find the daemon by",
        ),
    ] {
        assert_eq!(Spec::parse("attach-daemon2", value), Err(text.into()), "{value}");
    }
}

#[test]
fn what_has_no_effect_is_told() {
    let parsed = Spec::parse("attach-daemon2", "cmd=x,pidfile=/p,control=1,colour=red").unwrap();
    assert_eq!(
        parsed.warnings,
        ["--attach-daemon2: 'control' has no effect on a daemon with a pidfile, which outlives \
             the instance",]
    );
    assert!(!parsed.spec.control);
}

proptest! {
    #[test]
    fn no_value_of_any_option_brings_it_down(which in 0..OPTIONS.len(), value in ".*") {
        if let Ok(parsed) = Spec::parse(OPTIONS[which], &value) {
            prop_assert!(!parsed.spec.command.trim().is_empty());
            prop_assert!((1..=64).contains(&parsed.spec.stop_signal));
        }
    }
}
