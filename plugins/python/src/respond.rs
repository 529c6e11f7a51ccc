//! `start_response` and the builtins around it.
//!
//! It owns the checks of status and headers and their exact texts. The builtins keep no state:
//! they find the running request through the calling thread's core, so one object serves all
//! requests, and a call from anywhere else raises `SystemError`.

use uwsgi_abi::text::has_control;
use uwsgi_abi::{Pair, Str};

use crate::cores::{Core, outside};
use crate::exceptions;
use crate::ffi::{self, PyObject};
use crate::guard::builtin;
use crate::obj::Obj;
use crate::raise::{
    Raised, Res, attribute_error, clear, os_error, raised, type_error, value_error,
};
use crate::state::{interp, server, settings, unlocked};
use crate::types::{is_a, is_exact, utf8_of, with_buffer};

builtin!(start_response = "start_response", |_slf, args| {
    let core = Core::current()?;
    let exc_info = args.get(2).filter(|o| !o.is_none());
    if core.head_sent.get() {
        return Err(match exc_info {
            Some(exc_info) => reraise(&exc_info),
            None => os_error("headers already sent"),
        });
    }
    let (Some(status), Some(headers)) = (args.get(0), args.get(1)) else {
        return Err(type_error("start_response() takes at least 2 arguments"));
    };
    if let Some(exc_info) = exc_info {
        log_replaced(&exc_info);
    }
    set_head(core, &status, &headers)?;
    if settings().nodelay && core.head_set.get() {
        send(core, b"", 0).map_err(|Raised| {
            clear();
            os_error("unable to directly send headers")
        })?;
    }
    interp(core.interp.get()).map(|i| i.write.clone()).ok_or_else(outside)
});

builtin!(write = "write", |_slf, args| {
    let core = Core::current()?;
    let data = args.need(0)?;
    match send_object(core, &data, 0) {
        Ok(true) => Ok(Obj::none()),
        Ok(false) => Err(type_error("write() argument must be a bytes object")),
        Err(Raised) if raised() => Err(Raised),
        Err(Raised) => Ok(Obj::none()), // the client is gone, and the options silence it
    }
});

builtin!(file_wrapper = "file_wrapper", |_slf, args| {
    let core = Core::current()?;
    let file = args.need(0)?;
    if file.attr_opt(c"read").is_none() {
        return Err(attribute_error("object has no attribute 'read'"));
    }
    let chunk = usize::try_from(args.int_or(1, 32768)?).unwrap_or(0);
    *core.file.borrow_mut() = Some((file.clone(), chunk));
    Ok(file)
});

/// Raises what `exc_info` holds, as PEP 3333 wants it once headers are sent.
fn reraise(exc_info: &Obj) -> Raised {
    let item = |n| {
        if !is_a(exc_info.ptr(), &raw mut ffi::PyTuple_Type) {
            return std::ptr::null_mut();
        }
        // SAFETY: a live tuple; the borrowed item is made strong at once.
        let item = Obj::borrow(unsafe { ffi::PyTuple_GetItem(exc_info.ptr(), n) });
        item.map_or(std::ptr::null_mut(), Obj::into_raw)
    };
    let (class, value, traceback) = (item(0), item(1), item(2));
    if class.is_null() {
        clear();
        return type_error("exc_info must be a tuple as sys.exc_info() gives it");
    }
    // SAFETY: three owned references or nulls are given away.
    unsafe { ffi::PyErr_Restore(class, value, traceback) };
    Raised
}

/// Logs the exception for which an app replaces its headers.
fn log_replaced(exc_info: &Obj) {
    let Raised = reraise(exc_info);
    exceptions::print();
}

/// Text that goes on the wire: latin-1, which for ASCII is what the `str` holds anyway.
enum Wire {
    /// Inside the `str`, which the caller keeps.
    Inside(Str),
    /// A converted copy.
    Copied(Obj),
}

