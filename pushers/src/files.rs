//! Files that others read: written whole beside the place and moved there, so that nobody ever sees
//! half of one. File systems may hang, therefore all of it happens in a thread.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;
use uwsgi_net::{Failure, plain};

/// One thread at a time: one that hangs must not get company with every push.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alone(Arc<Mutex<()>>);

impl Alone {
    /// Runs `write` in a thread; `call` is what a failure of the thread is called in the log.
    pub(crate) async fn in_thread(
        &self,
        call: &'static str,
        write: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Result<(), Failure> {
        let Ok(held) = Arc::clone(&self.0).try_lock_owned() else {
            return Err(Failure::passing(format!("{call}: the one before has not ended yet")));
        };
        let written = tokio::task::spawn_blocking(move || {
            let _held = held;
            write()
        });
        let written = written.await.unwrap_or_else(|_| Err(format!("{call}: ended")));
        written.map_err(Failure::passing)
    }
}

/// Puts a file in the place of another one.
///
/// # Errors
/// The line for the log.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), String> {
    let beside = beside(path);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode).open(&beside);
    let mut file = file.map_err(|e| format!("open(\"{}\"): {}", beside.display(), plain(&e)))?;
    let named = |call: &str, e: &io::Error| format!("{call}(\"{}\"): {}", path.display(), plain(e));
    let written = file.write_all(content).map_err(|e| named("write", &e));
    let moved = written.and_then(|()| fs::rename(&beside, path).map_err(|e| named("rename", &e)));
    moved.inspect_err(|_| {
        // Half a file is of no use to anybody.
        let _ = fs::remove_file(&beside);
    })
}

/// `path.tmp`: readers that take files by their ending leave it alone.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

/// A number of bytes with an optional K, M or G behind it.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, size) in [
            ("4096", Some(4096)),
            ("2k", Some(2048)),
            ("3M", Some(3 << 20)),
            ("1G", Some(1 << 30)),
            ("0", None),
            ("-1", None),
            ("1T", None),
            ("", None),
            ("99999999999999999G", None),
        ] {
            assert_eq!(super::size(text), size, "{text}");
        }
    }

    #[test]
    fn a_write_that_hangs_gets_no_company() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let alone = Alone::default();
            let (release, held) = std::sync::mpsc::channel::<()>();
            let hangs = alone.in_thread("write()", move || held.recv().map_err(|e| e.to_string()));
            let moment = std::time::Duration::from_millis(5);
            assert!(tokio::time::timeout(moment, hangs).await.is_err(), "it hangs");
            let next = alone.in_thread("write()", || Ok(())).await.unwrap_err();
            assert_eq!(next.text, "write(): the one before has not ended yet");
            release.send(()).unwrap();
            let free = async { while alone.in_thread("write()", || Ok(())).await.is_err() {} };
            tokio::time::timeout(std::time::Duration::from_secs(30), free).await.unwrap();
        });
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let directory = std::env::temp_dir().join(format!("uwsgi-replace-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("numbers.prom");
        replace(&path, b"one", 0o644).unwrap();
        replace(&path, b"two", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");
        let full = Path::new("/dev/full/numbers");
        assert!(
            replace(full, b"x", 0o644)
                .unwrap_err()
                .starts_with("open(\"/dev/full/numbers.tmp\"): ")
        );
        // A directory cannot be replaced by a file.
        let place = directory.join("place");
        fs::create_dir_all(&place).unwrap();
        assert!(replace(&place, b"x", 0o644).unwrap_err().starts_with("rename("));
        assert!(!beside(&place).exists());
        fs::remove_dir_all(&directory).unwrap();
    }
}
