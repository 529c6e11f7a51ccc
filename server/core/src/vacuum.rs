//! What a start that comes to nothing removes (`vacuum`): noted here as it is made, removed by
//! whatever ends the start. A master that runs does it by itself (`master::cleanup`). And what a new
//! configuration has no use for any more, which no master would remove later.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use uwsgi_sys::socket;

use crate::bound::Bound;
use crate::fifo::Pipe;
use crate::kept::Kept;
use crate::master::refork;
use crate::settings::Settings;
use crate::{log, pidfile};

/// While another master serves on the same sockets, nobody removes anything.
fn wanted(settings: &Settings) -> bool {
    settings.vacuum && settings.master && !refork::shares_sockets()
}

/// The pidfiles that this process writes, or wrote before it replaced itself.
pub(crate) fn note_pidfiles(settings: &Settings, cwd: &Path) {
    if wanted(settings) {
        pidfile::note_all(settings, cwd);
    }
}

/// Paths of sockets, and of the FIFO of the image before.
pub(crate) fn note_paths(settings: &Settings, bound: &Bound, fifo: Option<&Pipe>) {
    if wanted(settings) {
        bound.note_paths();
        fifo.into_iter().for_each(Pipe::note);
    }
}

/// The path of a socket of the image before that this one does not want.
pub(crate) fn remove_path(settings: &Settings, kept: &Kept) {
    let path = socket::unix_path(&kept.fd).filter(|_| kept.inode > 0 && wanted(settings));
    let Some(path) = path else { return };
    let ours = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.ino() == kept.inode);
    if ours && std::fs::remove_file(&path).is_ok() {
        log!("VACUUM: unix socket {} removed.", path.display());
    }
}

/// The FIFO of the image before, if this one has another or none.
pub(crate) fn remove_fifo(settings: &Settings, pipe: &Pipe) {
    if wanted(settings) && pipe.remove() {
        log!("{}", uwsgi_duties::fifo::removed(&pipe.path.to_string_lossy()).text);
    }
}
