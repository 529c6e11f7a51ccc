//! From arguments to a running instance: the start-up sequence.
//!
//! Owns the order of steps that users see in the log and rely on (what is bound before privileges
//! drop, what is loaded before the fork). Each step that can fail answers with the line for the
//! log; this file turns it into exit code 1.

mod holding;
mod rehearsal;

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use rustix::event::EventfdFlags;
use uwsgi_abi::Str;
use uwsgi_abi::host as abi;
use uwsgi_config::{Action, Config, Finding};
use uwsgi_duties::SECOND;
use uwsgi_hooks::wait::Stage;
use uwsgi_hooks::{Phase, Place};
use uwsgi_metrics::Arena;
use uwsgi_sys::signal::{self, Signals};
use uwsgi_sys::{leftovers, process, title};

pub(crate) use self::rehearsal::rehearsed;
use crate::bound::Bound;
use crate::fifo::{self, Pipe};
use crate::halt::Halt;
use crate::hooks::Who;
use crate::host::PluginHost;
use crate::instance::Instance;
use crate::kept::Table;
use crate::language::{self, Language};
use crate::locks::Locks;
use crate::master::{self, Goal, refork};
use crate::policy::Point;
use crate::prometheus::Guard;
use crate::settings::Settings;
use crate::sockets;
pub use crate::source::Embedded;
use crate::source::System;
use crate::{
    actions, activation, alarm, banner, bound, cgroup, check, clock, daemon, early, fallback,
    flock, hooks, kept, limits, lists, log, memory, mule, notices, patch, pidfile, plugin,
    preflight, privileges, probes, procname, signals, vacuum, worker,
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
    forget_others();
    // Before anything else: no command that the configuration runs may inherit them.
    let kept = Table::from_env();
    refork::adopt();
    if let Some(level) = preflight::asked() {
        return preflight::run(level, argv, parts, &kept);
    }
    let received = activation::receive(&kept).map_err(Halt::from);
    let code = received.and_then(|()| start(argv, parts, &kept)).unwrap_or_else(Halt::code);
    early::give_up();
    if fallback::wanted(code) {
        fallback::hand_over(kept.rest().entries());
    }
    fallback::instead_of(code)
}

/// Reloads are counted for this process alone. Whoever was started by another instance, as its
/// daemon or by its application, finds that one's count in the environment and no table of what is
/// kept: a first start, with all that a reload leaves out.
fn forget_others() {
    if std::env::var_os(kept::VARIABLE).is_none() {
        uwsgi_sys::env::set("UWSGI_RELOADS", None);
    }
}

