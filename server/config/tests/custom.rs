//! Options that a configuration declares: what they become, and who sees it.

mod support;

use support::{Files, args, error_lines, flat, ini, load_with};
use uwsgi_config::{Action, Config, Origin, show_config};

/// Values of an option as the server asks for them.
fn values(config: &Config, name: &str) -> Vec<String> {
    config.values(name).map(str::to_owned).collect()
}

#[test]
fn a_declared_option_stands_for_others_and_the_list_keeps_its_secret() {
    let files = Files::new(&[
        (
            "x.ini",
            "[uwsgi]\nini = short.ini\nhttp = :8080\nflask = app.py\nif-opt = callable\nz = 1\nendif",
        ),
        (
            "short.ini",
            "[uwsgi]\ndeclare-option = flask=plugin=python;wsgi-file=$1;callable=app;set=kind=flask",
        ),
    ]);
    let config = load_with(&["x.ini"], &[], &files).expect("loads");
    assert_eq!(config.last("wsgi-file"), Some("app.py"));
    assert_eq!(config.last("callable"), Some("app"));
    assert_eq!(config.plugins[0].name, "python");
    let shown = show_config(&config);
    for (text, there) in [
        ("\nflask = app.py\n", true),
        ("\nkind = flask\n", true),
        ("wsgi-file", true),
        ("\nwsgi-file", false),
        ("\ncallable", false),
        ("\nplugin", false),
        ("\nz = 1\n", false),
    ] {
        assert_eq!(shown.contains(text), there, "{text:?} in {shown}");
    }
    let origin = Origin::Through {
        option: "flask".into(),
        at: Box::new(Origin::File { path: "x.ini".into(), line: 4 }),
    };
    assert_eq!(config.entry("callable").map(|entry| &entry.origin), Some(&origin));
    assert_eq!(origin.to_string(), "at x.ini:4 through \"flask\"");
}

#[test]
fn what_a_template_sets_comes_before_what_is_applied_late() {
    let given = [
        "--processes",
        "2",
        "--declare-option",
        "p=processes=$1;listen=$1",
        "--listen",
        "7",
        "--p",
        "4",
    ];
    let config = args(&given).expect("loads");
    assert_eq!(values(&config, "processes"), ["4", "2"], "applied at once, so the other one wins");
    assert_eq!(values(&config, "listen"), ["7", "4"], "both at once, so the order decides");
    assert_eq!(config.int("processes", 1), 2);
}

#[test]
fn declared_options_work_on_the_command_line_with_words_and_without() {
    let declare = "redirect=route=$1 redirect:$2";
    let given = ["--declare-option", declare, "--redirect", "^/foo http://x", "--redir", "a b"];
    let config = args(&given).expect("loads");
    assert_eq!(values(&config, "route"), ["^/foo redirect:http://x", "a redirect:b"]);
    let config = args(&["--declare-option", "p=processes=3", "--p", "--master"]).expect("a flag");
    assert_eq!(config.int("processes", 1), 3);
    let lines = error_lines(args(&["--declare-option", "p=iprint=$1", "--p"]));
    assert_eq!(lines[0], "uwsgi: option '--p' requires an argument");
}

#[test]
fn arguments_keep_their_text_and_see_no_placeholders() {
    let text = "[uwsgi]\nw = 5\ndeclare-option = p=iprint=$1;procname=%(w)\np = late-%(w)";
    let config = ini(text).expect("loads");
    assert_eq!(config.actions, [Action::Print("late-%(w)".into())]);
    assert_eq!(config.last("procname"), Some("%(w)"));
}

#[test]
fn late_declarations_take_effect_behind_them_and_with_expanded_values() {
    let late = "[uwsgi]\np = early-%(w)\nw = 5\ndeclare-option2 = p=procname=$1;iprint=got-$1\np = late-%(w)";
    let config = ini(late).expect("loads");
    assert_eq!(config.actions, [Action::Print("got-late-5".into())]);
    assert_eq!(values(&config, "procname"), ["late-5"]);
    let grows = late.replace("iprint=got-$1", "set=s=$1");
    let config = ini(&grows).expect("loads");
    assert_eq!(values(&config, "procname"), ["early-5", "late-5"], "the list grew: from the top");
    let early = "[uwsgi]\np = %(w)\nw = 5\ndeclare-option = p=procname=$1";
    assert_eq!(values(&ini(early).expect("loads"), "procname"), ["5"]);
}

