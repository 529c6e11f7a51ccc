//! The one door to the outside: files, pipes and the facts of the machine.
//!
//! Everything else in this crate is pure. Tests put a map in the place of [`System`].

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, access};

/// What magic variables say about the machine and the process.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Working directory at start, `%v`.
    pub cwd: String,
    /// Host name, `%h`.
    pub hostname: String,
    /// Path of the running binary, `%b`.
    pub binary: String,
    /// CPUs online, `%k`.
    pub cpus: u32,
    /// Numeric user and its name, `%u` and `%U`.
    pub user: (u32, String),
    /// Numeric group and its name, `%g` and `%G`.
    pub group: (u32, String),
    /// Start time in microseconds since the epoch, `%t` and `%T`.
    pub started_us: u64,
}

/// Where a file is, for the magic variables about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Absolute path; of the link itself when it is a symbolic link.
    pub path: String,
    /// Inode number, of the link itself when it is one.
    pub inode: u64,
}

/// What a condition can ask about a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// This process may read it.
    pub readable: bool,
    /// A regular file.
    pub file: bool,
    /// A directory.
    pub directory: bool,
}

/// The outside, as far as reading a configuration needs it.
pub trait Source {
    /// The whole content of `what`: a path, `-`, `fd://N` or `exec://command`.
    ///
    /// # Errors
    /// Whatever reading fails with; `Unsupported` names a scheme this build has not.
    fn read(&self, what: &str) -> io::Result<Vec<u8>>;

    /// Where the file at `path` is.
    ///
    /// # Errors
    /// The file does not exist or cannot be looked at.
    fn locate(&self, path: &str) -> io::Result<Place>;

    /// What is at `path`, links followed; nothing at all when it does not exist.
    fn look(&self, path: &str) -> Look;

    /// Facts for the magic variables.
    fn facts(&self) -> Facts;
}

/// True when `what` is not a plain path: standard input or a scheme.
#[must_use]
pub(crate) fn is_scheme(what: &str) -> bool {
    what == "-" || what.contains("://")
}

/// The real machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Source for System {
    fn read(&self, what: &str) -> io::Result<Vec<u8>> {
        if what == "-" {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        match what.split_once("://") {
            Some(("fd", number)) => read_descriptor(number),
            Some(("exec", command)) => run(command),
            Some((scheme, _)) => Err(unsupported(scheme)),
            None => fs::read(what),
        }
    }

    fn locate(&self, path: &str) -> io::Result<Place> {
        let meta = fs::symlink_metadata(path)?;
        let absolute = if meta.is_symlink() { link_path(path)? } else { fs::canonicalize(path)? };
        Ok(Place { path: absolute.to_string_lossy().into_owned(), inode: meta.ino() })
    }

    fn look(&self, path: &str) -> Look {
        let meta = fs::metadata(path);
        Look {
            readable: access(path, Access::READ_OK).is_ok(),
            file: meta.as_ref().is_ok_and(fs::Metadata::is_file),
            directory: meta.is_ok_and(|meta| meta.is_dir()),
        }
    }

    fn facts(&self) -> Facts {
        let text = |path: Option<PathBuf>| path.map(|p| p.to_string_lossy().into_owned());
        let (uid, gid) = identity();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Facts {
            cwd: text(std::env::current_dir().ok()).unwrap_or_default(),
            hostname: first_line("/proc/sys/kernel/hostname"),
            binary: text(std::env::current_exe().ok()).unwrap_or_default(),
            cpus: online_cpus(&first_line("/sys/devices/system/cpu/online")),
            user: (uid, name_of("/etc/passwd", uid)),
            group: (gid, name_of("/etc/group", gid)),
            started_us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

fn unsupported(scheme: &str) -> io::Error {
    let text = format!("scheme \"{scheme}://\" is not supported yet, only exec:// and fd:// are");
    io::Error::new(io::ErrorKind::Unsupported, text)
}

fn read_descriptor(number: &str) -> io::Result<Vec<u8>> {
    let bad = |_| io::Error::new(io::ErrorKind::InvalidInput, "fd:// wants a number");
    let number: u32 = number.parse().map_err(bad)?;
    fs::read(format!("/dev/fd/{number}"))
}

fn run(command: &str) -> io::Result<Vec<u8>> {
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    Ok(output.stdout)
}

/// The absolute path of a symbolic link itself: its directory resolved, its own name kept.
fn link_path(path: &str) -> io::Result<PathBuf> {
    let path = Path::new(path);
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(fs::canonicalize(parent)?.join(path.file_name().unwrap_or_default()))
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Effective user and group, read from the owner of `/proc/self`.
fn identity() -> (u32, u32) {
    fs::metadata("/proc/self").map(|meta| (meta.uid(), meta.gid())).unwrap_or_default()
}

/// The name that belongs to `id` in a passwd-like file, or the number as text.
fn name_of(file: &str, id: u32) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let wanted = id.to_string();
    let hit = text.lines().find(|line| line.split(':').nth(2) == Some(wanted.as_str()));
    hit.and_then(|line| line.split(':').next()).map_or(wanted.clone(), str::to_owned)
}

/// Counts a kernel CPU list such as `0-3,6`; at least 1.
fn online_cpus(list: &str) -> u32 {
    let count = |range: &str| match range.split_once('-') {
        Some((first, last)) => match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) => last.saturating_sub(first) + 1,
            _ => 0,
        },
        None => u32::from(range.parse::<u32>().is_ok()),
    };
    list.trim().split(',').map(count).sum::<u32>().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_counted() {
        for (list, count) in [("0", 1), ("0-3", 4), ("0-1,4-5,7", 5), ("", 1), ("x-y", 1)] {
            assert_eq!(online_cpus(list), count, "{list:?}");
        }
    }

    #[test]
    fn exec_yields_standard_output() {
        assert_eq!(System.read("exec://printf a%s b").expect("sh runs"), b"ab");
    }

    #[test]
    fn a_scheme_that_is_not_built_is_named() {
        let error = System.read("http://host/x.ini").expect_err("not built");
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().contains("\"http://\""), "{error}");
    }

    #[test]
    fn a_missing_file_cannot_be_located() {
        let error = System.locate("/nonexistent/x.ini").expect_err("missing");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