fn start(argv: Vec<OsString>, parts: &'static Parts, kept: &Table) -> Result<i32, Halt> {
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
    notices::begin(&settings);
    prepare_process(&config, &settings, reloads > 0)?;
    notices::moved();
    let instance = build(config, settings, binary, reloads, kept)?;
    let code = serve(instance, parts).unwrap_or_else(Halt::code);
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
    // Nothing there ends anything: it ends already.
    let _ = hooks::run_as(&instance.settings.policy.hooks, Place::Alone, Phase::AsUserAtexit);
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

pub(crate) fn binary_path(argv: &[OsString]) -> PathBuf {
    let own = std::env::current_exe();
    own.unwrap_or_else(|_| PathBuf::from(argv.first().cloned().unwrap_or_default()))
}

/// What a reload or a fallback executes.
fn next_binary(config: &Config, own: &Path) -> PathBuf {
    config.last("binary-path").map_or_else(|| own.to_owned(), PathBuf::from)
}

/// Steps that change the process before anything is opened.
fn prepare_process(config: &Config, settings: &Settings, reload: bool) -> Result<(), Halt> {
    holding::hold_signals(settings)?;
    title::take();
    signal::ignore(signal::SIGPIPE);
    for (name, value) in &config.environment {
        uwsgi_sys::env::set(name, value.as_deref());
    }
    hooks::start(reload);
    let output = &settings.policy.output;
    if let Some(mask) = output.umask {
        daemon::set_umask(mask);
    }
    phase(settings, Phase::Asap)?;
    lists::encoders(config);
    settings.policy.logging.remarks.iter().for_each(|line| log!("{line}"));
    daemon::begin(output, reload)?;
    memory::never_swap(settings);
    for (option, wait) in [("flock2", false), ("flock-wait2", true)] {
        config.last(option).map_or(Ok(()), |path| flock::take(path, wait))?;
    }
    show(config);
    introduce(settings);
    Ok(())
}

/// What the configuration runs at a phase of the start.
fn phase(settings: &Settings, phase: Phase) -> Result<(), Halt> {
    hooks::run(settings, Who::Launcher, phase).map_err(Halt::Said)
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
) -> Result<&'static Instance, Halt> {
    let cwd = std::env::current_dir().unwrap_or_default();
    let cwd = config.last("force-cwd").map_or(cwd, PathBuf::from);
    let next = next_binary(&config, &binary);
    if reloads == 0 {
        settings.policy.logging.check_descriptors()?;
    }
    let ways = alarm::open(&settings, kept)?;
    early::begin(&settings, ways.1.as_ref())?;
    lists::show(&config, &binary);
    vacuum::note_pidfiles(&settings, &cwd);
    let first = settings.pidfile.as_deref().filter(|_| reloads == 0);
    banner::head(&next, &cwd, first)?;
    sockets::check_backlog(settings.listen)?;
    phase(&settings, Phase::PreJail)?;
    patch::become_other(&config, "privileged", &settings.argv)?;
    cgroup::join(&settings.policy.machine)?;
    phase(&settings, Phase::InJail)?;
    patch::write_files(&config)?;
    let limits = limits::set(&config);
    let mut probes = probes::open(&settings, kept);
    let mut bound = ManuallyDrop::new(Bound::default());
    bound.open_shared(&settings, kept).inspect_err(|_| keep_for_fallback(&bound))?;
    privileges::drop_at(Point::Start, &config, &settings, reloads > 0)?;
    hooks::wait(&settings, Stage::AfterDrop).map_err(Halt::Said)?;
    daemon::after_drop(&settings.policy.output, reloads > 0)?;
    enter(settings.chdir.as_deref())?;
    if let Some(path) = settings.pidfile2.as_ref().filter(|_| reloads == 0) {
        pidfile::write(path)?;
    }
    banner::limits(&config, &settings, &limits);
    limits::adjust_workers(&mut settings);
    let opened = open(&config, &settings, &mut bound, kept, &binary, (reloads, ways));
    let shared = opened.inspect_err(|_| keep_for_fallback(&bound))?;
    let bound = ManuallyDrop::into_inner(bound);
    bound::fill_arena(&shared.arena, &settings, &bound, reloads, &next);
    probes::start(&mut probes, &shared.arena, &bound);
    let opened = Opened { shared, bound, probes: probes.live, binary: next, cwd, reloads };
    Ok(assemble(config, settings, opened)?)
}

/// Nothing closes them: this process ends now, or another configuration goes on with them.
fn keep_for_fallback(bound: &Bound) {
    fallback::hand_over(bound.descriptors());
}

/// Sockets, arena, language and the ways between processes.
fn open(
    config: &Config,
    settings: &Settings,
    bound: &mut Bound,
    kept: &Table,
    binary: &Path,
    (reloads, (alarm_wire, log_tap)): (u32, (Option<alarm::Wire>, Option<alarm::Tap>)),
) -> Result<Shared, Halt> {
    let opened = bound.open(settings, kept);
    let fifo = Pipe::inherited(kept);
    vacuum::note_paths(settings, bound, fifo.as_ref());
    opened?;
    privileges::drop_at(Point::Sockets, config, settings, reloads > 0)?;
    let wanted = settings.honour_stdin || settings.policy.daemons.wants_stdin();
    if !wanted && !daemon::stdin_is_socket() {
        daemon::no_stdin()?;
    }
    let beside = !settings.policy.daemons.specs.is_empty();
    if bound.workers.is_empty() && !settings.no_server && !settings.command_mode && !beside {
        return Err(sockets::NOTHING.into());
    }
    let arena = bound::open_arena(settings, bound, kept)?;
    let language = language::load(config, binary)?;
    let signals = signals::open(settings, kept)?;
    let mail = mule::Mail::open(settings, kept)?;
    if !settings.no_server {
        kept.close_rest(|kept| vacuum::remove_path(settings, kept));
    }
    let guard = Guard::open(&settings.prometheus, reloads > 0)?;
    let locks = Locks::open(settings)?;
    Ok(Shared { arena, locks, language, alarm_wire, log_tap, signals, mail, fifo, guard })
}

