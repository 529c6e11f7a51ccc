//! Plugins by name, and options that come with them.

mod support;

use support::{Files, args, error_lines, ini, load_with};
use uwsgi_config::{dump_options, help};

const TAKEN: &str = "option \"processes\" of plugin own exists already";

#[test]
fn an_option_of_a_plugin_is_known_behind_the_line_that_loads_it() {
    for config in [
        args(&["--plugin", "own", "--own-greeting", "hi"]),
        args(&["--plugins=own", "--own-greet=hi"]),
        args(&["--plugins", "python3, own", "-~", "hi"]),
        args(&["--autoload", "--own-greeting", "hi"]),
        ini("[uwsgi]\nplugin = own\nown-greeting = hi\n"),
        ini("[uwsgi]\nown-greeting = hi\nplugin = own\n"),
        ini("[uwsgi]\nautoload = true\nown-greeting = hi\n"),
        ini("[uwsgi]\nstrict = true\nplugin = own\nown-greeting = %(x)hi\nset-ph = x=\n"),
    ] {
        let config = config.expect("loads");
        assert_eq!(config.last("own-greeting"), Some("hi"), "{:?}", config.entries);
        assert_eq!(
            config.entry("own-greeting").and_then(|e| e.row).map(|r| r.short),
            Some(Some('~'))
        );
        assert!(dump_options(&config.registry).ends_with("own-greeting\n"));
        assert!(help("uwsgi", &config.registry).contains("what is said"));
        assert!(config.messages.iter().any(|line| line == TAKEN), "{:?}", config.messages);
    }
}

#[test]
fn without_its_plugin_the_option_is_none() {
    let line = "uwsgi: unrecognized option '--own-greeting'";
    assert_eq!(error_lines(args(&["--own-greeting", "hi"]))[0], line);
    let late = args(&["--own-greeting", "hi", "--autoload"]);
    assert_eq!(error_lines(late)[0], line);
    let config = ini("[uwsgi]\nown-greeting = hi\n").expect("a placeholder");
    assert!(config.entry("own-greeting").is_some_and(|entry| entry.row.is_none()));
}

#[test]
fn a_misspelt_option_of_a_plugin_is_guessed() {
    let text = "[uwsgi]\nplugin = own\nown-greetin = hi\n";
    let config = ini(text).expect("loads");
    let line =
        "unknown option \"own-greetin\" at x.ini:3 is ignored, did you mean \"own-greeting\"?";
    assert!(config.messages.iter().any(|said| said == line), "{:?}", config.messages);
}

#[test]
fn a_plugin_is_taken_once() {
    for (list, plugins, lines) in [
        ("own,own", 1, vec![TAKEN]),
        ("own,./own_plugin.so", 1, vec![TAKEN]),
        ("python3,http,python3", 2, vec![]),
        (
            "own,/copy/own_plugin.so",
            1,
            vec![TAKEN, "plugin own is loaded already, /copy/own_plugin.so is left out"],
        ),
    ] {
        let config = args(&["--need-plugins", list]).expect(list);
        assert_eq!(config.plugins.len(), plugins, "{list}");
        assert_eq!(config.messages, lines, "{list}");
    }
}

#[test]
fn a_wish_says_modifier_and_initialiser() {
    let config = args(&["--plugins-dir", "/p", "--plugin-dir=/q", "--plugin", "250:own|set_up"]);
    let config = config.expect("loads");
    let plugin = &config.plugins[0];
    assert_eq!((plugin.name.as_str(), plugin.modifier1), ("own", Some(250)));
    assert_eq!(plugin.initialiser.as_deref(), Some("set_up"));
    assert_eq!(plugin.path.as_deref(), Some("/p:/q/own_plugin.so"));
}

#[test]
fn a_missing_plugin_costs_a_line_and_a_needed_one_the_start() {
    let config = args(&["--plugin", "nope,http"]).expect("goes on");
    assert_eq!(config.messages, ["!!! UNABLE to load uWSGI plugin: nope !!!"]);
    assert_eq!(config.plugins.len(), 1);
    let lines = error_lines(args(&["--need-plugin", "http,nope"]));
    assert_eq!(
        lines[..2],
        ["!!! UNABLE to load uWSGI plugin: nope !!!", "unable to load plugin \"nope\""]
    );
}

#[test]
fn a_variable_asks_for_plugins() {
    let env = [("UWSGI_OWN_GREETING", "hi"), ("UWSGI_PLUGINS", "own")];
    let config = load_with(&[], &env, &Files::default()).expect("loads");
    assert!(config.entry("own-greeting").is_some_and(|entry| entry.row.is_some()));
}

#[test]
fn the_name_of_the_program_implies_plugins() {
    let env = [("UWSGI_ORIGINAL_PROC_NAME", "/usr/bin/uwsgi_python3_own")];
    let config = load_with(&["--own-greeting", "hi"], &env, &Files::default()).expect("loads");
    let requested = |name| format!("[uwsgi] implicit plugin requested {name}");
    assert_eq!(config.messages[..2], [requested("python3"), requested("own")]);
    assert_eq!(config.plugins.len(), 2);
    assert!(args(&[]).expect("loads").plugins.is_empty());
}

#[test]
fn a_library_that_cannot_be_opened_costs_a_line() {
    let config = args(&["--dlopen", "libx.so", "--dlopen", "liby.so"]).expect("goes on");
    let line = |name| format!("{name}: cannot open shared object file");
    assert_eq!(config.messages, [line("libx.so"), line("liby.so")]);
}
