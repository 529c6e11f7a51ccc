//! The server's side: loads a plugin, and turns calls from it into calls of two safe traits.
//!
//! It owns the trampolines here, opening and calling in [`loaded`], options in [`declared`]. It
//! refuses to decide anything; [`Host`] and [`RequestHost`] do.

mod declared;
mod loaded;
mod mules;
mod running;
mod series;
mod signals;
mod snmp;

pub use declared::Declared;
pub use loaded::{Loaded, RequestView, load, open_global};
pub use mules::Lost;
pub use series::{SeriesHost, Wanted};
pub use snmp::SnmpHost;

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use crate::logline::LogVariable;
use crate::running::{Deed, NoChunk};
use crate::{
    ABI_VERSION, AppInfo, AppStat, Fact, Identity, Info, LockOp, Pair, READ_ERROR, Request, Server,
    Str, WRITE_ERROR, WorkerStat,
};

/// What the server does for a plugin outside of requests. Called from any thread.
pub trait Host: Send + Sync {
    /// The `nth` value of option `name`.
    fn option(&self, name: &[u8], nth: usize) -> Option<&[u8]>;
    /// The `index`-th exported option.
    fn option_at(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)>;
    /// One log line.
    fn log(&self, line: &[u8], verbose: bool);
    /// Who this process is.
    fn identity(&self) -> Identity;
    /// An app was loaded: its id.
    fn register_app(&self, app: &AppInfo, mountpoint: &[u8], chdir: &[u8]) -> Option<u32>;
    /// Reads or changes a metric (`op` is a [`crate::MetricOp`]).
    fn metric(&self, op: u32, name: &[u8], value: i64) -> Option<i64>;
    /// Numbers of a worker, 0 for the totals.
    fn worker(&self, id: u32) -> Option<WorkerStat>;
    /// Numbers of an app.
    fn app(&self, worker: u32, app: u32) -> Option<AppStat>;
    /// A [`crate::Control`] request; false when it cannot be done.
    fn control(&self, op: u32) -> bool;
    /// See [`Server::register_signal`]; false when it cannot be, as without signals at all.
    fn register_signal(&self, _number: u8, _target: &[u8], _modifier1: u8) -> bool {
        false
    }
    /// See [`Server::signal`]; false when it is lost.
    fn signal(&self, _number: u8) -> bool {
        false
    }
    /// See [`Server::signal_registered`].
    fn signal_registered(&self, _number: u8) -> bool {
        false
    }
    /// See [`Server::signal_wait`].
    fn signal_wait(&self, _core: u32, _wanted: Option<u8>) -> Option<u8> {
        None
    }
    /// See [`Server::signal_to`]; nothing when the node is out of reach.
    fn signal_to(&self, _node: &[u8], _number: u8) -> Option<bool> {
        None
    }
    /// See [`Server::add_timer`]; false when that cannot be.
    fn add_timer(&self, _number: u8, _every: Duration, _rounds: u64) -> bool {
        false
    }
    /// See [`Server::mule_msg`].
    ///
    /// # Errors
    /// The message is lost.
    fn mule_msg(&self, _mule: u32, _message: &[u8]) -> Result<(), Lost> {
        Err(Lost::NoMules)
    }
    /// See [`Server::mule_receive`]; nothing outside of mules.
    fn mule_receive(
        &self,
        _buffer: &mut [u8],
        _signals: bool,
        _limit: Option<Duration>,
    ) -> Option<usize> {
        None
    }
    /// Labelled series; a server without them has room for none.
    fn series(&self) -> Option<&dyn SeriesHost> {
        None
    }
    /// The SNMP agent, where there is one.
    fn snmp(&self) -> Option<&dyn SnmpHost> {
        None
    }
    /// See [`Server::lock`]; nothing without such a lock.
    fn lock(&self, _op: LockOp, _number: u32) -> Option<bool> {
        None
    }
    /// Raises an alarm by its name.
    fn alarm(&self, _name: &[u8], _message: &[u8]) {}
    /// See [`Server::user_harakiri`].
    fn user_harakiri(&self, _seconds: u64) {}
    /// Sets the text that health checks are answered with.
    fn warning(&self, _text: &[u8]) {}
    /// Connections in the accept queue of a worker socket.
    fn listen_queue(&self, _socket: u32) -> Option<u64> {
        None
    }
    /// See [`Server::fact`].
    fn fact(&self, _fact: Fact, _nth: usize) -> Option<u64> {
        None
    }
    /// Sets what `ps` shows for this process.
    fn title(&self, _text: &[u8]) {}
    /// See [`Server::log_variable`]; false when that name cannot be.
    fn log_variable(&self, _name: &[u8], _value: LogVariable) -> bool {
        false
    }
    /// Gives the name of every metric to `each`.
    fn metric_names(&self, _each: &mut dyn FnMut(&[u8])) {}
}

