//! From arguments to a running instance: the start-up sequence.
//!
//! Owns the order of steps that users see in the log and rely on (what is bound before privileges
//! drop, what is loaded before the fork). Each step that can fail answers with the line for the
//! log; this file turns it into exit code 1.

use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use uwsgi_abi::Str;
use uwsgi_abi::host as abi;
use uwsgi_config::{Action, Config, Finding};
use uwsgi_metrics::{Arena, Shape};
use uwsgi_sys::signal::{self, Signals};
use uwsgi_sys::{process, title, user};

use crate::host::PluginHost;
use crate::instance::Instance;
use crate::kept::Table;
use crate::language::{self, Language};
use crate::master::{self, Goal};
use crate::settings::{Protocol, Settings, SocketSpec};
use crate::sockets::{self, Listener};
use crate::source::System;
use crate::{actions, banner, clock, daemon, log, pidfile, privileges, procname, worker};

/// The bodies of processes that live in crates above this one.
pub struct Parts {
    /// Runs a router process; returns its exit code.
    pub gateway: fn(&'static Instance, u32) -> i32,
}

/// Runs the server (or a one-shot command) and returns the exit code.
pub fn run(argv: Vec<OsString>, parts: &'static Parts) -> i32 {
    match start(argv, parts) {
        Ok(code) => code,
        Err(text) => {
            log!("{text}");
            1
        }
    }
}

fn start(argv: Vec<OsString>, parts: &'static Parts) -> Result<i32, String> {
    let env: Vec<(OsString, OsString)> =
        std::env::vars_os().filter(|(k, _)| k != crate::kept::VARIABLE).collect();
    let config = uwsgi_config::load(&argv, &env, &System);
    config.messages.iter().for_each(|line| log!("{line}"));
    let binary = binary_path(&argv);
    if let Some(code) = actions::run(&config, &binary.to_string_lossy()) {
        return Ok(code);
    }
    let (settings, faults) = Settings::from_config(&config, argv);
    let findings = config.findings.iter().chain(&faults);
    findings.flat_map(Finding::lines).for_each(|line| log!("{line}"));
    if config.faults().next().is_some() || !faults.is_empty() {
        return Ok(config.code.max(1));
    }
    if config.ends_with() == Some(&Action::Check) {
        show(&config);
        log!("configuration ok: {} options", config.entries.len());
        return Ok(0);
    }
    log::set_style(settings.log_date.clone());
    let reloads = std::env::var("UWSGI_RELOADS").ok().and_then(|v| v.parse().ok()).unwrap_or(0);
    let kept = Table::from_env();
    hold_signals(&settings)?;
    prepare_process(&config, &settings, reloads > 0)?;
    let instance = build(config, settings, binary, reloads, &kept)?;
    serve(instance, parts)
}

/// Until the master runs, requests for a reload or a report wait; INT, and TERM where it means the
/// end, act at once: an application that hangs while it loads must not be in the way.
fn hold_signals(settings: &Settings) -> Result<(), String> {
    let mut held = vec![signal::SIGHUP, signal::SIGUSR1, signal::SIGUSR2, signal::SIGALRM];
    if settings.master && !settings.die_on_term {
        held.push(signal::SIGTERM);
    }
    signal::hold(&held).map_err(|e| format!("sigaction(): {}", sockets::plain(&e)))
}

fn binary_path(argv: &[OsString]) -> PathBuf {
    let own = std::env::current_exe();
    own.unwrap_or_else(|_| PathBuf::from(argv.first().cloned().unwrap_or_default()))
}

/// Steps that change the process before anything is opened.
fn prepare_process(config: &Config, settings: &Settings, reload: bool) -> Result<(), String> {
    title::take();
    signal::ignore(signal::SIGPIPE);
    if let Some(mask) = settings.umask {
        daemon::set_umask(mask);
    }
    match (&settings.daemonize, &settings.logto) {
        (Some(path), _) if !reload => {
            daemon::detach(settings.umask)?;
            daemon::log_to(path)?;
        }
        (None, Some(path)) if !reload => daemon::log_to(path)?,
        _ => {}
    }
    show(config);
    for (name, value) in &settings.env {
        uwsgi_sys::env::set(name, value.as_deref());
    }
    Ok(())
}

/// The resolved list of options, when it is asked for.
fn show(config: &Config) {
    if config.has("show-config") {
        log::raw(uwsgi_config::show_config(config).as_bytes());
    }
}

/// Everything up to the loaded language: what all processes share.
fn build(
    config: Config,
    settings: Settings,
    binary: PathBuf,
    reloads: u32,
    kept: &Table,
) -> Result<&'static Instance, String> {
    let cwd = std::env::current_dir().unwrap_or_default();
    banner::head(&binary);
    if let Some(path) = settings.pidfile.as_ref().filter(|_| reloads == 0) {
        pidfile::write(path)?;
    }
    sockets::check_backlog(settings.listen)?;
    privileges::drop(&settings)?;
    enter(settings.chdir.as_deref())?;
    if let Some(path) = settings.pidfile2.as_ref().filter(|_| reloads == 0) {
        pidfile::write(path)?;
    }
    banner::limits(&settings);
    let bound = bind_all(&settings, kept)?;
    if !settings.honour_stdin && !daemon::stdin_is_socket() {
        daemon::no_stdin()?;
    }
    if bound.workers.is_empty() && !settings.no_server {
        return Err("The -s/--socket option is missing and stdin is not a socket.".into());
    }
    let arena = open_arena(&settings, &bound, kept)?;
    fill_arena(&arena, &settings, &bound, reloads, &binary);
    if !settings.no_server {
        kept.close_rest();
    }
    let language = language::load(&config, &binary)?;
    let opened = Opened { arena, bound, language, binary, cwd, reloads };
    assemble(config, settings, opened)
}

