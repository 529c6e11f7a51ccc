//! Locks in Python: `lock`, `unlock`, `is_locked`.
//!
//! It owns the error of the API. Waiting lets go of the interpreter.

use uwsgi_abi::LockOp;

use crate::ffi::Method;
use crate::guard::{Args, builtin};
use crate::module::the_server;
use crate::obj::Obj;
use crate::raise::{Res, value_error};
use crate::state::unlocked;

/// The functions of this file.
pub(crate) static FUNCTIONS: [Method; 3] = [
    Method::new(c"lock", lock),
    Method::new(c"unlock", unlock),
    Method::new(c"is_locked", is_locked),
];

fn ask(args: &Args<'_>, op: LockOp) -> Res<bool> {
    args.at_most(1)?;
    let server = the_server()?;
    let number = u32::try_from(args.int_or(0, 0)?).ok();
    let answer = number.and_then(|number| unlocked(|| server.lock(op, number)));
    answer.ok_or_else(|| value_error("Invalid lock number"))
}

builtin!(lock = "lock", |_s, args| ask(&args, LockOp::Lock).map(|_| Obj::none()));
builtin!(unlock = "unlock", |_s, args| ask(&args, LockOp::Unlock).map(|_| Obj::none()));
builtin!(is_locked = "is_locked", |_s, args| Obj::bool(ask(&args, LockOp::IsLocked)?));
