//! The master's FIFO as a file: made, kept over a reload, given up, removed.
//!
//! It owns the rules of replacing what is at the path: a FIFO is replaced, also one that another
//! process reads; so is the small file that a shell leaves when it writes a command to a FIFO that
//! is not there; anything else is refused. The new FIFO takes its place in one step, with its
//! reader, so that nobody finds the path missing or without a reader.

use std::fs::Metadata;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, CWD, FileType, Mode, OFlags, access};
use uwsgi_duties::fifo::{Fifo, Table};
use uwsgi_sys::{leftovers, process};

use crate::instance::Instance;
use crate::kept;
use crate::master::refork;
use crate::settings::Settings;
use crate::sockets::plain;
use crate::{log, logv, vacuum};

/// A FIFO that is open for reading and writing, so that it never reports an end.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// Number of its slot.
    pub slot: usize,
    /// Its path as configured.
    pub path: PathBuf,
    /// The descriptor, not blocking.
    pub fd: OwnedFd,
    id: (u64, u64),
}

/// What is at the path of a FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It.
    Ours,
    /// Nothing.
    Missing,
    /// Something else.
    Foreign,
}

/// How a key in the table of the next image begins.
const KEY: &str = "fifo:";

impl Pipe {
    /// Makes the FIFO of `slot` at `path`. The error is the line for the log.
    pub(crate) fn create(slot: usize, path: &Path) -> Result<Pipe, String> {
        make_room(path)?;
        let beside = directory(path).join(format!(".uwsgi-fifo-{}-{slot}", process::pid()));
        // Left by a process of this number that was killed here.
        let _ = std::fs::remove_file(&beside);
        let made = make(&beside).and_then(|fd| {
            let id = identity(&fd)?;
            std::fs::rename(&beside, path)?;
            Ok(Pipe { slot, path: path.to_owned(), fd, id })
        });
        made.map_err(|e| {
            let _ = std::fs::remove_file(&beside);
            failure(path, &e)
        })
    }

    /// What the image before this one had open, if it is still at its path.
    pub(crate) fn inherited(kept: &kept::Table) -> Option<Pipe> {
        let (slot, path) = kept.configured(KEY.trim_end_matches(':'))?.split_once(':').map(own)?;
        let fd = kept.take(&format!("{KEY}{slot}:{path}"))?.fd;
        let id = identity(&fd).ok()?;
        let pipe = Pipe { slot: slot.parse().ok()?, path: path.into(), fd, id };
        (pipe.place() == Place::Ours).then_some(pipe)
    }

    /// What an image that does not come to its loop removes (`vacuum`).
    pub(crate) fn note(&self) {
        let path = self.path.to_string_lossy();
        let line = uwsgi_duties::fifo::removed(&path).text;
        leftovers::note_inode(&self.absolute(), self.id.1, &line);
    }

    /// Its entry in the table of the next image.
    pub(crate) fn entry(&self) -> (String, std::os::fd::BorrowedFd<'_>, u64) {
        (format!("{KEY}{}:{}", self.slot, self.path.display()), self.fd.as_fd(), 0)
    }

    /// What is at its path now.
    pub(crate) fn place(&self) -> Place {
        match std::fs::symlink_metadata(&self.path) {
            Ok(meta) if (meta.dev(), meta.ino()) == self.id => Place::Ours,
            Ok(_) => Place::Foreign,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Place::Missing,
            // A directory that cannot be looked into for now.
            Err(_) => Place::Ours,
        }
    }

    /// Removes its path, unless somebody else has replaced it. True if it went.
    pub(crate) fn remove(&self) -> bool {
        self.place() == Place::Ours && std::fs::remove_file(&self.path).is_ok()
    }

    /// Bytes that wait in it; at most as many as fit.
    pub(crate) fn read<'a>(&self, into: &'a mut [u8]) -> &'a [u8] {
        // Nothing waits, or a signal came: the next turn looks again.
        let count = rustix::io::read(&self.fd, &mut *into).unwrap_or(0);
        into.get(..count).unwrap_or_default()
    }

    /// Its path from the root, for those who run elsewhere.
    pub(crate) fn absolute(&self) -> PathBuf {
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }
}