/// What a start has opened.
struct Opened {
    arena: Arena,
    bound: Bound,
    language: Option<Language>,
    binary: PathBuf,
    cwd: PathBuf,
    reloads: u32,
}

/// Listening sockets by purpose.
struct Bound {
    workers: Vec<(Listener, Protocol)>,
    link: Option<Listener>,
    http: Vec<Listener>,
    stats: Vec<Listener>,
}

fn bind_all(settings: &Settings, kept: &Table) -> Result<Bound, String> {
    let open_list = |kind: &str, list: &[String], defer: bool| -> Result<Vec<Listener>, String> {
        list.iter().map(|a| sockets::open(kind, a, settings, kept, defer)).collect()
    };
    let http = open_list("http", &settings.http, true)?;
    for listener in &http {
        log!("uWSGI http bound on {} fd {}", listener.name, listener.fd.as_raw_fd());
    }
    let mut specs = settings.sockets.clone();
    if specs.is_empty() && !http.is_empty() {
        specs.push(SocketSpec { address: "127.0.0.1:0".into(), protocol: Protocol::Uwsgi });
    }
    let mut workers = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let listener = sockets::open("socket", &spec.address, settings, kept, true)
            .map_err(|e| format!("{e}\nunable to create server socket on: {}", spec.address))?;
        log!("{}", listener.describe(index));
        workers.push((listener, spec.protocol));
    }
    let link = match http.is_empty() {
        true => None,
        false => Some(sockets::open("link", &link_name(kept), settings, kept, false)?),
    };
    let stats = open_list("stats", &settings.stats, false)?;
    Ok(Bound { workers, link, http, stats })
}

/// An abstract name nobody else uses, the same one after a reload. Who connects is checked at
/// accept all the same.
fn link_name(kept: &Table) -> String {
    kept.configured("link")
        .unwrap_or_else(|| format!("@uwsgi-link-{}-{:x}", process::pid(), clock::epoch_us()))
}

fn open_arena(settings: &Settings, bound: &Bound, kept: &Table) -> Result<Arena, String> {
    let shape = Shape {
        workers: settings.processes,
        cores: settings.threads,
        apps: settings.max_apps,
        sockets: bound.workers.len() as u32,
        gateways: if bound.http.is_empty() { 0 } else { settings.http_processes },
        metrics: (settings.user_metrics.len() as u32 + 64).next_power_of_two(),
        vars: settings.buffer_size.min(65_536) as u32,
    };
    let path = settings.metrics_arena.as_ref().map(std::path::Path::new);
    if let Some(old) = kept.take("arena") {
        match Arena::adopt_into(old.fd, &shape, path) {
            Ok(arena) => return Ok(arena),
            Err(e) => log!("counters begin anew, the arena of the last image cannot be kept: {e}"),
        }
    }
    let made = match path {
        Some(path) => Arena::create_at(path, &shape),
        None => Arena::create(&shape),
    };
    made.map_err(|e| format!("unable to map the metrics arena: {e}"))
}

