//! The diagnosis for programs that watch: lines of text, and the worst as an exit code.
//!
//! Owns the words and the codes. The most pressing finding of all sources is the first line,
//! which is the one that such programs keep.

use std::process::ExitCode;

use crate::diagnosis::{Finding, Level};
use crate::state::Feed;

/// Looks that a judgement takes where nobody said how many: rates need two, and one more shows
/// whether it lasts.
pub(super) const LOOKS: u64 = 3;

/// Exit code where something is worth a look.
const WARNING: u8 = 3;

/// Exit code where users suffer.
const CRITICAL: u8 = 4;

/// The lines, each ended, and how pressing the first one is.
pub(super) fn text(feeds: &[Feed]) -> (String, Level) {
    let mut all: Vec<(Level, String)> = Vec::new();
    for feed in feeds.iter().filter(|feed| feed.state.picture.is_some()) {
        let line =
            |finding: &Finding| (finding.level, format!("{}: {}", feed.name, finding.text()));
        all.extend(feed.state.findings.iter().map(line));
        if feed.state.findings.is_empty() {
            all.push((Level::Fine, format!("{}: answers, and has no workers to judge", feed.name)));
        }
    }
    all.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    let worst = all.first().map_or(Level::Fine, |(level, _)| *level);
    let lines = all.iter().map(|(level, line)| format!("{}: {line}\n", level.word()));
    (lines.collect(), worst)
}

/// The code that tells a program how it is.
pub(super) fn code(level: Level) -> ExitCode {
    match level {
        Level::Fine => ExitCode::SUCCESS,
        Level::Warning => ExitCode::from(WARNING),
        Level::Critical => ExitCode::from(CRITICAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, Picture, Worker};
    use std::time::Duration;

    fn feed(name: &str, status: &[&str]) -> Feed {
        let mut feed = Feed::new(name, "h", true);
        let worker = |(id, status): (u64, &&str)| Worker {
            id,
            pid: id * u64::from(**status != *"dead"),
            status: (*status).into(),
            ..Worker::default()
        };
        let body = match status {
            [] => Body::Nothing,
            all => Body::Workers((1..).zip(all).map(worker).collect()),
        };
        feed.state.ingest(Ok(Picture { body, ..Picture::default() }), Duration::ZERO);
        feed
    }

    #[test]
    fn the_worst_of_all_sources_comes_first() {
        let (lines, level) = text(&[feed("/a", &["idle"]), feed("/b", &["dead"]), feed("/c", &[])]);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(level, Level::Critical, "{lines:?}");
        assert!(lines[0].starts_with("critical: /b: "), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("ok: /a: ")), "{lines:?}");
        assert!(lines.contains(&"ok: /c: answers, and has no workers to judge"), "{lines:?}");
    }

    #[test]
    fn a_source_that_was_never_read_is_no_line() {
        let silent = Feed::new("/x", "h", true);
        assert_eq!(text(&[silent]), (String::new(), Level::Fine));
    }
}
