//! What the process knows: the server, the interpreters and apps, and each request thread's core.
//!
//! It owns attaching and detaching (the GIL). The world of interpreters and apps changes only
//! while the process has one Python thread of ours (start, and right after a fork); requests read
//! it. A core belongs to the one thread that runs its requests, found through a thread-local.

use std::cell::{Cell, RefCell};
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{Pair, Request};

use crate::environ::Environ;
use crate::ffi::{self, PyInterpreterState, PyThreadState};
use crate::input::Body;
use crate::obj::{Obj, Raised, Res, system_error};
use crate::settings::Settings;

/// One interpreter and the objects made for it.
pub(crate) struct Interp {
    /// Identity, also printed in the log.
    pub(crate) state: *mut PyInterpreterState,
    /// The thread state that the interpreter was made with; belongs to the main thread.
    pub(crate) main_thread: *mut PyThreadState,
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
}

/// Interpreters and apps.
#[derive(Default)]
pub(crate) struct World {
    /// Interpreters, the main one first.
    pub(crate) interps: Vec<Interp>,
    /// Apps in load order.
    pub(crate) apps: Vec<App>,
    /// Index of the app for requests that match no mountpoint.
    pub(crate) default_app: Option<usize>,
}

impl World {
    /// The app of an exact mountpoint, or the default one.
    pub(crate) fn app_for(&self, script_name: &[u8]) -> Option<&App> {
        if !script_name.is_empty() || self.default_app.is_none() {
            let exact = self.apps.iter().find(|a| a.mountpoint == script_name);
            if exact.is_some() {
                return exact;
            }
        }
        self.apps.get(self.default_app?)
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

/// The interpreter at `index`.
pub(crate) fn interp(index: usize) -> Option<&'static Interp> {
    world()?.interps.get(index)
}

/// A request thread's own state.
pub(crate) struct Core {
    /// Number, from 0.
    pub(crate) id: u32,
    /// The running request, null between requests.
    pub(crate) request: Cell<*mut Request>,
    /// Number of the running request on this core, to tell it from earlier ones.
    pub(crate) serial: Cell<u64>,
    /// Index of the interpreter that serves the running request.
    pub(crate) interp: Cell<usize>,
    /// The app has set status and headers.
    pub(crate) head_set: Cell<bool>,
    /// They are on the wire.
    pub(crate) head_sent: Cell<bool>,
    /// The client is gone.
    pub(crate) broken: Cell<bool>,
    /// Thread states of this thread, by interpreter.
    pub(crate) threads: RefCell<Vec<*mut PyThreadState>>,
    /// Environ builders, by interpreter.
    pub(crate) environs: RefCell<Vec<Option<Environ>>>,
    /// Room for the header pairs of one `start_response`.
    pub(crate) headers: RefCell<Vec<Pair>>,
    /// The request body as far as it was read.
    pub(crate) body: RefCell<Body>,
    /// Last object given to `wsgi.file_wrapper`, and its chunk size.
    pub(crate) file: RefCell<Option<(Obj, usize)>>,
    /// A body chunk that was sent after detaching; its reference is dropped by the next request.
    pub(crate) sent: RefCell<Option<Obj>>,
}

thread_local! {
    static CORE: Cell<*const Core> = const { Cell::new(std::ptr::null()) };
    /// Whether this thread is attached outside of requests (start, fork hooks).
    static ATTACHED: Cell<bool> = const { Cell::new(false) };
}

impl Core {
    fn new(id: u32) -> Core {
        Core {
            id,
            request: Cell::new(null_mut()),
            serial: Cell::new(0),
            interp: Cell::new(0),
            head_set: Cell::new(false),
            head_sent: Cell::new(false),
            broken: Cell::new(false),
            threads: RefCell::default(),
            environs: RefCell::default(),
            headers: RefCell::default(),
            body: RefCell::default(),
            file: RefCell::default(),
            sent: RefCell::default(),
        }
    }

