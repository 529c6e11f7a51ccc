//! One request: environ, call, response.
//!
//! It owns the order of things and the fast path: a response that is one bytes object is sent
//! after everything else is done and the thread is detached, so a request attaches once. It
//! refuses to leave anything of a request behind except that one chunk's reference.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;

use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{Request, WRITE_LAST};

use crate::body;
use crate::cores::Core;
use crate::dynamic;
use crate::exceptions;
use crate::ffi;
use crate::input;
use crate::obj::Obj;
use crate::raise::{Raised, Res, clear, raised};
use crate::respond::write_error;
use crate::state::{self, App, BUSY, Interp, settings};

/// Chunks up to this size may wait for the next request until their memory is given back.
const KEEP_SENT: usize = 64 * 1024;

/// The request was answered.
const ANSWERED: i32 = 0;
/// The app failed before it set a status: nothing is on the wire, the server closes.
const UNANSWERED: i32 = -1;

/// Serves one request on the calling thread.
pub(crate) fn serve(server: ServerRef, pointer: *mut Request) -> i32 {
    // SAFETY: the server passes a live request.
    let Some(request) = (unsafe { pointer.as_ref() }) else { return UNANSWERED };
    let core = Core::mine(request.core);
    start(core, pointer);
    BUSY.fetch_add(1, Relaxed);
    let answered = dispatch(server, core, request);
    BUSY.fetch_sub(1, Relaxed);
    core.request.set(std::ptr::null_mut());
    answered
}

fn start(core: &Core, pointer: *mut Request) {
    core.request.set(pointer);
    core.serial.set(core.serial.get() + 1);
    core.signal.set(0);
    core.head_set.set(false);
    core.head_sent.set(false);
    core.raw.set(false);
    core.broken.set(false);
    core.body.borrow_mut().reset();
}

fn dispatch(server: ServerRef, core: &Core, request: &Request) -> i32 {
    if request.flags & uwsgi_abi::REQUEST_RAW != 0 {
        crate::raw::serve(server, core, request);
        return ANSWERED;
    }
    if request.vars_len == 0 {
        server.log("Empty python request. skip.");
        return UNANSWERED;
    }
    dynamic::prepare(request);
    let Some(app) = dynamic::app_for(server, core, request) else {
        server.log("--- no python application found, check your startup logs for errors ---");
        exceptions::page_500(core);
        return ANSWERED;
    };
    let Some(interp) = state::interp(app.interp) else { return UNANSWERED };
    server.begin_app(core.request.get(), i32::try_from(app.id).unwrap_or(-1));
    core.interp.set(app.interp);
    if let Some(extra) = &app.extra {
        dynamic::enter(server, extra);
        dynamic::look_for_touch(server, extra);
    }
    attached(server, core, app, interp, request)
}

/// The attached part, and the last write after it.
fn attached(server: ServerRef, core: &Core, app: &App, interp: &Interp, request: &Request) -> i32 {
    let thread = core.thread_in(app.interp);
    if thread.is_null() {
        server.log("unable to make a python thread state, out of memory?");
        return UNANSWERED;
    }
    state::detach_main(); // a server that never called `release` left it attached
    // SAFETY: this thread's own state; the main thread is detached between requests (`release`).
    unsafe { ffi::PyEval_RestoreThread(thread) };
    drop(core.sent.take());
    let last = catch_unwind(AssertUnwindSafe(|| run(core, app, interp, request)));
    let last = last.unwrap_or_else(|_| {
        server.log("plugin python panicked in a request"); // and must not leave it attached
        None
    });
    drop(core.file.take());
    match last {
        Some(chunk) if chunk.as_bytes().len() <= KEEP_SENT && core.head_set.get() => {
            finish_detached(server, core, thread, chunk);
        }
        last => {
            if let Some(chunk) = last {
                let sent = crate::respond::send(core, chunk.as_bytes(), WRITE_LAST);
                report(sent);
            }
            // SAFETY: attached above.
            unsafe { ffi::PyEval_SaveThread() };
        }
    }
    if core.may_send() { ANSWERED } else { UNANSWERED }
}

