//! `ebpf-pin`: a path under which the maps of the probes are seen while the server lives.
//!
//! The path is a symbolic link to a descriptor of the master, behind which the pins are. So the
//! server needs no file system mounted, and after its end the link leads nowhere, even when nobody
//! was left to remove it. What stands there and is no such link is nobody's to replace.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use uwsgi_sys::{bpf, process};

/// Makes the path lead to this process's pins; the error is a line for people.
pub(super) fn show(path: &str, pins: BorrowedFd<'_>) -> Result<(), String> {
    let target = target(pins);
    let path = Path::new(path);
    let error = |e: io::Error| format!("ebpf-pin: {}: {e}", path.display());
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(error(e)),
        Ok(there) if !there.is_symlink() => {
            let what = if there.is_dir() { "a directory" } else { "a file" };
            return Err(format!("ebpf-pin: {} is {what} of somebody else", path.display()));
        }
        Ok(_) => {
            let leads = fs::read_link(path).map_err(error)?;
            if leads == target {
                return Ok(());
            }
            if !is_link_of_ours(&leads) {
                let leads = leads.display();
                return Err(format!("ebpf-pin: {} leads to {leads}", path.display()));
            }
            // A pid may be another process by now, whose descriptor is something else.
            if bpf::is_pins(path) && !leads.starts_with(own()) {
                let leads = leads.display();
                let path = path.display();
                return Err(format!("ebpf-pin: {path} is used by a living server ({leads})"));
            }
            fs::remove_file(path).map_err(error)?;
        }
    }
    std::os::unix::fs::symlink(&target, path).map_err(error)
}

/// Removes the path, when it is a link of this process.
pub(super) fn hide(path: &str) -> io::Result<()> {
    match fs::read_link(path) {
        Ok(leads) if is_link_of_ours(&leads) && leads.starts_with(own()) => fs::remove_file(path),
        _ => Ok(()),
    }
}

fn own() -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd", process::pid()))
}

fn target(pins: BorrowedFd<'_>) -> PathBuf {
    own().join(pins.as_raw_fd().to_string())
}

/// Of the form `/proc/PID/fd/N`.
fn is_link_of_ours(leads: &Path) -> bool {
    let Some(rest) = leads.to_str().and_then(|text| text.strip_prefix("/proc/")) else {
        return false;
    };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    rest.split_once("/fd/").is_some_and(|(pid, fd)| number(pid) && number(fd))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let dir = std::env::temp_dir().join(format!("pin-{name}-{}", process::pid()));
            fs::create_dir_all(&dir).unwrap();
            Place(dir)
        }

        fn path(&self) -> String {
            self.0.join("maps").to_str().unwrap().to_owned()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_link_of_a_dead_server_is_replaced_and_ours_is_removed() {
        let place = Place::new("dead");
        let pins = fs::File::open("/dev/null").unwrap();
        std::os::unix::fs::symlink("/proc/4194305/fd/9", place.path()).unwrap();
        show(&place.path(), pins.as_fd()).unwrap();
        assert_eq!(fs::read_link(place.path()).unwrap(), target(pins.as_fd()));
        show(&place.path(), pins.as_fd()).unwrap();
        hide(&place.path()).unwrap();
        assert!(fs::symlink_metadata(place.path()).is_err());
        hide(&place.path()).unwrap();
    }

    #[test]
    fn what_is_somebody_elses_stays_and_is_named() {
        let place = Place::new("foreign");
        let pins = fs::File::open("/dev/null").unwrap();
        let refused = |says: &str| {
            let line = show(&place.path(), pins.as_fd()).unwrap_err();
            assert!(line.contains(&place.path()) && line.contains(says), "{line}");
            hide(&place.path()).unwrap();
            assert!(fs::symlink_metadata(place.path()).is_ok(), "{says}");
        };
        fs::create_dir(place.path()).unwrap();
        refused("is a directory");
        fs::remove_dir(place.path()).unwrap();
        fs::write(place.path(), "x").unwrap();
        refused("is a file");
        for foreign in ["/etc", "/proc/self/fd/3", "/proc/1/fd/x", "/proc/1/fd/3/x"] {
            fs::remove_file(place.path()).unwrap();
            std::os::unix::fs::symlink(foreign, place.path()).unwrap();
            refused(foreign);
        }
    }
}
