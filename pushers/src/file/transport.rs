//! Appends to the file in a thread: a file system may hang.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use uwsgi_net::{Failure, plain};

use crate::instance::{Sending, Transport};

/// See the module.
pub(super) struct Writer {
    pub(super) path: PathBuf,
}

impl Transport<Vec<u8>> for Writer {
    fn send<'a>(&'a mut self, payload: &'a Vec<u8>) -> Sending<'a> {
        let (path, payload) = (self.path.clone(), payload.clone());
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || append(&path, &payload)).await;
            written
                .unwrap_or_else(|_| Err("uwsgi_stats_pusher_file() -> write(): ended".into()))
                .map_err(Failure::passing)
        })
    }
}

fn append(path: &Path, payload: &[u8]) -> Result<(), String> {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).mode(0o640).open(path);
    let mut file = file.map_err(|e| format!("open(\"{}\"): {}", path.display(), plain(&e)))?;
    file.write_all(payload)
        .map_err(|e| format!("uwsgi_stats_pusher_file() -> write(): {}", plain(&e)))
}