/// What the processes have in common beside sockets.
struct Shared {
    arena: Arena,
    language: Option<Language>,
    alarm_wire: Option<alarm::Wire>,
    log_tap: Option<alarm::Tap>,
    signals: Option<signals::Signals>,
    mail: Option<mule::Mail>,
    fifo: Option<Pipe>,
    guard: Guard,
    locks: Locks,
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
    let nudge = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .map_err(|e| format!("eventfd(): {e}"))?;
    let Opened { shared, bound, probes, binary, cwd, reloads } = opened;
    let Shared { arena, locks, language, alarm_wire, log_tap, signals, mail, fifo, guard } = shared;
    let (python, python_program) = language.map(|l| (l.plugin, l.program)).unzip();
    let mut plugins = plugin::Set::new(&config, python);
    plugins.restrict(&settings.modifiers);
    signals::from_options(signals.as_ref(), &config)?;
    Ok(Box::leak(Box::new(Instance {
        settings,
        config,
        arena,
        shared: bound.shared,
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
        nudge,
        signals,
        locks,
        mail,
        log_tap,
        fifo: Mutex::new(fifo),
        alarm_wire,
        again: AtomicBool::new(false),
        master_pid: AtomicI32::new(process::pid()),
        shared_apps: AtomicU32::new(0),
        worker_id: AtomicU32::new(0),
        mule_id: AtomicU32::new(0),
    })))
}

/// Goes to the directory of the instance.
pub(crate) fn enter(dir: Option<&str>) -> Result<(), String> {
    let Some(dir) = dir else { return Ok(()) };
    log!("chdir() to {dir}");
    std::env::set_current_dir(dir)
        .map_err(|e| format!("chdir(): {} [core/uwsgi.c line {}]", sockets::plain(&e), line!()))
}

/// Language, apps, processes.
fn serve(instance: &'static Instance, parts: &'static Parts) -> Result<i32, Halt> {
    let settings = &instance.settings;
    master::people(settings)?;
    hooks::enter(instance);
    if let Err(code) = load_plugins(instance) {
        return Ok(code);
    }
    hooks::after_request::find(instance)?;
    settle(instance, Point::Plugins)?;
    banner::threads(settings);
    if instance.plugins.serves_nothing() && !settings.no_server {
        banner::no_request_plugin();
    }
    banner::modes(instance);
    crate::metrics::start(instance)?;
    crate::pushers::start(instance)?;
    let patience = settings.policy.control.extend_s.saturating_mul(SECOND);
    notices::tell(|manager| manager.extend(patience));
    if !settings.lazy_apps
        && let Err(code) = load_between_hooks(instance, Who::Launcher)
    {
        return Ok(code);
    }
    instance.shared_apps.store(instance.apps(1), Ordering::Relaxed);
    settle(instance, Point::Apps)?;
    daemon::leave_terminal(&settings.policy.output, instance.reloads > 0)?;
    notices::moved();
    if settings.no_server {
        log!("no-server mode requested. Goodbye.");
        return Ok(0);
    }
    if !instance.config.flag("single-interpreter") {
        log!("*** uWSGI is running in multiple interpreter mode ***");
    }
    memory::settle(&settings.policy.machine);
    let bodies = ProcessBodies { instance, parts };
    if !settings.master {
        signal::forget_held();
        notices::tell(|manager| {
            let now = notices::now();
            manager.loaded(now).or_else(|| manager.accepting(now))
        });
        return Ok(crate::alone::run(instance, &bodies)?);
    }
    let signals = Signals::block(master::SIGNALS).map_err(|e| format!("signalfd(): {e}"))?;
    Ok(supervise(instance, signals, &bodies)?)
}

