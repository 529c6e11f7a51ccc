//! Mules in Python: sending and receiving messages, and running a mule's program.
//!
//! It owns the API's errors. The program and the hook for messages run in the main interpreter, by
//! the helper code.

use uwsgi_abi::{MULE_INVALID, MULE_NONE};

use crate::exceptions;
use crate::ffi::{self, Method};
use crate::guard::builtin;
use crate::module::{raw_text, the_server};
use crate::obj::Obj;
use crate::raise::{Raised, Res, clear, value_error};
use crate::start::glue_call;
use crate::state::{attach_main, detach_main, interp, unlocked};
use crate::types::is_a;

/// The functions of this file that the module has.
pub(crate) static FUNCTIONS: [Method; 2] =
    [Method::new(c"mule_id", mule_id), Method::new(c"mule_msg", mule_msg)];

/// What stands behind the helper `mule_get_msg`, which takes keywords.
pub(crate) static RECEIVE: Method = Method::new(c"mule_receive", mule_receive);

builtin!(mule_id = "mule_id", |_s, _a| Obj::uint(the_server()?.identity().mule.into()));

builtin!(mule_msg = "mule_msg", |_s, args| {
    args.at_most(2)?;
    let (server, message) = (the_server()?, raw_text(&args.need(0)?)?);
    let to = args.get(1);
    let number = match to.as_ref().map(Obj::as_int) {
        None => 0,
        // What no mule has: the server says whether there are any.
        Some(Ok(number)) => u32::try_from(number).unwrap_or(u32::MAX),
        Some(Err(Raised)) => {
            clear();
            u32::MAX
        }
    };
    match unlocked(|| server.mule_msg(number, &message)) {
        Ok(()) => Obj::bool(true),
        Err(MULE_NONE) => Err(value_error("no mule configured")),
        Err(MULE_INVALID) => Err(value_error(to.map_or("", |to| why_invalid(&to)))),
        Err(_) => Obj::bool(false),
    }
});

/// More than any socket gives room for; memory for that is only reserved until it is used.
const LONGEST: usize = 1 << 28;

builtin!(mule_receive = "mule_receive", |_s, args| {
    args.exactly(3)?;
    let (signals, size, limit) = (args.int_or(0, 1)?, args.int_or(1, 0)?, args.int_or(2, -1)?);
    let server = the_server()?;
    let outside = || value_error("you can receive mule messages only in a mule !!!");
    if server.identity().mule == 0 {
        return Err(outside());
    }
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(0).clamp(1, LONGEST)];
    let have = unlocked(|| server.mule_receive(&mut buffer, signals != 0, limit));
    Obj::bytes(buffer.get(..have.ok_or_else(outside)?).unwrap_or_default())
});

/// What is wrong with a receiver: there are no farms, and no mule of any other name.
fn why_invalid(to: &Obj) -> &'static str {
    if is_a(to.ptr(), &raw mut ffi::PyUnicode_Type) || is_a(to.ptr(), &raw mut ffi::PyBytes_Type) {
        "unknown farm"
    } else if to.as_int().is_err() {
        clear();
        "invalid mule"
    } else {
        "invalid mule number"
    }
}

/// Calls a function of the helper code in the main interpreter; what it says, false for an error.
fn ask(name: &std::ffi::CStr, value: impl FnOnce() -> Res<Obj>) -> bool {
    let was_detached = attach_main();
    let answer = interp(0).ok_or(Raised).and_then(|main| glue_call(&main.glue, name, &[&value()?]));
    let yes = answer.and_then(|answer| answer.as_int());
    let yes = yes.unwrap_or_else(|Raised| {
        exceptions::print();
        0
    });
    if was_detached {
        detach_main();
    }
    yes != 0
}

/// Runs the program of a mule; false when it is none of Python's.
pub(crate) fn program(name: &[u8]) -> bool {
    ask(c"run_program", || Obj::fs_text(name))
}

/// Hands a message to `uwsgi.mule_msg_hook`; false when the application has set none.
pub(crate) fn message(text: &[u8]) -> bool {
    ask(c"mule_message", || Obj::bytes(text))
}
