//! Caches, queues, spoolers, mules, cron, daemons.

use crate::row::{Flags, Kind, Row, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("mule-harakiri", Kind::Int, "longest task of a mule").default("0").unit("s"),
    req("mule-reload-mercy", Kind::Int, "how long a mule may take to stop").unit("s").default("60"),
    req("locks", Kind::Int, "number of user locks").default("0"),
    req("lock-engine", Kind::Str, "how locks are made; here all of them are robust futexes")
        .words(&["futex", "ipcsem", "posixsem"]),
    req("ftok", Kind::Str, "path that names System V semaphores; locks here need none"),
    flag("persistent-ipcsem", "keep System V semaphores at the end; there are none here"),
    req("sharedarea", Kind::List, "share memory between processes: pages or key-value list")
        .keys(&["pages", "size", "file", "fd", "offset", "ptr"])
        .short('A'),
    req("cache", Kind::U64, "make a cache with so many items, old form").default("0"),
    req("cache-blocksize", Kind::U64, "block size of the cache").default("65536").unit("bytes"),
    req("cache-store", Kind::Str, "keep the cache in a file").on(Flags::MASTER),
    req("cache-store-sync", Kind::Int, "how often the cache file is synced")
        .unit("cycles")
        .default("0"),
    flag("cache-no-expire", "never expire items"),
    req("cache-expire-freq", Kind::Int, "how often expired items are searched")
        .default("3")
        .unit("s"),
    flag("cache-report-freed-items", "log expired items"),
    req("cache-udp-server", Kind::Address, "take cache updates on this UDP address")
        .on(Flags::MASTER),
    req("cache-udp-node", Kind::Address, "send cache updates to this UDP address")
        .on(Flags::MASTER),
    req("cache-sync", Kind::Address, "copy the cache of another server at start"),
    flag("cache-use-last-modified", "answer with Last-Modified from the cache"),
    req("add-cache-item", Kind::List, "put an item into a cache: key=value"),
    req("load-file-in-cache", Kind::List, "put a file into a cache"),
    req("load-file-in-cache-gzip", Kind::List, "put a file into a cache, compressed"),
    req("cache2", Kind::List, "make a cache, key-value form").keys(&[
        "name",
        "items",
        "maxitems",
        "max_items",
        "blocksize",
        "blocks",
        "hash",
        "hashsize",
        "hash_size",
        "keysize",
        "key_size",
        "store",
        "store_sync",
        "storesync",
        "store_delete",
        "storedelete",
        "node",
        "nodes",
        "udp",
        "udp_servers",
        "udp_server",
        "udpservers",
        "udpserver",
        "sync",
        "bitmap",
        "lastmod",
        "math_initial",
        "ignore_full",
        "purge_lru",
        "lru",
        "lazy_expire",
        "lazy",
        "sweep_on_full",
        "clear_on_full",
        "no_expire",
    ]),
    req("queue", Kind::Int, "make a shared queue with so many slots").default("0"),
    req("queue-blocksize", Kind::Int, "block size of the queue").default("8192").unit("bytes"),
    req("queue-store", Kind::Str, "keep the queue in a file").on(Flags::MASTER),
    req("queue-store-sync", Kind::Int, "how often the queue file is synced")
        .unit("cycles")
        .default("0"),
    req("spooler", Kind::List, "run the jobs found in this directory").short('Q').on(Flags::MASTER),
    req("spooler-external", Kind::List, "send jobs to this directory, run by another instance")
        .on(Flags::MASTER),
    flag("spooler-ordered", "run jobs in the order they came"),
    req("spooler-chdir", Kind::Str, "directory of spooler processes"),
    req("spooler-processes", Kind::Int, "processes per spooler").default("1").on(Flags::IMMEDIATE),
    flag("spooler-quiet", "say nothing about jobs"),
    req("spooler-max-tasks", Kind::Int, "restart a spooler after so many jobs").default("0"),
    req("spooler-harakiri", Kind::Int, "longest job of a spooler").default("0").unit("s"),
    req("spooler-frequency", Kind::Int, "how often the spool directory is scanned")
        .unit("s")
        .aliases(&["spooler-freq"])
        .default("30"),
    opt("mule", Kind::List, "run a process beside the workers, with this script").on(Flags::MASTER),
    req("mules", Kind::Int, "run so many processes beside the workers").on(Flags::MASTER),
    req("farm", Kind::List, "group mules: name:mule,mule").on(Flags::MASTER),
    opt("mule-msg-size", Kind::Int, "largest message to a mule").unit("bytes").on(Flags::MASTER),
    req("signal-bufsize", Kind::Int, "buffer of the signal pipe")
        .aliases(&["signals-bufsize"])
        .unit("bytes")
        .default("0"),
    req("signal-timer", Kind::List, "raise a signal at an interval: signal seconds")
        .aliases(&["timer"])
        .on(Flags::MASTER),
    req(
        "signal-rbtimer",
        Kind::List,
        "raise a signal at an interval, by tree timers: signal seconds",
    )
    .aliases(&["rbtimer"])
    .on(Flags::MASTER),
    req("rpc-max", Kind::U64, "most functions callable by RPC").default("64"),
    req("cron", Kind::Cron, "run a command at given times").on(Flags::MASTER),
    req("cron2", Kind::Cron, "run a command at given times, key-value form")
        .keys(&["minute", "hour", "day", "month", "week", "unique", "harakiri", "legion"])
        .on(Flags::MASTER),
    req("unique-cron", Kind::Cron, "like cron, never two at a time").on(Flags::MASTER),
    req("cron-harakiri", Kind::Int, "longest run of a cron command").default("0").unit("s"),
    req("worker-exec", Kind::Str, "execute a program in place of each worker"),
    req(
        "worker-exec2",
        Kind::Str,
        "execute a program in place of each worker, after its post-fork hooks",
    ),
    req("attach-daemon", Kind::List, "run a daemon beside the workers").on(Flags::MASTER),
    req("attach-control-daemon", Kind::List, "run a daemon, and stop the instance with it")
        .on(Flags::MASTER),
    req("smart-attach-daemon", Kind::List, "run a daemon that has a pidfile").on(Flags::MASTER),
    req("smart-attach-daemon2", Kind::List, "run a daemon that forks and has a pidfile")
        .on(Flags::MASTER),
    flag("daemons-honour-stdin", "give daemons the standard input").on(Flags::MASTER),
    req("attach-daemon2", Kind::List, "run a daemon, key-value form")
        .keys(&[
            "command",
            "cmd",
            "exec",
            "pidfile",
            "freq",
            "daemonize",
            "daemon",
            "control",
            "touch",
            "stopsignal",
            "stop_signal",
            "reloadsignal",
            "reload_signal",
            "stdin",
            "uid",
            "gid",
            "ns_pid",
            "chdir",
            "max_throttle",
            "notifypid",
            "legion",
        ])
        .on(Flags::MASTER),
    opt("mule-msg-recv-size", Kind::Int, "receive buffer of mule messages")
        .unit("bytes")
        .on(Flags::MASTER),
    flag("spooler-cheap", "start spooler processes only when there are jobs").on(Flags::MASTER),
    flag("spooler-signal-as-task", "count handled signals as jobs"),
];
