//! Recordings as a user makes them and looks at them again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use crate::server::{document, refusing, tcp, uwsgitop};

/// A folder that is gone with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("uwsgitop-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn run(words: &[&str]) -> Output {
    uwsgitop().args(words).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Records a server whose n-th answer tells of `10 n` requests, for so long.
#[track_caller]
pub(crate) fn record(file: &str, seconds: &str) {
    let address = tcp(false, |n| document(10 * (n + 1)));
    let words = ["--record", file, "--duration", seconds, "--frequency", "0", &address];
    let output = run(&words);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(" readings, file of "), "{}", text(&output.stdout));
}

#[test]
fn a_recording_needs_no_terminal_and_is_private_and_continued() {
    let folder = Folder::new("record");
    let file = folder.file("r");
    record(&file, "0.5");
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"uwsgitop-recording 1\n\x9eTOP"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    record(&file, "0.3");
    let longer = fs::read(&file).unwrap();
    assert!(longer.len() > bytes.len() && longer.starts_with(&bytes));
}

#[test]
fn what_cannot_be_recorded_is_named() {
    let folder = Folder::new("record-not");
    let address = tcp(false, |_| document(1));
    let notes = folder.file("notes");
    fs::write(&notes, "dear diary").unwrap();
    let (_port, closed) = refusing();
    for (words, part) in [
        (["--record", &notes, "--duration", "1", &address], "no recording of uwsgitop"),
        (["--record", "/dev/full", "--duration", "1", &address], "/dev/full: no file"),
        (["--record", &folder.file("n"), "--duration", "1", &closed], "refused"),
    ] {
        let output = run(&words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(text(&output.stderr).contains(part), "{words:?}: {}", text(&output.stderr));
    }
    assert_eq!(fs::read(&notes).unwrap(), b"dear diary");
    assert!(!fs::exists(folder.file("n")).unwrap(), "nothing to record, no file");
}

/// The text of a column in every line of a CSV.
fn column(csv: &str, name: &str) -> Vec<String> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let at = lines.next().unwrap().iter().position(|title| *title == name).unwrap();
    lines.map(|line| line[at].to_owned()).collect()
}

#[track_caller]
fn printed(words: &[&str]) -> String {
    let output = run(words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_recording_is_printed_as_it_was_seen() {
    let folder = Folder::new("replay");
    let file = folder.file("r");
    record(&file, "1");
    let all = printed(&["--replay", &file, "--csv", "--count", "0"]);
    let counts: Vec<u64> =
        column(&all, "requests").iter().map(|count| count.parse().unwrap()).collect();
    assert!(counts.len() > 3 && counts[0] == 10, "{counts:?}");
    assert!(counts.is_sorted() && counts.iter().all(|count| count % 10 == 0), "{counts:?}");
    let last = format!(" - req: {} - ", counts.last().unwrap());
    assert!(printed(&["--replay", &file, "--once"]).contains(&last));
    let times = column(&all, "time");
    let once = printed(&["--replay", &file, "--csv", "--at", &times[1]]);
    // Its moment was cut to milliseconds, so it may be the one before.
    assert!(counts[..2].contains(&column(&once, "requests")[0].parse().unwrap()), "{once}");
    let rate: f64 = column(&all, "requests_per_second").last().unwrap().parse().unwrap();
    assert!(rate > 1.0 && rate < 1000.0, "ten requests in about a tenth of a second: {rate}");
    let json = printed(&["--replay", &file, "--json", "--view", "workers"]);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(line["rows"][0]["REQ"], *counts.last().unwrap(), "{json}");
    let two = printed(&["--replay", &file, "--csv", "--count", "2"]);
    assert_eq!(two, all.lines().take(3).map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn damage_costs_what_it_hits() {
    let folder = Folder::new("damaged");
    let file = folder.file("r");
    record(&file, "0.5");
    let mut bytes = fs::read(&file).unwrap();
    let count = column(&printed(&["--replay", &file, "--csv", "--count", "0"]), "requests").len();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    bytes.truncate(bytes.len() - 3);
    fs::write(&file, bytes).unwrap();
    let left = column(&printed(&["--replay", &file, "--csv", "--count", "0"]), "requests").len();
    assert_eq!(left, count - 2);
}

#[test]
fn what_cannot_be_replayed_is_named() {
    let folder = Folder::new("replay-not");
    let (file, empty, notes) = (folder.file("r"), folder.file("empty"), folder.file("notes"));
    record(&file, "0");
    fs::write(&empty, "uwsgitop-recording 1\n").unwrap();
    fs::write(&notes, "dear diary").unwrap();
    for (words, code, part) in [
        (&["--replay", &notes, "--once"][..], 1, "no recording of uwsgitop"),
        (&["--replay", &empty, "--once"], 1, "empty: the recording holds no pictures"),
        (&["--replay", "/nowhere/r", "--once"], 1, "No such file"),
        (&["--replay", &file, "--once", "--at", "1"], 1, "not in the recording, which goes from"),
        (&["--replay", &file, "--prometheus"], 2, "--prometheus"),
        (&["--replay", &file, "--once", "/s"], 2, "not allowed with a source"),
        (&["--replay", &file], 1, "no terminal"),
    ] {
        let output = run(words);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert!(told.contains(part) && output.stdout.is_empty(), "{words:?}: {told}");
    }
}
