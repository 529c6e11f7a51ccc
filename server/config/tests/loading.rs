//! Files, order, sections, expansion, checks: what a configuration becomes.

mod support;

use support::{Files, args, error_lines, flat, ini, load_with};
use uwsgi_config::{Kind, Origin, Row, Status, VERSION, show_config, table};

#[test]
fn files_flatten_in_the_documented_order() {
    let files = Files::new(&[
        ("1.ini", "[uwsgi]\nsocket=:3031\nini=2.ini\nsocket=:3032\nchdir=/var/www"),
        ("2.ini", "[uwsgi]\nmodule=test:app\ninclude=3.ini\nharakiri=30"),
        ("3.ini", "[uwsgi]\nsocket=:3033"),
    ]);
    let config = load_with(&["--ini", "1.ini"], &[], &files).expect("loads");
    let expected = [
        "socket=:3031",
        "module=test:app",
        "socket=:3033",
        "harakiri=30",
        "socket=:3032",
        "chdir=/var/www",
    ];
    assert_eq!(flat(&config), expected);
    let origin = Origin::File { path: "2.ini".into(), line: 4 };
    assert_eq!(config.entry("harakiri").map(|entry| &entry.origin), Some(&origin));
    assert_eq!(config.values("socket").collect::<Vec<_>>(), [":3031", ":3033", ":3032"]);
}

#[test]
fn sections_are_chosen_by_name_and_a_missing_one_only_warns() {
    let text = "[uwsgi]\nini = :more\nprocesses = 1\n[more]\nthreads = 2\n";
    let config = ini(text).expect("loads");
    assert_eq!(flat(&config), ["threads=2", "processes=1"]);
    assert_eq!(config.messages, ["[uWSGI] getting INI configuration from x.ini"], "said once");
    let files = Files::new(&[("x.ini", text)]);
    let config = load_with(&["--ini", "x.ini:none"], &[], &files).expect("loads");
    assert_eq!(
        config.messages[1],
        "*** WARNING: Can't find section \"none\" in INI configuration file x.ini ***"
    );
}

#[test]
fn standard_input_is_a_file() {
    let files = Files::new(&[("-", "[uwsgi]\nprocesses = 3\nx = %o")]);
    let config = load_with(&["--ini", "-"], &[], &files).expect("loads");
    assert_eq!(flat(&config), ["processes=3", "x=-"]);
}

#[test]
fn circles_are_errors() {
    let files = Files::new(&[
        ("a.ini", "[uwsgi]\ninclude = b.ini"),
        ("b.ini", "[uwsgi]\ninclude = a.ini"),
        ("c.ini", "[uwsgi]\ninherit = c.ini"),
    ]);
    for name in ["a.ini", "c.ini"] {
        let lines = error_lines(load_with(&["--ini", name], &[], &files));
        assert_eq!(lines[0], format!("config include loop: {name} includes itself"));
    }
}

#[test]
fn passes_expand_everywhere_but_in_inherited_files() {
    let files = Files::new(&[
        (
            "x.ini",
            "[uwsgi]\na = $(HOME)/@(f)\nb = %(a)!\nset-ph = c=$(HOME)\nd = %(c)\ninherit = i.ini\nchdir = $(NO:-/tmp)",
        ),
        ("i.ini", "[uwsgi]\ne = $(HOME) %n"),
        ("f", "content\n"),
    ]);
    let config = load_with(&["--ini", "x.ini"], &[("HOME", "/h")], &files).expect("loads");
    let expected = ["a=/h/content", "b=/h/content!", "c=/h", "d=/h", "chdir=/tmp", "e=$(HOME) i"];
    assert_eq!(flat(&config), expected);
    assert_eq!(config.last("d"), Some("/h"), "placeholders answer by their key");
}

#[test]
fn magic_variables_stay_out_of_the_command_line() {
    let files = Files::new(&[("app.ini", "[uwsgi]\npidfile = /run/%n.pid\nprocesses = %(%k * 4)")]);
    let config = load_with(&["--procname", "%n", "app.ini"], &[], &files).expect("loads");
    assert_eq!(flat(&config), ["procname=%n", "pidfile=/run/app.pid", "processes=8"]);
    assert!(config.magic.contains(&('V', VERSION.to_owned())));
    assert!(config.magic.contains(&('N', "app".to_owned())), "a bare file sets the twins");
}

