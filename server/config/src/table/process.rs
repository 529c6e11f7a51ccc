//! Processes, threads, applications, reloads, cheaper.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("processes", Kind::Int, "number of workers")
        .short('p')
        .aliases(&["workers"])
        .default("1")
        .most(65_535),
    req("harakiri", Kind::Int, "longest request before its worker is killed")
        .short('t')
        .unit("s")
        .default("0"),
    flag("harakiri-verbose", "log details of a killed worker"),
    flag("harakiri-no-arh", "no harakiri while after-request hooks run")
        .aliases(&["no-harakiri-arh", "no-harakiri-after-req-hook"]),
    flag("skip-atexit", "end without exit handlers"),
    flag("ignore-sigpipe", "stay silent about clients that closed the connection"),
    flag("ignore-write-errors", "stay silent about failing writes"),
    req("write-errors-tolerance", Kind::U64, "failing writes of one request that are tolerated")
        .default("0"),
    flag("write-errors-exception-only", "count failing writes only for the exception"),
    flag("disable-write-exception", "no exception in the application for failing writes"),
    req("max-apps", Kind::Int, "most applications of one worker").default("64").most(1024),
    flag("cgi-mode", "answer like CGI").short('c'),
    flag("enable-threads", "allow threads in applications").short('T'),
    flag("no-threads-wait", "do not wait for threads when a worker stops"),
    flag("auto-procname", "give processes speaking names"),
    req("procname-prefix", Kind::Str, "text before process names").on(Flags::PROCNAME),
    req("procname-prefix-spaced", Kind::Spaced, "text and a blank before process names")
        .on(Flags::PROCNAME),
    req("procname-append", Kind::Str, "text after process names").on(Flags::PROCNAME),
    req("procname", Kind::Str, "process name").on(Flags::PROCNAME),
    req("procname-master", Kind::Str, "process name of the master").on(Flags::PROCNAME),
    flag("single-interpreter", "all applications in one interpreter").short('i'),
    opt("need-app", Kind::Flag, "end when no application can be loaded"),
    flag("master", "run a master process that watches the workers").short('M'),
    flag("honour-stdin", "keep the standard input"),
    req("reload-mercy", Kind::Int, "how long processes may take to stop at a reload")
        .unit("s")
        .default("60"),
    req("worker-reload-mercy", Kind::Int, "how long a worker may take to stop")
        .unit("s")
        .default("60"),
    flag("exit-on-reload", "end instead of reloading"),
    req("reload-preflight", Kind::Str, "what must be good before a reload: none, config, app")
        .words(&["none", "config", "app"])
        .default("app"),
    req(
        "reload-preflight-timeout",
        Kind::Int,
        "how long applications may take to load before a reload",
    )
    .unit("s"),
    bare("die-on-term", Kind::Flag, "end at SIGTERM instead of reloading"),
    flag("force-gateway", "run routers without a master"),
    flag("reaper", "collect every dead child process").short('r'),
    req("max-requests", Kind::U64, "restart a worker after so many requests")
        .default("0")
        .short('R'),
    req("max-requests-delta", Kind::U64, "spread max-requests by worker number").default("0"),
    req("min-worker-lifetime", Kind::U64, "least time between two restarts of a worker")
        .unit("s")
        .default("10"),
    req("max-worker-lifetime", Kind::U64, "restart a worker that is older than this")
        .default("0")
        .unit("s"),
    req("safe-fd", Kind::List, "keep this descriptor open at a reload").aliases(&["fd-safe"]),
    req("pidfile", Kind::Str, "write the master pid before dropping privileges"),
    req("pidfile2", Kind::Str, "write the master pid after dropping privileges"),
    req(
        "safe-pidfile",
        Kind::Str,
        "write the pid before dropping privileges, remove it at the end",
    ),
    req(
        "safe-pidfile2",
        Kind::Str,
        "write the pid after dropping privileges, remove it at the end",
    ),
    req("reload-on-as", Kind::Megabytes, "restart a worker with more address space than this")
        .unit("MiB")
        .on(Flags::MEMORY),
    req("reload-on-rss", Kind::Megabytes, "restart a worker with more resident memory than this")
        .unit("MiB")
        .on(Flags::MEMORY),
    req(
        "evil-reload-on-as",
        Kind::Megabytes,
        "kill a worker with more address space than this, checked by the master",
    )
    .unit("MiB")
    .on(Flags::MASTER)
    .on(Flags::MEMORY),
    req(
        "evil-reload-on-rss",
        Kind::Megabytes,
        "kill a worker with more resident memory than this, checked by the master",
    )
    .unit("MiB")
    .on(Flags::MASTER)
    .on(Flags::MEMORY),
    req("reload-on-fd", Kind::List, "reload when a descriptor is readable").on(Flags::MASTER),
    req("brutal-reload-on-fd", Kind::List, "reload without mercy when a descriptor is readable")
        .on(Flags::MASTER),
    bare("pcre-jit", Kind::Flag, "compile regular expressions to machine code")
        .on(Flags::IMMEDIATE),
    req("touch-reload", Kind::List, "reload when this file is touched").on(Flags::MASTER),
    req("touch-workers-reload", Kind::List, "restart the workers when this file is touched")
        .on(Flags::MASTER),
    req(
        "touch-chain-reload",
        Kind::List,
        "restart the workers one by one when this file is touched",
    )
    .on(Flags::MASTER),
    req("touch-logrotate", Kind::List, "rotate the log when this file is touched")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("touch-logreopen", Kind::List, "open the log again when this file is touched")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("touch-exec", Kind::List, "run a command when a file is touched: file command")
        .on(Flags::MASTER),
    req("touch-signal", Kind::List, "raise a signal when a file is touched: file signal")
        .on(Flags::MASTER),
    req("fs-reload", Kind::List, "reload when this path changes").on(Flags::MASTER),
    req("fs-brutal-reload", Kind::List, "reload without mercy when this path changes")
        .on(Flags::MASTER),
    req("fs-signal", Kind::List, "raise a signal when this path changes").on(Flags::MASTER),
    req("check-mountpoint", Kind::List, "end when this mount point disappears")
        .aliases(&["mountpoint-check", "check-mount", "mount-check"])
        .on(Flags::MASTER),
    flag("propagate-touch", "pass a touch on to routers"),
    flag("no-orphans", "end every worker when the master dies"),
    flag("no-default-app", "no application for unknown mount points"),
    flag("manage-script-name", "set SCRIPT_NAME and PATH_INFO from the mount point"),
    flag("ignore-script-name", "no SCRIPT_NAME from clients"),
    flag("catch-exceptions", "show exceptions to the client").aliases(&["catch-exception"]),
    flag("reload-on-exception", "restart the worker after an exception"),
    req(
        "reload-on-exception-type",
        Kind::List,
        "restart the worker after an exception of this type",
    ),
    req(
        "reload-on-exception-value",
        Kind::List,
        "restart the worker after an exception with this text",
    ),
    req(
        "reload-on-exception-repr",
        Kind::List,
        "restart the worker after an exception with this representation",
    ),
    req("exception-handler", Kind::List, "send exceptions to this handler").on(Flags::MASTER),
    req(
        "check-interval",
        Kind::Int,
        "how often cheaper looks at the load (unless cheaper-cycle says it)",
    )
    .default("1")
    .unit("s")
    .on(Flags::MASTER),
    req("forkbomb-delay", Kind::Int, "pause when workers die at once")
        .unit("s")
        .default("2")
        .on(Flags::MASTER),
    req("async", Kind::Int, "cores of a worker in an async loop").default("1"),
    bare(
        "disable-async-warn-on-queue-full",
        Kind::InverseFlag,
        "do not warn when all cores are busy",
    ),
    req("force-cwd", Kind::Str, "directory to start again in at a reload"),
    req("chdir", Kind::Str, "directory to enter before loading applications"),
    req("chdir2", Kind::Str, "directory to enter after loading applications"),
    flag("lazy", "load applications in the workers, reload only workers"),
    flag("lazy-apps", "load applications in the workers"),
    flag("cheap", "start workers at the first request").on(Flags::MASTER),
    req("cheaper", Kind::Int, "least number of workers")
        .default("0")
        .on(Flags::CHEAPER)
        .on(Flags::MASTER),
    req("cheaper-initial", Kind::Int, "workers at start").on(Flags::CHEAPER).on(Flags::MASTER),
    req("cheaper-algo", Kind::Str, "how the number of workers follows the load")
        .hints(&["spare", "spare2", "backlog", "busyness", "manual"])
        .default("spare")
        .on(Flags::MASTER),
    req("cheaper-step", Kind::Int, "workers started at a time")
        .default("1")
        .on(Flags::CHEAPER)
        .on(Flags::MASTER),
    req("cheaper-overload", Kind::U64, "looks at the load, or seconds, before workers are stopped")
        .default("3")
        .on(Flags::CHEAPER)
        .on(Flags::MASTER),
    req("cheaper-idle", Kind::Int, "idle looks at the load before a worker is stopped, for spare2")
        .default("10")
        .on(Flags::CHEAPER)
        .on(Flags::MASTER),
    req("cheaper-cycle", Kind::Int, "time between two looks at the load; else check-interval")
        .unit("ms")
        .on(Flags::CHEAPER)
        .on(Flags::MASTER),
    req(
        "cheaper-busy-cores",
        Kind::Int,
        "share of its cores in a request that makes a worker busy; else one core does",
    )
    .range(0, 100)
    .unit("%")
    .on(Flags::CHEAPER)
    .on(Flags::MASTER),
    req("cheaper-trace", Kind::Str, "write the load of each second to this file, for a replay")
        .on(Flags::MASTER),
    req("cheaper-rss-limit-soft", Kind::U64, "no more workers beyond this resident memory")
        .default("0")
        .unit("bytes")
        .on(Flags::CHEAPER)
        .on(Flags::MASTER),
    req("cheaper-rss-limit-hard", Kind::U64, "fewer workers beyond this resident memory")
        .default("0")
        .unit("bytes")
        .on(Flags::CHEAPER)
        .on(Flags::MASTER),
    req("idle", Kind::Int, "stop the workers after so many idle seconds")
        .default("0")
        .unit("s")
        .on(Flags::MASTER),
    flag("die-on-idle", "end when idle"),
    req("mount", Kind::List, "application at a mount point: path=application"),
    req("worker-mount", Kind::List, "application at a mount point in one worker"),
    req("threads", Kind::Int, "threads of each worker").default("1").most(4096).on(Flags::THREADS),
    req("thread-stacksize", Kind::Int, "stack of each thread")
        .unit("KiB")
        .aliases(&["threads-stacksize", "thread-stack-size", "threads-stack-size"])
        .on(Flags::THREADS),
    flag("vhost", "choose applications by host name"),
    flag("vhost-host", "choose applications by the Host header").on(Flags::VHOST),
    req("clock", Kind::Str, "clock source").default("unix").words(&["unix"]),
    flag("vacuum", "remove sockets and pidfiles at the end"),
    req("loop", Kind::Str, "loop engine of the workers").hints(&[
        "simple",
        "async",
        "asyncio",
        "coroae",
        "dumb",
        "gevent",
        "goroutines",
        "greenlet",
        "stackless",
        "tornado",
        "ugreen",
    ]),
    req(
        "cheaper-busyness-backlog-alert",
        Kind::U64,
        "waiting connections that start emergency workers",
    )
    .default("33"),
    req("cheaper-busyness-backlog-multiplier", Kind::U64, "how much longer emergency workers live")
        .default("3"),
    req(
        "cheaper-busyness-backlog-nonzero",
        Kind::U64,
        "connections may wait this long before emergency workers start",
    )
    .default("60")
    .unit("s"),
    req("cheaper-busyness-backlog-step", Kind::U64, "emergency workers started at a time")
        .default("1"),
    req("cheaper-busyness-max", Kind::U64, "busyness that starts workers").default("50").unit("%"),
    req("cheaper-busyness-min", Kind::U64, "busyness that stops workers").default("25").unit("%"),
    req("cheaper-busyness-multiplier", Kind::U64, "cycles of low load before a worker is stopped")
        .default("10"),
    req("cheaper-busyness-penalty", Kind::U64, "cycles added when workers come and go")
        .default("2"),
    flag("cheaper-busyness-verbose", "log every decision about busyness"),
    req("harakiri-graceful-signal", Kind::Int, "signal sent before the kill").range(0, 64),
    req("harakiri-graceful-timeout", Kind::Int, "time between that signal and the kill").unit("s"),
    req("harakiri-queue-threshold", Kind::Int, "kill only while this many connections wait"),
    req("max-worker-lifetime-delta", Kind::Int, "spread max-worker-lifetime by worker number")
        .default("0")
        .unit("s"),
    req("mem-collector-freq", Kind::Int, "how often the memory of workers is measured")
        .default("3")
        .unit("s"),
    flag("skip-atexit-teardown", "end without tearing interpreters down"),
    req("touch-mules-reload", Kind::List, "restart the mules when this file is touched")
        .on(Flags::MASTER),
    req("touch-spoolers-reload", Kind::List, "restart the spoolers when this file is touched")
        .on(Flags::MASTER),
    flag("die-on-no-workers", "end when no worker is left"),
    flag("dynamic-apps", "load applications named by requests"),
    flag("no-dynamic-apps", "load no applications named by requests"),
    req(
        "reload-on-pss",
        Kind::Megabytes,
        "restart a worker with more proportional memory than this",
    )
    .unit("MiB")
    .on(Flags::MEMORY),
    req("reload-on-uss", Kind::Megabytes, "restart a worker with more memory of its own than this")
        .unit("MiB")
        .on(Flags::MEMORY),
];
