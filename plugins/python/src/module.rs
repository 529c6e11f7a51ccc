//! The `uwsgi` module: attributes and functions that are real in this server.
//!
//! It owns their signatures and result types. What the server does not have is absent, because
//! applications test for features with `hasattr`.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::time::{SystemTime, UNIX_EPOCH};

use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{Control, Fact, MAGIC_PREFIX};

use crate::cores::{Core, outside};
use crate::ffi::{self, Method};
use crate::guard::builtin;
use crate::locks;
use crate::metric;
use crate::mules;
use crate::obj::Obj;
use crate::packet;
use crate::plain;
use crate::raise::{Raised, Res, clear, raised, value_error};
use crate::running;
use crate::signals;
use crate::snmp;
use crate::start::function;
use crate::state::server;
use crate::stats;
use crate::types::{utf8_of, with_buffer};
use crate::wire;

/// The server, once it has handed over its table.
pub(crate) fn the_server() -> Res<ServerRef> {
    server().ok_or_else(outside)
}

/// `True`, or `None` for failure, as this API answers.
pub(crate) fn true_or_none(ok: bool) -> Res<Obj> {
    if ok { Obj::bool(true) } else { Ok(Obj::none()) }
}

fn control(op: Control) -> Res<Obj> {
    true_or_none(the_server()?.control(op))
}

builtin!(worker_id = "worker_id", |_s, _a| Obj::uint(the_server()?.identity().worker.into()));
builtin!(masterpid = "masterpid", |_s, _a| {
    let server = the_server()?;
    let pid = if server.info().master != 0 { server.identity().master_pid } else { 0 };
    Obj::int(pid.into())
});
builtin!(reload = "reload", |_s, _a| control(Control::Reload));
builtin!(stop = "stop", |_s, _a| control(Control::Stop));
builtin!(total_requests = "total_requests", |_s, _a| {
    Obj::uint(the_server()?.worker(0).map_or(0, |w| w.requests))
});
builtin!(workers = "workers", |_s, _a| stats::workers(the_server()?));
builtin!(request_id = "request_id", |_s, _a| {
    Obj::uint(Core::current()?.serial.get().saturating_sub(1))
});
builtin!(log = "log", |_s, args| {
    the_server()?.log_bytes(args.text(0)?);
    Obj::bool(true)
});
builtin!(micros = "micros", |_s, _a| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Obj::uint(u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
});
builtin!(connection_fd = "connection_fd", |_s, _a| {
    // SAFETY: non-null and alive inside a request, which `Core::current` checked.
    let request = unsafe { Core::current()?.request.get().as_ref() }.ok_or_else(outside)?;
    Obj::int(request.fd.into())
});

builtin!(alarm = "alarm", |_s, args| {
    args.exactly(2)?;
    let message = args.need(1)?;
    the_server()?.alarm(args.text(0)?, &raw_text(&message)?);
    Ok(Obj::none())
});
builtin!(set_user_harakiri = "set_user_harakiri", |_s, args| {
    args.exactly(1)?;
    let seconds = u64::try_from(args.need(0)?.as_int()?).unwrap_or(0);
    the_server()?.user_harakiri(seconds);
    Ok(Obj::none())
});
builtin!(set_warning_message = "set_warning_message", |_s, args| {
    args.exactly(1)?;
    the_server()?.warning(args.text(0)?);
    Obj::bool(true)
});
builtin!(listen_queue = "listen_queue", |_s, args| {
    args.at_most(1)?;
    let id = args.int_or(0, 0)?;
    let socket = u32::try_from(id).ok().and_then(|id| the_server().ok()?.listen_queue(id));
    socket.map_or_else(|| Err(value_error(&format!("unable to find socket {id}"))), Obj::uint)
});
builtin!(i_am_the_spooler = "i_am_the_spooler", |_s, _a| Ok(Obj::none()));
builtin!(ready = "ready", |_s, _a| control(Control::Ready));
builtin!(accepting = "accepting", |_s, args| {
    args.at_most(1)?;
    let on = args.int_or(0, 1)? != 0;
    the_server()?.control(if on { Control::Accepting } else { Control::NotAccepting });
    Ok(Obj::none())
});
builtin!(logsize = "logsize", |_s, _a| {
    // Every process writes to the log through this descriptor.
    // SAFETY: only looked at; `ManuallyDrop` leaves it open.
    let log = ManuallyDrop::new(unsafe { File::from_raw_fd(2) });
    let size = log.metadata().ok().filter(std::fs::Metadata::is_file).map_or(0, |m| m.len());
    Obj::uint(size)
});
builtin!(setprocname = "setprocname", |_s, args| {
    args.exactly(1)?;
    the_server()?.title(args.text(0)?);
    Ok(Obj::none())
});
builtin!(mem = "mem", |_s, _a| {
    let (rss, vsz) = memory();
    Obj::tuple([Obj::uint(rss), Obj::uint(vsz)])
});