#[test]
fn strict_refuses_unknown_keys_wherever_they_stand() {
    for (text, key) in
        [("[uwsgi]\nstrict = 1\nfoo = 1", "foo"), ("[uwsgi]\nbar = 1\nstrict = true", "bar")]
    {
        let lines = error_lines(ini(text));
        assert_eq!(lines[0], format!("[strict-mode] unknown config directive: {key}"));
    }
    let config = ini("[uwsgi]\nstrict = 1\nset-ph = foo=1\nchdir = /%(foo)").expect("allowed");
    assert_eq!(config.last("chdir"), Some("/1"));
}

#[test]
fn set_makes_options_and_placeholders() {
    let config = args(&["--set", "processes=3", "-S", "x=1", "--set-ph", "y=2"]).expect("loads");
    assert_eq!(config.int("processes", 1), 3);
    assert_eq!(config.last("y"), Some("2"));
    let lines = error_lines(args(&["--set-ph", "processes=3"]));
    let text = "you cannot use processes as a placeholder, it is already available as an option";
    assert_eq!(lines[0], text);
    assert_eq!(error_lines(args(&["--set", "x"]))[0], "invalid placeholder/--set value");
}

#[test]
fn unknown_keys_get_a_guess_unless_they_are_used() {
    let config = ini("[uwsgi]\nproceses = 1\ncpu_affinity = 1\nlog_dir = /l\nsockett = :1\n\
                      chdir = %(sockett)\nmyapp-dir = /x")
    .expect("loads");
    let guesses: Vec<&String> =
        config.messages.iter().filter(|line| line.starts_with("unknown option")).collect();
    assert_eq!(
        guesses,
        [
            "unknown option \"proceses\" at x.ini:2 is ignored, did you mean \"processes\"?",
            "unknown option \"cpu_affinity\" at x.ini:3 is ignored, did you mean \"cpu-affinity\"?",
        ]
    );
}

#[test]
fn options_that_are_not_built_are_named_once() {
    let config =
        ini("[uwsgi]\nprocesses = 4\nspooler-cheap = 1\nspooler-cheap = 1").expect("loads");
    let lines: Vec<&String> =
        config.messages.iter().filter(|line| line.contains("not implemented")).collect();
    assert_eq!(lines, ["option \"spooler-cheap\" at x.ini:3 is not implemented yet: ignored"]);
    assert!(config.master(), "its side effect stays");
}

#[test]
fn a_page_that_nobody_would_send_says_what_there_is_to_come() {
    let config =
        ini("[uwsgi]\nerror-page-404 = a.html\nerror-page-403 = b.html\nerror-page-500 = c.html")
            .expect("loads");
    let told = |option: &str| config.messages.iter().find(|line| line.contains(option)).cloned();
    for (option, parts) in [
        ("error-page-403", "static files, routes and CGI"),
        ("error-page-404", "static files, routes, caches and RPC"),
    ] {
        let line = told(option).expect("nothing is said");
        assert!(
            line.contains("is not implemented yet: ignored (only applications answer 40"),
            "{line}"
        );
        assert!(line.contains(parts), "{line}");
    }
    assert_eq!(told("error-page-500"), None);
}

#[test]
fn what_decides_about_the_rest_is_refused_until_it_is_built() {
    let decides = |row: &&Row| matches!(row.kind, Kind::Logic | Kind::Action | Kind::Config);
    let pending = |row: &&Row| row.status == Status::Pending;
    for row in table::rows().iter().filter(decides).filter(pending) {
        let lines = error_lines(ini(&format!("[uwsgi]\n{} = x", row.name)));
        assert_eq!(lines[0], format!("option \"{}\" at x.ini:2 is not implemented yet", row.name));
    }
}

#[test]
fn faults_are_reported_together_with_their_places() {
    let lines = error_lines(ini("[uwsgi]\nprocesses = -1\nchmod-socket = 9\nthreads = 2\n\
                                 cheaper = 10"));
    let expected = [
        "invalid value for option \"processes\": must be > 0",
        "  (option \"processes\" at x.ini:2, value \"-1\", allowed: a whole number from 0 to 65535)",
        "invalid chmod value: 9",
        "  (option \"chmod-socket\" at x.ini:3, value \"9\", allowed: three octal digits, such as 664)",
        "invalid cheaper value: must be lower than processes",
        "  (option \"cheaper\" at x.ini:5, value \"10\", allowed: a number below processes, which is -1)",
    ];
    let faults: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| !line.contains("not implemented")).collect();
    assert_eq!(faults, expected);
}