/// What the server does for a plugin within one request. Called from that request's thread.
pub trait RequestHost {
    /// See [`Server::begin_app`].
    fn begin_app(&mut self, app: i32);
    /// See [`Server::head`].
    fn head(&mut self, status: &[u8], headers: &mut dyn Iterator<Item = (&[u8], &[u8])>) -> i32;
    /// See [`Server::write`].
    fn write(&mut self, data: &[u8], flags: u32) -> i32;
    /// See [`Server::sendfile`].
    fn sendfile(&mut self, fd: i32, offset: u64, len: u64) -> i32;
    /// See [`Server::read`].
    fn read(&mut self, buffer: &mut [u8]) -> isize;
    /// See [`Server::seek`]; nothing where that cannot be.
    fn seek(&mut self, _offset: i64, _from_end: bool) -> Option<u64> {
        None
    }
    /// See [`Server::exception`].
    fn exception(&mut self, class: &[u8], message: &[u8]);
    /// Body bytes sent; bit 0 head sent, bit 1 head set.
    fn response_state(&self) -> (u64, u32);
    /// See [`Deed`]; nothing when it cannot be done.
    fn deed(&mut self, _deed: Deed, _key: &[u8], _value: &[u8]) -> Option<&[u8]> {
        None
    }
    /// See [`Server::chunk`].
    ///
    /// # Errors
    /// There is none, now or for good.
    fn chunk(&mut self, _seconds: i64) -> Result<&[u8], NoChunk> {
        Err(NoChunk::Failed)
    }
    /// See [`Server::send`].
    fn send(&mut self, _data: &[u8]) -> i32 {
        WRITE_ERROR
    }
}

