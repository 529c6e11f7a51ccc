//! A worker: the process that runs the application.
//!
//! Its cores share one `reactor`; core 0 is the main thread, the only one that signals interrupt. A
//! worker ends by itself when it is told to (HUP: after the requests at hand; INT, TERM: at
//! once), when it has served enough, or when its master is gone.

mod app;
mod arriving;
mod body;
mod clock;
mod conn;
mod dates;
mod doing;
mod frames;
pub(crate) mod ids;
mod io;
mod logformat;
mod mounts;
mod notes;
mod outbox;
mod phases;
mod progress;
mod reactor;
mod records;
mod reply;
mod reqlog;
mod request;
mod stored;
mod structured;
mod table;
mod tally;
mod traffic;
mod trouble;
mod wire;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uwsgi_abi::ProcessKind;
use uwsgi_duties::recycle::{EXIT as END, Exceptions, WAKE};
use uwsgi_hooks::Phase;
use uwsgi_metrics::RECYCLES;
use uwsgi_sys::{process, signal};

use self::reactor::Reactor;
use self::request::Core;
use crate::clock::epoch_us;
use crate::hooks::Who;
use crate::instance::Instance;
use crate::{affinity, boot, harakiri, hooks, log, sockets};

/// Why the running request wants this worker replaced: one more than the index in
/// [`RECYCLES`], 0 while none does.
static RECYCLE: AtomicU64 = AtomicU64::new(0);

/// Exit code of a worker that had an exception which the configuration names.
const EXCEPTION: i32 = Exceptions::EXIT;
/// Exit code of a worker that left because a reload asked it to.
const RELOADED: i32 = 17;

/// What runs just before a worker accepts: no thread has started yet.
const ACCEPTING: [Phase; 4] =
    [Phase::Accepting, Phase::AcceptingOnce, Phase::Accepting1, Phase::Accepting1Once];

/// What a worker hears of.
const CAUGHT: [i32; 6] =
    [signal::SIGHUP, signal::SIGINT, signal::SIGTERM, signal::SIGUSR1, WAKE, signal::SIGTSTP];

/// The least that the system gives a thread.
pub(crate) const MIN_STACK: usize = 16 << 10;

/// Replaces this worker after its current request.
pub fn recycle() {
    RECYCLE.store(reason("application"), Ordering::Relaxed);
}

/// The same because of an exception that the configuration names.
pub fn recycle_for_exception() {
    RECYCLE.store(reason("exception"), Ordering::Relaxed);
}

/// A word of [`RECYCLES`] as the row of a worker has it.
fn reason(word: &str) -> u64 {
    RECYCLES.iter().position(|known| *known == word).map_or(0, |at| at as u64 + 1)
}

/// Runs worker `id` in the calling process, which ends with it.
pub fn run(instance: &'static Instance, id: u32) -> ! {
    instance.worker_id.store(id, Ordering::Relaxed);
    let code = match start(instance, id) {
        Ok(code) | Err(code) => code,
    };
    let alone = process::pid() == instance.master_pid();
    process::exit_now(if alone { boot::end_alone(instance, code) } else { code })
}

fn start(instance: &'static Instance, id: u32) -> Result<i32, i32> {
    let wake = signal::catch(&CAUGHT).map_err(|e| fatal("sigaction()", &e))?;
    doing::tell_at_usr2(instance, id).map_err(|e| fatal("sigaction()", &e))?;
    affinity::bind(instance, id);
    hooks::become_other(instance, instance.settings.policy.hooks.worker_exec.as_deref())?;
    signal::ignore(signal::SIGPIPE);
    tell_map(instance, id);
    let (settings, who) = (&instance.settings, Who::Worker(id));
    instance.plugins.after_fork_child(ProcessKind::Worker, id);
    hooks::run(settings, who, Phase::PostFork)?;
    hooks::become_other(instance, settings.policy.hooks.worker_exec2.as_deref())?;
    if settings.lazy_apps {
        signal::enter_busy();
        boot::load_between_hooks(instance, who)?;
        signal::leave_busy();
    }
    if let Some(dir) = &instance.settings.chdir2 {
        std::env::set_current_dir(dir).map_err(|e| fatal(&format!("chdir(\"{dir}\")"), &e))?;
    }
    if let Some(directory) = &settings.policy.bodies.progress {
        progress::tidy(directory);
    }
    let reactor = Reactor::new(instance, &wake).map_err(|e| fatal("epoll", &e))?;
    let reactor = Arc::new(reactor);
    for phase in ACCEPTING {
        hooks::run(settings, who, phase)?;
    }
    harakiri::watch_alone(instance, id);
    // What the master wrote before signals were caught.
    reactor.look_at_row(id);
    let threads = start_cores(instance, id, &reactor);
    let row = instance.arena.worker(id);
    row.ready_us.set(epoch_us());
    row.accepting.set(1);
    uwsgi_usdt::worker__ready(|| (id,));
    run_core(instance, id, 0, &reactor);
    // Other cores see the end of the loop by themselves; one stuck in an app is the master's
    // business (its mercy ends it).
    for thread in threads.into_iter().filter(|_| !instance.settings.policy.machine.no_threads_wait)
    {
        let _ = thread.join();
    }
    instance.plugins.atexit();
    Ok(reactor.exit_code())
}

