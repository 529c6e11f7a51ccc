//! `wsgi.input`: the request body as a file.
//!
//! It owns the type `uwsgi._Input` and the read-ahead of lines, which lives in the core: an
//! object is only a ticket with the number of its request, so one that outlives its request
//! cannot read the next one's body. It refuses to seek unless `post-buffering` is on; then the
//! server has all of the body.

use std::ffi::c_void;

use uwsgi_abi::plugin::ReadFailure;

use crate::cores::{Core, outside};
use crate::ffi::{self, Method, PyObject};
use crate::guard::{Args, builtin, guard};
use crate::obj::Obj;
use crate::raise::{Raised, Res, os_error};
use crate::state::{server, settings, unlocked};
use crate::types::head_size;

/// Read-ahead of `readline`, bytes per call of the server.
const CHUNK: usize = 32 * 1024;
/// Buffers larger than this are given back after the request.
const KEEP: usize = 256 * 1024;

/// What was read of the running request's body and not yet handed out.
#[derive(Default)]
pub(crate) struct Body {
    buffer: Vec<u8>,
    /// First byte of `buffer` that is not handed out.
    start: usize,
    /// Bytes received from the server.
    received: u64,
    ended: bool,
    /// It was said that the application takes too much of it at once.
    warned: bool,
}

