//! Starts the helper threads that options ask for in each worker: `py-auto-reload` and
//! `py-tracebacker`.
//!
//! It owns reading their options. It refuses to start them in a process that is not a worker, or
//! twice. Their code is Python, compiled only when it is wanted.

use std::ffi::CStr;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use uwsgi_abi::plugin::ServerRef;

use crate::exceptions;
use crate::obj::Obj;
use crate::raise::{Raised, Res, value_error};
use crate::start::{glue_call, run_source};
use crate::state::interp;

const SOURCE: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("threads.py"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"raise SystemError('helper code contains a NUL')",
    };

/// Pid of the process whose threads run.
static STARTED: AtomicI32 = AtomicI32::new(0);

/// Starts them in a worker; the main interpreter is attached.
pub(crate) fn start(server: ServerRef) {
    let identity = server.identity();
    let reload = server.option_last("py-auto-reload");
    let dumps = server.option_last("py-tracebacker");
    if identity.worker == 0 || (reload, dumps) == (None, None) {
        return;
    }
    if STARTED.swap(identity.pid, Relaxed) == identity.pid {
        return;
    }
    if launch(server, identity.worker, reload, dumps).is_err() {
        exceptions::print();
    }
}

fn launch(server: ServerRef, worker: u32, reload: Option<&[u8]>, dumps: Option<&[u8]>) -> Res<()> {
    let glue = &interp(0).ok_or(Raised)?.glue;
    run_source(SOURCE, glue)?;
    let worker = Obj::uint(worker.into())?;
    if let Some(seconds) = reload {
        let text = String::from_utf8_lossy(seconds);
        let number = text.trim().parse::<i64>().map_err(|_| {
            value_error(&format!("invalid \"py-auto-reload\" value {text:?}: seconds are allowed"))
        })?;
        if number > 0 {
            let ignored = Obj::list(server.option_all("py-auto-reload-ignore").map(Obj::fs_text))?;
            glue_call(glue, c"auto_reload", &[&Obj::int(number)?, &ignored, &worker])?;
        }
    }
    if let Some(prefix) = dumps {
        let mode = server.option_last("chmod-socket").filter(|m| !m.is_empty());
        let mode = Obj::fs_text(mode.unwrap_or_default())?;
        glue_call(glue, c"tracebacker", &[&Obj::fs_text(prefix)?, &mode, &worker])?;
    }
    Ok(())
}
