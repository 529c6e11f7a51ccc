//! Whatever an option is given, the configuration ends in settings or in faults, never in a panic.

#[path = "../../config/tests/support/mod.rs"]
mod support;

use std::ffi::OsString;

use proptest::prelude::*;
use support::Files;
use uwsgi_config::{Config, load, table};
use uwsgi_core::settings::Settings;

/// Values that parsers of numbers, lists, addresses, modes, times and patterns trip over.
const VALUES: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "007",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999999",
    "1.5",
    "10s",
    ":",
    "::",
    "=",
    "=9",
    "a=",
    "=a,b",
    "a=b=c",
    ",",
    ",,a,",
    "a b",
    "(",
    "[a-",
    "a (",
    "\\",
    "é",
    "ß:é=\u{1F980}",
    "127.0.0.1:99999",
    "[::1]:0",
    "[",
    "fd://x",
    "/",
    "-1 -1 -1 -1 -1",
    "* * * * * x",
    "1 2 3",
    "$1",
    "%(x",
    "$(é-",
    "true",
    "no",
];

fn settle(text: &str) -> (Config, usize) {
    let files = Files::new(&[("x.ini", text)]);
    let argv: Vec<OsString> = ["uwsgi", "--ini", "x.ini"].iter().map(OsString::from).collect();
    let config = load(&argv, &[], &files);
    let (_, faults) = Settings::from_config(&config, argv);
    let told = config.faults().count() + faults.len();
    (config, told)
}

#[test]
fn every_option_takes_every_value_or_says_why_not() {
    let mut read = 0;
    for (name, _) in table::names() {
        for value in VALUES {
            let (config, told) = settle(&format!("[uwsgi]\n{name} = {value}\n"));
            let mentioned = config.entries.iter().any(|entry| entry.key == name);
            assert!(mentioned || told > 0, "{name} = {value} left no trace");
            read += 1;
        }
    }
    assert!(read > 30_000, "the table shrank: {read}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_mix_of_options_ends_in_settings_or_faults(
        lines in proptest::collection::vec((any::<prop::sample::Index>(), 0..VALUES.len() + 8, "\\PC{0,9}"), 0..12),
    ) {
        let names: Vec<&str> = table::names().map(|(name, _)| name).collect();
        let text = lines.iter().fold(String::from("[uwsgi]\n"), |text, (name, value, other)| {
            let value = VALUES.get(*value).copied().unwrap_or(other);
            text + &format!("{} = {value}\n", name.get(&names))
        });
        let _ = settle(&text);
    }
}
