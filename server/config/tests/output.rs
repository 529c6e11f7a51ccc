//! Texts made from the table and the list: help, status, explanations, answers of a check.

#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]

mod support;

use std::collections::HashSet;

use proptest::prelude::*;
use support::{Files, args, ini, load_with};
use uwsgi_config::{
    Answer, Config, Custom, Explained, Finding, Registry, completion, dump_options, explain, help,
    json_schema, option_status, report_json, report_text, show_config, table,
};

fn names() -> Registry {
    Registry::default()
}

#[test]
fn help_has_one_line_for_every_name_and_one_column() {
    let (help, dump) = (help("uwsgi", &names()), dump_options(&names()));
    assert!(help.starts_with("Usage: uwsgi [options...]\n    -s|--socket "), "{help:.80}");
    assert_eq!(dump.lines().count() + 1, help.lines().count());
    assert!(dump.lines().any(|line| line == "workers"), "aliases are listed");
    let columns: HashSet<usize> = help.lines().skip(1).map(help_column).collect();
    assert_eq!(columns.len(), 1, "help texts start in one column");
}

/// Where the help text of a line starts: after the padding behind the name.
fn help_column(line: &str) -> usize {
    let name = line[4..].find(' ').expect("a name ends") + 4;
    name + line[name..].find(|c: char| c != ' ').expect("a help text follows")
}

#[test]
fn declared_options_are_in_every_list() {
    let mut names = names();
    names.declare(Custom { name: "trac".into(), template: "plugin=python;env=TRAC=$1".into() });
    let help = help("uwsgi", &names);
    let last = help.lines().last().unwrap_or_default();
    assert!(last.starts_with("    --trac "), "{last}");
    assert!(last.ends_with(" plugin=python;env=TRAC=$1"), "the template is the help: {last}");
    assert!(dump_options(&names).ends_with("\ntrac\n"));
    assert!(option_status(&names).ends_with("\ntrac\trequired\tcustom\tworks\n"));
    let Explained::Known(text) = explain("trac", &names) else { panic!("known") };
    assert!(text.contains("meaning       plugin=python;env=TRAC=$1\n"), "{text}");
    assert!(!text.contains("documented"), "{text}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(completion(shell, &names).is_some_and(|text| text.contains("trac")), "{shell}");
    }
}

#[test]
fn status_counts_what_it_lists() {
    let text = option_status(&names());
    let (counts, list) = text.split_once("\n\n").expect("two tables");
    let mut counts = counts.lines();
    assert_eq!(counts.next(), Some("section\tworks\tpending\taccepted"));
    let numbers = |line: &str| -> Vec<usize> {
        line.split('\t').skip(1).map(|number| number.parse().expect("a number")).collect()
    };
    let all = numbers(counts.next().expect("the sum comes first"));
    let sum = counts.map(numbers).fold(vec![0; 3], |sum, line| {
        sum.iter().zip(line).map(|(left, right)| left + right).collect()
    });
    assert_eq!(all, sum);
    assert_eq!(all.iter().sum::<usize>(), table::rows().len(), "each option once");
    let mut list = list.lines();
    assert_eq!(list.next(), Some("option\targument\tsection\tstatus"));
    assert_eq!(list.count(), table::names().count(), "each name once");
    for line in ["module\trequired\tpython\tworks", "ugreen\tnone\tugreen\tpending"] {
        assert!(text.lines().any(|other| other == line), "{line}");
    }
}

#[test]
fn any_spelling_of_an_option_is_explained() {
    for (asked, lines) in [
        ("processes", vec!["option        processes", "same as       workers", "default       1"]),
        ("--workers", vec!["option        workers", "same as       processes", "letter        -p"]),
        ("-s", vec!["option        socket", "repeated      every mention counts"]),
        ("H", vec!["letter        -H", "environment   UWSGI_HOME=value"]),
        ("cpu_affinity", vec!["option        cpu-affinity"]),
        ("show-config-o", vec!["option        show-config-origin", "argument      none"]),
        ("check-format", vec!["one of        text, json", "status        works, not in uWSGI"]),
        ("stats", vec!["switches on   master", "documented    docs/options.md#core"]),
        ("log-date", vec!["command line  --log-date  or  --log-date=value"]),
        ("master", vec!["command line  --master", "ini           master = true"]),
        ("env", vec!["value         NAME=value"]),
    ] {
        let Explained::Known(text) = explain(asked, &names()) else { panic!("{asked} is known") };
        for line in lines {
            assert!(text.lines().any(|other| other == line), "{asked}: {line:?} is not in\n{text}");
        }
    }
}

#[test]
fn an_unknown_option_is_answered_with_near_names() {
    for (asked, name) in
        [("proceses", "processes"), ("htp-socket", "http-socket"), ("stat", "stats")]
    {
        let Explained::Unknown(text) = explain(asked, &names()) else { panic!("{asked}") };
        let (start, near) = text.split_once(", near: ").expect("names follow");
        assert_eq!(start, format!("unknown option \"{asked}\""));
        assert!(near.split(", ").any(|other| other == name), "{asked}: {near}");
    }
    let nothing = Explained::Unknown("unknown option \"\", near: nothing is near to it".into());
    assert_eq!(explain("--", &names()), nothing);
}