#[test]
fn late_expansions_stand_at_their_place() {
    let text = "[uwsgi]\nprocname = a\ndeclare-option2 = p=procname=$1\np = b\nprocname = c\np = d";
    assert_eq!(values(&ini(text).expect("loads"), "procname"), ["a", "b", "c", "d"]);
}

#[test]
fn templates_hold_blocks_files_and_other_declared_options() {
    let files = Files::new(&[
        (
            "x.ini",
            "[uwsgi]\ndeclare-option = o=inner=$1;include=$2\ndeclare-option = inner=procname=<$1>\no = n more.ini",
        ),
        ("more.ini", "[uwsgi]\nthreads = 2"),
    ]);
    let config = load_with(&["x.ini"], &[], &files).expect("loads");
    assert_eq!(config.last("procname"), Some("<n>"));
    assert_eq!(flat(&config).last().map(String::as_str), Some("threads=2"));
    let origin = config.entry("threads").map(|entry| entry.origin.to_string());
    assert_eq!(origin.as_deref(), Some("at more.ini:2"));
    let given = [
        "--declare-option",
        "when=if-env=$1",
        "--when",
        "NO",
        "--set",
        "x=1",
        "--endif",
        "--set",
        "y=1",
    ];
    let config = args(&given).expect("loads");
    assert_eq!((config.last("x"), config.last("y")), (None, Some("1")));
}

#[test]
fn mistakes_are_named() {
    for (text, line) in [
        ("declare-option = foo", "invalid foo syntax, must be newoption=template"),
        ("declare-option2 = foo", "invalid foo syntax, must be newoption=template"),
        ("declare-option = r=r=$1\nr = 5", "declared option \"r\" expands without end"),
        ("declare-option = a=b=1\ndeclare-option = b=a=1\na = 5", "expands without end"),
        (
            "strict = 1\ndeclare-option = p=nosuch=1\np = 1",
            "[strict-mode] unknown config directive: nosuch",
        ),
        ("declare-option = p=set-ph=master=1\np = 1", "you cannot use master as a placeholder"),
        (
            "declare-option = p=processes=-1\np = x",
            "invalid value for option \"processes\": must be > 0",
        ),
    ] {
        let lines = error_lines(ini(&format!("[uwsgi]\n{text}")));
        assert!(lines[0].contains(line), "{text}: {lines:?}");
    }
    let wide: String =
        (0..40).map(|n| format!("declare-option = o{n}=o{m}=1;o{m}=1\n", m = n + 1)).collect();
    let lines = error_lines(ini(&format!("[uwsgi]\n{wide}o9 = 1")));
    assert!(lines[0].contains("without end"), "{lines:?}");
    for (text, warning) in [
        (
            "declare-option = processes=iprint=x",
            "option \"processes\" exists: its declaration at x.ini:2 has no effect",
        ),
        (
            "declare-option = a=b=c;odd;d=e",
            "template of \"a\" at x.ini:2 ends before \"odd\", which is not option=value",
        ),
        (
            "declare-option = p=proceses=1\np = 1",
            "unknown option \"proceses\" at x.ini:3 through \"p\" is ignored, did you mean \"processes\"?",
        ),
    ] {
        let config = ini(&format!("[uwsgi]\n{text}")).expect("loads");
        assert!(config.messages.iter().any(|line| line == warning), "{:?}", config.messages);
    }
}

#[test]
fn restrictions_and_strictness_leave_templates_alone() {
    let given = ["--blacklist", "processes", "--declare-option", "p=processes=$1", "--p", "3"];
    assert_eq!(args(&given).expect("loads").int("processes", 1), 3);
    let text = "[uwsgi]\nstrict = 1\ndeclare-option2 = p=processes=$1\np = 3";
    assert_eq!(ini(text).expect("known by then").int("processes", 1), 3);
}