fn fill_arena(
    arena: &Arena,
    settings: &Settings,
    bound: &Bound,
    reloads: u32,
    binary: &std::path::Path,
) {
    let globals = arena.globals();
    let (uid, gid) = user::effective();
    globals.version.set(uwsgi_config::VERSION.as_bytes());
    globals.hostname.set(hostname().as_bytes());
    globals.cwd.set(std::env::current_dir().unwrap_or_default().to_string_lossy().as_bytes());
    globals.binary.set(binary.to_string_lossy().as_bytes());
    globals.uid.set(uid.into());
    globals.gid.set(gid.into());
    globals.processes.set(settings.processes.into());
    globals.cores_per_worker.set(settings.threads.into());
    globals.master_pid.set(process::pid() as u64);
    if globals.started_at.get() == 0 {
        globals.started_at.set(clock::epoch_s());
        globals.started_at_us.set(clock::epoch_us());
    }
    if reloads > 0 {
        globals.reloads.add(1);
        globals.last_reload.set(clock::epoch_s());
    }
    for (i, (listener, protocol)) in bound.workers.iter().enumerate() {
        let row = arena.socket(i as u32);
        row.name.set(listener.name.as_bytes());
        row.proto.set(protocol.name().as_bytes());
    }
    for i in 0..if bound.http.is_empty() { 0 } else { settings.http_processes } {
        arena.gateway(i).name.set(b"http");
    }
    for worker in 1..=settings.processes {
        (0..settings.max_apps).for_each(|app| arena.app(worker, app).used.set(0));
    }
    for metric in &settings.user_metrics {
        crate::metric::register(arena, metric);
    }
}

/// This machine's name.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Puts the instance together; it lives as long as the process.
fn assemble(
    config: Config,
    settings: Settings,
    opened: Opened,
) -> Result<&'static Instance, String> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|e| format!("pipe(): {e}"))?;
    let Opened { arena, bound, language, binary, cwd, reloads } = opened;
    let (plugin, python_program) = language.map(|l| (l.plugin, l.program)).unzip();
    Ok(Box::leak(Box::new(Instance {
        settings,
        config,
        arena,
        sockets: bound.workers,
        link: bound.link,
        http: bound.http,
        stats: bound.stats,
        plugin,
        python_program,
        hostname: hostname(),
        binary,
        cwd,
        reloads,
        lifeline: read,
        lifeline_master: Mutex::new(Some(write)),
        master_pid: AtomicI32::new(process::pid()),
        shared_apps: AtomicU32::new(0),
        worker_id: AtomicU32::new(0),
    })))
}

fn enter(dir: Option<&str>) -> Result<(), String> {
    let Some(dir) = dir else { return Ok(()) };
    log!("chdir() to {dir}");
    std::env::set_current_dir(dir)
        .map_err(|e| format!("chdir(): {} [core/uwsgi.c line {}]", sockets::plain(&e), line!()))
}

/// Language, apps, processes.
fn serve(instance: &'static Instance, parts: &'static Parts) -> Result<i32, String> {
    let settings = &instance.settings;
    if let Some(plugin) = instance.plugin {
        let host: &'static PluginHost = Box::leak(Box::new(PluginHost(instance)));
        abi::install(host, info(instance));
        if let Err(code) = plugin.init() {
            return Ok(code);
        }
    }
    if instance.sockets.is_empty() {
        banner::mercy(settings);
        log!("*** Operational MODE: no-workers ***");
    } else {
        banner::modes(settings, instance.arena.size() as u64);
        if !settings.lazy_apps
            && let Err(code) = load_apps(instance)
        {
            return Ok(code);
        }
    }
    instance.shared_apps.store(instance.apps(1), Ordering::Relaxed);
    if !instance.sockets.is_empty() && !instance.config.flag("single-interpreter") {
        log!("*** uWSGI is running in multiple interpreter mode ***");
    }
    if settings.no_server {
        log!("no-server mode requested. Goodbye.");
        return Ok(0);
    }
    let bodies = ProcessBodies { instance, parts };
    if !settings.master {
        signal::forget_held();
        return crate::alone::run(instance, &bodies);
    }
    let signals = Signals::block(master::SIGNALS).map_err(|e| format!("signalfd(): {e}"))?;
    supervise(instance, signals, &bodies)
}

