//! The start-up lines that users and log collectors look for.

use std::path::Path;

use crate::limits::Limits;
use crate::settings::Settings;
use crate::{clock, log};

/// Lines 1 to the binary path.
pub fn head(binary: &Path, cwd: &Path) {
    let uname = rustix::system::uname();
    let text = |c: &std::ffi::CStr| c.to_string_lossy().into_owned();
    log!("*** Starting uWSGI {} (64bit) on [{}] ***", uwsgi_config::VERSION, clock::ctime());
    log!("compiled with version: rustc, uwsgi-rs {}", env!("CARGO_PKG_VERSION"));
    log!("os: {}-{} {}", text(uname.sysname()), text(uname.release()), text(uname.version()));
    log!("nodename: {}", text(uname.nodename()));
    log!("machine: {}", text(uname.machine()));
    log!("clock source: unix");
    log!("pcre jit disabled");
    log!("detected number of CPU cores: {}", cpus());
    log!("current working directory: {}", cwd.display());
    log!("detected binary path: {}", binary.display());
}

/// Number of processors online.
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Warnings and limits, after privileges are settled.
pub(crate) fn limits(settings: &Settings, limits: &Limits) {
    if uwsgi_sys::user::effective().0 == 0 {
        if settings.uid.is_none() {
            log!("uWSGI running as root, you can use --uid/--gid/--chroot options");
        }
        log!("*** WARNING: you are running uWSGI as root !!! (use the --uid flag) *** ");
    }
    if !settings.master {
        log!("*** WARNING: you are running uWSGI without its master process manager ***");
    }
    limits.tell();
    log!("your memory page size is {} bytes", uwsgi_sys::procfs::page_size());
    if settings.harakiri > 0 {
        log!(
            " *** WARNING: you have enabled harakiri without post buffering. Slow upload could be rejected on post-unbuffered webservers *** "
        );
    }
    limits.tell_files();
    if settings.memory_report && uwsgi_sys::procfs::usage(uwsgi_sys::process::pid()).is_none() {
        log!(
            "*** Warning, on linux system you have to bind-mount the /proc fs in your chroot to get memory debug/report."
        );
    }
    log!("lock engine: pthread robust mutexes");
    if settings.thunder_lock {
        log!("thunder lock: enabled");
    } else {
        log!("thunder lock: disabled (you can enable it with --thunder-lock)");
    }
}

/// The stack of threads, when it is configured.
pub fn threads(settings: &Settings) {
    match settings.thread_stack {
        0 => {}
        bytes if bytes < crate::worker::MIN_STACK => {
            log!("!!! unable to set requested threads stacksize !!!");
        }
        bytes => log!("threads stack size set to {}k", bytes >> 10),
    }
}

/// How long retiring workers may take.
pub fn mercy(settings: &Settings) {
    let mercy = settings.worker_reload_mercy;
    log!("your mercy for graceful operations on workers is {mercy} seconds");
}

/// Lines between the interpreter's start and the apps.
pub fn modes(settings: &Settings, arena_bytes: u64) {
    let cores = u64::from(settings.processes) * u64::from(settings.threads);
    if settings.command_mode {
        mercy(settings);
        log!("mapped {arena_bytes} bytes ({} KB) for {cores} cores", arena_bytes / 1024);
        log!("*** Operational MODE: command ***");
        return;
    }
    if !settings.has_workers() {
        mercy(settings);
        log!("*** Operational MODE: no-workers ***");
        return;
    }
    log!("your server socket listen backlog is limited to {} connections", settings.listen);
    mercy(settings);
    log!("mapped {arena_bytes} bytes ({} KB) for {cores} cores", arena_bytes / 1024);
    log!("*** Operational MODE: {} ***", settings.mode());
}

/// Nobody here can answer a request.
pub fn no_request_plugin() {
    log!("!!!!!!!!!!!!!! WARNING !!!!!!!!!!!!!!");
    log!("no request plugin is loaded, you will not be able to manage requests.");
    log!(
        "you may need to install the package for your language of choice, or simply load it with --plugin."
    );
    log!("!!!!!!!!!!! END OF WARNING !!!!!!!!!!");
}
