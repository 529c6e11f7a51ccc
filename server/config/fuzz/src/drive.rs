//! What each fuzz target does with its bytes. The targets and the replay of the corpus share it.

use std::ffi::OsString;

use uwsgi_config::{load, probe, show_config};

use crate::support::Files;

/// A target by name, and what it does with its bytes.
type Target = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    ("ini", ini),
    ("xml", xml),
    ("yaml", yaml),
    ("json", json),
    ("expand", expand),
    ("getopt", getopt),
    ("loader", loader),
];

/// Any bytes as an ini file.
fn ini(data: &[u8]) {
    read("ini", data);
}

/// Any bytes as an XML file.
fn xml(data: &[u8]) {
    read("xml", data);
}

/// Any bytes as a YAML file.
fn yaml(data: &[u8]) {
    read("yaml", data);
}

/// Any bytes as a JSON file.
fn json(data: &[u8]) {
    read("json", data);
}

/// Reads the default section and another one: an error, or lines that are in the file.
fn read(suffix: &str, data: &[u8]) {
    let breaks = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    for section in ["", "a"] {
        let Ok(lines) = probe::read(suffix, data, section) else { continue };
        for (key, value, number) in lines {
            assert!(number >= 1, "lines count from 1");
            assert!(number as usize <= breaks + 1, "line {number} of {}", breaks + 1);
            assert!(!key.contains('\0') && !value.contains('\0'), "no NUL gets through");
        }
    }
}

/// Lines `key=value`, then one line to expand: an end, and bounded text.
fn expand(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines: Vec<&str> = text.split('\n').collect();
    let Some(value) = lines.pop() else { return };
    let keys: Vec<(String, String)> = lines
        .into_iter()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    if let Ok(expanded) = probe::expand(value, &keys) {
        assert!(expanded.len() <= 64 << 20, "bounded");
    }
}

/// A byte of choice, then one argument in each line: every item has its argument behind it.
fn getopt(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let args: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let items = probe::getopt(&args, choice & 1 == 1);
    let letters: usize = args.iter().map(String::len).sum();
    assert!(items.len() <= letters + args.len(), "every item takes something");
}

/// A whole start: blocks that begin with `=== args`, `=== env` or `=== file NAME`.
fn loader(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mut args, mut env) = (vec![OsString::from("uwsgi")], Vec::new());
    let mut files = Files::default();
    for block in text.split("=== ") {
        let (head, body) = block.split_once('\n').unwrap_or((block, ""));
        match head.split_once(' ').unwrap_or((head, "")) {
            ("args", _) => args.extend(body.lines().map(OsString::from)),
            ("env", _) => env.extend(
                body.lines()
                    .filter_map(|line| line.split_once('='))
                    .map(|(k, v)| (k.into(), v.into())),
            ),
            ("file", name) => {
                files.0.insert(name.trim().to_owned(), body.as_bytes().to_vec());
            }
            _ => {}
        }
    }
    let config = load(&args, &env, &files);
    let lines = config.findings.iter().flat_map(uwsgi_config::Finding::lines);
    assert!(lines.count() >= config.findings.len(), "nothing is found without a word");
    assert!(show_config(&config).ends_with(";end of configuration\n\n"));
}