fn failure(path: &Path, e: &io::Error) -> String {
    format!("unable to create the master fifo \"{}\": {}", path.display(), plain(e))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn own((a, b): (&str, &str)) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

fn make(path: &Path) -> io::Result<OwnedFd> {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

fn identity(fd: &OwnedFd) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Whether what is at `path` may be replaced.
fn make_room(path: &Path) -> Result<(), String> {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return Ok(()) };
    let shown = path.display();
    if meta.file_type().is_fifo() {
        if is_read(path) {
            log!("*** WARNING: another process reads the fifo {shown}: taking its path over ***");
        }
        return Ok(());
    }
    if is_stray_command(path, &meta) {
        log!("{shown} is a file with commands and no fifo: replacing it");
        return Ok(());
    }
    Err(format!(
        "unable to create the master fifo \"{shown}\": there is {} of that name; remove it, or give \
         master-fifo another path",
        kind(&meta)
    ))
}

/// Whether some process has the FIFO at `path` open for reading.
fn is_read(path: &Path) -> bool {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::open(path, flags, Mode::empty()).is_ok()
}

/// Whether what is at `path` serves nobody: a FIFO without a reader, as `mkfifo` or a process that
/// was killed leaves it, or a command that missed the FIFO. An instance makes a FIFO with its reader
/// in one step, so that its FIFO never looks like that.
pub(crate) fn is_nobodys(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| match meta.file_type().is_fifo() {
        true => !is_read(path),
        false => is_stray_command(path, &meta),
    })
}

/// Longest file that is taken for a command that missed the FIFO.
const STRAY: u64 = 16;

/// `echo r > path` makes a file where there is no FIFO.
fn is_stray_command(path: &Path, meta: &Metadata) -> bool {
    let small = meta.is_file() && meta.len() <= STRAY;
    let table = Table::default();
    let plain = |byte: &u8| byte.is_ascii_whitespace() || table.get(*byte).is_some();
    small && std::fs::read(path).is_ok_and(|bytes| bytes.iter().all(plain))
}

