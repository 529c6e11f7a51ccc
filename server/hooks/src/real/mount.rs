//! Mounts.

use std::ffi::CString;
use std::fs;

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{MountFlags, UnmountFlags};

use crate::action::{Mount, Step, Umount};
use crate::{Failure, mountinfo};

const NO_PROC: &str = "the /proc filesystem must be mounted for recursive umount";

pub(super) fn mount(mount: &Mount) -> Result<(), Failure> {
    let data = mount.data.as_deref().map(CString::new).transpose();
    let data = data.map_err(|e| Failure::system("uwsgi_mount()", &e.into()))?;
    for step in mount.steps() {
        let flags = MountFlags::from_bits_retain(flags(mount, step));
        rustix::mount::mount(
            mount.source.as_str(),
            mount.target.as_str(),
            mount.fs.as_str(),
            flags,
            data.as_deref(),
        )
        .map_err(|e| Failure::system("uwsgi_mount()", &e.into()))?;
    }
    Ok(())
}

/// A mount that is mounted again keeps what it has: nobody gains what `nosuid` took.
fn flags(mount: &Mount, step: Step) -> u32 {
    let has = statvfs(mount.target.as_str()).map(|stat| stat.f_flag).ok().filter(|_| step.keeps);
    let has = has.unwrap_or(StatVfsMountFlags::empty());
    let kept = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
    ];
    let kept = kept.iter().filter(|(of_stat, _)| has.contains(*of_stat));
    kept.fold(step.flags, |flags, (_, of_mount)| flags | of_mount.bits())
}

pub(super) fn umount(umount: &Umount) -> Result<(), Failure> {
    if umount.recursive {
        below(&umount.target)?;
    }
    let flags = UnmountFlags::from_bits_retain(umount.flags);
    rustix::mount::unmount(umount.target.as_str(), flags)
        .map_err(|e| Failure::system("uwsgi_umount()", &e.into()))
}

/// Unmounts everything below, until nothing goes any more.
fn below(target: &str) -> Result<(), Failure> {
    let real = fs::canonicalize(target).map_err(|e| Failure::system("uwsgi_umount()", &e))?;
    let real = real.to_string_lossy();
    loop {
        let text = fs::read("/proc/self/mountinfo").map_err(|_| Failure::Stop(NO_PROC.into()))?;
        let order = mountinfo::below(&String::from_utf8_lossy(&text), &real);
        let plain = UnmountFlags::empty();
        let gone = order.iter().filter(|path| rustix::mount::unmount(path.as_str(), plain).is_ok());
        if gone.count() == 0 {
            return Ok(());
        }
    }
}
