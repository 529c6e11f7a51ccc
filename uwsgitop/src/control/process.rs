//! Ways to processes that have proved who they are: signals, and the FIFO of a master.
//!
//! The descriptor is taken first and looked at after, so that the process that is looked at is the
//! one that gets the signal, whatever becomes of its number meanwhile.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::procfs::{is_server, parent_of, user_of};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use uwsgi_metrics::Reader;

/// What a process must have to be the one that is meant.
pub(super) struct Kin {
    /// Its parent, of a worker.
    pub(super) parent: Option<u64>,
    /// Its user.
    pub(super) uid: Option<u64>,
    /// Its directory, of a master.
    pub(super) cwd: Option<String>,
}

/// Sends a signal to this process if it is a server's and of this kin.
///
/// # Errors
/// A sentence that names the process and what is not as it should be, or the kernel's reason.
pub(super) fn signal(pid: u64, signal: Signal, kin: &Kin) -> Result<(), String> {
    let fd = proved(pid, kin)?;
    pidfd_send_signal(&fd, signal).map_err(|error| match error {
        rustix::io::Errno::PERM => {
            format!("process {pid} belongs to another user: run uwsgitop as that user or as root")
        }
        error => format!("process {pid}: {error}"),
    })
}

/// The FIFO that this master takes commands from, as its shared memory tells: as its path is here,
/// and as it is meant. It belongs to the user of that master.
///
/// # Errors
/// A sentence that says what is not as it should be.
pub(super) fn fifo(pid: u64, kin: &Kin) -> Result<(PathBuf, String), String> {
    let _held = proved(pid, kin)?;
    let arena = u32::try_from(pid).ok().and_then(|pid| Reader::of_pid(pid).ok());
    let Some(arena) = arena else { return Err(format!("process {pid} tells of none")) };
    let told = arena.globals().fifo.get();
    if told.is_empty() {
        return Err("the server has none: start it with master-fifo".to_owned());
    }
    let shown = crate::human::clean(&String::from_utf8_lossy(&told));
    let path = Path::new(OsStr::from_bytes(&told));
    // It may live in a container; without leave to look there it lives here.
    let there =
        Path::new(&format!("/proc/{pid}/root")).join(path.strip_prefix("/").unwrap_or(path));
    let place = [there, path.to_owned()].into_iter().find(|path| path.symlink_metadata().is_ok());
    let Some(place) = place else { return Err(format!("{shown} is not there")) };
    let meta = place.symlink_metadata().map_err(|error| format!("{shown}: {error}"))?;
    if !meta.file_type().is_fifo() || user_of(pid) != Some(u64::from(meta.uid())) {
        return Err(format!("no FIFO of the server's user is at {shown}"));
    }
    Ok((place, shown))
}

/// The process, if it is a server's and of this kin.
fn proved(pid: u64, kin: &Kin) -> Result<OwnedFd, String> {
    let wrong = |what: &str| Err(format!("process {pid} {what}"));
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let Some(target) = raw.filter(|_| pid > 1) else { return wrong("is none to be signalled") };
    let Ok(fd) = pidfd_open(target, PidfdFlags::empty()) else { return wrong("does not run") };
    if kin.parent.is_some_and(|parent| parent_of(pid) != Some(parent)) {
        return wrong("is no longer a worker of this master");
    }
    if !is_server(pid) {
        return wrong("is no uwsgi server: the source is of another machine or namespace");
    }
    if kin.uid.is_some_and(|uid| user_of(pid) != Some(uid)) {
        return wrong("belongs to another user than the source says");
    }
    let cwd = fs::read_link(format!("/proc/{pid}/cwd")).ok();
    let cwd = cwd.map(|path| crate::human::clean(&path.to_string_lossy()));
    if kin.cwd.as_ref().zip(cwd).is_some_and(|(told, seen)| *told != seen) {
        return wrong("runs in another directory than the source says");
    }
    Ok(fd)
}