/// Resident memory and address space of this process, bytes; zeros without a proc file system.
fn memory() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = text.split(' ').map(|word| word.parse().unwrap_or(0));
    // SAFETY: a lookup without preconditions.
    let size = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(0);
    let (all, resident) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    (resident * size, all * size)
}

/// The bytes of a `str` or of anything with a buffer.
pub(crate) fn raw_text(value: &Obj) -> Res<Vec<u8>> {
    // SAFETY: live for this statement; the bytes are copied.
    if let Some(text) = unsafe { utf8_of(value.ptr()) } {
        return Ok(text.to_vec());
    }
    if raised() {
        return Err(Raised);
    }
    with_buffer(value, <[u8]>::to_vec)
}

static FUNCTIONS: [Method; 20] = [
    Method::new(c"worker_id", worker_id),
    Method::new(c"masterpid", masterpid),
    Method::new(c"reload", reload),
    Method::new(c"stop", stop),
    Method::new(c"total_requests", total_requests),
    Method::new(c"workers", workers),
    Method::new(c"request_id", request_id),
    Method::new(c"log", log),
    Method::new(c"micros", micros),
    Method::new(c"connection_fd", connection_fd),
    Method::new(c"alarm", alarm),
    Method::new(c"set_warning_message", set_warning_message),
    Method::new(c"listen_queue", listen_queue),
    Method::new(c"i_am_the_spooler", i_am_the_spooler),
    Method::new(c"set_user_harakiri", set_user_harakiri),
    Method::new(c"mem", mem),
    Method::new(c"ready", ready),
    Method::new(c"accepting", accepting),
    Method::new(c"logsize", logsize),
    Method::new(c"setprocname", setprocname),
];

/// Makes the module in the attached interpreter: the module and its namespace.
pub(crate) fn make(server: ServerRef, start_response: &Obj) -> Res<(Obj, Obj)> {
    // SAFETY: NUL-terminated name; the borrowed result is made strong at once.
    let module =
        Obj::borrow(unsafe { ffi::PyImport_AddModule(c"uwsgi".as_ptr()) }).ok_or(Raised)?;
    // SAFETY: a live module; as above.
    let dict = Obj::borrow(unsafe { ffi::PyModule_GetDict(module.ptr()) }).ok_or(Raised)?;
    for row in FUNCTIONS
        .iter()
        .chain(&metric::FUNCTIONS)
        .chain(&signals::FUNCTIONS)
        .chain(&mules::FUNCTIONS)
        .chain(&locks::FUNCTIONS)
        .chain(&running::FUNCTIONS)
        .chain(&wire::FUNCTIONS)
        .chain(&plain::FUNCTIONS)
        .chain(&packet::FUNCTIONS)
    {
        // SAFETY: rows hold static NUL-terminated names.
        let name = unsafe { std::ffi::CStr::from_ptr(row.name) };
        dict.put(name, &function(row)?)?;
    }
    if server.has_snmp() {
        add_snmp(server, &dict)?;
    }
    attributes(server, &dict)?;
    dict.put(c"start_response", start_response)?;
    Ok((module, dict))
}

/// What only an instance with an SNMP agent has.
fn add_snmp(server: ServerRef, dict: &Obj) -> Res<()> {
    for row in &snmp::FUNCTIONS {
        // SAFETY: rows hold static NUL-terminated names.
        let name = unsafe { std::ffi::CStr::from_ptr(row.name) };
        dict.put(name, &function(row)?)?;
    }
    server.log_bytes(b"SNMP python functions initialized.");
    Ok(())
}