/// Detaches, sends the only chunk, and leaves its reference to the next request.
fn finish_detached(server: ServerRef, core: &Core, thread: *mut ffi::PyThreadState, chunk: Obj) {
    let data: *const [u8] = chunk.as_bytes();
    *core.sent.borrow_mut() = Some(chunk);
    // SAFETY: attached by the caller.
    unsafe { ffi::PyEval_SaveThread() };
    core.head_sent.set(true);
    // SAFETY: the core keeps the immutable bytes object until this thread's next request.
    let data = unsafe { &*data };
    if server.write(core.request.get(), data, WRITE_LAST) != uwsgi_abi::OK {
        core.broken.set(true);
        // SAFETY: this thread's own state, detached above.
        unsafe { ffi::PyEval_RestoreThread(thread) };
        write_error();
        report(Err(Raised));
        // SAFETY: attached just above.
        unsafe { ffi::PyEval_SaveThread() };
    }
}

/// Logs the exception of a lost client, unless it is silenced.
fn report(sent: Res<()>) {
    if sent.is_err() && raised() {
        exceptions::print();
    }
}

/// Calls the app and sends all of its response but a single chunk, which is returned.
fn run(core: &Core, app: &App, interp: &Interp, request: &Request) -> Option<Obj> {
    let result = call(core, app, interp, request);
    let outcome = match &result {
        Ok(object) => body::send_response(core, object),
        Err(Raised) => Err(Raised),
    };
    match &outcome {
        Ok(body::Outcome::Last(chunk)) => return Some(chunk.clone()),
        Ok(body::Outcome::Sent) if !core.may_send() && !core.broken.get() => {
            crate::respond::no_head(core);
        }
        Ok(body::Outcome::Sent) => {}
        Err(Raised) => failed(core),
    }
    if let Ok(object) = &result {
        close(core, object, outcome.is_ok());
    }
    if !core.head_sent.get() && core.head_set.get() {
        // The application is done: a client that left is no exception of it.
        if crate::respond::send(core, b"", WRITE_LAST).is_err() {
            clear();
        }
    }
    None
}

fn failed(core: &Core) {
    match (raised(), core.broken.get()) {
        (false, _) => {} // silenced, or answered already
        (true, true) => exceptions::print(),
        (true, false) => exceptions::uncaught(core),
    }
}

fn call(core: &Core, app: &App, interp: &Interp, request: &Request) -> Res<Obj> {
    let environ = environ(core, app.interp, interp, request)?;
    if settings().keep_env {
        interp.module.put_obj(&interp.env_key, &environ)?;
    }
    app.callable.call(&[&environ, &interp.start_response])
}

fn environ(core: &Core, index: usize, interp: &Interp, request: &Request) -> Res<Obj> {
    let mut environs = core.environs.borrow_mut();
    if environs.len() <= index {
        environs.resize_with(index + 1, || None);
    }
    let slot = environs.get_mut(index).ok_or(Raised)?;
    let builder = match slot {
        Some(builder) => builder,
        None => slot.insert(crate::environ::Environ::new(&interp.base)?),
    };
    // SAFETY: the server passes `vars_len` pairs that live as long as the request.
    let vars = unsafe { std::slice::from_raw_parts(request.vars, request.vars_len) };
    // SAFETY: as above.
    let scheme = unsafe { request.scheme.bytes() };
    let scheme = if scheme.is_empty() { b"http" } else { scheme };
    let environ = builder.build(vars, scheme)?;
    let input = input::make(&interp.input_type, core.serial.get())?;
    environ.put_obj(&interp.input_key, &input)?;
    if request.flags & uwsgi_abi::REQUEST_CHUNKED != 0 {
        environ.put(c"wsgi.input_terminated", &Obj::bool(true)?)?;
    }
    if interp.many_cores {
        environ.put(c"uwsgi.core", &Obj::uint(core.id.into())?)?;
    }
    Ok(environ)
}

/// Calls the response's `close()`, whatever happened before. What goes wrong there does not cut
/// off a body that is `complete`: its end is sent before the server hears of the exception.
fn close(core: &Core, object: &Obj, complete: bool) {
    if body::is_plain_sequence(object) {
        return;
    }
    if let Some(close) = object.attr_opt(c"close")
        && close.call(&[]).is_err()
    {
        let taken = exceptions::Taken::take();
        if complete && core.head_set.get() && !core.broken.get() {
            report(crate::respond::send(core, b"", WRITE_LAST));
        }
        exceptions::taken_out(core, taken);
    }
}
