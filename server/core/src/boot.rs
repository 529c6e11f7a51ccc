//! From arguments to a running instance: the start-up sequence.
//!
//! Owns the order of steps that users see in the log and rely on (what is bound before privileges
//! drop, what is loaded before the fork). Each step that can fail answers with the line for the
//! log; this file turns it into exit code 1.

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use uwsgi_abi::Str;
use uwsgi_abi::host as abi;
use uwsgi_config::{Action, Config, Finding};
use uwsgi_metrics::Arena;
use uwsgi_sys::signal::{self, Signals};
use uwsgi_sys::{process, title};

use crate::bound::Bound;
use crate::host::PluginHost;
use crate::instance::Instance;
use crate::kept::Table;
use crate::language::{self, Language};
use crate::master::{self, Goal};
use crate::prometheus::Guard;
use crate::settings::Settings;
use crate::sockets;
pub use crate::source::Embedded;
use crate::source::System;
use crate::{
    actions, alarm, banner, bound, check, clock, daemon, fallback, flock, limits, lists, log, mule,
    patch, pidfile, plugin, privileges, probes, procname, signals, worker,
};

/// What lives in crates above this one: bodies of processes, and what was built in.
pub struct Parts {
    /// The configuration and files inside the binary.
    pub embedded: Embedded,
    /// Runs a router process; returns its exit code.
    pub gateway: fn(&'static Instance, u32) -> i32,
}

/// Runs the server (or a one-shot command) and returns the exit code.
pub fn run(argv: Vec<OsString>, parts: &'static Parts) -> i32 {
    clock::started_us();
    // Without handlers a fault ends the process all the same, only without a word.
    let _ = uwsgi_sys::fault::catch();
    // Before anything else: no command that the configuration runs may inherit them.
    let kept = Table::from_env();
    let code = start(argv, parts, &kept).unwrap_or_else(|text| {
        log!("{text}");
        1
    });
    if fallback::wanted(code) {
        fallback::hand_over(kept.rest().entries());
    }
    fallback::instead_of(code)
}

fn start(argv: Vec<OsString>, parts: &'static Parts, kept: &Table) -> Result<i32, String> {
    let tried = fallback::inherited();
    let env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let system = System { embedded: &parts.embedded, kept };
    let config = uwsgi_config::load(&argv, &env, &system);
    config.messages.iter().for_each(|line| log!("{line}"));
    let binary = binary_path(&argv);
    if let Some(file) = config.fallback.as_deref().filter(|_| serves(&config)) {
        fallback::plan(file, next_binary(&config, &binary), tried);
    }
    if let Some(code) = actions::run(&config, &binary.to_string_lossy(), &system) {
        return Ok(code);
    }
    if let Some(answer) = config.check {
        return Ok(check::run(&config, argv, answer));
    }
    let (settings, faults) = Settings::from_config(&config, argv);
    let findings = config.findings.iter().chain(&faults);
    findings.flat_map(Finding::lines).for_each(|line| log!("{line}"));
    if config.faults().next().is_some() || !faults.is_empty() {
        return Ok(config.code.max(1));
    }
    log::set_style(settings.log_date.clone());
    let reloads = std::env::var("UWSGI_RELOADS").ok().and_then(|v| v.parse().ok()).unwrap_or(0);
    prepare_process(&config, &settings, reloads > 0)?;
    let instance = build(config, settings, binary, reloads, kept)?;
    let code = serve(instance, parts).unwrap_or_else(|text| {
        log!("{text}");
        1
    });
    hand_over(instance, code);
    Ok(code)
}

/// The sockets of an instance that fails go over to its fallback, unless they were to vanish.
fn hand_over(instance: &Instance, code: i32) {
    if fallback::wanted(code) && !instance.settings.vacuum {
        fallback::hand_over(master::listeners(instance));
    }
}

/// The end of worker 1 where there is no master: the process that was started ends with it, and
/// may become its fallback.
pub fn end_alone(instance: &Instance, code: i32) -> i32 {
    if fallback::wanted(code) {
        crate::alone::end_others(instance);
        hand_over(instance, code);
    }
    fallback::instead_of(code)
}

/// Whether this is about an instance of our own. The failure of a command to another one, or of
/// a check, starts no fallback.
fn serves(config: &Config) -> bool {
    config.check.is_none()
        && config.ends_with().is_none_or(|action| matches!(action, Action::Exit(_)))
}

/// Until the master runs, requests for a reload or a report wait; INT, and TERM where it means the
/// end, act at once: an application that hangs while it loads must not be in the way.
fn hold_signals(settings: &Settings) -> Result<(), String> {
    let mut held = vec![signal::SIGHUP, signal::SIGUSR1, signal::SIGUSR2, signal::SIGALRM];
    if settings.master && !settings.die_on_term {
        held.push(signal::SIGTERM);
    }
    signal::hold(&held).map_err(|e| format!("sigaction(): {}", sockets::plain(&e)))?;
    // A shell that starts us in the background passes an ignored INT on.
    signal::reset(&[signal::SIGINT]);
    Ok(())
}

fn binary_path(argv: &[OsString]) -> PathBuf {
    let own = std::env::current_exe();
    own.unwrap_or_else(|_| PathBuf::from(argv.first().cloned().unwrap_or_default()))
}

/// What a reload or a fallback executes.
fn next_binary(config: &Config, own: &Path) -> PathBuf {
    config.last("binary-path").map_or_else(|| own.to_owned(), PathBuf::from)
}

/// Steps that change the process before anything is opened.
fn prepare_process(config: &Config, settings: &Settings, reload: bool) -> Result<(), String> {
    hold_signals(settings)?;
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
    for (option, wait) in [("flock2", false), ("flock-wait2", true)] {
        config.last(option).map_or(Ok(()), |path| flock::take(path, wait))?;
    }
    show(config);
    for (name, value) in &config.environment {
        uwsgi_sys::env::set(name, value.as_deref());
    }
    introduce(settings);
    Ok(())
}

/// Variables by which applications, and the next image of this process, know where they come from.
fn introduce(settings: &Settings) {
    let program = settings.argv.first().map(|name| name.to_string_lossy());
    let own = [("UWSGI_RELOADS", Some("0".into())), ("UWSGI_ORIGINAL_PROC_NAME", program)];
    for (name, value) in own.iter().filter(|(name, _)| std::env::var_os(name).is_none()) {
        uwsgi_sys::env::set(name, value.as_deref());
    }
}

/// The resolved list of options, when it is asked for.
fn show(config: &Config) {
    if config.flag("show-config") {
        log::raw(uwsgi_config::show_config(config).as_bytes());
    }
}

/// Everything up to the loaded language: what all processes share.
fn build(
    config: Config,
    mut settings: Settings,
    binary: PathBuf,
    reloads: u32,
    kept: &Table,
) -> Result<&'static Instance, String> {
    let cwd = std::env::current_dir().unwrap_or_default();
    let cwd = config.last("force-cwd").map_or(cwd, PathBuf::from);
    let next = next_binary(&config, &binary);
    lists::show(&config, &binary);
    banner::head(&next, &cwd);
    if let Some(path) = settings.pidfile.as_ref().filter(|_| reloads == 0) {
        pidfile::write(path)?;
    }
    sockets::check_backlog(settings.listen)?;
    patch::become_other(&config, "privileged", &settings.argv)?;
    patch::write_files(&config)?;
    let limits = limits::set(&config);
    let mut probes = probes::open(&settings, kept);
    privileges::drop(&settings)?;
    patch::become_other(&config, "unprivileged", &settings.argv)?;
    enter(settings.chdir.as_deref())?;
    if let Some(path) = settings.pidfile2.as_ref().filter(|_| reloads == 0) {
        pidfile::write(path)?;
    }
    banner::limits(&settings, &limits);
    limits::adjust_workers(&mut settings);
    let mut bound = ManuallyDrop::new(Bound::default());
    let opened = open(&config, &settings, &mut bound, kept, &binary, reloads);
    let shared = opened.inspect_err(|_| {
        // Nothing closes them: this process ends now, or another configuration goes on with them.
        fallback::hand_over(bound.descriptors());
    })?;
    let bound = ManuallyDrop::into_inner(bound);
    bound::fill_arena(&shared.arena, &settings, &bound, reloads, &next);
    probes::start(&mut probes, &shared.arena, &bound);
    let opened = Opened { shared, bound, probes: probes.live, binary: next, cwd, reloads };
    assemble(config, settings, opened)
}