#[test]
fn comments_behind_values_do_not_harm_numbers_and_booleans() {
    let config = ini("[uwsgi]\nmaster = true // yes\nneed-app = off // no\nprocesses = 8 // x\n\
                      cheaper = 2 // y\nenv = A=x // y")
    .expect("loads");
    assert!(config.flag("master") && !config.flag("need-app"));
    assert_eq!(config.int("processes", 1), 8);
    assert_eq!(config.last("env"), Some("A=x // y"));
    assert!(!config.messages.iter().any(|line| line.contains("non-numeric")));
}

#[test]
fn odd_numbers_are_used_and_warned_about() {
    let config = ini("[uwsgi]\nharakiri = 10s\nlisten = many").expect("loads");
    assert_eq!((config.int("harakiri", 0), config.int("listen", 100)), (10, 0));
    for line in [
        "[WARNING] non-numeric value \"10s\" for option \"harakiri\" - using 10 !",
        "[WARNING] non-numeric value \"many\" for option \"listen\" - using 0 !",
    ] {
        assert!(config.messages.iter().any(|message| message == line), "{:?}", config.messages);
    }
}

#[test]
fn values_are_read_by_their_kind() {
    let config = ini("[uwsgi]\nmaster =\nlazy = No\nbuffer-size = 99999\nreload-on-rss = 1.5\n\
                      chmod-socket\nthreads = 2\nthreads = 3\ndisable-logging = true")
    .expect("loads");
    assert!(config.flag("master") && !config.flag("lazy") && config.flag("disable-logging"));
    assert!(config.flag("request-metrics"), "on unless switched off");
    assert_eq!(config.int("buffer-size", 4096), 65535);
    assert_eq!(config.megabytes("reload-on-rss"), Some(1_572_864));
    assert_eq!(config.chmod("chmod-socket"), Some(0o666));
    assert_eq!(config.int("threads", 1), 3, "the last mention counts");
    assert_eq!((config.int("harakiri", 7), config.last("harakiri")), (7, None));
    assert!(config.memory() && !config.metrics());
    let off = ini("[uwsgi]\nrequest-metrics = off").expect("loads");
    assert!(!off.flag("request-metrics"));
}

#[test]
fn mentioning_certain_options_starts_a_master() {
    for (given, master) in [
        (&["--stats", ":1"][..], true),
        (&["--metric", "x"], true),
        (&["--touch-reload", "x"], true),
        (&["-M"], true),
        (&["--http-socket", ":1"], false),
    ] {
        assert_eq!(args(given).expect("loads").master(), master, "{given:?}");
    }
    let vassal = load_with(&[], &[("UWSGI_EMPEROR_FD", "5")], &Files::default()).expect("loads");
    assert!(vassal.master());
}

#[test]
fn show_config_prints_an_ini_file() {
    let env = [("UWSGI_PROCESSES", "1")];
    let files = Files::new(&[("b.ini", "[uwsgi]\nmaster\nfoo = bar")]);
    let config = load_with(&["--show-config", "-p2", "b.ini"], &env, &files).expect("loads");
    let expected = "\n;uWSGI instance configuration\n[uwsgi]\nprocesses = 1\nshow-config = true\n\
                    processes = 2\nmaster = \nfoo = bar\n;end of configuration\n\n";
    assert_eq!(show_config(&config), expected);
}

#[test]
fn text_that_is_not_utf8_is_refused_outside_comments() {
    let mut files = Files::default();
    files.0.insert("ok.ini".into(), b"[uwsgi]\n; caf\xe9\nprocesses = 2\n".to_vec());
    files.0.insert("no.ini".into(), b"[uwsgi]\nchdir = caf\xe9\n".to_vec());
    assert!(load_with(&["--ini", "ok.ini"], &[], &files).is_ok());
    let lines = error_lines(load_with(&["--ini", "no.ini"], &[], &files));
    assert_eq!(lines, ["text is not valid UTF-8", "  (at no.ini:2)"]);
}
