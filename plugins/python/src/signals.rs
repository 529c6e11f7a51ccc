//! uwsgi signals in Python: registering, raising, waiting, and running a handler.
//!
//! It owns which interpreter holds the handler of a number; the handler itself is kept by the
//! helper code of that interpreter, so that it dies with it. It refuses to check numbers: as ever
//! they are taken modulo 256.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::cores::Core;
use crate::exceptions;
use crate::ffi::{self, Method};
use crate::guard::{Args, builtin};
use crate::module::the_server;
use crate::obj::Obj;
use crate::raise::{Raised, Res, os_error, system_error, value_error};
use crate::start::glue_call;
use crate::state::{self, BUSY, attached_interp, interp, unlocked, world};

/// The modifier under which this plugin registers.
const MODIFIER1: u8 = 0;

/// One above the index of the interpreter that holds the handler of each number; 0 is nobody.
static HOLDERS: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];

/// The functions of this file.
pub(crate) static FUNCTIONS: [Method; 8] = [
    Method::new(c"add_timer", add_timer),
    Method::new(c"add_ms_timer", add_ms_timer),
    Method::new(c"add_rb_timer", add_rb_timer),
    Method::new(c"register_signal", register_signal),
    Method::new(c"signal", signal),
    Method::new(c"signal_registered", signal_registered),
    Method::new(c"signal_wait", signal_wait),
    Method::new(c"signal_received", signal_received),
];

fn number(args: &Args<'_>, nth: usize) -> Res<u8> {
    Ok(args.need(nth)?.as_int()? as u8)
}

builtin!(register_signal = "register_signal", |_s, args| {
    args.at_most(3)?;
    let (number, target, handler) = (number(&args, 0)?, args.text(1)?, args.need(2)?);
    let here = attached_interp().ok_or(Raised)?;
    if !the_server()?.register_signal(number, target, MODIFIER1) {
        return Err(value_error("unable to register signal"));
    }
    // A signal that comes at once waits for this thread to let go of the interpreter.
    glue_call(&here.glue, c"keep_handler", &[&Obj::uint(number.into())?, &handler])?;
    let at = world().and_then(|w| w.interps.iter().position(|i| i.state == here.state));
    HOLDERS[usize::from(number)].store(at.map_or(0, |at| at + 1), Relaxed);
    Ok(Obj::none())
});

builtin!(signal = "signal", |_s, args| {
    args.at_most(2)?;
    let (server, number) = (the_server()?, number(&args, 0)?);
    if args.len() < 2 {
        unlocked(|| server.signal(number)); // the log tells of one that is lost
        return Ok(Obj::none());
    }
    let node = args.text(1)?;
    let name = String::from_utf8_lossy(node);
    match unlocked(|| server.signal_to(node, number)) {
        Some(true) => Ok(Obj::none()),
        Some(false) => Err(value_error(&format!("node {name} rejected signal {number}"))),
        None => Err(os_error(&format!("unable to deliver signal {number} to node {name}"))),
    }
});

/// Adds a timer of so many units of milliseconds; what it is called when it cannot be.
fn timer(args: &Args<'_>, name: &str, unit: u64, rounds: u64) -> Res<Obj> {
    let (server, number) = (the_server()?, number(args, 0)?);
    let every = u64::try_from(args.need(1)?.as_int()?).unwrap_or(0).saturating_mul(unit);
    match every > 0 && server.add_timer(number, every, rounds) {
        true => Ok(Obj::none()),
        false => Err(value_error(&format!("unable to add {name}"))),
    }
}

builtin!(add_timer = "add_timer", |_s, args| {
    args.exactly(2)?;
    timer(&args, "timer", 1000, 0)
});

builtin!(add_ms_timer = "add_ms_timer", |_s, args| {
    args.exactly(2)?;
    timer(&args, "timer", 1, 0)
});

builtin!(add_rb_timer = "add_rb_timer", |_s, args| {
    args.at_most(3)?;
    let rounds = u64::try_from(args.int_or(2, 0)?).unwrap_or(0);
    timer(&args, "rb_timer", 1000, rounds)
});

builtin!(signal_registered = "signal_registered", |_s, args| {
    args.at_most(1)?;
    match the_server()?.signal_registered(number(&args, 0)?) {
        true => Obj::bool(true),
        false => Ok(Obj::none()),
    }
});

builtin!(signal_wait = "signal_wait", |_s, args| {
    args.at_most(1)?;
    let (server, core) = (the_server()?, Core::current()?);
    let wanted = if args.len() > 0 { Some(number(&args, 0)?) } else { None };
    core.signal.set(-1);
    let received = unlocked(|| server.signal_wait(core.id, wanted));
    let received = received.ok_or_else(|| system_error("error waiting for signal"))?;
    core.signal.set(received.into());
    Obj::bytes(b"")
});

builtin!(signal_received = "signal_received", |_s, _a| {
    Obj::int(Core::current()?.signal.get().into())
});

/// Runs the handler of a signal in the calling thread, which is detached; whether it went well.
pub(crate) fn run(core: u32, number: u32) -> bool {
    let holder = HOLDERS.get(number as usize).map_or(0, |holder| holder.load(Relaxed));
    let Some((at, interp)) = holder.checked_sub(1).and_then(|at| Some((at, interp(at)?))) else {
        return false;
    };
    state::detach_main(); // a server that never called `release` left it attached
    let thread = Core::mine(core).thread_in(at);
    if thread.is_null() {
        return false;
    }
    BUSY.fetch_add(1, Relaxed);
    // SAFETY: this thread's own state; it is detached between requests, and while it waits.
    unsafe { ffi::PyEval_RestoreThread(thread) };
    let done = catch_unwind(AssertUnwindSafe(|| {
        let number = Obj::uint(number.into())?;
        glue_call(&interp.glue, c"run_handler", &[&number])?.as_int().map(|done| done != 0)
    }));
    let done = done.unwrap_or_else(|_| {
        state::log("plugin python panicked in a signal"); // and must not leave it attached
        Ok(false)
    });
    let went_well = done.unwrap_or_else(|Raised| {
        exceptions::print();
        false
    });
    // SAFETY: attached above.
    unsafe { ffi::PyEval_SaveThread() };
    BUSY.fetch_sub(1, Relaxed);
    went_well
}