/// Sockets, arena, language and the ways between processes.
fn open(
    config: &Config,
    settings: &Settings,
    bound: &mut Bound,
    kept: &Table,
    binary: &Path,
    reloads: u32,
) -> Result<Shared, String> {
    bound.open(settings, kept)?;
    if !settings.honour_stdin && !daemon::stdin_is_socket() {
        daemon::no_stdin()?;
    }
    if bound.workers.is_empty() && !settings.no_server && !settings.command_mode {
        return Err("The -s/--socket option is missing and stdin is not a socket.".into());
    }
    let arena = bound::open_arena(settings, bound, kept)?;
    let language = language::load(config, binary)?;
    let (alarm_wire, log_tap) = alarm::open(settings, kept)?;
    let signals = signals::open(settings, kept)?;
    let mail = mule::Mail::open(settings, kept)?;
    if !settings.no_server {
        kept.close_rest();
    }
    let guard = Guard::open(&settings.prometheus, reloads > 0)?;
    Ok(Shared { arena, language, alarm_wire, log_tap, signals, mail, guard })
}

/// What the processes have in common beside sockets.
struct Shared {
    arena: Arena,
    language: Option<Language>,
    alarm_wire: Option<alarm::Wire>,
    log_tap: Option<alarm::Tap>,
    signals: Option<signals::Signals>,
    mail: Option<mule::Mail>,
    guard: Guard,
}

