//! Prints an exposition of a filled arena, for checks with tools that are not written in Rust:
//! `dump text`, `dump openmetrics`, `dump json`, `dump minified`. With a process id or a path as
//! second argument it prints the arena of a running instance instead.

#[path = "../tests/it/filled.rs"]
mod filled;

use std::io::Write;
use std::path::Path;

use uwsgi_metrics::prometheus::{self, Format, PromOptions};
use uwsgi_metrics::{Reader, StatsOptions, stats_json};

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let what = args.next().unwrap_or_default();
    let snapshot = match args.next() {
        None => filled::filled()?.snapshot(),
        Some(place) => match place.parse() {
            Ok(pid) => Reader::of_pid(pid)?.snapshot(),
            Err(_) => Reader::attach(Path::new(&place))?.snapshot(),
        },
    };
    let cores = PromOptions { cores: true, ..PromOptions::default() };
    let stats = StatsOptions {
        metrics_enabled: true,
        minified: what == "minified",
        locks: vec![("user 0".to_owned(), 0), ("signal".to_owned(), 0)],
        ..StatsOptions::default()
    };
    let bytes = match what.as_str() {
        "text" => prometheus::render(&snapshot, Format::Text, &cores).1,
        "openmetrics" => prometheus::render(&snapshot, Format::OpenMetrics1(None), &cores).1,
        "json" | "minified" => stats_json(&snapshot, &stats),
        other => {
            eprintln!("unknown format \"{other}\": text, openmetrics, json or minified");
            std::process::exit(1);
        }
    };
    std::io::stdout().write_all(&bytes)
}
