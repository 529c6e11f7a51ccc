//! `upload-progress`: how much of an upload has arrived, as a small JSON file for whoever asks the web server.
//!
//! Owns the file of one upload from its first byte to its last: its name is an id from the client, so
//! nothing but a plain one is taken. The file is locked while its upload runs, so that one which a
//! killed worker has left behind is known by that nobody holds it, and goes when the next worker starts
//! or when its id is used again. It refuses to hold up an upload: what goes wrong with the file is a
//! line in the log.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, openat};

use crate::log;
use crate::policy::Bodies;

/// In front of the id, in the target of the request.
const MARK: &[u8] = b"X-Progress-ID=";
/// Length of an id.
const ID: usize = 36;
/// What each file begins with.
const BEGINNING: &[u8] = b"{ \"state\" : \"uploading\"";
/// Files left behind by others that are taken over before it is given up.
const TRIES: usize = 4;

/// The file of an upload; it is removed with it.
pub(crate) struct Progress {
    file: File,
    path: PathBuf,
    size: u64,
}

/// What the target of a request says about progress.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    Nothing,
    Bad,
    For(&'a str),
}

impl Progress {
    /// The file for an upload of `size` bytes, if its target names one and there is room for it.
    pub(crate) fn begin(directory: &Path, target: &[u8], size: u64) -> Option<Progress> {
        let id = match asked(target) {
            Asked::Nothing => return None,
            Asked::Bad => {
                log!("invalid X-Progress-ID value: must be a UUID");
                return None;
            }
            Asked::For(id) => id,
        };
        log!("upload progress uuid = {id}");
        let path = directory.join(format!("{id}.js"));
        match create(&path) {
            Ok(file) => Some(Progress { file, path, size }),
            Err(e) => {
                let text = crate::sockets::plain(&e);
                log!("open(\"{}\"): {text} [core/progress.c line {}]", path.display(), line!());
                None
            }
        }
    }

    /// So much has arrived. The text only grows, so that a reader never sees the end of an older one; it is
    /// for those who read it now, so nobody waits for a disk.
    pub(crate) fn note(&mut self, received: u64) {
        let text = text(received, self.size);
        // A full disk ends the upload soon enough; its progress is not what fails it.
        let _ = self.file.write_all_at(text.as_bytes(), 0);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // Somebody who removed it first did the same.
        let _ = fs::remove_file(&self.path);
    }
}

fn text(received: u64, size: u64) -> String {
    format!("{{ \"state\" : \"uploading\", \"received\" : {received}, \"size\" : {size} }}\r\n")
}

/// Whether somebody is to be told how far the upload to this target has come: it is received by a core then.
pub(crate) fn is_wanted(bodies: &Bodies, target: &[u8]) -> bool {
    bodies.buffering > 0 && bodies.progress.is_some() && asked(target) != Asked::Nothing
}

/// The id in the target of a request.
fn asked(target: &[u8]) -> Asked<'_> {
    let Some(at) = target.windows(MARK.len()).position(|part| part == MARK) else {
        return Asked::Nothing;
    };
    let rest = &target[at + MARK.len()..];
    let end = rest.iter().position(|b| b"&;#".contains(b)).unwrap_or(rest.len());
    match std::str::from_utf8(&rest[..end]) {
        Ok(id) if is_id(id) => Asked::For(id),
        _ => Asked::Bad,
    }
}

/// Whether it is a UUID as text: nothing else becomes the name of a file.
fn is_id(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == ID && text.bytes().enumerate().all(fits)
}