    /// The calling thread's core, made on first use.
    pub(crate) fn mine(id: u32) -> &'static Core {
        CORE.with(|slot| {
            if slot.get().is_null() {
                slot.set(Box::into_raw(Box::new(Core::new(id))));
            }
            // SAFETY: a box that is freed only by `forget_core` on this same thread, which runs
            // when the thread serves no more requests.
            unsafe { &*slot.get() }
        })
    }

    /// The calling thread's core if it is inside a request, else the `SystemError` for it.
    pub(crate) fn current() -> Res<&'static Core> {
        let core = CORE.get();
        // SAFETY: null or the live box of `mine`.
        match unsafe { core.as_ref() } {
            Some(core) if !core.request.get().is_null() => Ok(core),
            _ => Err(outside()),
        }
    }

    /// This thread's thread state in the interpreter at `index`, made on first use.
    pub(crate) fn thread_in(&self, index: usize) -> *mut PyThreadState {
        let mut threads = self.threads.borrow_mut();
        if threads.len() <= index {
            threads.resize(index + 1, null_mut());
        }
        let Some(slot) = threads.get_mut(index) else { return null_mut() };
        if slot.is_null()
            && let Some(interp) = interp(index)
        {
            *slot = if self.id == 0 {
                interp.main_thread
            } else {
                // SAFETY: the interpreter lives until `atexit`; making a thread state needs no GIL.
                unsafe { ffi::PyThreadState_New(interp.state) }
            };
        }
        *slot
    }
}

/// Drops the calling thread's core; the thread is attached to no interpreter.
pub(crate) fn forget_core() {
    let core = CORE.replace(std::ptr::null()).cast_mut();
    if core.is_null() {
        return;
    }
    // SAFETY: made by `Core::mine` on this thread, and unreachable from now on.
    let core = unsafe { Box::from_raw(core) };
    let threads = core.threads.take();
    let environs = core.environs.take();
    let mut left = core.sent.take();
    for (thread, environ) in
        threads.into_iter().zip(environs.into_iter().chain(std::iter::repeat_with(|| None)))
    {
        if thread.is_null() {
            continue;
        }
        // SAFETY: this thread's own, detached thread state of a live interpreter.
        unsafe { ffi::PyEval_RestoreThread(thread) };
        drop(environ);
        drop(left.take());
        if core.id == 0 {
            // SAFETY: attached just above; the main thread's states belong to the interpreters.
            unsafe { ffi::PyEval_SaveThread() };
        } else {
            // SAFETY: attached just above; nothing uses this thread state any more.
            unsafe {
                ffi::PyThreadState_Clear(thread);
                ffi::PyThreadState_DeleteCurrent();
            }
        }
    }
    std::mem::forget(left); // never attached: nothing may be released
}

/// The exception for request-bound calls outside a request.
pub(crate) fn outside() -> Raised {
    system_error("you can call uwsgi api function only from the main callable")
}

/// Runs `f` detached, so that other Python threads may run. `f` must not touch objects, and
/// cannot unwind: it calls the server, whose functions never do.
pub(crate) fn unlocked<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: the calling thread is attached (rule of `obj`) and attaches again below.
    let thread = unsafe { ffi::PyEval_SaveThread() };
    let result = f();
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
            unsafe { ffi::PyEval_RestoreThread(main.main_thread) };
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
        let (kept, dead): (Vec<App>, Vec<App>) =
            std::mem::take(&mut world.apps).into_iter().partition(|app| app.interp == 0);
        world.apps = kept;
        std::mem::forget(dead);
        std::mem::forget(world.interps.split_off(1));
        world.default_app = world.default_app.filter(|&at| at < world.apps.len());
        CORE.set(std::ptr::null()); // its thread states are of the dead interpreters too
    });
}

/// Drops (or, when it goes on living, leaks) what we hold of the last interpreter, which the
/// calling thread is attached to.
pub(crate) fn drop_last_interp(ends: bool) {
    let Some((interp, apps)) = change_world(|world| {
        let last = world.interps.len().checked_sub(1)?;
        let (dead, kept): (Vec<App>, Vec<App>) =
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
