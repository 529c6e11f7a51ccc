//! System calls by number: their names and classes, of the architecture this is built for.
//!
//! A class says what a call is about when only its number is known. `read` and `write` move bytes
//! whatever the descriptor is; `poll` waits for descriptors; `network` needs a socket; `file` needs
//! a path, or a descriptor that came from one, and waits for nobody but a disk: `flock` and `fcntl`,
//! which wait for other processes' locks, are `other`, as is all that moves no data.

/// Number, name, class.
type Call = (u64, &'static str, u8);

// Indices into `SYSCALL_CLASSES`.
const READ: u8 = 0;
const WRITE: u8 = 1;
const POLL: u8 = 2;
const FUTEX: u8 = 3;
const FILE: u8 = 4;
const FSYNC: u8 = 5;
const NETWORK: u8 = 6;
const OTHER: u8 = 7;

macro_rules! calls {
    ($($class:ident: $($call:ident)*;)*) => {
        &[$($((libc::$call as u64, stringify!($call), $class)),*),*]
    };
}

/// Numbers differ between architectures, names do not.
static EVERYWHERE: &[Call] = calls! {
    READ:
        SYS_read SYS_readv SYS_pread64 SYS_preadv SYS_preadv2 SYS_process_vm_readv;
    WRITE:
        SYS_write SYS_writev SYS_pwrite64 SYS_pwritev SYS_pwritev2 SYS_process_vm_writev
        SYS_splice SYS_tee SYS_vmsplice;
    POLL:
        SYS_ppoll SYS_pselect6 SYS_epoll_pwait SYS_epoll_pwait2;
    FUTEX:
        SYS_futex SYS_futex_waitv;
    FILE:
        SYS_openat SYS_openat2 SYS_close SYS_close_range SYS_open_by_handle_at
        SYS_name_to_handle_at SYS_open_tree SYS_fstat SYS_newfstatat SYS_statx SYS_statfs
        SYS_fstatfs SYS_faccessat SYS_faccessat2 SYS_lseek SYS_getdents64 SYS_readlinkat
        SYS_unlinkat SYS_renameat SYS_renameat2 SYS_linkat SYS_symlinkat SYS_mkdirat SYS_mknodat
        SYS_fchmod SYS_fchmodat SYS_fchown SYS_fchownat SYS_utimensat SYS_truncate SYS_ftruncate
        SYS_fallocate SYS_fadvise64 SYS_readahead SYS_copy_file_range SYS_chdir SYS_fchdir
        SYS_getcwd SYS_chroot SYS_umask SYS_getxattr SYS_lgetxattr SYS_fgetxattr SYS_setxattr
        SYS_lsetxattr SYS_fsetxattr SYS_listxattr SYS_llistxattr SYS_flistxattr SYS_removexattr
        SYS_lremovexattr SYS_fremovexattr;
    FSYNC:
        SYS_fsync SYS_fdatasync SYS_sync SYS_syncfs SYS_sync_file_range SYS_msync;
    NETWORK:
        SYS_socket SYS_socketpair SYS_bind SYS_listen SYS_accept SYS_accept4 SYS_connect
        SYS_shutdown SYS_getsockname SYS_getpeername SYS_getsockopt SYS_setsockopt SYS_sendto
        SYS_sendmsg SYS_sendmmsg SYS_recvfrom SYS_recvmsg SYS_recvmmsg SYS_sendfile;
    OTHER:
        SYS_acct SYS_add_key SYS_adjtimex SYS_bpf SYS_brk SYS_capget SYS_capset SYS_clock_adjtime
        SYS_clock_getres SYS_clock_gettime SYS_clock_nanosleep SYS_clock_settime SYS_clone
        SYS_clone3 SYS_delete_module SYS_dup SYS_dup3 SYS_epoll_create1 SYS_epoll_ctl SYS_eventfd2
        SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_fanotify_init SYS_fanotify_mark
        SYS_fcntl SYS_finit_module SYS_flock SYS_fsconfig SYS_fsmount SYS_fsopen SYS_fspick
        SYS_get_mempolicy SYS_get_robust_list SYS_getcpu SYS_getegid SYS_geteuid SYS_getgid
        SYS_getgroups SYS_getitimer SYS_getpgid SYS_getpid SYS_getppid SYS_getpriority
        SYS_getrandom SYS_getresgid SYS_getresuid SYS_getrlimit SYS_getrusage SYS_getsid
        SYS_gettid SYS_gettimeofday SYS_getuid SYS_init_module SYS_inotify_add_watch
        SYS_inotify_init1 SYS_inotify_rm_watch SYS_io_cancel SYS_io_destroy SYS_io_getevents
        SYS_io_setup SYS_io_submit SYS_io_uring_enter SYS_io_uring_register SYS_io_uring_setup
        SYS_ioctl SYS_ioprio_get SYS_ioprio_set SYS_kcmp SYS_kexec_file_load SYS_kexec_load
        SYS_keyctl SYS_kill SYS_landlock_add_rule SYS_landlock_create_ruleset
        SYS_landlock_restrict_self SYS_madvise SYS_mbind SYS_membarrier SYS_memfd_create
        SYS_memfd_secret SYS_migrate_pages SYS_mincore SYS_mlock SYS_mlock2 SYS_mlockall SYS_mmap
        SYS_mount SYS_mount_setattr SYS_move_mount SYS_move_pages SYS_mprotect SYS_mq_getsetattr
        SYS_mq_notify SYS_mq_open SYS_mq_timedreceive SYS_mq_timedsend SYS_mq_unlink SYS_mremap
        SYS_msgctl SYS_msgget SYS_msgrcv SYS_msgsnd SYS_munlock SYS_munlockall SYS_munmap
        SYS_nanosleep SYS_perf_event_open SYS_personality SYS_pidfd_getfd SYS_pidfd_open
        SYS_pidfd_send_signal SYS_pipe2 SYS_pivot_root SYS_pkey_alloc SYS_pkey_free
        SYS_pkey_mprotect SYS_prctl SYS_prlimit64 SYS_process_madvise SYS_process_mrelease
        SYS_ptrace SYS_quotactl SYS_quotactl_fd SYS_reboot SYS_remap_file_pages SYS_request_key
        SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigpending SYS_rt_sigprocmask
        SYS_rt_sigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait
        SYS_rt_tgsigqueueinfo SYS_sched_get_priority_max SYS_sched_get_priority_min
        SYS_sched_getaffinity SYS_sched_getattr SYS_sched_getparam SYS_sched_getscheduler
        SYS_sched_rr_get_interval SYS_sched_setaffinity SYS_sched_setattr SYS_sched_setparam
        SYS_sched_setscheduler SYS_sched_yield SYS_seccomp SYS_semctl SYS_semget SYS_semop
        SYS_semtimedop SYS_set_mempolicy SYS_set_mempolicy_home_node SYS_set_robust_list
        SYS_set_tid_address SYS_setdomainname SYS_setfsgid SYS_setfsuid SYS_setgid SYS_setgroups
        SYS_sethostname SYS_setitimer SYS_setns SYS_setpgid SYS_setpriority SYS_setregid
        SYS_setresgid SYS_setresuid SYS_setreuid SYS_setrlimit SYS_setsid SYS_settimeofday
        SYS_setuid SYS_shmat SYS_shmctl SYS_shmdt SYS_shmget SYS_sigaltstack SYS_signalfd4
        SYS_swapoff SYS_swapon SYS_sysinfo SYS_syslog SYS_tgkill SYS_timer_create SYS_timer_delete
        SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime SYS_timerfd_create
        SYS_timerfd_gettime SYS_timerfd_settime SYS_times SYS_tkill SYS_umount2 SYS_uname
        SYS_unshare SYS_userfaultfd SYS_vhangup SYS_wait4 SYS_waitid;
};

/// Calls that only this architecture still has.
#[cfg(target_arch = "x86_64")]
static HERE: &[Call] = calls! {
    POLL:
        SYS_poll SYS_select SYS_epoll_wait;
    FILE:
        SYS_open SYS_creat SYS_stat SYS_lstat SYS_access SYS_getdents SYS_readlink SYS_unlink
        SYS_rename SYS_link SYS_symlink SYS_mkdir SYS_rmdir SYS_mknod SYS_chmod SYS_chown
        SYS_lchown SYS_utime SYS_utimes SYS_futimesat;
    OTHER:
        SYS_alarm SYS_arch_prctl SYS_dup2 SYS_epoll_create SYS_eventfd SYS_fork
        SYS_get_thread_area SYS_getpgrp SYS_inotify_init SYS_ioperm SYS_iopl SYS_modify_ldt
        SYS_pause SYS_pipe SYS_set_thread_area SYS_signalfd SYS_sysfs SYS_time SYS_ustat
        SYS_vfork;
};
#[cfg(not(target_arch = "x86_64"))]
static HERE: &[Call] = &[];

/// Calls that libc does not know; all but the first came after architectures agreed on numbers.
static NEWER: &[Call] = &[
    (if cfg!(target_arch = "x86_64") { 333 } else { 292 }, "io_pgetevents", OTHER),
    (451, "cachestat", FILE),
    (452, "fchmodat2", FILE),
    (453, "map_shadow_stack", OTHER),
    (454, "futex_wake", FUTEX),
    (455, "futex_wait", FUTEX),
    (456, "futex_requeue", FUTEX),
    (457, "statmount", FILE),
    (458, "listmount", FILE),
    (459, "lsm_get_self_attr", OTHER),
    (460, "lsm_set_self_attr", OTHER),
    (461, "lsm_list_modules", OTHER),
    (462, "mseal", OTHER),
    (463, "setxattrat", FILE),
    (464, "getxattrat", FILE),
    (465, "listxattrat", FILE),
    (466, "removexattrat", FILE),
    (467, "open_tree_attr", FILE),
    (468, "file_getattr", FILE),
    (469, "file_setattr", FILE),
];

/// All calls that have a name here.
fn all() -> impl Iterator<Item = &'static Call> {
    EVERYWHERE.iter().chain(HERE).chain(NEWER)
}