/// A new file, locked. One of this name that nobody holds is left over from an upload whose worker was
/// killed; one that is held is somebody's.
fn create(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o640);
    for _ in 0..TRIES {
        match openat(CWD, path, flags, mode) {
            Ok(fd) => {
                let file = File::from(fd);
                let held = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
                // A worker that starts may have taken it for a left one in between.
                if held && file.metadata()?.nlink() > 0 {
                    return Ok(file);
                }
            }
            Err(rustix::io::Errno::EXIST) if is_left(path) => remove_left(path),
            Err(e) => return Err(e.into()),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Whether a file is one of ours whose upload is over.
fn is_left(path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(fd) = openat(CWD, path, flags, Mode::empty()) else { return false };
    let mut file = File::from(fd);
    let plain = file.metadata().is_ok_and(|m| m.is_file());
    let free = plain && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    let mut beginning = Vec::with_capacity(BEGINNING.len());
    let read =
        free && file.by_ref().take(BEGINNING.len() as u64).read_to_end(&mut beginning).is_ok();
    // Killed before the first piece, it is empty.
    let ours = read && (beginning.is_empty() || beginning == BEGINNING);
    let same = || {
        let now = fs::symlink_metadata(path);
        now.is_ok_and(|now| {
            file.metadata().is_ok_and(|m| (m.dev(), m.ino()) == (now.dev(), now.ino()))
        })
    };
    ours && same()
}

fn remove_left(path: &Path) {
    // Another worker may have removed it.
    let _ = fs::remove_file(path);
}

/// Removes what killed workers have left in the directory. Nothing else is touched there.
pub(crate) fn tidy(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".js"));
        if id.is_some_and(is_id) && is_left(&entry.path()) {
            remove_left(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "01234567-89ab-CDEF-0123-456789abcdef";

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::env::temp_dir().join(format!("uwsgi-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Place(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> =
                entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn only_a_plain_id_names_a_file() {
        let target = |id: &str| format!("/up?X-Progress-ID={id}").into_bytes();
        assert_eq!(asked(&target(UUID)), Asked::For(UUID));
        assert_eq!(asked(&target(&format!("{UUID}&x=../.."))), Asked::For(UUID));
        assert_eq!(asked(b"/up?x=1"), Asked::Nothing);
        for bad in [
            "",
            "x",
            &UUID[1..],
            &format!("{UUID}0"),
            &UUID.replace('0', "g"),
            &UUID.replace('-', "/"),
            "../../../../../../../etc/passwd00000",
            "0123456-789ab-CDEF-0123-456789abcdef",
            "01234567-89ab-CDEF-0123-45678\u{e9}abcde",
        ] {
            assert_eq!(asked(&target(bad)), Asked::Bad, "{bad}");
        }
    }

    #[test]
    fn a_file_tells_what_has_arrived_and_goes_with_its_upload() {
        let place = Place::new("progress");
        let target = format!("/?X-Progress-ID={UUID}");
        let mut progress = Progress::begin(&place.0, target.as_bytes(), 2000).unwrap();
        let file = place.0.join(format!("{UUID}.js"));
        progress.note(5);
        let said = fs::read_to_string(&file).unwrap();
        assert_eq!(said, "{ \"state\" : \"uploading\", \"received\" : 5, \"size\" : 2000 }\r\n");
        assert_eq!(file.metadata().unwrap().mode() & 0o7137, 0, "others may read or run it");
        progress.note(2000);
        assert!(fs::read_to_string(&file).unwrap().contains("\"received\" : 2000,"));
        assert!(Progress::begin(&place.0, target.as_bytes(), 9).is_none(), "the id is in use");
        tidy(&place.0);
        assert_eq!(place.names(), [format!("{UUID}.js")], "a running upload lost its file");
        drop(progress);
        assert!(place.names().is_empty());
    }

    #[test]
    fn what_a_killed_worker_left_goes_and_what_is_not_ours_stays() {
        let place = Place::new("left");
        let left = format!("{UUID}.js");
        let other = format!("f{}.js", &UUID[1..]);
        fs::write(place.0.join(&left), text(1, 2)).unwrap();
        fs::write(place.0.join(&other), "var x = 1;").unwrap();
        fs::write(place.0.join("app.js"), text(1, 2)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", place.0.join(format!("e{}.js", &UUID[1..])))
            .unwrap();
        let target = format!("/?X-Progress-ID={UUID}");
        drop(Progress::begin(&place.0, target.as_bytes(), 9).expect("a left file is in the way"));
        fs::write(place.0.join(&left), text(1, 2)).unwrap();
        tidy(&place.0);
        assert_eq!(place.names(), ["app.js".to_owned(), format!("e{}.js", &UUID[1..]), other]);
    }
}