#[test]
fn every_option_can_be_explained_under_every_name() {
    for (name, row) in table::names() {
        let Explained::Known(text) = explain(name, &names()) else { panic!("{name}") };
        assert!(text.starts_with(&format!("option        {name}\n")), "{name}: {text}");
        assert!(text.contains(row.help), "{name}");
    }
}

fn findings(config: &Config) -> Vec<&Finding> {
    config.findings.iter().collect()
}

const WRONG: &str = "[uwsgi]\nthreaeds = 2\nprocesses = -1\nexit = 3\nlisten = 1x\n";

/// Loads whatever is wrong with it.
fn wrong(args: &[&str]) -> Config {
    let argv: Vec<_> = std::iter::once(&"uwsgi").chain(args).map(Into::into).collect();
    uwsgi_config::load(&argv, &[], &Files::new(&[("x.ini", WRONG), ("a.json", "{}")]))
}

#[test]
fn a_check_says_everything_with_its_place() {
    let config = wrong(&["--check", "x.ini"]);
    assert_eq!(config.check, Some(Answer::Text));
    let expected = [
        "option \"exit\" at x.ini:4 ends a start here: only checked",
        "unknown option \"threaeds\" at x.ini:2 is ignored, did you mean \"threads\"?",
        "invalid value for option \"processes\": must be > 0",
        "[WARNING] non-numeric value \"1x\" for option \"listen\" - using 1 !",
        "  (option \"listen\" at x.ini:5, value \"1x\"",
        "configuration refused: 1 fault, 3 warnings",
    ];
    let lines = report_text(&config, &findings(&config));
    for line in expected {
        assert!(lines.iter().any(|other| other.starts_with(line)), "{line:?} not in {lines:#?}");
    }
    let config = args(&["--check"]).expect("loads");
    assert_eq!(report_text(&config, &[]), ["configuration ok: 1 option"]);
}

#[test]
fn json_next_to_check_is_the_form_of_the_answer() {
    for (given, form, files) in [
        (&["--check", "x.ini", "--json"][..], Some(Answer::Json), &["x.ini"][..]),
        (&["--check", "--json", "--ini", "x.ini"], Some(Answer::Json), &["x.ini"]),
        (&["--json", "--check", "x.ini"], Some(Answer::Json), &["x.ini"]),
        (&["--json", "x.ini", "--check"], Some(Answer::Json), &["x.ini"]),
        (&["--check", "--check-format=json", "x.ini"], Some(Answer::Json), &["x.ini"]),
        (&["--check-format=json", "--check-config", "x.ini"], Some(Answer::Json), &["x.ini"]),
        (&["--check", "--check-format=text", "x.ini"], Some(Answer::Text), &["x.ini"]),
        (&["--check", "x.ini"], Some(Answer::Text), &["x.ini"]),
        (&["--check-format=json", "x.ini"], None, &["x.ini"]),
        (&["--ini", "gone.ini", "--check"], Some(Answer::Text), &[]),
        (&["--ini", "gone.ini", "--check", "--json"], Some(Answer::Json), &[]),
        (&["--nonsense", "--check", "--json"], Some(Answer::Json), &[]),
    ] {
        let config = wrong(given);
        assert_eq!(
            (config.check, config.files),
            (form, files.iter().map(|f| (*f).into()).collect()),
            "{given:?}"
        );
    }
    for source in ["a.json", "a.js", "a.json:app", "-", "http://host/x"] {
        let config = wrong(&["--check", "--json", source]);
        assert_eq!(config.check, Some(Answer::Text), "{source}");
        assert_eq!(config.last("json"), Some(source), "{source} is read");
    }
}

#[test]
fn a_check_can_be_asked_for_anywhere() {
    let env = [("UWSGI_CHECK", "1"), ("UWSGI_CHECK_FORMAT", "json")];
    let asked = load_with(&[], &env, &Files::default()).expect("loads");
    assert_eq!(asked.check, Some(Answer::Json));
    let asked = load_with(&[], &[("UWSGI_CHECK", "0")], &Files::default()).expect("loads");
    assert_eq!(asked.check, None);
    assert_eq!(ini("[uwsgi]\ncheck = 1\n").expect("loads").check, Some(Answer::Text));
}

#[test]
fn the_document_of_a_check_has_every_member() {
    let config = wrong(&["--check", "--json", "x.ini", "--show-config"]);
    let text = report_json(&config, &findings(&config));
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&json["ok"], &json["files"][0]), (&false.into(), &"x.ini".into()));
    assert_eq!(json["options"], config.entries.len());
    let fault = json["findings"].as_array().expect("a list");
    let fault = fault.iter().find(|found| found["level"] == "fault").expect("a fault");
    assert_eq!(fault["option"], "processes");
    let place = (&fault["source"], &fault["file"], &fault["line"], &fault["value"]);
    assert_eq!(place, (&"file".into(), &"x.ini".into(), &3.into(), &"-1".into()));
    let keys: Vec<&str> = json["config"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["option"].as_str().expect("a name"))
        .collect();
    let wanted: Vec<&str> = config.entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, wanted);
}