impl Body {
    /// Forgets the last request's body.
    pub(crate) fn reset(&mut self) {
        if self.buffer.capacity() > KEEP {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        (self.start, self.received, self.ended) = (0, 0, false);
        self.warned = false;
    }

    /// Says once that one call takes more memory than `body-read-warning` allows.
    fn warn(&mut self, bytes: usize, what: &str) {
        let most = settings().body_read_warning;
        if self.warned || bytes as u64 <= most.saturating_mul(1 << 20) {
            return;
        }
        self.warned = true;
        let call = what.split('(').next().unwrap_or(what);
        if let Some(server) = server() {
            server.log(&format!(
                "[uwsgi-warning] you are using {call}() on request body allocating over than {most} MB, that is really bad and can be avoided..."
            ));
        }
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Position of the next byte in the body.
    fn position(&self) -> u64 {
        self.received - self.pending().len() as u64
    }

    /// Hands out `n` pending bytes.
    fn take(&mut self, n: usize) -> Res<Obj> {
        let object = Obj::bytes(self.pending().get(..n).unwrap_or_default());
        self.start += n;
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
        object
    }

    /// Reads up to `want` more bytes into the buffer; `what` names the call for the error.
    fn fill(&mut self, core: &Core, want: usize, what: &str) -> Res<()> {
        let old = self.buffer.len();
        self.warn(old.saturating_add(want), what);
        self.buffer.resize(old + want, 0);
        let got = receive(core, self.buffer.get_mut(old..).unwrap_or_default(), what);
        self.buffer.truncate(old + *got.as_ref().unwrap_or(&0));
        let got = got?;
        self.received += got as u64;
        self.ended = got == 0;
        Ok(())
    }
}

/// Bytes that are made ready for one read.
const AHEAD: usize = 128 << 10;

/// One blocking read, detached.
fn receive(core: &Core, buffer: &mut [u8], what: &str) -> Res<usize> {
    let (request, server) = (core.request.get(), server().ok_or_else(outside)?);
    unlocked(|| server.read(request, buffer)).map_err(|failure| match failure {
        ReadFailure::Closed => os_error(&format!("error during {what} on wsgi.input")),
        ReadFailure::Timeout => os_error(&format!("timeout during {what} on wsgi.input")),
    })
}

/// Announced bytes that are not received yet; nothing when the length is unknown.
fn announced(core: &Core, body: &Body) -> Option<u64> {
    // SAFETY: non-null and alive inside a request, which `Core::current` checked.
    let request = unsafe { core.request.get().as_ref() }?;
    if request.flags & uwsgi_abi::REQUEST_CHUNKED != 0 {
        return None;
    }
    Some(request.content_length.saturating_sub(body.received))
}

/// `read(n)`: everything, or exactly `n` bytes unless the body ends before.
fn read(core: &Core, limit: Option<usize>, what: &str) -> Res<Obj> {
    let mut body = core.body.borrow_mut();
    let pending = body.pending().len();
    if limit.is_some_and(|n| n <= pending) {
        return body.take(limit.unwrap_or(0));
    }
    if let Some(left) = announced(core, &body) {
        let all = pending.saturating_add(usize::try_from(left).unwrap_or(usize::MAX));
        return read_exactly(core, &mut body, all.min(limit.unwrap_or(usize::MAX)), what);
    }
    while !body.ended && limit.is_none_or(|n| body.pending().len() < n) {
        let missing = limit.map_or(CHUNK, |n| n - body.pending().len());
        body.fill(core, missing.min(CHUNK), what)?;
    }
    let n = limit.unwrap_or(usize::MAX).min(body.pending().len());
    body.take(n)
}

/// The bytes of a new object. A slice of them must be initialised, so they are zeroed, but not long
/// before they are written: what is written next is in the processor's cache then, and zeroing it
/// costs next to nothing.
struct Room {
    data: *mut u8,
    size: usize,
    /// So many are initialised.
    ready: usize,
}

impl Room {
    /// Those from `start` on, up to `end` or the end of the object.
    fn between(&mut self, start: usize, end: usize) -> &mut [u8] {
        let end = end.min(self.size);
        let start = start.min(end);
        if let Some(fresh) = end.checked_sub(self.ready) {
            // SAFETY: within the `size` bytes of an object that is ours alone.
            unsafe { self.data.add(self.ready).write_bytes(0, fresh) };
            self.ready = end;
        }
        // SAFETY: the same, and initialised.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start), end - start) }
    }
}

/// Reads straight into a new bytes object of the final size.
fn read_exactly(core: &Core, body: &mut Body, size: usize, what: &str) -> Res<Obj> {
    body.warn(size, what);
    let length = isize::try_from(size).map_err(|_| os_error("request body too large"))?;
    // SAFETY: attached; a null source leaves the bytes for us to fill.
    let object = Obj::own(unsafe { ffi::PyBytes_FromStringAndSize(std::ptr::null(), length) })?;
    // SAFETY: a live bytes object nobody else has seen.
    let data = unsafe { ffi::PyBytes_AsString(object.ptr()) }.cast::<u8>();
    let mut room = Room { data, size, ready: 0 };
    let mut filled = body.pending().len().min(size);
    for (to, from) in room.between(0, filled).iter_mut().zip(body.pending()) {
        *to = *from;
    }
    body.buffer.clear();
    body.start = 0;
    while filled < size && !body.ended {
        let got = receive(core, room.between(filled, filled.saturating_add(AHEAD)), what)?;
        body.received += got as u64;
        body.ended = got == 0;
        filled += got;
    }
    shrink(object, filled, size)
}

fn shrink(object: Obj, filled: usize, size: usize) -> Res<Obj> {
    if filled == size {
        return Ok(object);
    }
    let short = Obj::bytes(object.as_bytes().get(..filled).unwrap_or_default());
    drop(object);
    short
}

/// `readline(n)`: up to and with the next newline, at most `n` bytes.
fn line(core: &Core, limit: Option<usize>, what: &str) -> Res<Obj> {
    let mut body = core.body.borrow_mut();
    let mut searched = 0;
    loop {
        let pending = body.pending();
        let fresh = pending.get(searched..).unwrap_or_default();
        if let Some(at) = fresh.iter().position(|&b| b == b'\n') {
            let n = (searched + at + 1).min(limit.unwrap_or(usize::MAX));
            return body.take(n);
        }
        searched = pending.len();
        let full = limit.is_some_and(|n| searched >= n);
        let left = announced(core, &body).map_or(CHUNK, |n| usize::try_from(n).unwrap_or(CHUNK));
        if full || body.ended || left == 0 {
            let n = searched.min(limit.unwrap_or(usize::MAX));
            return body.take(n);
        }
        body.fill(core, left.min(CHUNK), what)?;
    }
}

/// The core of the request that an input object belongs to.
fn core_of(object: *mut PyObject) -> Res<&'static Core> {
    let core = Core::current()?;
    // SAFETY: `object` is a live instance of our type, whose number stands behind its head.
    let serial = unsafe { object.cast::<u8>().add(head_size()).cast::<u64>().read() };
    if serial == core.serial.get() { Ok(core) } else { Err(outside()) }
}

/// Sizes as Python gives them: negative and absent mean no limit.
fn limit(args: &Args<'_>) -> Res<Option<usize>> {
    Ok(args.size(0)?.and_then(|n| usize::try_from(n).ok()))
}

/// The call as the error texts name it.
fn named(call: &str, limit: Option<usize>) -> String {
    format!("{call}({})", limit.unwrap_or(0))
}

builtin!(input_read = "read", |slf, args| {
    args.at_most(1)?;
    let limit = limit(&args)?;
    read(core_of(slf)?, limit, &named("read", limit))
});

builtin!(input_readline = "readline", |slf, args| {
    args.at_most(1)?;
    let limit = limit(&args)?;
    line(core_of(slf)?, limit, &named("readline", limit))
});

builtin!(input_readlines = "readlines", |slf, args| {
    args.at_most(1)?;
    let hint = limit(&args)?.filter(|&n| n > 0);
    let core = core_of(slf)?;
    let mut total = 0;
    let lines = std::iter::from_fn(|| {
        if hint.is_some_and(|n| total >= n) {
            return None;
        }
        match line(core, None, "readline(0)") {
            Ok(line) if line.as_bytes().is_empty() => None,
            Ok(line) => {
                total += line.as_bytes().len();
                Some(Ok(line))
            }
            Err(Raised) => Some(Err(Raised)),
        }
    });
    Obj::list(lines)
});

builtin!(input_close = "close", |_slf, _args| Ok(Obj::none()));

builtin!(input_tell = "tell", |slf, _args| Obj::uint(core_of(slf)?.body.borrow().position()));

builtin!(input_fileno = "fileno", |slf, _args| {
    // SAFETY: non-null and alive inside a request, which `core_of` checked.
    let request = unsafe { core_of(slf)?.request.get().as_ref() }.ok_or_else(outside)?;
    Obj::int(request.fd.into())
});

builtin!(input_seek = "seek", |slf, args| {
    let core = core_of(slf)?;
    let (offset, whence) = (args.need(0)?.as_int()?, args.int_or(1, 0)?);
    if !settings().post_buffering {
        return Err(os_error("seeking wsgi.input without post_buffering is IMPOSSIBLE !!!"));
    }
    let mut body = core.body.borrow_mut();
    let here = i64::try_from(body.position()).unwrap_or(i64::MAX);
    let target = match whence {
        0 => Some((offset, false)),
        1 => here.checked_add(offset).map(|offset| (offset, false)),
        2 => Some((offset, true)),
        _ => None,
    };
    let (request, server) = (core.request.get(), server().ok_or_else(outside)?);
    let moved = target.and_then(|(offset, from_end)| server.seek(request, offset, from_end));
    let moved = moved.ok_or_else(|| os_error("invalid seek position for wsgi.input"))?;
    let warned = body.warned;
    body.reset();
    (body.received, body.warned) = (moved, warned);
    Obj::uint(moved)
});

unsafe extern "C" fn input_iter(slf: *mut PyObject) -> *mut PyObject {
    Obj::borrow(slf).map_or(std::ptr::null_mut(), Obj::into_raw)
}

unsafe extern "C" fn input_next(slf: *mut PyObject) -> *mut PyObject {
    let mut end = false;
    let next = guard(|| {
        let line = line(core_of(slf)?, None, "readline(0)")?;
        end = line.as_bytes().is_empty();
        Ok(line)
    });
    if end {
        drop(Obj::own(next)); // no value and no exception: the iteration is over
        return std::ptr::null_mut();
    }
    next
}

static METHODS: [Method; 8] = [
    Method::new(c"read", input_read),
    Method::new(c"readline", input_readline),
    Method::new(c"readlines", input_readlines),
    Method::new(c"close", input_close),
    Method::new(c"seek", input_seek),
    Method::new(c"tell", input_tell),
    Method::new(c"fileno", input_fileno),
    Method::END,
];

/// Makes the type for one interpreter.
pub(crate) fn make_type() -> Res<Obj> {
    let slot = |slot, pfunc: *const c_void| ffi::PyType_Slot { slot, pfunc: pfunc.cast_mut() };
    let mut slots = [
        slot(ffi::Py_tp_methods, METHODS.as_ptr().cast()),
        slot(ffi::Py_tp_iter, input_iter as *const c_void),
        slot(ffi::Py_tp_iternext, input_next as *const c_void),
        slot(0, std::ptr::null()),
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"uwsgi._Input".as_ptr(),
        basicsize: i32::try_from(head_size() + size_of::<u64>()).unwrap_or(24),
        itemsize: 0,
        flags: u32::try_from(ffi::Py_TPFLAGS_DEFAULT).unwrap_or(0),
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: a complete spec; the method table is static, the rest is copied.
    Obj::own(unsafe { ffi::PyType_FromSpec(&mut spec) })
}

/// A ticket for the running request.
pub(crate) fn make(class: &Obj, serial: u64) -> Res<Obj> {
    // SAFETY: our live type; its instances are zeroed.
    let object = Obj::own(unsafe { ffi::PyType_GenericAlloc(class.ptr().cast(), 0) })?;
    // SAFETY: the type's instances are one number longer than their head.
    unsafe { object.ptr().cast::<u8>().add(head_size()).cast::<u64>().write(serial) };
    Ok(object)
}