/// Which of the mapped sockets are this worker's.
fn tell_map(instance: &Instance, id: u32) {
    let map = &instance.settings.policy.sockets;
    for mapping in map.map.iter().filter(|mapping| mapping.workers.contains(&id)) {
        if let Some((listener, _)) = instance.sockets.get(mapping.socket) {
            log!("mapped socket {} ({}) to worker {id}", mapping.socket, listener.name);
        }
    }
}

fn fatal(what: &str, e: &std::io::Error) -> i32 {
    log!("{what}: {} [core/uwsgi.c line {}]", sockets::plain(e), line!());
    1
}

fn start_cores(
    instance: &'static Instance,
    id: u32,
    reactor: &Arc<Reactor>,
) -> Vec<std::thread::JoinHandle<()>> {
    let start = |core: u32| {
        let reactor = Arc::clone(reactor);
        let name = format!("uWSGIWorker{id}Core{core}");
        let body = move || {
            signal::block_all_in_thread();
            uwsgi_sys::fault::own_stack();
            run_core(instance, id, core, &reactor);
        };
        let thread = std::thread::Builder::new().name(name);
        match instance.settings.thread_stack {
            bytes if bytes >= MIN_STACK => thread.stack_size(bytes).spawn(body),
            _ => thread.spawn(body),
        }
    };
    let started = (1..instance.settings.threads).map(start);
    let failed = |e: std::io::Error| log!("pthread_create(): {}", sockets::plain(&e));
    started.filter_map(|t| t.map_err(failed).ok()).collect()
}

fn run_core(instance: &'static Instance, id: u32, core: u32, reactor: &Reactor) {
    harakiri::enter_core(core);
    instance.arena.core(id, core).thread.set(process::thread_id().into());
    instance.plugins.init_thread(core);
    if core == 0 {
        instance.plugins.release();
    }
    let mut state = Core::new(instance, id, core);
    reactor.run(&mut state);
    if core > 0 {
        instance.plugins.end_thread(core);
    }
}

/// Acts on caught signals; answers the exit code they ask for.
fn on_wake(instance: &Instance, id: u32, reactor: &Reactor) -> Option<i32> {
    let mut code = None;
    if signal::take_caught(signal::SIGHUP) {
        log!("Gracefully killing worker {id} (pid: {})...", process::pid());
        reactor.retire();
        code = Some(RELOADED);
    }
    // From the master it says that this worker's row has changed; from a terminal, that its window
    // has.
    if signal::take_caught(WAKE) {
        reactor.look_at_row(id);
    }
    if signal::take_caught(signal::SIGINT) || signal::take_caught(signal::SIGTERM) {
        reactor.stop();
        code = Some(END);
    }
    if signal::take_caught(signal::SIGUSR1) {
        log_counters(instance, id);
    }
    // One was held while the process started, the other is for the master: a terminal sends it to
    // everybody.
    signal::take_caught(signal::SIGALRM);
    signal::take_caught(signal::SIGTSTP);
    code
}

fn log_counters(instance: &Instance, id: u32) {
    let mut text = format!("worker {id} total requests: {}\n", instance.arena.requests(id));
    let apps = instance.apps(id);
    for app in 0..apps {
        let row = instance.arena.app(id, app);
        let _ = writeln!(
            text,
            "\tapp {app} [{}] requests: {} exceptions: {}",
            String::from_utf8_lossy(&row.mountpoint.get()),
            row.requests.get(),
            row.exceptions.get()
        );
    }
    text.push_str("-----------------\n\n");
    // One write: nobody else's lines come between.
    log::raw(text.as_bytes());
}