/// The name of a system call, as its manual page has it.
pub fn call_name(number: u64) -> Option<&'static str> {
    let (_, name, _) = all().find(|(own, _, _)| *own == number)?;
    Some(name.strip_prefix("SYS_").unwrap_or(name))
}

/// The class of a system call, an index into [`SYSCALL_CLASSES`](crate::SYSCALL_CLASSES); the last
/// one for calls that nobody has named yet.
pub fn call_class(number: u64) -> usize {
    let class = all().find(|(own, _, _)| *own == number).map_or(OTHER, |(_, _, class)| *class);
    usize::from(class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SYSCALL_CLASSES;

    #[test]
    fn classes_are_those_of_the_rows() {
        let class = |number: libc::c_long| SYSCALL_CLASSES[call_class(number as u64)];
        let expected = [
            (libc::SYS_read, "read"),
            (libc::SYS_writev, "write"),
            (libc::SYS_epoll_pwait, "poll"),
            (libc::SYS_futex, "futex"),
            (libc::SYS_openat, "file"),
            (libc::SYS_fdatasync, "fsync"),
            (libc::SYS_recvfrom, "network"),
            (libc::SYS_nanosleep, "other"),
            (9_999, "other"),
        ];
        for (number, name) in expected {
            assert_eq!(class(number), name, "{number}");
        }
        assert_eq!(SYSCALL_CLASSES.len(), usize::from(OTHER) + 1);
    }

    #[test]
    fn names_are_those_of_manual_pages() {
        assert_eq!(call_name(libc::SYS_recvfrom as u64), Some("recvfrom"));
        assert_eq!(call_name(469), Some("file_setattr"));
        assert_eq!(call_name(9_999), None);
    }

    #[test]
    fn no_number_and_no_name_is_there_twice() {
        let mut numbers: Vec<_> = all().map(|(number, _, _)| number).collect();
        let mut names: Vec<_> = all().map(|(_, name, _)| name).collect();
        let count = numbers.len();
        numbers.sort();
        numbers.dedup();
        names.sort();
        names.dedup();
        assert_eq!((numbers.len(), names.len()), (count, count));
        assert!(count > 300, "{count}");
    }

    /// The kernel's own list, where its headers are installed.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_table_agrees_with_the_headers_of_the_kernel() {
        let path = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
        let Ok(text) = std::fs::read_to_string(path) else { return };
        // Gone from the kernel, or never in it.
        let gone = [
            "_sysctl",
            "afs_syscall",
            "epoll_ctl_old",
            "epoll_wait_old",
            "getpmsg",
            "lookup_dcookie",
            "nfsservctl",
            "putpmsg",
            "security",
            "tuxcall",
            "uselib",
            "vserver",
            "create_module",
            "get_kernel_syms",
            "query_module",
        ];
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("#define __NR_") else { continue };
            let Some((name, number)) = rest.split_once(' ') else { continue };
            if gone.contains(&name) {
                continue;
            }
            let number = number.trim().parse().unwrap();
            assert_eq!(call_name(number), Some(name), "{line}");
        }
    }
}
