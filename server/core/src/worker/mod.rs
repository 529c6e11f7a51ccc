//! A worker: the process that runs the application.
//!
//! Its cores share one `reactor`; core 0 is the main thread, the only one that signals interrupt. A
//! worker ends by itself when it is told to (HUP: after the requests at hand; INT, TERM: at
//! once), when it has served enough, or when its master is gone.

mod app;
mod body;
mod clock;
mod conn;
mod io;
mod logformat;
mod mounts;
mod reactor;
mod reply;
mod reqlog;
mod request;
mod table;
mod tally;
mod wire;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uwsgi_abi::ProcessKind;
use uwsgi_sys::{process, signal};

use self::reactor::Reactor;
use self::request::Core;
use crate::clock::epoch_us;
use crate::instance::Instance;
use crate::{boot, log, sockets};

/// Set when the running request wants this worker replaced.
static RECYCLE: AtomicBool = AtomicBool::new(false);

/// Exit code of a worker that ends in good order.
const END: i32 = 30;
/// Exit code of a worker that left because a reload asked it to.
const RELOADED: i32 = 17;

/// The least that the system gives a thread.
pub(crate) const MIN_STACK: usize = 16 << 10;

/// Replaces this worker after its current request.
pub fn recycle() {
    RECYCLE.store(true, Ordering::Relaxed);
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
    let caught =
        [signal::SIGHUP, signal::SIGINT, signal::SIGTERM, signal::SIGUSR1, signal::SIGUSR2];
    let wake = signal::catch(&caught).map_err(|e| fatal("sigaction()", &e))?;
    signal::ignore(signal::SIGPIPE);
    instance.plugins.after_fork_child(ProcessKind::Worker, id);
    if instance.settings.lazy_apps {
        signal::enter_busy();
        boot::load_apps(instance)?;
        signal::leave_busy();
    }
    if let Some(dir) = &instance.settings.chdir2 {
        std::env::set_current_dir(dir).map_err(|e| fatal(&format!("chdir(\"{dir}\")"), &e))?;
    }
    let reactor = Reactor::new(instance, &wake).map_err(|e| fatal("epoll", &e))?;
    let reactor = Arc::new(reactor);
    let threads = start_cores(instance, id, &reactor);
    let row = instance.arena.worker(id);
    row.ready_us.set(epoch_us());
    row.accepting.set(1);
    uwsgi_usdt::worker__ready(|| (id,));
    run_core(instance, id, 0, &reactor);
    // Other cores see the end of the loop by themselves; one stuck in an app is the master's
    // business (its mercy ends it).
    for thread in threads {
        let _ = thread.join();
    }
    instance.plugins.atexit();
    Ok(reactor.exit_code())
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
    if signal::take_caught(signal::SIGINT) || signal::take_caught(signal::SIGTERM) {
        reactor.stop();
        code = Some(END);
    }
    if signal::take_caught(signal::SIGUSR1) {
        log_counters(instance, id);
    }
    // Held while the process started; it means nothing to a worker.
    signal::take_caught(signal::SIGALRM);
    if signal::take_caught(signal::SIGUSR2) {
        log!("SIGUSR2: --- uWSGI worker {id} (pid: {}) is idle ---", process::pid());
    }
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