static HOST: OnceLock<(&'static dyn Host, Server)> = OnceLock::new();

/// Installs the server behind the table; once per process, before the first plugin is loaded.
/// A second call changes nothing and answers false.
pub fn install(host: &'static dyn Host, info: Info) -> bool {
    HOST.set((host, table(info))).is_ok()
}

/// The table that a plugin gets; its functions answer for the server that is installed.
pub fn table(info: Info) -> Server {
    Server {
        abi_version: ABI_VERSION,
        size: size_of::<Server>() as u32,
        info,
        option,
        option_at,
        log,
        log_verbose,
        identity,
        register_app,
        metric,
        worker,
        app,
        control,
        begin_app,
        head,
        write,
        sendfile,
        read,
        exception,
        response_state,
        register_signal: signals::register_signal,
        signal: signals::signal,
        signal_registered: signals::signal_registered,
        signal_wait: signals::signal_wait,
        family: series::family,
        series: series::series,
        series_update: series::series_update,
        series_value: series::series_value,
        series_each: series::series_each,
        alarm,
        warning,
        listen_queue,
        metric_names,
        mule_msg: mules::mule_msg,
        mule_receive: mules::mule_receive,
        signal_to: signals::signal_to,
        add_timer: signals::add_timer,
        snmp_value: snmp::snmp_value,
        snmp_community: snmp::snmp_community,
        lock,
        user_harakiri,
        seek,
        deed: running::deed,
        chunk: running::chunk,
        send: running::send,
        fact,
        title,
        log_variable,
    }
}

/// Runs `f` with the installed host; a panic or a missing host becomes `otherwise`.
fn with_host<R>(otherwise: R, f: impl FnOnce(&dyn Host) -> R) -> R {
    let Some((host, _)) = HOST.get() else { return otherwise };
    catch_unwind(AssertUnwindSafe(|| f(*host))).unwrap_or(otherwise)
}

/// Runs `f` with the request's host; a panic becomes `otherwise`.
fn with_request<R>(
    request: *const Request,
    otherwise: R,
    f: impl FnOnce(&mut dyn RequestHost) -> R,
) -> R {
    // SAFETY: plugins pass the pointer given to `Plugin::request`, during that call.
    let Some(request) = (unsafe { request.as_ref() }) else { return otherwise };
    // SAFETY: set by `Loaded::request` to its own live `&mut dyn RequestHost`; only the thread of
    // the request calls, so nobody else holds a reference through it now.
    let host: &mut &mut dyn RequestHost =
        unsafe { &mut *request.host.cast::<&mut dyn RequestHost>() };
    catch_unwind(AssertUnwindSafe(|| f(&mut **host))).unwrap_or(otherwise)
}

/// The caller's bytes, for the length of one call.
fn bytes<'a>(s: Str) -> &'a [u8] {
    // SAFETY: the ABI lets a callee look at arguments until it returns; no trampoline keeps them.
    unsafe { s.bytes() }
}

/// Stores through an out pointer of the ABI.
fn put<T>(out: *mut T, value: T) {
    // SAFETY: out pointers are null or valid for one write by contract.
    if let Some(slot) = unsafe { out.as_mut() } {
        *slot = value;
    }
}

extern "C" fn option(name: Str, nth: usize, out: *mut Str) -> i32 {
    with_host(0, |h| match h.option(bytes(name), nth) {
        Some(value) => {
            put(out, Str::new(value));
            1
        }
        None => 0,
    })
}

extern "C" fn option_at(index: usize, key: *mut Str, value: *mut Str) -> i32 {
    with_host(0, |h| match h.option_at(index) {
        Some((k, v)) => {
            put(key, Str::new(k));
            put(value, Str::new(v.unwrap_or_default()));
            if v.is_some() { 1 } else { 2 }
        }
        None => 0,
    })
}

extern "C" fn log(line: Str) {
    with_host((), |h| h.log(bytes(line), false));
}

extern "C" fn log_verbose(line: Str) {
    with_host((), |h| h.log(bytes(line), true));
}

extern "C" fn identity(out: *mut Identity) {
    with_host((), |h| put(out, h.identity()));
}

extern "C" fn register_app(app: *const AppInfo) -> i32 {
    // SAFETY: null or a valid struct for the length of the call.
    let Some(app) = (unsafe { app.as_ref() }) else { return -1 };
    with_host(-1, |h| {
        let id = h.register_app(app, bytes(app.mountpoint), bytes(app.chdir));
        id.and_then(|id| i32::try_from(id).ok()).unwrap_or(-1)
    })
}

extern "C" fn metric(op: u32, name: Str, value: i64, out: *mut i64) -> i32 {
    with_host(-1, |h| match h.metric(op, bytes(name), value) {
        Some(v) => {
            put(out, v);
            0
        }
        None => -1,
    })
}

extern "C" fn worker(id: u32, out: *mut WorkerStat) -> i32 {
    with_host(-1, |h| {
        h.worker(id).map_or(-1, |s| {
            put(out, s);
            0
        })
    })
}

extern "C" fn app(worker: u32, app: u32, out: *mut AppStat) -> i32 {
    with_host(-1, |h| {
        h.app(worker, app).map_or(-1, |s| {
            put(out, s);
            0
        })
    })
}

extern "C" fn control(op: u32) -> i32 {
    with_host(-1, |h| if h.control(op) { 0 } else { -1 })
}

extern "C" fn alarm(name: Str, message: Str) {
    with_host((), |h| h.alarm(bytes(name), bytes(message)));
}

extern "C" fn lock(op: u32, number: u32) -> i32 {
    let op = match op {
        x if x == LockOp::Lock as u32 => LockOp::Lock,
        x if x == LockOp::Unlock as u32 => LockOp::Unlock,
        x if x == LockOp::IsLocked as u32 => LockOp::IsLocked,
        _ => return -1,
    };
    with_host(-1, |h| h.lock(op, number).map_or(-1, i32::from))
}

extern "C" fn warning(text: Str) {
    with_host((), |h| h.warning(bytes(text)));
}

extern "C" fn user_harakiri(seconds: u64) {
    with_host((), |h| h.user_harakiri(seconds));
}

extern "C" fn fact(fact: u32, nth: usize) -> i64 {
    let known = [Fact::Reloads, Fact::Socket, Fact::BufferSize];
    let Some(fact) = known.into_iter().find(|f| *f as u32 == fact) else { return -1 };
    with_host(-1, |h| h.fact(fact, nth).and_then(|n| i64::try_from(n).ok()).unwrap_or(-1))
}

extern "C" fn log_variable(name: Str, value: Option<LogVariable>) -> i32 {
    let taken = value.is_some_and(|value| with_host(false, |h| h.log_variable(bytes(name), value)));
    if taken { 0 } else { -1 }
}

extern "C" fn title(text: Str) {
    with_host((), |h| h.title(bytes(text)));
}

extern "C" fn listen_queue(socket: u32) -> i64 {
    with_host(-1, |h| h.listen_queue(socket).and_then(|n| i64::try_from(n).ok()).unwrap_or(-1))
}

extern "C" fn metric_names(each: extern "C" fn(*mut c_void, Str), context: *mut c_void) {
    with_host((), |h| h.metric_names(&mut |name| each(context, Str::new(name))));
}

extern "C" fn begin_app(request: *mut Request, app: i32) {
    with_request(request, (), |h| h.begin_app(app));
}

extern "C" fn head(
    request: *mut Request,
    status: Str,
    headers: *const Pair,
    headers_len: usize,
) -> i32 {
    let headers: &[Pair] = if headers.is_null() {
        &[]
    } else {
        // SAFETY: `headers_len` pairs, alive for the length of the call, by contract.
        unsafe { std::slice::from_raw_parts(headers, headers_len) }
    };
    let mut pairs = headers.iter().map(|p| (bytes(p.key), bytes(p.value)));
    with_request(request, WRITE_ERROR, |h| h.head(bytes(status), &mut pairs))
}

extern "C" fn write(request: *mut Request, data: Str, flags: u32) -> i32 {
    with_request(request, WRITE_ERROR, |h| h.write(bytes(data), flags))
}

extern "C" fn sendfile(request: *mut Request, fd: i32, offset: u64, len: u64) -> i32 {
    with_request(request, WRITE_ERROR, |h| h.sendfile(fd, offset, len))
}

extern "C" fn read(request: *mut Request, buffer: *mut u8, len: usize) -> isize {
    if buffer.is_null() || len == 0 {
        return 0;
    }
    // SAFETY: `len` writable bytes for the length of the call, by contract.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer, len) };
    with_request(request, READ_ERROR, |h| h.read(buffer))
}

extern "C" fn seek(request: *mut Request, offset: i64, whence: u32) -> i64 {
    let to = match whence {
        0 | 2 => with_request(request, None, |h| h.seek(offset, whence == 2)),
        _ => None,
    };
    to.and_then(|to| i64::try_from(to).ok()).unwrap_or(-1)
}

extern "C" fn exception(request: *mut Request, class: Str, message: Str) {
    with_request(request, (), |h| h.exception(bytes(class), bytes(message)));
}

extern "C" fn response_state(request: *const Request, body_bytes: *mut u64) -> u32 {
    with_request(request, 0, |h| {
        let (sent, bits) = h.response_state();
        put(body_bytes, sent);
        bits
    })
}

const _: () = assert!(size_of::<*mut c_void>() == 8, "the layouts assume 64-bit pointers");

#[cfg(test)]
mod tests;
