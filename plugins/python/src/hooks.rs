//! Forks, threads and the end of the process.
//!
//! It owns CPython's own fork handling around every fork, so that locks and thread lists are
//! right in the child, and the order in which interpreters end. It refuses to finalise an
//! interpreter that threads may still be using: that aborts the process.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use uwsgi_abi::ProcessKind;

use crate::cores::{self, Core};
use crate::exceptions;
use crate::ffi;
use crate::helpers;
use crate::load;
use crate::obj::Obj;
use crate::start::glue_call;
use crate::state::{self, BUSY, Interp, change_world, interp, log, server, world};

/// Time that ending the interpreter may take when `worker-reload-mercy` says nothing, seconds.
const MERCY: u64 = 60;

thread_local! {
    /// Whether `before_fork` has run and its counterpart has not.
    static FORKING: Cell<bool> = const { Cell::new(false) };
    /// Whether the fork in progress found the main thread detached.
    static WAS_DETACHED: Cell<bool> = const { Cell::new(false) };
}

/// A fork is next.
pub(crate) fn before_fork() {
    WAS_DETACHED.set(state::attach_main());
    if state::is_attached() {
        // SAFETY: attached on the interpreter's main thread.
        unsafe { ffi::PyOS_BeforeFork() };
        FORKING.set(true);
    }
}

/// The parent's side.
pub(crate) fn after_fork_parent() {
    if FORKING.replace(false) {
        // SAFETY: pairs with `before_fork`, still attached.
        unsafe { ffi::PyOS_AfterFork_Parent() };
    }
    if WAS_DETACHED.get() {
        state::detach_main();
    }
}

/// The child's side: the child stays attached until `release`. Without a master the first process
/// becomes worker 1 without a fork; CPython's own handling must not run then.
pub(crate) fn after_fork_child(kind: u32, id: u32) {
    state::attach_main();
    if !state::is_attached() {
        return;
    }
    if FORKING.replace(false) {
        BUSY.store(0, Relaxed);
        state::forget_sub_interpreters();
        // SAFETY: pairs with `before_fork`, in the child, attached.
        unsafe { ffi::PyOS_AfterFork_Child() };
    }
    call_main(c"after_fork", &[]);
    if kind == ProcessKind::Worker as u32 {
        tell_stacks();
    }
    call_hook("post_fork_hook");
    if kind == ProcessKind::Worker as u32 {
        name_thread(id, 0);
        late_apps();
        if let Some(server) = server() {
            helpers::start(server);
        }
    }
}

/// Has SIGUSR2 tell where each thread of this worker stands, and then do what it does now.
fn tell_stacks() {
    let mut now = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks, and writes to a place of our own.
    let known = unsafe { libc::sigaction(libc::SIGUSR2, ptr::null(), now.as_mut_ptr()) } == 0;
    call_main(c"forget_stacks", &[]);
    if known {
        // SAFETY: what the kernel filled in just now; the old action is not asked for.
        unsafe { libc::sigaction(libc::SIGUSR2, now.as_ptr(), ptr::null_mut()) };
    }
    call_main(c"tell_stacks", &[]);
}

/// Apps with interpreters of their own, in a worker; `lazy-apps` loads them with the others.
fn late_apps() {
    let Some(server) = server().filter(|s| s.info().lazy_apps == 0) else { return };
    if let Err(code) = load::load_later(server) {
        // SAFETY: ends the process at once, which is what this failure means.
        unsafe { libc::_exit(code) };
    }
}

/// A request thread begins. Core 0 is the main thread.
pub(crate) fn init_thread(core: u32) {
    let worker = server().map_or(0, |s| s.identity().worker);
    if core == 0 {
        if worker > 0 {
            let was_detached = state::attach_main();
            // without a master nothing forks, and this is the first place to know
            late_apps();
            if let Some(server) = server() {
                helpers::start(server);
            }
            if was_detached {
                state::detach_main();
            }
        }
        return;
    }
    let thread = Core::mine(core).thread_in(0);
    if thread.is_null() {
        return; // the first request reports it
    }
    // SAFETY: this thread's own new state.
    unsafe { ffi::PyEval_RestoreThread(thread) };
    name_thread(worker, core);
    // SAFETY: attached just above.
    unsafe { ffi::PyEval_SaveThread() };
}

