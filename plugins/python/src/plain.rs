//! Functions for asynchronous engines and offloading, as they answer where there are none: every
//! request has a thread of its own, which simply waits.
//!
//! It owns those answers, which applications written for both rely on.

use crate::cores::Core;
use crate::ffi::Method;
use crate::guard::{Args, builtin};
use crate::module::the_server;
use crate::obj::Obj;
use crate::raise::{Raised, Res, os_error, value_error};

/// The functions of this file.
pub(crate) static FUNCTIONS: [Method; 8] = [
    Method::new(c"async_sleep", async_sleep),
    Method::new(c"wait_fd_read", wait_fd_read),
    Method::new(c"wait_fd_write", wait_fd_write),
    Method::new(c"suspend", suspend),
    Method::new(c"green_schedule", suspend),
    Method::new(c"ready_fd", ready_fd),
    Method::new(c"offload", offload),
    Method::new(c"embedded_data", embedded_data),
];

fn no_engine() -> Res<()> {
    the_server()?.log_verbose("ASYNC call without async mode !!!");
    Ok(())
}

fn wait_fd(args: &Args<'_>) -> Raised {
    let number = args.need(0).and_then(|fd| fd.as_int()).and_then(|fd| {
        Core::current()?;
        no_engine().map(|()| fd)
    });
    number.map_or_else(
        |raised| raised,
        |fd| os_error(&format!("unable to fd {fd} to the event queue")),
    )
}

builtin!(async_sleep = "async_sleep", |_s, args| {
    args.exactly(1)?;
    no_engine()?;
    Obj::bytes(b"")
});
builtin!(wait_fd_read = "wait_fd_read", |_s, args| Err(wait_fd(&args)));
builtin!(wait_fd_write = "wait_fd_write", |_s, args| Err(wait_fd(&args)));
builtin!(suspend = "suspend", |_s, _a| {
    Core::current()?;
    Obj::bool(true)
});
builtin!(ready_fd = "ready_fd", |_s, _a| {
    Core::current()?;
    Obj::int(-1)
});
builtin!(offload = "offload", |_s, _a| {
    Core::current()?;
    Obj::bytes(b"")
});
builtin!(embedded_data = "embedded_data", |_s, args| {
    let name = String::from_utf8_lossy(args.text(0)?).into_owned();
    Err(value_error(&format!("unable to find symbol {name}")))
});
