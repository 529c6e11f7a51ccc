//! Users and groups: names to numbers, and the drop of privileges.

use std::ffi::CString;
use std::io;

/// A user as the system knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Number.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Name.
    pub name: String,
}

/// Looks a user up by name.
pub fn user(name: &str) -> Option<User> {
    let name_c = CString::new(name).ok()?;
    // SAFETY: a NUL-terminated name; the result points to static storage, copied before any other
    // call (the process has one thread when it resolves names).
    unsafe {
        let entry = libc::getpwnam(name_c.as_ptr()).as_ref()?;
        Some(User { uid: entry.pw_uid, gid: entry.pw_gid, name: name.to_owned() })
    }
}

/// Looks a user up by number.
pub fn user_by_id(uid: u32) -> Option<User> {
    // SAFETY: as in `user`; `pw_name` is a NUL-terminated string inside that storage.
    unsafe {
        let entry = libc::getpwuid(uid).as_ref()?;
        let name = std::ffi::CStr::from_ptr(entry.pw_name).to_string_lossy().into_owned();
        Some(User { uid, gid: entry.pw_gid, name })
    }
}

/// Looks a group up by name.
pub fn group(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: as in `user`.
    unsafe { libc::getgrnam(name.as_ptr()).as_ref() }.map(|g| g.gr_gid)
}

/// The name of a group.
pub fn group_name(gid: u32) -> Option<String> {
    // SAFETY: as in `user`; `gr_name` is a NUL-terminated string inside that storage.
    unsafe {
        let entry = libc::getgrgid(gid).as_ref()?;
        Some(std::ffi::CStr::from_ptr(entry.gr_name).to_string_lossy().into_owned())
    }
}

/// Supplementary groups of this process.
pub fn groups() -> Vec<u32> {
    let groups = rustix::process::getgroups().unwrap_or_default();
    groups.into_iter().map(rustix::process::Gid::as_raw).collect()
}

/// Replaces the supplementary groups.
pub fn set_group_list(groups: &[u32]) -> io::Result<()> {
    // SAFETY: as many numbers as the length says.
    check(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })
}

/// Effective user and group of this process.
pub fn effective() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// Takes on group `gid`.
pub fn set_gid(gid: u32) -> io::Result<()> {
    // SAFETY: plain numbers; libc applies it to all threads.
    check(unsafe { libc::setgid(gid) })
}

/// Takes on user `uid`.
pub fn set_uid(uid: u32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::setuid(uid) })
}

/// Sets the supplementary groups of `name`, or none without a name.
pub fn set_groups(name: Option<&str>, gid: u32) -> io::Result<()> {
    match name.map(CString::new) {
        // SAFETY: a NUL-terminated name.
        Some(Ok(name)) => check(unsafe { libc::initgroups(name.as_ptr(), gid) }),
        // SAFETY: an empty list needs no memory.
        _ => check(unsafe { libc::setgroups(0, std::ptr::null()) }),
    }
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