fn name_thread(worker: u32, core: u32) {
    if let Ok(name) = Obj::text(&format!("uWSGIWorker{worker}Core{core}")) {
        call_main(c"name_thread", &[&name]);
    }
}

/// Calls a helper in the main interpreter, which is attached.
fn call_main(name: &std::ffi::CStr, arguments: &[&Obj]) {
    let Some(main) = interp(0) else { return };
    if glue_call(&main.glue, name, arguments).is_err() {
        exceptions::print();
    }
}

fn call_hook(name: &str) {
    if let Ok(name) = Obj::text(name) {
        call_main(c"hook", &[&name]);
    }
}

/// The process ends in good order.
pub(crate) fn at_exit() {
    let Some(server) = server() else { return };
    if server.flag("skip-atexit") && server.identity().worker > 0 {
        return;
    }
    state::attach_main();
    if !state::is_attached() {
        return;
    }
    call_hook("atexit");
    if server.flag("skip-atexit-teardown") {
        return;
    }
    let mercy = server
        .option_last("worker-reload-mercy")
        .and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
    let mercy = Duration::from_secs(mercy.unwrap_or(MERCY));
    bounded(mercy, finalize);
}

/// Runs `f`, and ends the process if that takes too long.
fn bounded(limit: Duration, f: impl FnOnce()) {
    let (done, wait) = channel::<()>();
    let watchdog = std::thread::Builder::new().name("uWSGIPythonEnd".into()).spawn(move || {
        if wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            log("python did not end in time, is a thread of the app still running?");
            // SAFETY: ends the process at once; nothing may run after the limit.
            unsafe { libc::_exit(0) };
        }
    });
    f();
    drop(done);
    if let Ok(watchdog) = watchdog {
        let _ = watchdog.join(); // it cannot panic, and its result is nothing
    }
}

/// Ends the sub-interpreters, then the main one.
fn finalize() {
    let idle = BUSY.load(Relaxed) == 0;
    if !idle {
        log("a python request is still running: the interpreter is left as it is");
        call_main(c"run_exit_functions", &[]);
        return;
    }
    state::detach_main();
    cores::forget_core();
    state::attach_main();
    if !end_sub_interpreters() {
        call_main(c"run_exit_functions", &[]);
        return;
    }
    change_world(|world| {
        std::mem::forget(std::mem::take(world)); // objects die with their interpreter
    });
    state::set_attached(false);
    // SAFETY: attached on the main thread, no sub-interpreters, no request running.
    unsafe { ffi::Py_FinalizeEx() };
}

/// Whether the calling thread's state is the only one of that interpreter.
///
/// # Safety
/// The interpreter is live and the caller is attached.
unsafe fn only_thread(state: *mut ffi::PyInterpreterState) -> bool {
    // SAFETY: the contract of this function.
    unsafe {
        let head = ffi::PyInterpreterState_ThreadHead(state);
        head.is_null() || ffi::PyThreadState_Next(head).is_null()
    }
}

/// Ends every sub-interpreter, each in its own thread state; false when one has other threads.
fn end_sub_interpreters() -> bool {
    let mut all = true;
    let Some(main) = interp(0).map(Interp::main_thread) else { return false };
    while let Some(last) = world().filter(|w| w.interps.len() > 1).and_then(|w| w.interps.last()) {
        // SAFETY: the main thread's state of that interpreter; the thread is attached to main.
        unsafe { ffi::PyThreadState_Swap(last.main_thread()) };
        last.drop_spare();
        // SAFETY: live interpreter, attached.
        let alone = unsafe { only_thread(last.state) };
        let thread = last.main_thread();
        if !alone {
            log("a thread is still running in a python sub-interpreter, it is left as it is");
            let _ =
                glue_call(&last.glue, c"run_exit_functions", &[]).map_err(|_| exceptions::print());
            all = false;
        }
        state::drop_last_interp(alone);
        if alone {
            // SAFETY: attached to it, and no other thread state is left in it.
            unsafe { ffi::Py_EndInterpreter(thread) };
        }
        // SAFETY: back to the main interpreter, same thread.
        unsafe { ffi::PyThreadState_Swap(main) };
    }
    all
}