/// A later point of the start: privileges are dropped, and the arena says who we are now.
fn settle(instance: &Instance, here: Point) -> Result<(), Halt> {
    let (config, settings) = (&instance.config, &instance.settings);
    privileges::drop_at(here, config, settings, instance.reloads > 0)?;
    let (uid, gid) = uwsgi_sys::user::effective();
    instance.arena.globals().uid.set(uid.into());
    instance.arena.globals().gid.set(gid.into());
    Ok(())
}

/// Plugins learn what they run in and start; the error is the exit code.
pub(crate) fn load_plugins(instance: &'static Instance) -> Result<(), i32> {
    let host: &'static PluginHost = Box::leak(Box::new(PluginHost(instance)));
    abi::install(host, info(instance));
    alarm::begin(instance);
    instance.plugins.init()
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

/// Loads the apps into this process, between the hooks around that; the error is the exit code.
pub(crate) fn load_between_hooks(instance: &Instance, who: Who) -> Result<(), i32> {
    hooks::run(&instance.settings, who, Phase::PreApp)?;
    load_apps(instance)?;
    hooks::run(&instance.settings, who, Phase::PostApp)
}

/// Loads the apps into this process; the error is the exit code.
pub fn load_apps(instance: &Instance) -> Result<(), i32> {
    let settings = &instance.settings;
    if instance.plugins.init_apps()? > 0 || settings.command_mode || !instance.has_workers() {
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
    leftovers::forget();
    fifo::open(instance)?;
    early::hand_over();
    alarm::watch(instance);
    let goal = master::run(instance, signals, bodies).map_err(|e| format!("epoll: {e}"))?;
    hooks::at_exit(instance);
    match goal {
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

/// What is left when the first workers have been started. The error is the line for the log.
pub fn after_start(instance: &Instance) -> Result<(), String> {
    fallback::note_serving();
    if instance.reloads == 0 {
        pidfile::after_start(&instance.settings)?;
    }
    for (what, listeners) in [("Stats", &instance.stats), ("Prometheus", &instance.prometheus)] {
        for listener in listeners {
            let fd = listener.fd.as_raw_fd();
            log!("*** {what} server enabled on {} fd: {fd} ***", listener.name);
        }
    }
    Ok(())
}

/// What forked children run.
pub struct ProcessBodies {
    instance: &'static Instance,
    parts: &'static Parts,
}

impl master::children::Bodies for ProcessBodies {
    fn worker(&self, id: u32) -> ! {
        become_child(self.instance);
        if self.instance.settings.no_orphans && process::pid() != self.instance.master_pid() {
            become_child(self.instance);
            end_with_master(self.instance);
        }
        procname::apply(&self.instance.settings.procname, procname::Role::Worker(id));
        worker::run(self.instance, id)
    }

    fn mule(&self, id: u32) -> ! {
        become_child(self.instance);
        end_with_master(self.instance);
        procname::apply(&self.instance.settings.procname, procname::Role::Mule(id));
        mule::run(self.instance, id)
    }

    fn gateway(&self, index: u32) -> ! {
        become_child(self.instance);
        end_with_master(self.instance);
        let role = procname::Role::Gateway("http", index + 1);
        procname::apply(&self.instance.settings.procname, role);
        if let Err(code) = hooks::run(&self.instance.settings, Who::Child, Phase::AsGateway) {
            process::exit_now(code);
        }
        let gateway = self.parts.gateway;
        process::exit_now(gateway(self.instance, index))
    }

    fn observer(&self) -> ! {
        hooks::leave_out_drop();
        become_child(self.instance);
        end_with_master(self.instance);
        procname::apply(&self.instance.settings.procname, procname::Role::Observer);
        process::exit_now(crate::observer::run(self.instance))
    }
}

/// What each process does first that the master started. The bond to the master comes afterwards:
/// the kernel forgets it when the user changes.
fn become_child(instance: &Instance) {
    let (config, settings) = (&instance.config, &instance.settings);
    memory::never_swap(settings);
    if let Err(halt) = privileges::drop_at(Point::Child, config, settings, instance.reloads > 0) {
        process::exit_now(halt.code());
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
