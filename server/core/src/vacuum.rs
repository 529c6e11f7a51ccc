//! What a start that comes to nothing removes (`vacuum`): noted here as it is made, removed by
//! whatever ends the start. A master that runs does it by itself (`master::cleanup`).

use std::path::Path;

use crate::bound::Bound;
use crate::fifo::Pipe;
use crate::master::refork;
use crate::pidfile;
use crate::settings::Settings;

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
