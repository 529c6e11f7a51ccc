//! Things run at the phases of an instance.

use crate::row::{Flags, Kind, Row, flag, req};

pub(super) const ROWS: &[Row] = &[
    req("hook-asap", Kind::Hook, "run the given hook as soon as possible"),
    req("hook-pre-jail", Kind::Hook, "run the given hook before entering the jail"),
    req("hook-post-jail", Kind::Hook, "run the given hook after entering the jail"),
    req("hook-in-jail", Kind::Hook, "run the given hook inside the jail after the workers setup"),
    req("hook-as-root", Kind::Hook, "run the given hook before dropping privileges"),
    req("hook-as-user", Kind::Hook, "run the given hook after dropping privileges"),
    req("hook-as-user-atexit", Kind::Hook, "run the given hook at shutdown, as the final user"),
    req("hook-pre-app", Kind::Hook, "run the given hook before loading applications"),
    req("hook-post-app", Kind::Hook, "run the given hook after loading applications"),
    req("hook-post-fork", Kind::Hook, "run the given hook in each worker after fork"),
    req("hook-accepting", Kind::Hook, "run the given hook in each worker once it accepts"),
    req("hook-accepting1", Kind::Hook, "run the given hook in the first worker once it accepts"),
    req(
        "hook-accepting-once",
        Kind::Hook,
        "run the given hook in each worker, only in its first life",
    ),
    req(
        "hook-accepting1-once",
        Kind::Hook,
        "run the given hook in the first worker, only in its first life",
    ),
    req("hook-master-start", Kind::Hook, "run the given hook when the master starts"),
    req("hook-touch", Kind::Hook, "run the given hook when a file is touched: file hook"),
    req("hook-emperor-start", Kind::Hook, "run the given hook when the Emperor starts"),
    req("hook-emperor-stop", Kind::Hook, "run the given hook when the Emperor stops"),
    req("hook-emperor-reload", Kind::Hook, "run the given hook when the Emperor reloads"),
    req("hook-emperor-lost", Kind::Hook, "run the given hook in a vassal that lost its Emperor"),
    req(
        "hook-as-vassal",
        Kind::Hook,
        "run the given hook in a vassal before it executes its binary",
    ),
    req(
        "hook-as-emperor",
        Kind::Hook,
        "run the given hook in the Emperor after it started a vassal",
    ),
    req(
        "hook-as-on-demand-vassal",
        Kind::Hook,
        "run the given hook in the Emperor when an on-demand vassal starts",
    ),
    req(
        "hook-as-on-config-vassal",
        Kind::Hook,
        "run the given hook in the Emperor when a vassal asks for its configuration",
    ),
    req(
        "hook-as-emperor-before-vassal",
        Kind::Hook,
        "run the given hook in the Emperor before it starts a vassal",
    ),
    req(
        "hook-as-vassal-before-drop",
        Kind::Hook,
        "run the given hook in a vassal before it drops privileges",
    ),
    req(
        "hook-as-emperor-setns",
        Kind::Hook,
        "run the given hook in the Emperor when it enters the namespaces of a vassal",
    ),
    req("hook-as-mule", Kind::Hook, "run the given hook in each mule"),
    req("hook-as-gateway", Kind::Hook, "run the given hook in each router process"),
    req("after-request-hook", Kind::List, "call the given function after each request")
        .aliases(&["after-request-call"]),
    req("exec-asap", Kind::List, "run the given command as soon as possible"),
    req("exec-pre-jail", Kind::List, "run the given command before entering the jail"),
    req("exec-post-jail", Kind::List, "run the given command after entering the jail"),
    req(
        "exec-in-jail",
        Kind::List,
        "run the given command inside the jail after the workers setup",
    ),
    req("exec-as-root", Kind::List, "run the given command before dropping privileges"),
    req("exec-as-user", Kind::List, "run the given command after dropping privileges"),
    req("exec-as-user-atexit", Kind::List, "run the given command at shutdown, as the final user")
        .aliases(&["exec-as-user-at-exit"]),
    req("exec-pre-app", Kind::List, "run the given command before loading applications"),
    req("exec-post-app", Kind::List, "run the given command after loading applications"),
    req(
        "exec-as-vassal",
        Kind::List,
        "run the given command in a vassal before it executes its binary",
    ),
    req(
        "exec-as-emperor",
        Kind::List,
        "run the given command in the Emperor after it started a vassal",
    ),
    req("mount-asap", Kind::List, "mount a filesystem as soon as possible"),
    req("mount-pre-jail", Kind::List, "mount a filesystem before entering the jail"),
    req("mount-post-jail", Kind::List, "mount a filesystem after entering the jail"),
    req("mount-in-jail", Kind::List, "mount a filesystem inside the jail after the workers setup"),
    req("mount-as-root", Kind::List, "mount a filesystem before dropping privileges"),
    req(
        "mount-as-vassal",
        Kind::List,
        "mount a filesystem in a vassal before it executes its binary",
    ),
    req(
        "mount-as-emperor",
        Kind::List,
        "mount a filesystem in the Emperor after it started a vassal",
    ),
    req("umount-asap", Kind::List, "unmount a filesystem as soon as possible"),
    req("umount-pre-jail", Kind::List, "unmount a filesystem before entering the jail"),
    req("umount-post-jail", Kind::List, "unmount a filesystem after entering the jail"),
    req(
        "umount-in-jail",
        Kind::List,
        "unmount a filesystem inside the jail after the workers setup",
    ),
    req("umount-as-root", Kind::List, "unmount a filesystem before dropping privileges"),
    req(
        "umount-as-vassal",
        Kind::List,
        "unmount a filesystem in a vassal before it executes its binary",
    ),
    req(
        "umount-as-emperor",
        Kind::List,
        "unmount a filesystem in the Emperor after it started a vassal",
    ),
    req("wait-for-interface", Kind::List, "wait at start for a network interface").aliases(&[
        "wait-interface",
        "wait-for-iface",
        "wait-iface",
    ]),
    req("wait-for-interface-timeout", Kind::Int, "longest wait for a network interface")
        .aliases(&["wait-interface-timeout", "wait-for-iface-timeout", "wait-iface-timeout"])
        .unit("s")
        .default("60"),
    req("wait-for-fs", Kind::List, "wait at start for a file or directory"),
    req("wait-for-file", Kind::List, "wait at start for a file"),
    req("wait-for-dir", Kind::List, "wait at start for a directory"),
    req("wait-for-mountpoint", Kind::List, "wait at start for a mount point"),
    req("wait-for-fs-timeout", Kind::Int, "longest wait for files, directories and mount points")
        .unit("s")
        .default("60"),
    req("call-asap", Kind::List, "call the given function as soon as possible"),
    req("call-pre-jail", Kind::List, "call the given function before entering the jail"),
    req("call-post-jail", Kind::List, "call the given function after entering the jail"),
    req(
        "call-in-jail",
        Kind::List,
        "call the given function inside the jail after the workers setup",
    ),
    req("call-as-root", Kind::List, "call the given function before dropping privileges"),
    req("call-as-user", Kind::List, "call the given function after dropping privileges"),
    req(
        "call-as-user-atexit",
        Kind::List,
        "call the given function at shutdown, as the final user",
    ),
    req("call-pre-app", Kind::List, "call the given function before loading applications"),
    req("call-post-app", Kind::List, "call the given function after loading applications"),
    req(
        "call-as-vassal",
        Kind::List,
        "call the given function in a vassal before it executes its binary",
    ),
    req(
        "call-as-vassal1",
        Kind::List,
        "call the given function in a vassal before it executes its binary, with the vassal name",
    ),
    req(
        "call-as-vassal3",
        Kind::List,
        "call the given function in a vassal before it executes its binary, with name, uid and gid",
    ),
    req(
        "call-as-emperor",
        Kind::List,
        "call the given function in the Emperor after it started a vassal",
    ),
    req(
        "call-as-emperor1",
        Kind::List,
        "call the given function in the Emperor after it started a vassal, with the vassal name",
    ),
    req(
        "call-as-emperor2",
        Kind::List,
        "call the given function in the Emperor after it started a vassal, with vassal name and pid",
    ),
    req(
        "call-as-emperor4",
        Kind::List,
        "call the given function in the Emperor after it started a vassal, with name, pid, uid and gid",
    ),
    req("master-fifo", Kind::List, "take commands for the master from this named pipe")
        .on(Flags::MASTER),
    req(
        "notify-extend",
        Kind::Int,
        "how much longer than the service manager allows a start may take",
    )
    .unit("s")
    .default("300"),
    flag("notify-when-accepting", "tell the service manager of readiness when a worker accepts"),
];
