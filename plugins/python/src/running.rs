//! What an application does about its running request past WSGI: log variables, chunks, raw bytes,
//! files by descriptor, the end of the connection.
//!
//! It owns the result types and error texts of these functions. Each finds the request through the
//! calling thread's core and raises outside of one.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use uwsgi_abi::Request;
use uwsgi_abi::running::{CHUNK_NOW, Deed, NoChunk};

use crate::cores::{Core, outside};
use crate::ffi::{self, Method};
use crate::guard::{Args, builtin};
use crate::module::{raw_text, the_server, true_or_none};
use crate::obj::Obj;
use crate::raise::{Raised, Res, os_error, raised, type_error, value_error};
use crate::respond;
use crate::state::{log, unlocked};
use crate::types::{bytes_of, is_a, utf8_of};
use crate::wire::write_all;

/// The functions of this file.
pub(crate) static FUNCTIONS: [Method; 10] = [
    Method::new(c"set_logvar", set_logvar),
    Method::new(c"get_logvar", get_logvar),
    Method::new(c"add_var", add_var),
    Method::new(c"log_this_request", log_this_request),
    Method::new(c"disconnect", disconnect),
    Method::new(c"cl", cl),
    Method::new(c"send", send),
    Method::new(c"sendfile", sendfile),
    Method::new(c"chunked_read", chunked_read),
    Method::new(c"chunked_read_nb", chunked_read_nb),
];

fn running() -> Res<*mut Request> {
    Core::current().map(|core| core.request.get())
}

builtin!(set_logvar = "set_logvar", |_s, args| {
    args.exactly(2)?;
    let (key, value) = (raw_text(&args.need(0)?)?, raw_text(&args.need(1)?)?);
    the_server()?.deed(running()?, Deed::SetLogvar, &key, &value);
    Ok(Obj::none())
});

builtin!(get_logvar = "get_logvar", |_s, args| {
    args.exactly(1)?;
    let key = raw_text(&args.need(0)?)?;
    let found = the_server()?.logvar(running()?, &key);
    found.map_or_else(|| Ok(Obj::none()), |value| Obj::bytes(&value))
});

builtin!(add_var = "add_var", |_s, args| {
    args.exactly(2)?;
    let (key, value) = (raw_text(&args.need(0)?)?, raw_text(&args.need(1)?)?);
    match the_server()?.deed(running()?, Deed::AddVar, &key, &value) {
        true => Obj::bool(true),
        false => Err(value_error("unable to add request var, check your buffer size")),
    }
});

builtin!(log_this_request = "log_this_request", |_s, _a| {
    the_server()?.deed(running()?, Deed::LogAlways, b"", b"");
    Ok(Obj::none())
});

builtin!(disconnect = "disconnect", |_s, _a| {
    let (server, request) = (the_server()?, running()?);
    unlocked(|| server.deed(request, Deed::Disconnect, b"", b""));
    Ok(Obj::none())
});

builtin!(cl = "cl", |_s, _a| {
    // While apps are loaded there is no request, and nothing has arrived.
    let Ok(request) = running() else {
        crate::raise::clear();
        return Obj::uint(0);
    };
    // SAFETY: non-null and alive inside a request, which `Core::current` checked.
    let request = unsafe { request.as_ref() }.ok_or_else(outside)?;
    Obj::uint(request.content_length)
});

builtin!(send = "send", |_s, args| {
    args.at_most(2)?;
    let core = Core::current()?;
    let (fd, data) = match args.len() {
        2 => (Some(args.need(0)?.as_int()?), args.need(1)?),
        _ => (None, args.need(0)?),
    };
    // SAFETY: live for this call.
    let bytes = unsafe { bytes_of(data.ptr()) }
        .ok_or_else(|| type_error("send() argument must be a bytes object"))?;
    match fd.map(i32::try_from) {
        Some(Ok(fd)) => true_or_none(unlocked(|| write_all(fd, bytes))),
        Some(Err(_)) => Ok(Obj::none()),
        None => {
            let (server, request) = (the_server()?, core.request.get());
            core.raw.set(true);
            true_or_none(unlocked(|| server.send(request, bytes)) == uwsgi_abi::OK)
        }
    }
});