/// What a start has opened.
struct Opened {
    shared: Shared,
    bound: Bound,
    probes: Option<&'static uwsgi_ebpf::Live>,
    binary: PathBuf,
    cwd: PathBuf,
    reloads: u32,
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
    let Opened { shared, bound, probes, binary, cwd, reloads } = opened;
    let Shared { arena, language, alarm_wire, log_tap, signals, mail, guard } = shared;
    let (python, python_program) = language.map(|l| (l.plugin, l.program)).unzip();
    let mut plugins = plugin::Set::new(&config, python);
    plugins.restrict(&settings.modifiers);
    signals::from_options(signals.as_ref(), &config)?;
    Ok(Box::leak(Box::new(Instance {
        settings,
        config,
        arena,
        sockets: bound.workers,
        link: bound.link,
        http: bound.http,
        stats: bound.stats,
        datagrams: bound.datagrams,
        prometheus: bound.prometheus,
        guard,
        probes,
        plugins,
        python_program,
        metrics_dir: OnceLock::new(),
        hostname: hostname(),
        binary,
        cwd,
        reloads,
        lifeline: read,
        lifeline_master: Mutex::new(Some(write)),
        signals,
        mail,
        log_tap,
        alarm_wire,
        master_pid: AtomicI32::new(process::pid()),
        shared_apps: AtomicU32::new(0),
        worker_id: AtomicU32::new(0),
        mule_id: AtomicU32::new(0),
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
    let host: &'static PluginHost = Box::leak(Box::new(PluginHost(instance)));
    abi::install(host, info(instance));
    alarm::begin(instance);
    if let Err(code) = instance.plugins.init() {
        return Ok(code);
    }
    banner::threads(settings);
    if instance.plugins.serves_nothing() && !settings.no_server {
        banner::no_request_plugin();
    }
    banner::modes(settings, instance.arena.size() as u64);
    crate::metrics::start(instance)?;
    crate::pushers::start(instance)?;
    if !settings.lazy_apps
        && let Err(code) = load_apps(instance)
    {
        return Ok(code);
    }
    instance.shared_apps.store(instance.apps(1), Ordering::Relaxed);
    if settings.no_server {
        log!("no-server mode requested. Goodbye.");
        return Ok(0);
    }
    if !instance.config.flag("single-interpreter") {
        log!("*** uWSGI is running in multiple interpreter mode ***");
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
    let settings = &instance.settings;
    if instance.plugins.init_apps()? > 0 || settings.command_mode || !settings.has_workers() {
        return Ok(());
    }
    if settings.need_app {
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
    instance.plugins.release();
    instance.plugins.atexit();
    probes::end(&instance.settings);
    master::cleanup(instance);
    Ok(code)
}

/// What is left when the first workers have been started.
pub fn after_start(instance: &Instance) {
    fallback::note_serving();
    let settings = &instance.settings;
    for (what, listeners) in [("Stats", &instance.stats), ("Prometheus", &instance.prometheus)] {
        for listener in listeners {
            let fd = listener.fd.as_raw_fd();
            log!("*** {what} server enabled on {} fd: {fd} ***", listener.name);
        }
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
        if self.instance.settings.no_orphans && process::pid() != self.instance.master_pid() {
            end_with_master(self.instance);
        }
        procname::apply(&self.instance.settings.procname, procname::Role::Worker(id));
        worker::run(self.instance, id)
    }

    fn mule(&self, id: u32) -> ! {
        end_with_master(self.instance);
        procname::apply(&self.instance.settings.procname, procname::Role::Mule(id));
        mule::run(self.instance, id)
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
    flock::leave();
    let _ = process::die_with_parent(signal::SIGKILL);
    if process::parent_pid() != instance.master_pid() {
        process::exit_now(1);
    }
}
