//! To the end of the file, or in its place.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use uwsgi_net::plain;

use crate::files::{Alone, replace};
use crate::instance::{Sending, Transport};

/// Mode of the file.
const MODE: u32 = 0o640;

const CALL: &str = "uwsgi_stats_pusher_file() -> write()";

/// What becomes of what is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// All of it.
    All,
    /// All of it up to this size; then the file becomes `PATH.1`.
    Upto(u64),
    /// Nothing.
    Last,
}

/// See the module.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) keep: Keep,
    pub(super) alone: Alone,
}

impl Transport<Vec<u8>> for Writer {
    fn send<'a>(&'a mut self, payload: &'a Vec<u8>) -> Sending<'a> {
        let (path, keep, payload) = (self.path.clone(), self.keep, payload.clone());
        Box::pin(self.alone.in_thread(CALL, move || match keep {
            Keep::Last => replace(&path, &payload, MODE),
            Keep::All => append(&path, &payload),
            Keep::Upto(size) => {
                rotate(&path, size, payload.len())?;
                append(&path, &payload)
            }
        }))
    }
}

fn append(path: &Path, payload: &[u8]) -> Result<(), String> {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).mode(MODE).open(path);
    let mut file = file.map_err(|e| format!("open(\"{}\"): {}", path.display(), plain(&e)))?;
    file.write_all(payload).map_err(|e| format!("{CALL}: {}", plain(&e)))
}

/// Makes room, when the file would become larger than it may be.
fn rotate(path: &Path, size: u64, more: usize) -> Result<(), String> {
    let present = fs::metadata(path).map_or(0, |file| file.len());
    if present == 0 || present.saturating_add(more as u64) <= size {
        return Ok(());
    }
    let mut old = path.as_os_str().to_owned();
    old.push(".1");
    fs::rename(path, &old).map_err(|e| format!("rename(\"{}\"): {}", path.display(), plain(&e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_its_size_becomes_the_old_one() {
        let directory = std::env::temp_dir().join(format!("uwsgi-rotate-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("numbers");
        for (text, present, old) in [
            ("aaaa\n", "aaaa\n", None),
            ("bbbb\n", "aaaa\nbbbb\n", None),
            ("cccc\n", "cccc\n", Some("aaaa\nbbbb\n")),
            ("larger than it may be\n", "larger than it may be\n", Some("cccc\n")),
            ("dddd\n", "dddd\n", Some("larger than it may be\n")),
        ] {
            rotate(&path, 10, text.len()).unwrap();
            append(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), present);
            assert_eq!(fs::read_to_string(directory.join("numbers.1")).ok().as_deref(), old);
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
