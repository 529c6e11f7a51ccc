//! Files, directories, pipes, names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::time::Duration;

use rustix::fs::{Gid, OFlags, Uid};
use rustix::io::Errno;

use super::server::{GIVEN_UP, Server};
use crate::action::Owner;
use crate::{Failure, Line};

const STICKY: u32 = 0o1000;

type Done = Result<(), Failure>;

fn hook(name: &str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::system(&format!("hook {name}"), &error)
}

pub(super) fn chdir(path: &str) -> Done {
    std::env::set_current_dir(path).map_err(hook("chdir"))
}

pub(super) fn mkdir(path: &str) -> Done {
    fs::create_dir(path).map_err(hook("mkdir"))
}

pub(super) fn unlink(path: &str) -> Done {
    fs::remove_file(path).map_err(hook("unlink"))
}

pub(super) fn create(path: &str) -> Done {
    File::create(path).map(drop).map_err(hook("create"))
}

pub(super) fn hostname(name: &str) -> Done {
    rustix::system::sethostname(name.as_bytes()).map_err(|e| hook("hostname")(e.into()))
}

pub(super) fn chmod(path: &str, bits: u32) -> Done {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).map_err(hook("chmod"))
}

pub(super) fn sticky(path: &str) -> Done {
    let add = || {
        let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
        fs::set_permissions(path, fs::Permissions::from_mode(mode | STICKY))
    };
    add().map_err(hook("sticky"))
}

pub(super) fn chown(path: &str, user: &Owner, group: &Owner, server: &impl Server) -> Done {
    let find = |owner: &Owner, what: &str, by_name: &dyn Fn(&str) -> Option<u32>| match owner {
        Owner::Id(id) => Ok(Some(*id)),
        Owner::Same => Ok(None),
        Owner::Name(name) => by_name(name)
            .map(Some)
            .ok_or_else(|| Failure::Told(format!("unable to find {what} {name}"))),
    };
    let user = find(user, "uid", &|name| server.user(name))?.map(Uid::from_raw);
    let group = find(group, "gid", &|name| server.group(name))?.map(Gid::from_raw);
    rustix::fs::chown(path, user, group).map_err(|e| hook("chown")(e.into()))
}

pub(super) fn write(path: &str, text: &str, append: bool) -> Done {
    let how = if append { "append" } else { "write" };
    let mut options = OpenOptions::new();
    options.create(true).write(true).append(append).truncate(!append);
    let file = options.open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(hook(how))
}

/// Writes into a pipe that somebody reads. Nobody is no failure.
pub(super) fn fifo(path: &str, text: &str, spin: bool, server: &mut impl Server) -> Done {
    let name = if spin { "spinningfifo" } else { "writefifo" };
    loop {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        match options.open(path) {
            Ok(mut pipe) => return pipe.write_all(text.as_bytes()).map_err(hook(name)),
            Err(error) if !unread(&error) => return Err(hook(name)(error)),
            Err(_) if !spin => return Ok(()),
            Err(_) => server.log(Line::plain(format!("waiting for {path} ..."))),
        }
        if !server.pause(Duration::from_secs(1)) {
            return Err(Failure::Told(GIVEN_UP.into()));
        }
    }
}

fn unread(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NXIO | Errno::NODEV))
}
