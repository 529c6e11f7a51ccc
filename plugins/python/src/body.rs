//! Response bodies: bytes, files and iterables.
//!
//! It owns the order in which an app's result is understood. It refuses to gather chunks: each
//! goes out when the app yields it, as PEP 3333 wants.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

use uwsgi_abi::WRITE_LAST;

use crate::cores::{Core, outside};
use crate::exceptions::{Taken, bad_chunk};
use crate::ffi;
use crate::obj::Obj;
use crate::raise::{Raised, Res, clear, os_error, raised};
use crate::respond::{send_object, write_error};
use crate::state::{log, server, settings, unlocked};
use crate::types::{is_a, is_exact};

/// What is left to do after [`send_response`].
pub(crate) enum Outcome {
    /// Nothing (but the head, if no chunk came).
    Sent,
    /// This chunk is the whole body, and nobody else needs to be asked before it is sent.
    Last(Obj),
}

/// Sends what the app returned.
pub(crate) fn send_response(core: &Core, object: &Obj) -> Res<Outcome> {
    if is_bytes(object) && !settings().strict {
        return Ok(Outcome::Last(object.clone()));
    }
    if let Some(chunk) = single(object) {
        return Ok(Outcome::Last(chunk));
    }
    if !settings().strict && settings().accept_buffer && send_object(core, object, WRITE_LAST)? {
        return Ok(Outcome::Sent);
    }
    if is_file(core, object) {
        return send_file(core).map(|()| Outcome::Sent);
    }
    iterate(core, object).map(|()| Outcome::Sent)
}

fn is_bytes(object: &Obj) -> bool {
    is_exact(object.ptr(), &raw mut ffi::PyBytes_Type)
}

/// Whether it is exactly a list or a tuple, which have no `close`.
pub(crate) fn is_plain_sequence(object: &Obj) -> bool {
    is_exact(object.ptr(), &raw mut ffi::PyList_Type)
        || is_exact(object.ptr(), &raw mut ffi::PyTuple_Type)
}

/// The bytes object that a list or tuple consists of.
fn single(object: &Obj) -> Option<Obj> {
    // SAFETY: a live object of exactly the type that each call is for; the item is made strong.
    let item = unsafe {
        if is_exact(object.ptr(), &raw mut ffi::PyList_Type) {
            (ffi::PyList_Size(object.ptr()) == 1).then(|| ffi::PyList_GetItem(object.ptr(), 0))
        } else if is_exact(object.ptr(), &raw mut ffi::PyTuple_Type) {
            (ffi::PyTuple_Size(object.ptr()) == 1).then(|| ffi::PyTuple_GetItem(object.ptr(), 0))
        } else {
            None
        }
    };
    Obj::borrow(item?).filter(is_bytes)
}

fn is_file(core: &Core, object: &Obj) -> bool {
    core.file.borrow().as_ref().is_some_and(|(file, _)| file.ptr() == object.ptr())
}

fn iterate(core: &Core, object: &Obj) -> Res<()> {
    // SAFETY: a live object.
    let iterator = Obj::own(unsafe { ffi::PyObject_GetIter(object.ptr()) })?;
    let mut complained = false;
    loop {
        // SAFETY: a live iterator.
        let Ok(item) = Obj::own(unsafe { ffi::PyIter_Next(iterator.ptr()) }) else {
            return if raised() { Err(Raised) } else { Ok(()) };
        };
        let sent = send_object(core, &item, 0);
        if sent.is_err() && settings().throw_write_exception && core.broken.get() {
            return throw(core, &iterator);
        }
        if sent? || item.is_none() {
            continue;
        }
        if is_file(core, &item) {
            send_file(core)?;
        } else if !complained {
            complained = true;
            log(&bad_chunk(&item));
        }
    }
}

/// Raises the `OSError` for a lost client in the generator, where it waits for the next chunk; it may
/// see to its own things then. What it yields after that is wanted by nobody.
fn throw(core: &Core, iterator: &Obj) -> Res<()> {
    let error = Taken::take().into_value().ok_or(Raised)?; // nothing is set where it is silenced
    let Some(throw) = iterator.attr_opt(c"throw") else { return Err(write_error()) };
    match throw.call(&[&error]) {
        Ok(_) => Ok(()),
        Err(Raised) => stopped(core),
    }
}

/// A generator that ended by itself did what it was to do.
fn stopped(core: &Core) -> Res<()> {
    core.broken.set(true);
    // SAFETY: attached, and an exception is set; the class is an exported pointer.
    match unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_StopIteration) } {
        0 => Err(Raised),
        _ => {
            clear();
            Ok(())
        }
    }
}

/// Sends the object last given to `wsgi.file_wrapper`.
fn send_file(core: &Core) -> Res<()> {
    let Some((file, chunk)) = core.file.borrow().clone() else { return Err(outside()) };
    let offset = position(&file);
    match descriptor(&file) {
        Some(fd) => send_descriptor(core, fd, offset),
        None => send_reads(core, &file, chunk),
    }
}

/// Where the file stands; 0 for what cannot tell.
fn position(file: &Obj) -> u64 {
    let told = file.attr(c"tell").and_then(|tell| tell.call(&[])).and_then(|n| n.as_int());
    told.map_or_else(
        |Raised| {
            clear();
            0
        },
        |n| u64::try_from(n).unwrap_or(0),
    )
}

/// The descriptor of a regular file behind the object, if there is one.
fn descriptor(file: &Obj) -> Option<i32> {
    let number = file.attr(c"fileno").and_then(|fileno| fileno.call(&[])).and_then(|n| n.as_int());
    let fd = number.map_err(|Raised| clear()).ok().and_then(|n| i32::try_from(n).ok())?;
    if fd < 0 {
        return None;
    }
    // SAFETY: only looked at; `ManuallyDrop` leaves the descriptor open, whose owner is the app.
    let borrowed = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    borrowed.metadata().is_ok_and(|m| m.is_file()).then_some(fd)
}

fn send_descriptor(core: &Core, fd: i32, offset: u64) -> Res<()> {
    if !core.head_set.get() {
        return crate::respond::send(core, b"", 0);
    }
    let (request, server) = (core.request.get(), server().ok_or_else(outside)?);
    core.head_sent.set(true);
    match unlocked(|| server.sendfile(request, fd, offset, u64::MAX)) {
        uwsgi_abi::OK => Ok(()),
        _ => {
            core.broken.set(true);
            Err(write_error())
        }
    }
}

/// `read(chunk)` until nothing comes; a chunk of 0 means one `read()` of everything.
fn send_reads(core: &Core, file: &Obj, chunk: usize) -> Res<()> {
    let read = file.attr(c"read")?;
    if chunk == 0 {
        return send_read(core, &read.call(&[])?).map(|_| ());
    }
    let size = Obj::uint(chunk as u64)?;
    while send_read(core, &read.call(&[&size])?)? {}
    Ok(())
}

/// Sends one piece; false at the end.
fn send_read(core: &Core, piece: &Obj) -> Res<bool> {
    if !is_a(piece.ptr(), &raw mut ffi::PyBytes_Type) {
        return match settings().accept_buffer {
            true => send_object(core, piece, 0),
            false => {
                log(&bad_chunk(piece));
                Ok(false)
            }
        };
    }
    if piece.as_bytes().is_empty() {
        return Ok(false);
    }
    match core.broken.get() {
        true => Err(os_error("write error")),
        false => send_object(core, piece, 0),
    }
}
