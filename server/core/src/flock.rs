//! `flock` and its relatives: files that are locked for the life of an instance.
//!
//! Owns the locks of this process and their messages. Only the process that was started holds
//! them: whoever it forks lets go at once, so that no straggler keeps the next start away.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use uwsgi_sys::lock;

use crate::log;
use crate::sockets::plain;

static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Locks the file at `path`, which must exist and be writable. The error is the line for the log.
pub(crate) fn take(path: &str, wait: bool) -> Result<(), String> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file =
        file.map_err(|e| format!("open(\"{path}\"): {} [core/flock line {}]", plain(&e), line!()))?;
    if is_held(&file) {
        return Ok(());
    }
    let failed = |e: std::io::Error| format!("fcntl(\"{path}\"): {}", plain(&e));
    if !lock::exclusive(&file, false).map_err(failed)? {
        if !wait {
            return Err(format!("uWSGI ERROR: {path} is locked by another instance"));
        }
        log!("{path} is locked by another instance, waiting for it...");
        lock::exclusive(&file, true).map_err(failed)?;
    }
    HELD.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    Ok(())
}

/// Naming a file twice does not lock it against ourselves.
fn is_held(file: &File) -> bool {
    let identity = |file: &File| file.metadata().map(|meta| (meta.dev(), meta.ino())).ok();
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    held.iter().any(|other| identity(other).is_some() && identity(other) == identity(file))
}

/// In a child: lets go of what only the first process may hold.
pub(crate) fn leave() {
    if let Ok(mut held) = HELD.lock() {
        held.clear();
    }
}