fn info(instance: &'static Instance) -> uwsgi_abi::Info {
    let settings = &instance.settings;
    let binary: &'static str = Box::leak(instance.binary.to_string_lossy().into_owned().into());
    uwsgi_abi::Info {
        version: Str::new(uwsgi_config::VERSION.as_bytes()),
        hostname: Str::new(instance.hostname.as_bytes()),
        binary: Str::new(binary.as_bytes()),
        processes: settings.processes,
        cores: settings.threads,
        master: settings.master.into(),
        lazy_apps: settings.lazy_apps.into(),
        max_apps: settings.max_apps,
        metrics: settings.request_metrics.into(),
        started_on: instance.arena.globals().started_at.get(),
    }
}

/// Loads the apps into this process; the error is the exit code.
pub fn load_apps(instance: &Instance) -> Result<(), i32> {
    let loaded = match instance.plugin {
        Some(plugin) => plugin.init_apps()?,
        None => 0,
    };
    if loaded > 0 {
        return Ok(());
    }
    if instance.settings.need_app {
        log!("*** no app loaded. GAME OVER ***");
        return Err(22);
    }
    log!("*** no app loaded. going in full dynamic mode ***");
    Ok(())
}

fn supervise(
    instance: &'static Instance,
    signals: Signals,
    bodies: &ProcessBodies,
) -> Result<i32, String> {
    let goal = master::run(instance, signals, bodies).map_err(|e| format!("epoll: {e}"))?;
    match goal {
        Goal::Reload if !instance.settings.exit_on_reload => {
            let error = master::reexec(instance);
            Err(format!("execvp(): {error}"))
        }
        Goal::Reload => {
            log!("uWSGI: GAME OVER (insert coin)");
            finish(instance, 0)
        }
        Goal::Stop(code) => {
            log!("goodbye to uWSGI.");
            finish(instance, code)
        }
    }
}

fn finish(instance: &Instance, code: i32) -> Result<i32, String> {
    if let Some(plugin) = instance.plugin {
        plugin.release();
        plugin.atexit();
    }
    master::cleanup(instance);
    Ok(code)
}

/// What is left when the first workers have been started.
pub fn after_start(instance: &Instance) {
    let settings = &instance.settings;
    for listener in &instance.stats {
        let fd = listener.fd.as_raw_fd();
        log!("*** Stats server enabled on {} fd: {fd} ***", listener.name);
    }
    if instance.reloads > 0 {
        return;
    }
    for path in [&settings.safe_pidfile2, &settings.safe_pidfile].into_iter().flatten() {
        if let Err(text) = pidfile::write(path) {
            log!("{text}");
        }
    }
}

/// What forked children run.
pub struct ProcessBodies {
    instance: &'static Instance,
    parts: &'static Parts,
}

impl master::children::Bodies for ProcessBodies {
    fn worker(&self, id: u32) -> ! {
        procname::apply(&self.instance.settings.procname, procname::Role::Worker(id));
        worker::run(self.instance, id)
    }

    fn gateway(&self, index: u32) -> ! {
        end_with_master(self.instance);
        let role = procname::Role::Gateway("http", index + 1);
        procname::apply(&self.instance.settings.procname, role);
        let gateway = self.parts.gateway;
        process::exit_now(gateway(self.instance, index))
    }

    fn observer(&self) -> ! {
        end_with_master(self.instance);
        procname::apply(&self.instance.settings.procname, procname::Role::Observer);
        process::exit_now(crate::observer::run(self.instance))
    }
}

/// The kernel ends this process with the one that started it, which may be gone already.
fn end_with_master(instance: &Instance) {
    let _ = process::die_with_parent(signal::SIGKILL);
    if process::parent_pid() != instance.master_pid() {
        process::exit_now(1);
    }
}
