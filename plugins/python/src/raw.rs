//! Raw connections (`python-raw`): a callable that gets the descriptor of a client and speaks with it.
//!
//! It owns the call. It refuses to know what is said, and never closes the descriptor: the server
//! does when the callable has returned, so who wants to keep it duplicates it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use uwsgi_abi::Request;
use uwsgi_abi::plugin::ServerRef;

use crate::cores::Core;
use crate::exceptions;
use crate::ffi;
use crate::obj::Obj;
use crate::raise::{Raised, Res};
use crate::start::glue_call;
use crate::state::{self, interp, world};
use crate::wanted::text;

/// Loads the file that the option names.
pub(crate) fn load(server: ServerRef) {
    let Some(file) = server.option_last("python-raw") else { return };
    match find(server, file) {
        Ok(Some(callable)) => drop(state::change_world(|world| world.raw = Some(callable))),
        Ok(None) => failed(server, file),
        Err(Raised) => {
            exceptions::print();
            failed(server, file);
        }
    }
}

fn failed(server: ServerRef, file: &[u8]) {
    server.log(&format!("unable to load the raw python application {}", text(file)));
}

fn find(server: ServerRef, file: &[u8]) -> Res<Option<Obj>> {
    let name = server.option_last("callable").unwrap_or(b"application");
    let glue = &interp(0).ok_or(Raised)?.glue;
    let pairs = glue_call(glue, c"load_file", &[&Obj::fs_text(file)?, &Obj::fs_text(name)?])?;
    // SAFETY: the helper returns a list of pairs, an empty one after it has said what is wrong.
    if unsafe { ffi::PyList_Size(pairs.ptr()) } < 1 {
        return Ok(None);
    }
    // SAFETY: as above; the borrowed item is made strong at once.
    Ok(unsafe { Obj::borrow(ffi::PyTuple_GetItem(ffi::PyList_GetItem(pairs.ptr(), 0), 1)) })
}

/// Serves one connection on the calling thread.
pub(crate) fn serve(server: ServerRef, core: &Core, request: &Request) {
    let Some(callable) = world().and_then(|world| world.raw.as_ref()) else {
        server.log("--- no raw python application found, check your startup logs for errors ---");
        return;
    };
    core.interp.set(0);
    // There is no answer that could still be made.
    core.head_sent.set(true);
    let thread = core.thread_in(0);
    if thread.is_null() {
        server.log("unable to make a python thread state, out of memory?");
        return;
    }
    state::detach_main(); // a server that never called `release` left it attached
    // SAFETY: this thread's own state; the main thread is detached between requests (`release`).
    unsafe { ffi::PyEval_RestoreThread(thread) };
    let called = catch_unwind(AssertUnwindSafe(|| {
        let called = Obj::int(request.fd.into()).and_then(|fd| callable.call(&[&fd]));
        if called.is_err() {
            exceptions::uncaught(core);
        }
    }));
    if called.is_err() {
        server.log("plugin python panicked in a raw connection"); // and must not leave it attached
    }
    // SAFETY: attached above.
    unsafe { ffi::PyEval_SaveThread() };
}