impl Wire {
    /// The bytes of a `str`, or nothing when it has characters beyond latin-1.
    fn of(text: *mut PyObject) -> Option<Wire> {
        // SAFETY: a live str.
        let characters = unsafe { ffi::PyUnicode_GetLength(text) };
        // SAFETY: a live str, kept by the caller for as long as the result is used.
        match unsafe { utf8_of(text) } {
            Some(utf8) if utf8.len() as isize == characters => Some(Wire::Inside(Str::new(utf8))),
            _ => {
                clear();
                // SAFETY: a live str.
                let copy = Obj::own(unsafe { ffi::PyUnicode_AsLatin1String(text) });
                copy.map_err(|Raised| clear()).ok().map(Wire::Copied)
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            // SAFETY: the caller of `of` keeps the str.
            Wire::Inside(text) => unsafe { text.bytes() },
            Wire::Copied(copy) => copy.as_bytes(),
        }
    }

    /// Refuses what could end the line and start another header.
    #[inline]
    fn checked(self, what: &str) -> Res<Wire> {
        if has_control(self.bytes()) { Err(control(what)) } else { Ok(self) }
    }
}

#[cold]
fn control(what: &str) -> Raised {
    value_error(&format!("{what} must not contain control characters"))
}

fn is_text(object: *mut PyObject) -> bool {
    is_a(object, &raw mut ffi::PyUnicode_Type)
}

/// Checks status and headers and hands them to the server.
fn set_head(core: &Core, status: &Obj, headers: &Obj) -> Res<()> {
    if !is_text(status.ptr()) {
        return Err(type_error("http status must be a string"));
    }
    let status = Wire::of(status.ptr())
        .ok_or_else(|| type_error("http status string must be encodable in latin1"))?
        .checked("http status")?;
    if !is_a(headers.ptr(), &raw mut ffi::PyList_Type) {
        return Err(type_error("http headers must be in a python list"));
    }
    let mut pairs = core.headers.borrow_mut();
    pairs.clear();
    let mut copies = Vec::new();
    // SAFETY: a live list.
    for at in 0..unsafe { ffi::PyList_Size(headers.ptr()) } {
        // SAFETY: in bounds; nothing below runs Python code, so the list keeps the item.
        let item = unsafe { ffi::PyList_GetItem(headers.ptr(), at) };
        let (key, value) = header(item)?;
        pairs.push(Pair { key: Str::new(key.bytes()), value: Str::new(value.bytes()) });
        // bytes objects do not move, so the pairs stay right while the copies are kept
        for wire in [key, value] {
            if let Wire::Copied(copy) = wire {
                copies.push(copy);
            }
        }
    }
    if status.bytes().len() < 3 {
        return Ok(());
    }
    let server = server().ok_or_else(outside)?;
    match server.head(core.request.get(), status.bytes(), &pairs) {
        uwsgi_abi::OK => {
            core.head_set.set(true);
            Ok(())
        }
        uwsgi_abi::HEADERS_SENT => Err(os_error("headers already sent")),
        _ => Err(type_error("unable to add header to the response")),
    }
}

/// One header: a tuple of two strings.
fn header(item: *mut PyObject) -> Res<(Wire, Wire)> {
    if !is_a(item, &raw mut ffi::PyTuple_Type) {
        return Err(type_error("http header must be defined in a tuple"));
    }
    // SAFETY: a live tuple.
    if unsafe { ffi::PyTuple_Size(item) } < 2 {
        return Err(type_error("http header must be a 2-item tuple"));
    }
    // SAFETY: in bounds; the tuple keeps its items.
    let (key, value) = unsafe { (ffi::PyTuple_GetItem(item, 0), ffi::PyTuple_GetItem(item, 1)) };
    if !is_text(key) {
        return Err(type_error("http header key must be a string"));
    }
    if !is_text(value) {
        return Err(type_error("http header value must be a string"));
    }
    let wire = |text| {
        Wire::of(text)
            .ok_or_else(|| type_error("http header must be encodable in latin1"))?
            .checked("http header")
    };
    Ok((wire(key)?, wire(value)?))
}

/// Sends body bytes, detached. A lost client is an `OSError` unless the options silence it.
pub(crate) fn send(core: &Core, data: &[u8], flags: u32) -> Res<()> {
    if core.broken.get() {
        return Err(write_error());
    }
    let (request, server) = (core.request.get(), server().ok_or_else(outside)?);
    if !core.may_send() {
        return Err(no_head(core));
    }
    core.head_sent.set(true);
    match unlocked(|| server.write(request, data, flags)) {
        uwsgi_abi::OK => Ok(()),
        _ => {
            core.broken.set(true);
            Err(write_error())
        }
    }
}

/// Sends part of a file, detached. The head goes first and by itself: more may follow the part.
pub(crate) fn send_part(core: &Core, fd: i32, offset: u64, len: u64) -> Res<()> {
    send(core, b"", 0)?;
    let (request, server) = (core.request.get(), server().ok_or_else(outside)?);
    match unlocked(|| server.sendfile(request, fd, offset, len)) {
        uwsgi_abi::OK => Ok(()),
        _ => {
            core.broken.set(true);
            Err(write_error())
        }
    }
}

/// The `OSError` for a lost client; nothing is set when `disable-write-exception` is on.
pub(crate) fn write_error() -> Raised {
    if settings().disable_write_exception { Raised } else { os_error("write error") }
}

/// A body without status and headers cannot be sent: answers 500 and ends the response.
pub(crate) fn no_head(core: &Core) -> Raised {
    crate::state::log("start_response() not called");
    unlocked(|| exceptions::page_500(core));
    core.broken.set(true);
    Raised
}

/// Sends a chunk; false when the object is not one.
pub(crate) fn send_object(core: &Core, object: &Obj, flags: u32) -> Res<bool> {
    if is_exact(object.ptr(), &raw mut ffi::PyBytes_Type)
        || is_a(object.ptr(), &raw mut ffi::PyBytes_Type)
    {
        return send(core, object.as_bytes(), flags).map(|()| true);
    }
    if settings().accept_buffer { send_buffer(core, object, flags) } else { Ok(false) }
}

/// Sends the contents of any buffer object; false when it is none.
fn send_buffer(core: &Core, object: &Obj, flags: u32) -> Res<bool> {
    match with_buffer(object, |data| send(core, data, flags)) {
        Ok(sent) => sent.map(|()| true),
        Err(Raised) => {
            clear();
            Ok(false)
        }
    }
}
