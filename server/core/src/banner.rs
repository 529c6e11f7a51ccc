//! The start-up lines that users and log collectors look for.

use std::path::Path;

use uwsgi_config::Config;

use crate::instance::Instance;
use crate::limits::Limits;
use crate::settings::Settings;
use crate::{clock, log};

/// The first lines; the pidfile is written where it has always been told.
pub fn head(binary: &Path, cwd: &Path, pidfile: Option<&str>) -> Result<(), String> {
    let uname = rustix::system::uname();
    let text = |c: &std::ffi::CStr| c.to_string_lossy().into_owned();
    log!("*** Starting uWSGI {} (64bit) on [{}] ***", uwsgi_config::VERSION, clock::ctime());
    log!("compiled with version: rustc, uwsgi-rs {}", env!("CARGO_PKG_VERSION"));
    log!("os: {}-{} {}", text(uname.sysname()), text(uname.release()), text(uname.version()));
    log!("nodename: {}", text(uname.nodename()));
    log!("machine: {}", text(uname.machine()));
    log!("clock source: unix");
    log!("pcre jit disabled");
    log!("detected number of CPU cores: {}", uwsgi_sys::cpu::online());
    log!("current working directory: {}", cwd.display());
    pidfile.map_or(Ok(()), crate::pidfile::write)?;
    log!("detected binary path: {}", binary.display());
    Ok(())
}

/// Warnings and limits, after privileges are settled.
pub(crate) fn limits(config: &Config, settings: &Settings, limits: &Limits) {
    if !settings.master {
        log!("*** WARNING: you are running uWSGI without its master process manager ***");
    }
    if let Some(line) = hint(settings) {
        log!("{line}");
    }
    limits.tell();
    log!("your memory page size is {} bytes", uwsgi_sys::procfs::page_size());
    if settings.policy.harakiri.limit_s > 0 && !config.has("post-buffering") {
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
    locks(settings);
}

/// What locks between processes are, and whether accept needs one.
fn locks(settings: &Settings) {
    let asked = settings.policy.locks.engine.as_deref().filter(|engine| *engine != "futex");
    match asked {
        Some(engine) => log!("lock engine: robust futexes (in place of {engine})"),
        None => log!("lock engine: robust futexes"),
    }
    for option in &settings.policy.locks.semaphores {
        log!("{option} has nothing to do: no lock here is a System V semaphore");
    }
    match (settings.policy.sockets.turns, settings.policy.locks.watchdog) {
        (true, true) => log!("thunder lock: enabled (with robust mutex watchdog)"),
        (true, false) => log!("thunder lock: enabled"),
        (false, _) => log!("thunder lock: disabled (you can enable it with --thunder-lock)"),
    }
}

/// Whoever started this process means the end by a TERM, and gets a reload.
fn hint(settings: &Settings) -> Option<&'static str> {
    let managed = uwsgi_sys::process::pid() == 1 || std::env::var_os("NOTIFY_SOCKET").is_some();
    (managed && settings.master && !settings.die_on_term).then_some(
        "*** SIGTERM reloads this instance, while containers and service managers end theirs by it: add die-on-term ***",
    )
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
    let mercy = settings.policy.mercy.worker_s;
    log!("your mercy for graceful operations on workers is {mercy} seconds");
}

/// Lines between the interpreter's start and the apps.
pub fn modes(instance: &Instance) {
    let (config, settings) = (&instance.config, &instance.settings);
    let arena_bytes = instance.arena.size() as u64;
    let cores = u64::from(settings.processes) * u64::from(settings.threads);
    if settings.command_mode {
        mercy(settings);
        log!("mapped {arena_bytes} bytes ({} KB) for {cores} cores", arena_bytes / 1024);
        log!("*** Operational MODE: command ***");
        return;
    }
    if !instance.has_workers() {
        mercy(settings);
        log!("*** Operational MODE: no-workers ***");
        return;
    }
    log!("your server socket listen backlog is limited to {} connections", settings.listen);
    mercy(settings);
    let buffering = config.int("post-buffering", 0);
    if buffering > config.int("post-buffering-bufsize", 8192) {
        log!("setting request body buffering size to {buffering} bytes");
    }
    if config.has("upload-progress") && buffering == 0 {
        log!(
            "*** WARNING: upload-progress tells of bodies that post-buffering stores, which is off ***"
        );
    }
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
