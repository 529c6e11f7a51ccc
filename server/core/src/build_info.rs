//! `--build-info`: what this build consists of, under the keys of uWSGI's build report.
//!
//! What a subsystem provides is read from the status of its options, so that the answer follows
//! the table.

use std::fmt::Write as _;

use uwsgi_config::{Status, table};

/// The report, `key = value` in each line.
pub(crate) fn text() -> String {
    let facts = [
        ("version", concat!("uwsgi-rs ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("speaks", format!("uWSGI {}", uwsgi_config::VERSION)),
        ("kernel", "Linux".to_owned()),
        ("locking", "pthread_mutex".to_owned()),
        ("event", "epoll".to_owned()),
        ("timer", "epoll".to_owned()),
        ("filemonitor", with("fs-reload", "inotify")),
        ("pcre", "fancy-regex".to_owned()),
        ("routing", with("route", "True")),
        ("capabilities", with("cap", "True")),
        ("yaml", with("yaml", "True")),
        ("json", with("json", "True")),
        ("ssl", with("https", "rustls")),
        ("xml", with("xml", "True")),
        ("debug", if cfg!(debug_assertions) { "True" } else { "False" }.to_owned()),
        ("plugin_dir", plugin_dir()),
        ("zlib", with("http-auto-gzip", "True")),
        ("malloc", "libc".to_owned()),
    ];
    facts.iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "{key} = {value}");
        text
    })
}

/// `what` provides the subsystem of `option`, as soon as the option works.
fn with(option: &str, what: &str) -> String {
    let works = table::find(option).is_some_and(|row| row.status == Status::Works);
    if works { what } else { "False" }.to_owned()
}

/// The first place where a plugin is looked for when no other is named.
fn plugin_dir() -> String {
    let own = std::env::current_exe().unwrap_or_default();
    own.parent().map(|dir| dir.display().to_string()).unwrap_or_default()
}