fn kind(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    match () {
        () if kind.is_file() => "a file",
        () if kind.is_dir() => "a directory",
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

/// Opens the FIFO of an instance that has one, before its first child: the one that the image
/// before had open, else a new one. What a copy of this master reads stays the copy's.
pub(crate) fn open(instance: &Instance) -> Result<(), String> {
    let Ok(mut place) = instance.fifo.lock() else { return Ok(()) };
    let old = place.take();
    let leave = |pipe: &Pipe| vacuum::remove_fifo(&instance.settings, pipe);
    let slots = &instance.settings.policy.control.fifos;
    let Some(first) = slots.first() else {
        old.iter().for_each(leave);
        return Ok(());
    };
    let slot = old.as_ref().map_or(0, |old| slot_after(old, slots));
    let path = Path::new(slots.get(slot).unwrap_or(first));
    let fits = |old: &Pipe| old.slot == slot && old.path == path;
    old.iter().filter(|old| !fits(old)).for_each(leave);
    let kept = old.filter(fits);
    if kept.is_none() && refork::has_copy() && is_read(path) {
        let path = path.display();
        logv!("master fifo {path} is read by a copy of this master: this instance has none now");
        return Ok(());
    }
    *place = Some(kept.map_or_else(|| Pipe::create(slot, path), Ok)?);
    Ok(())
}

/// For a trial: whether the next image could make its FIFO.
pub(crate) fn try_out(settings: &Settings) -> Result<(), String> {
    let Some(path) = settings.policy.control.fifos.first().map(Path::new) else { return Ok(()) };
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_fifo()) {
        return Ok(());
    }
    make_room(path)?;
    let made = access(directory(path), Access::WRITE_OK | Access::EXEC_OK);
    made.map_err(|e| failure(path, &e.into()))
}

/// A new image begins with the first slot, as ever; but where a master that was forked from the one
/// before reads it, it stays where it was.
fn slot_after(old: &Pipe, slots: &[String]) -> usize {
    let same = slots.get(old.slot).is_some_and(|path| Path::new(path) == old.path);
    let taken = slots.first().is_some_and(|first| is_read(Path::new(first)));
    if same && old.slot > 0 && taken { old.slot } else { 0 }
}

/// The commands of an instance, beginning with the slot that is open.
pub(crate) fn duty(instance: &Instance, slot: usize) -> Option<Fifo> {
    let control = &instance.settings.policy.control;
    let (slots, blocked) = (control.fifos.clone(), control.start_unsubscribed);
    let mut duty = Fifo::new(slots, Table::default(), blocked)?;
    duty.start_at(slot);
    Some(duty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("uwsgi-fifo-{name}-{}", process::pid()));
            std::fs::create_dir(&path).unwrap();
            Folder(path)
        }

        fn names(&self) -> Vec<String> {
            let all = std::fs::read_dir(&self.0).unwrap();
            all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn it_is_there_with_its_reader_and_for_its_owner_alone() {
        let folder = Folder::new("made");
        let path = folder.0.join("fifo");
        let pipe = Pipe::create(0, &path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o177, 0);
        let mut room = [0; 8];
        assert_eq!(pipe.read(&mut room), b"", "nothing waits, and it is no end");
        std::fs::write(&path, "r\n").unwrap();
        assert_eq!(pipe.read(&mut room), b"r\n");
        assert_eq!(pipe.read(&mut room), b"", "the writer left, and it is no end");
        assert_eq!(folder.names(), ["fifo"]);
        assert!(pipe.remove() && folder.names().is_empty());
    }

    #[test]
    fn who_replaced_it_keeps_it() {
        let folder = Folder::new("replaced");
        let path = folder.0.join("fifo");
        let old = Pipe::create(0, &path).unwrap();
        assert_eq!(old.place(), Place::Ours);
        let new = Pipe::create(0, &path).unwrap();
        assert_eq!((old.place(), new.place()), (Place::Foreign, Place::Ours));
        assert!(!old.remove(), "it belongs to the other one");
        assert!(new.remove());
        assert_eq!((old.place(), new.place()), (Place::Missing, Place::Missing));
    }

    #[test]
    fn what_nobody_reads_is_nobodys() {
        let folder = Folder::new("nobodys");
        let path = folder.0.join("fifo");
        assert!(!is_nobodys(&path) && !is_nobodys(&folder.0), "nothing is no thing of nobody");
        let read = Pipe::create(0, &path).unwrap();
        assert!(!is_nobodys(&path));
        drop(read);
        assert!(is_nobodys(&path));
        for (content, nobodys) in [("r\n", true), ("data data", false)] {
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, content).unwrap();
            assert_eq!(is_nobodys(&path), nobodys, "{content:?}");
        }
    }

    #[test]
    fn what_somebody_may_want_is_not_replaced() {
        let folder = Folder::new("refused");
        let path = folder.0.join("fifo");
        for (content, replaced) in [
            ("", true),
            ("r\n", true),
            ("1fp\n", true),
            ("hello\n", false),
            ("r\nr\nr\nr\nr\nr\nr\nr\nr\n", false),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(Pipe::create(0, &path).is_ok(), replaced, "{content:?}");
            let _ = std::fs::remove_file(&path);
        }
        std::fs::write(&path, "data data").unwrap();
        let error = Pipe::create(0, &path).unwrap_err();
        assert!(error.contains("there is a file") && error.contains("master-fifo"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"data data");
        let link = folder.0.join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Pipe::create(0, &link).unwrap_err().contains("a symbolic link"));
        assert!(Pipe::create(0, &folder.0).unwrap_err().contains("a directory"));
        let nowhere = Pipe::create(0, &folder.0.join("none/fifo")).unwrap_err();
        assert!(nowhere.contains("No such file"), "{nowhere}");
        assert_eq!(folder.names().len(), 2, "nothing is left beside them");
    }
}