fn attributes(server: ServerRef, dict: &Obj) -> Res<()> {
    let info = server.info();
    let version = server.info_str(info.version);
    dict.put(c"version", &Obj::bytes(version)?)?;
    dict.put(c"version_info", &version_info(version)?)?;
    dict.put(c"hostname", &Obj::bytes(server.info_str(info.hostname))?)?;
    dict.put(c"numproc", &Obj::uint(info.processes.into())?)?;
    dict.put(c"cores", &Obj::uint(info.cores.into())?)?;
    dict.put(c"has_threads", &Obj::int(1)?)?;
    dict.put(c"started_on", &Obj::uint(info.started_on)?)?;
    dict.put(c"opt", &options(server)?)?;
    dict.put(c"applications", &Obj::none())?;
    dict.put(c"loop", &Obj::none())?;
    dict.put(c"unbit", &Obj::none())?;
    let number = |fact| server.fact(fact, 0).unwrap_or(0);
    dict.put(c"buffer_size", &Obj::uint(number(Fact::BufferSize))?)?;
    dict.put(c"is_a_reload", &Obj::bool(number(Fact::Reloads) > 0)?)?;
    let sockets = (0..).map_while(|nth| server.fact(Fact::Socket, nth)).map(Obj::uint);
    dict.put(c"sockets", &Obj::list(sockets)?)?;
    for (name, option) in [(c"pidfile", "pidfile"), (c"mode", "mode")] {
        if let Some(value) = server.option_last(option) {
            dict.put(name, &Obj::bytes(value)?)?;
        }
    }
    for (name, value) in [(c"SPOOL_RETRY", -1), (c"SPOOL_OK", -2), (c"SPOOL_IGNORE", 0)] {
        dict.put(name, &Obj::int(value)?)?;
    }
    dict.put(c"magic_table", &magic_table(server)?)
}

/// Magic variables by their letter; empty ones are left out.
fn magic_table(server: ServerRef) -> Res<Obj> {
    let table = Obj::dict()?;
    for letter in ('!'..='~').filter(|c| !c.is_ascii_control()) {
        let Some(value) = server.option(&format!("{MAGIC_PREFIX}{letter}"), 0) else { continue };
        table.put_obj(&Obj::bytes(letter.to_string().as_bytes())?, &Obj::bytes(value)?)?;
    }
    Ok(table)
}

/// `(base, major, minor, revision, custom)` of a version like `2.0.31` or `2.1.0-alpha`.
fn version_info(version: &[u8]) -> Res<Obj> {
    let text = String::from_utf8_lossy(version);
    let (numbers, custom) = text.split_once('-').unwrap_or((&text, ""));
    let mut numbers = numbers.split('.').map(|n| n.parse::<i64>().unwrap_or(0));
    let mut next = || Obj::int(numbers.next().unwrap_or(0));
    Obj::tuple([next(), next(), next(), next(), Obj::bytes(custom.as_bytes())])
}

/// `uwsgi.opt`: values are bytes, a list of them when the option is repeated, `True` for flags.
fn options(server: ServerRef) -> Res<Obj> {
    let opt = Obj::dict()?;
    for (key, value) in (0..).map_while(|n| server.option_at(n)) {
        let key = Obj::fs_text(key)?;
        let value = value.map_or_else(|| Obj::bool(true), Obj::bytes)?;
        // SAFETY: live dict and key; the borrowed result is made strong at once.
        let old = Obj::borrow(unsafe { ffi::PyDict_GetItem(opt.ptr(), key.ptr()) });
        let value = match old {
            None => value,
            Some(old) => joined(old, value)?,
        };
        opt.put_obj(&key, &value)?;
    }
    Ok(opt)
}

/// Appends to the list that a repeated option has become.
fn joined(old: Obj, value: Obj) -> Res<Obj> {
    // SAFETY: a live object; appending to anything but a list fails without harm.
    if unsafe { ffi::PyList_Append(old.ptr(), value.ptr()) } == 0 {
        return Ok(old);
    }
    clear();
    Obj::list([Ok(old), Ok(value)])
}