/// What `sendfile` sends from.
enum Source {
    /// Opened by its path, or handed over by number: closed once it is sent.
    Owned(OwnedFd),
    /// Of an object, which closes it.
    Borrowed(i32),
}

builtin!(sendfile = "sendfile", |_s, args| {
    args.at_most(4)?;
    let what = args.need(0)?;
    let core = Core::current()?;
    let number = |nth| Ok(u64::try_from(args.int_or(nth, 0)?).unwrap_or(0));
    let (position, size) = (number(2)?, number(3)?);
    args.int_or(1, 0)?;
    let Some(source) = source(&what)? else { return Ok(Obj::none()) };
    let fd = match &source {
        Source::Owned(fd) => fd.as_raw_fd(),
        Source::Borrowed(fd) => *fd,
    };
    match respond::send_part(core, fd, position, if size == 0 { u64::MAX } else { size }) {
        Err(Raised) if raised() => Err(Raised),
        // A lost client that the options silence, or a response that was answered for.
        Err(Raised) => Ok(Obj::none()),
        Ok(()) => Obj::bool(true),
    }
});

/// The descriptor of a path, a number, or an object with `fileno()`; nothing when it does not open.
fn source(what: &Obj) -> Res<Option<Source>> {
    let text = is_a(what.ptr(), &raw mut ffi::PyUnicode_Type);
    if text || is_a(what.ptr(), &raw mut ffi::PyBytes_Type) {
        // SAFETY: live for this call.
        let path = unsafe { if text { utf8_of(what.ptr()) } else { bytes_of(what.ptr()) } };
        let path: &[u8] = path.ok_or(Raised)?;
        return Ok(open(path).map(|file| Source::Owned(file.into())));
    }
    // SAFETY: a live object.
    let fd = unsafe { ffi::PyObject_AsFileDescriptor(what.ptr()) };
    if fd < 0 {
        return Err(Raised);
    }
    if is_a(what.ptr(), &raw mut ffi::PyLong_Type) {
        // SAFETY: the application hands the descriptor over: that is the contract of this call.
        return Ok(Some(Source::Owned(unsafe { OwnedFd::from_raw_fd(fd) })));
    }
    Ok(Some(Source::Borrowed(fd)))
}

pub(crate) fn open(path: &[u8]) -> Option<File> {
    use std::os::unix::ffi::OsStrExt;
    let opened = unlocked(|| File::open(Path::new(std::ffi::OsStr::from_bytes(path))));
    match opened {
        Ok(file) => Some(file),
        Err(e) => {
            let text = e.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            log(&format!("open(\"{}\"): {text}", String::from_utf8_lossy(path)));
            None
        }
    }
}

fn chunk(seconds: i64) -> Res<Result<Vec<u8>, NoChunk>> {
    let (server, request) = (the_server()?, running()?);
    Ok(unlocked(|| server.chunk(request, seconds)))
}

fn no_chunk() -> Raised {
    os_error("unable to receive chunked part")
}

/// The number of seconds as given; less than -1 means for ever as well.
fn patience(args: &Args<'_>) -> Res<i64> {
    args.at_most(1)?;
    Ok(args.int_or(0, 0)?.max(-1))
}

builtin!(chunked_read = "chunked_read", |_s, args| {
    match chunk(patience(&args)?)? {
        Ok(chunk) => Obj::bytes(&chunk),
        Err(_) => Err(no_chunk()),
    }
});

builtin!(chunked_read_nb = "chunked_read_nb", |_s, args| {
    args.at_most(0)?;
    match chunk(CHUNK_NOW)? {
        Ok(chunk) => Obj::bytes(&chunk),
        Err(NoChunk::Later) => Ok(Obj::none()),
        Err(NoChunk::Failed) => Err(no_chunk()),
    }
});
