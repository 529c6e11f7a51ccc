//! What the process knows: the server, the settings, the interpreters and apps.
//!
//! It owns attaching and detaching (the GIL). The world of interpreters and apps changes in place
//! only while the process has one Python thread of ours (start, and right after a fork); for apps
//! that come later a changed copy takes its place. Requests read it without locks.

use std::cell::Cell;
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use uwsgi_abi::plugin::ServerRef;

use crate::dynamic::Extra;
use crate::ffi::{self, PyInterpreterState, PyThreadState};
use crate::obj::Obj;
use crate::settings::Settings;

/// One interpreter and the objects made for it.
pub(crate) struct Interp {
    /// Identity, also printed in the log.
    pub(crate) state: *mut PyInterpreterState,
    /// The thread state of the main thread; null until it needs one, in an interpreter that
    /// another thread has made.
    pub(crate) main_thread: AtomicPtr<PyThreadState>,
    /// A thread state that nobody uses: CPython 3.11 cannot make another one in an interpreter that
    /// has lost all of them, as threads of requests end before the main one.
    pub(crate) spare: AtomicPtr<PyThreadState>,
    /// Namespace of the helper code in Python.
    pub(crate) glue: Obj,
    /// Namespace of the `uwsgi` module.
    pub(crate) module: Obj,
    /// The `start_response` builtin.
    pub(crate) start_response: Obj,
    /// The `write` builtin that `start_response` returns.
    pub(crate) write: Obj,
    /// The type of `wsgi.input`.
    pub(crate) input_type: Obj,
    /// Constant part of the environ.
    pub(crate) base: Obj,
    /// The interned key `wsgi.input`.
    pub(crate) input_key: Obj,
    /// The interned key `env`.
    pub(crate) env_key: Obj,
    /// There are several cores: `uwsgi.core` is in the environ.
    pub(crate) many_cores: bool,
}

impl Interp {
    /// Gives up the spare thread state; the calling thread is attached to this interpreter.
    pub(crate) fn drop_spare(&self) {
        let spare = self.spare.swap(null_mut(), Ordering::Relaxed);
        if !spare.is_null() {
            // SAFETY: made for this, and never attached by anybody.
            unsafe {
                ffi::PyThreadState_Clear(spare);
                ffi::PyThreadState_Delete(spare);
            }
        }
    }

    /// Room for a thread state.
    pub(crate) fn room(thread: *mut PyThreadState) -> AtomicPtr<PyThreadState> {
        AtomicPtr::new(thread)
    }

    /// The thread state of the main thread, which calls this; null when there is no memory for it.
    pub(crate) fn main_thread(&self) -> *mut PyThreadState {
        if self.main_thread.load(Ordering::Relaxed).is_null() {
            // SAFETY: the interpreter is live; making a thread state needs no GIL.
            let made = unsafe { ffi::PyThreadState_New(self.state) };
            self.main_thread.store(made, Ordering::Relaxed);
        }
        self.main_thread.load(Ordering::Relaxed)
    }
}

/// A loaded app.
pub(crate) struct App {
    /// Mountpoint, empty for the root.
    pub(crate) mountpoint: Vec<u8>,
    /// What is called.
    pub(crate) callable: Obj,
    /// Index into [`World::interps`].
    pub(crate) interp: usize,
    /// Id given by the server.
    pub(crate) id: u32,
    /// What the request that it was loaded for said about it.
    pub(crate) extra: Option<Extra>,
}

/// Interpreters and apps.
#[derive(Clone, Default)]
pub(crate) struct World {
    /// Interpreters, the main one first.
    pub(crate) interps: Vec<Rc<Interp>>,
    /// Apps in load order.
    pub(crate) apps: Vec<Rc<App>>,
    /// Index of the app for requests that match no mountpoint.
    pub(crate) default_app: Option<usize>,
    /// What is called with the descriptors of raw connections.
    pub(crate) raw: Option<Obj>,
}

impl World {
    /// The app of an exact mountpoint, or the default one.
    pub(crate) fn app_for(&self, script_name: &[u8]) -> Option<&App> {
        if !script_name.is_empty() || self.default_app.is_none() {
            let exact = self.apps.iter().find(|a| a.mountpoint == script_name);
            if let Some(app) = exact {
                return Some(app);
            }
        }
        self.apps.get(self.default_app?).map(|app| &**app)
    }
}

static SERVER: OnceLock<ServerRef> = OnceLock::new();
static SETTINGS: OnceLock<Settings> = OnceLock::new();
static WORLD: AtomicPtr<World> = AtomicPtr::new(null_mut());
/// Cores that are inside a request, so that the end of the process does not pull the interpreter
/// away under them.
pub(crate) static BUSY: AtomicU32 = AtomicU32::new(0);

/// Stores the server's table and the settings; once, from `init`.
pub(crate) fn install(server: ServerRef, settings: Settings) {
    // A second `init` keeps the first table: both are the same server.
    let _ = SERVER.set(server);
    let _ = SETTINGS.set(settings);
    WORLD.store(Box::into_raw(Box::default()), Ordering::Release);
}

/// The server, once `init` ran.
pub(crate) fn server() -> Option<ServerRef> {
    SERVER.get().copied()
}

/// One line to the log.
pub(crate) fn log(line: &str) {
    if let Some(server) = server() {
        server.log(line);
    }
}

/// The options that requests look at.
pub(crate) fn settings() -> &'static Settings {
    static DEFAULT: Settings = Settings::DEFAULT;
    SETTINGS.get().unwrap_or(&DEFAULT)
}

