//! One look at what is waited for.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

use super::Server;
use crate::wait::{Seen, Target};

/// Looks once.
pub fn see(target: Target, name: &str, server: &mut impl Server) -> Seen {
    let there = |yes| if yes { Seen::There } else { Seen::Nothing };
    match target {
        Target::Interface => interface(name).map_or(Seen::Nothing, Seen::Index),
        Target::Socket => there(server.accepts(name)),
        Target::Mountpoint => mountpoint(name),
        Target::Any => there(fs::metadata(name).is_ok()),
        Target::File | Target::Dir => match fs::metadata(name) {
            Ok(data) if data.is_dir() == (target == Target::Dir) => Seen::There,
            Ok(data) if data.is_dir() => Seen::Other("a directory"),
            Ok(_) => Seen::Other("no directory"),
            Err(_) => Seen::Nothing,
        },
    }
}

fn interface(name: &str) -> Option<u32> {
    let kind = (AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC);
    let socket = socket_with(kind.0, kind.1, kind.2, None).ok()?;
    netdevice::name_to_index(socket, name).ok()
}

/// The root of a mount, by what the kernel says of it, or else by the device of its parent.
fn mountpoint(path: &str) -> Seen {
    let Ok(here) = fs::metadata(path) else { return Seen::Nothing };
    if !here.is_dir() {
        return Seen::Other("no directory");
    }
    let root = statx(CWD, path, AtFlags::empty(), StatxFlags::TYPE).ok().and_then(|stat| {
        let known = stat.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT);
        known.then(|| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    });
    let above = || {
        let above = fs::metadata(format!("{path}/..")).ok()?;
        Some(above.dev() != here.dev() || above.ino() == here.ino())
    };
    match root.or_else(above) {
        Some(true) => Seen::There,
        _ => Seen::Other("no mount point"),
    }
}
