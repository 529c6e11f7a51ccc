//! A request thread's own state, found through a thread-local.
//!
//! It owns the thread states of its thread, one for each interpreter, and what belongs to the
//! running request. It refuses to be seen by other threads: builtins called from them raise.

use std::cell::{Cell, RefCell};
use std::ptr::null_mut;

use uwsgi_abi::{Pair, Request};

use crate::environ::Environ;
use crate::ffi::{self, PyThreadState};
use crate::input::Body;
use crate::obj::Obj;
use crate::raise::{Raised, Res, system_error};
use crate::state::{Interp, interp};

/// A request thread's own state.
pub(crate) struct Core {
    /// Number, from 0.
    pub(crate) id: u32,
    /// The running request, null between requests.
    pub(crate) request: Cell<*mut Request>,
    /// The last signal that the running request has waited for; -1 while it does.
    pub(crate) signal: Cell<i32>,
    /// Number of the running request on this core, to tell it from earlier ones.
    pub(crate) serial: Cell<u64>,
    /// Index of the interpreter that serves the running request.
    pub(crate) interp: Cell<usize>,
    /// The app has set status and headers.
    pub(crate) head_set: Cell<bool>,
    /// They are on the wire.
    pub(crate) head_sent: Cell<bool>,
    /// The app has sent bytes past the response: it may go on without a head.
    pub(crate) raw: Cell<bool>,
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
}

impl Core {
    fn new(id: u32) -> Core {
        Core {
            id,
            request: Cell::new(null_mut()),
            signal: Cell::new(0),
            serial: Cell::new(0),
            interp: Cell::new(0),
            head_set: Cell::new(false),
            head_sent: Cell::new(false),
            raw: Cell::new(false),
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

    /// Body bytes may go out: there is a head in front of them, or the app sent its own.
    pub(crate) fn may_send(&self) -> bool {
        self.head_set.get() || self.raw.get()
    }

    /// This thread's thread state in the interpreter at `index`, made on first use; null when
    /// there is no memory for it.
    pub(crate) fn thread_in(&self, index: usize) -> *mut PyThreadState {
        let mut threads = self.threads.borrow_mut();
        if threads.len() <= index {
            threads.resize(index + 1, null_mut());
        }
        // The main interpreter's comes first: extensions that ask for "the" thread state of a
        // thread get the one it was given first.
        for at in [0, index] {
            let missing = threads.get_mut(at).filter(|slot| slot.is_null());
            if let (Some(slot), Some(interp)) = (missing, interp(at)) {
                *slot = self.make_thread(interp);
            }
        }
        threads.get(index).copied().unwrap_or(null_mut())
    }

    /// Keeps the thread state that an interpreter was made with by this thread.
    pub(crate) fn keep_thread(&self, index: usize, thread: *mut PyThreadState) {
        let mut threads = self.threads.borrow_mut();
        if threads.len() <= index {
            threads.resize(index + 1, null_mut());
        }
        if let Some(slot) = threads.get_mut(index) {
            *slot = thread;
        }
    }

    /// Forgets it again, and answers it.
    pub(crate) fn forget_thread(&self, index: usize) -> *mut PyThreadState {
        let mut threads = self.threads.borrow_mut();
        threads.get_mut(index).map_or(null_mut(), |slot| std::mem::replace(slot, null_mut()))
    }

    fn make_thread(&self, interp: &Interp) -> *mut PyThreadState {
        if self.id == 0 {
            return interp.main_thread();
        }
        // SAFETY: the interpreter lives until `atexit`; making a thread state needs no GIL.
        unsafe { ffi::PyThreadState_New(interp.state) }
    }
}

/// Leaks the calling thread's core, whose thread states are of interpreters that a fork destroyed.
pub(crate) fn abandon_core() {
    CORE.set(std::ptr::null());
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