/// Interpreters and apps, once `init` ran.
pub(crate) fn world() -> Option<&'static World> {
    // SAFETY: null or a leaked box; see `change_world` for why nobody writes while this is read.
    unsafe { WORLD.load(Ordering::Acquire).as_ref() }
}

/// Changes interpreters or apps. Called only by the process's main thread before request threads
/// exist: from `init`, `init_apps`, `after_fork_child` and `atexit`.
pub(crate) fn change_world<T>(f: impl FnOnce(&mut World) -> T) -> Option<T> {
    // SAFETY: null or a leaked box. The hooks named above run while no request thread is active,
    // and `f` stores finished values only: it never calls into Python, so no builtin of ours can
    // look at the world meanwhile.
    unsafe { WORLD.load(Ordering::Acquire).as_mut() }.map(f)
}

/// Changes a copy of interpreters and apps and puts it in their place, while requests look at the
/// old one, which therefore stays for ever: it is small, and apps that come at run time are few.
/// One thread at a time does this; counts of references change nowhere else meanwhile.
pub(crate) fn grow_world<T>(f: impl FnOnce(&mut World) -> T) -> Option<T> {
    let mut next = Box::new(world()?.clone());
    let result = f(&mut next);
    WORLD.store(Box::into_raw(next), Ordering::Release);
    Some(result)
}

/// The interpreter at `index`.
pub(crate) fn interp(index: usize) -> Option<&'static Interp> {
    world()?.interps.get(index).map(|interp| &**interp)
}

/// The interpreter that the calling thread is attached to, once it is ready.
pub(crate) fn attached_interp() -> Option<&'static Interp> {
    // SAFETY: the calling thread is attached (rule of `obj`).
    let state = unsafe { ffi::PyInterpreterState_Get() };
    world()?.interps.iter().find(|i| i.state == state).map(|interp| &**interp)
}

thread_local! {
    /// Whether this thread is attached outside of requests (start, fork hooks).
    static ATTACHED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` detached, so that other Python threads may run. `f` must not touch objects, and
/// cannot unwind: it calls the server, whose functions never do.
pub(crate) fn unlocked<T>(f: impl FnOnce() -> T) -> T {
    // What the server runs meanwhile in this thread, a handler of a signal, attaches by itself.
    let outside = ATTACHED.replace(false);
    // SAFETY: the calling thread is attached (rule of `obj`) and attaches again below.
    let thread = unsafe { ffi::PyEval_SaveThread() };
    let result = f();
    ATTACHED.set(outside);
    // SAFETY: the thread state saved above.
    unsafe { ffi::PyEval_RestoreThread(thread) };
    result
}

/// Notes that the main thread is attached since it started the interpreter.
pub(crate) fn set_attached(attached: bool) {
    ATTACHED.set(attached);
}

/// Whether the calling thread is attached outside of requests.
pub(crate) fn is_attached() -> bool {
    ATTACHED.get()
}

/// Attaches the main thread to the main interpreter; answers whether it was detached before.
pub(crate) fn attach_main() -> bool {
    if ATTACHED.replace(true) {
        return false;
    }
    match interp(0) {
        Some(main) => {
            // SAFETY: the main thread's own thread state, detached by `detach_main`.
            unsafe { ffi::PyEval_RestoreThread(main.main_thread()) };
            true
        }
        None => {
            ATTACHED.set(false);
            false
        }
    }
}

/// Detaches the main thread if it is attached.
pub(crate) fn detach_main() {
    if ATTACHED.replace(false) {
        // SAFETY: attached by the start of the interpreter or by `attach_main`.
        unsafe { ffi::PyEval_SaveThread() };
    }
}

/// In a child, before CPython's own handling: the sub-interpreters of the parent are about to be
/// destroyed, and with them every object that we hold of them.
pub(crate) fn forget_sub_interpreters() {
    change_world(|world| {
        if world.interps.len() <= 1 {
            return;
        }
        let (kept, dead): (Vec<Rc<App>>, Vec<Rc<App>>) =
            std::mem::take(&mut world.apps).into_iter().partition(|app| app.interp == 0);
        world.apps = kept;
        std::mem::forget(dead);
        std::mem::forget(world.interps.split_off(1));
        world.default_app = world.default_app.filter(|&at| at < world.apps.len());
        crate::cores::abandon_core();
    });
}

/// Drops (or, when it goes on living, leaks) what we hold of the last interpreter, which the
/// calling thread is attached to.
pub(crate) fn drop_last_interp(ends: bool) {
    let Some((interp, apps)) = change_world(|world| {
        let last = world.interps.len().checked_sub(1)?;
        let (dead, kept): (Vec<Rc<App>>, Vec<Rc<App>>) =
            std::mem::take(&mut world.apps).into_iter().partition(|app| app.interp == last);
        world.apps = kept;
        world.interps.pop().map(|interp| (interp, dead))
    })
    .flatten() else {
        return;
    };
    if !ends {
        std::mem::forget((interp, apps));
    }
}

/// Ends the interpreter that was made last and holds no app; the calling thread is attached to it
/// and afterwards to none. Nobody else has seen it but in passing.
pub(crate) fn end_newest_interp(core: &crate::cores::Core, index: usize) {
    let thread = core.forget_thread(index);
    let Some(interp) = grow_world(|world| world.interps.pop()).flatten() else { return };
    interp.drop_spare();
    // SAFETY: the copy gives the references back; the original lies in a world that is kept for its
    // readers' sake, and none of them uses an interpreter without an app.
    drop(unsafe { std::ptr::read(Rc::as_ptr(&interp)) });
    std::mem::forget(interp);
    // SAFETY: attached to it, in its only thread state.
    unsafe { ffi::Py_EndInterpreter(thread) };
}
