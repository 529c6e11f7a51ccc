//! The calls of bpf(2) that try whether it answers, attach, run and ask a program that is loaded
//! already, and pin what has a descriptor; a file system for pins that is mounted nowhere.
//!
//! What is passed is `union bpf_attr` of include/uapi/linux/bpf.h, zero beyond the fields named here.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

const MAP_CREATE: libc::c_long = 0;
const OBJ_PIN: libc::c_long = 6;
const PROG_TEST_RUN: libc::c_long = 10;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const RAW_TRACEPOINT_OPEN: libc::c_long = 17;
const MAP_TYPE_ARRAY: u32 = 2;
const F_MMAPABLE: u32 = 1 << 10;

/// `info` of the union.
#[repr(C)]
#[derive(Default)]
struct Info {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// `struct bpf_prog_info` of the same header, as far as it is read.
#[repr(C)]
#[derive(Default)]
struct ProgramInfo {
    before: [u64; 24],
    run_time_ns: u64,
    run_cnt: u64,
}

/// The beginning of what the union has for a new map.
#[repr(C)]
#[derive(Default)]
struct Create {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    _pad: u32,
}

/// The beginning of what the union has for pins.
#[repr(C)]
#[derive(Default)]
struct Object {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}

/// `raw_tracepoint` of the union.
#[repr(C)]
#[derive(Default)]
struct Open {
    name: u64,
    prog_fd: u32,
    _pad: u32,
    cookie: u64,
}

/// `test` of the union.
#[repr(C)]
#[derive(Default)]
struct Run {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    _pad: u32,
}

fn call<T>(command: libc::c_long, attr: &mut T) -> io::Result<libc::c_long> {
    // SAFETY: attr is a repr(C) prefix of union bpf_attr of the size that is passed; the kernel
    // takes the rest as zero and follows only pointers that the callers below have set.
    match unsafe { libc::syscall(libc::SYS_bpf, command, attr as *mut T, size_of::<T>()) } {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}

/// What a refusal of bpf(2) is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// This process may not.
    NotPermitted,
    /// There is no such call.
    NoCall,
    /// There is no memory for it.
    NoMemory,
    /// Something else.
    Other,
}

impl Errno {
    /// What an error is about.
    pub fn of(error: &io::Error) -> Errno {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Errno::NotPermitted,
            Some(libc::ENOSYS) => Errno::NoCall,
            Some(libc::ENOMEM) => Errno::NoMemory,
            _ => Errno::Other,
        }
    }
}

/// Makes an array of one row that can be mapped, and lets it go.
pub fn try_map() -> io::Result<()> {
    let mut attr = Create {
        map_type: MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        map_flags: F_MMAPABLE,
        _pad: 0,
    };
    let fd = call(MAP_CREATE, &mut attr)?;
    // SAFETY: the kernel made this descriptor for us right now, nobody else has it.
    drop(unsafe { OwnedFd::from_raw_fd(fd as i32) });
    Ok(())
}

/// A new file system for pins that is mounted nowhere: what is pinned in it, and itself, goes with
/// the last copy of the descriptor. It wants CAP_SYS_ADMIN.
pub fn pins() -> io::Result<OwnedFd> {
    let made = fsopen("bpf", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&made)?;
    Ok(fsmount(&made, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
}

/// Gives a map a name in what [`pins`] has made.
pub fn pin(what: BorrowedFd<'_>, pins: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let path = CString::new(format!("/proc/self/fd/{}/{name}", pins.as_raw_fd()))?;
    let mut attr = Object {
        pathname: path.as_ptr() as u64,
        bpf_fd: what.as_raw_fd() as u32,
        ..Object::default()
    };
    call(OBJ_PIN, &mut attr).map(drop)
}

/// Whether a path leads to a file system for pins.
pub fn is_pins(path: &std::path::Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|fs| fs.f_type == libc::BPF_FS_MAGIC)
}

/// Attaches a program to the tracepoint it was loaded for; it stays attached as long as the answer
/// is open anywhere.
pub fn attach_tracing(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attr = Open { prog_fd: program.as_raw_fd() as u32, ..Open::default() };
    let fd = call(RAW_TRACEPOINT_OPEN, &mut attr)?;
    // SAFETY: the kernel made this descriptor for us right now; it is close-on-exec.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Runs a raw tracepoint program once, as the calling thread; what it answered.
pub fn run(program: BorrowedFd<'_>, arguments: &[u64]) -> io::Result<u32> {
    let mut attr = Run {
        prog_fd: program.as_raw_fd() as u32,
        ctx_size_in: size_of_val(arguments) as u32,
        ctx_in: arguments.as_ptr() as u64,
        ..Run::default()
    };
    call(PROG_TEST_RUN, &mut attr)?;
    Ok(attr.retval)
}

/// How often a program has run and for how long, nanoseconds, while `kernel.bpf_stats_enabled` was
/// 1.
pub fn program_runs(program: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let mut info = ProgramInfo::default();
    let mut attr = Info {
        bpf_fd: program.as_raw_fd() as u32,
        info_len: size_of::<ProgramInfo>() as u32,
        info: (&raw mut info) as u64,
    };
    call(OBJ_GET_INFO_BY_FD, &mut attr)?;
    Ok((info.run_cnt, info.run_time_ns))
}