/// A value that an ini file can hold as it is.
fn value() -> impl Strategy<Value = String> {
    "[a-z0-9/:.;#=,$()-]{0,20}".prop_filter("no pass touches it", |text| !text.contains("$("))
}

/// Options that do nothing while they are read.
fn option() -> impl Strategy<Value = String> {
    let names: Vec<&str> = table::rows()
        .iter()
        .filter(|row| !row.immediate() && !row.name.starts_with("inherit"))
        .map(|row| row.name)
        .filter(|name| !name.starts_with("declare-") && !name.starts_with("show-config"))
        .collect();
    prop_oneof![prop::sample::select(names).prop_map(str::to_owned), "zz[a-z]{1,8}"]
}

/// The list as text, without what named the file.
fn list(config: &Config) -> Vec<(String, String)> {
    let entries = config.entries.iter().filter(|entry| entry.key != "ini");
    entries.map(|entry| (entry.key.clone(), entry.text().to_owned())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_show_config_prints_reads_as_the_same_list(
        lines in proptest::collection::vec((option(), value()), 0..20),
        origins in any::<bool>(),
    ) {
        let text: String = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let first = load_quietly(&format!("[uwsgi]\n{text}"));
        let wanted: Vec<_> = lines.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        prop_assert_eq!(list(&first), wanted);
        let mut shown = first.clone();
        shown.entries.retain(|entry| entry.key != "ini");
        if origins {
            shown.entries.extend(args(&["--show-config-origin"]).expect("loads").entries);
        }
        let mut again = list(&load_quietly(&show_config(&shown)));
        again.retain(|(key, _)| key != "show-config-origin");
        prop_assert_eq!(again, list(&first));
    }
}

/// Faults of values do not matter here.
fn load_quietly(content: &str) -> Config {
    let argv = ["uwsgi", "--ini", "x.ini"].map(Into::into);
    uwsgi_config::load(&argv, &[], &Files::new(&[("x.ini", content)]))
}

#[test]
fn origins_are_comments_in_front_of_each_line() {
    let files = Files::new(&[("x.ini", "[uwsgi]\n\nthreads = 2\n")]);
    let given = ["--show-config-origin", "--ini", "x.ini"];
    let config = load_with(&given, &[("UWSGI_MASTER", "1")], &files).expect("loads");
    let expected = "\n;uWSGI instance configuration\n[uwsgi]\n;in the environment\nmaster = 1\n\
        ;on the command line\nshow-config-origin = true\n;on the command line\nini = x.ini\n\
        ;at x.ini:3\nthreads = 2\n;end of configuration\n\n";
    assert_eq!(show_config(&config), expected);
}

#[test]
fn what_a_declared_option_stands_for_is_shown_as_a_comment() {
    let text = "[uwsgi]\ndeclare-option = two=threads=$1;listen=7\ntwo = 3\n";
    let files = Files::new(&[("x.ini", text)]);
    let config =
        load_with(&["--show-config-origin", "--ini", "x.ini"], &[], &files).expect("loads");
    let shown = show_config(&config);
    for line in [";at x.ini:3\ntwo = 3\n", ";at x.ini:3 through \"two\": threads = 3\n"] {
        assert!(shown.contains(line), "{shown}");
    }
    let plain = load_with(&["--ini", "x.ini"], &[], &files).expect("loads");
    assert!(!show_config(&plain).contains("\nthreads"), "no part of the list");
    let config = load_with(&["--show-config", "--ini", "x.ini"], &[], &files).expect("loads");
    let json: serde_json::Value = serde_json::from_str(&report_json(&config, &[])).expect("JSON");
    let through: Vec<_> = json["config"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["through"] == "two")
        .map(|entry| &entry["option"])
        .collect();
    assert_eq!(through, ["threads", "listen"]);
}

#[test]
fn the_schema_names_every_option_and_types_it() {
    let schema: serde_json::Value = serde_json::from_str(&json_schema(&names())).expect("JSON");
    let properties = &schema["definitions"]["section"]["properties"];
    for (name, row) in table::names() {
        let property = &properties[name];
        let described =
            property["description"].as_str().is_some_and(|text| text.starts_with(row.help));
        let same = format!("#/definitions/section/properties/{}", row.name);
        assert!(
            if name == row.name { described } else { property["$ref"] == same.as_str() },
            "{name}"
        );
    }
    assert_eq!(properties["processes"]["default"], 1);
    assert_eq!(properties["check-format"]["allOf"][0]["anyOf"][0]["enum"][1], "json");
    let all = schema["definitions"]["name"]["enum"].as_array().map(Vec::len);
    assert_eq!(all, Some(table::names().count()));
}
