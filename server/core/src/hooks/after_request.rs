//! `after-request-hook`: functions of loaded libraries that are called after each request.
//!
//! They get a pointer to [`Finished`], which belongs to them until they return. It is no
//! `struct wsgi_request` of the C server, whose layout nobody can keep.

use std::sync::OnceLock;

use uwsgi_abi::Str;
use uwsgi_sys::symbol::WithPointer;

use crate::instance::Instance;
use crate::log;

/// A request that is over, as C sees it; texts are not NUL-terminated. New fields come at the end.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Finished {
    /// Size of this struct, by which a library sees which fields there are.
    pub size: usize,
    /// Number of the worker, from 1.
    pub worker: u32,
    /// Number of the core, from 0.
    pub core: u32,
    /// Number of the application, -1 without one.
    pub app: i32,
    /// Status of the answer, 0 when there was none.
    pub status: u32,
    /// Microseconds from the complete head to the end of the answer.
    pub duration_us: u64,
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
    /// `REQUEST_METHOD`.
    pub method: Str,
    /// `REQUEST_URI`.
    pub uri: Str,
    /// `REMOTE_ADDR`.
    pub remote: Str,
}

static CHAIN: OnceLock<Vec<WithPointer>> = OnceLock::new();

/// Looks the functions up, once libraries and plugins are loaded. The error is the line for the log.
pub(crate) fn find(instance: &Instance) -> Result<(), String> {
    let names = &instance.settings.policy.hooks.after_request;
    let mut chain = Vec::new();
    for name in names {
        let function = WithPointer::find(name);
        chain.push(function.ok_or_else(|| format!("unable to find symbol/function \"{name}\""))?);
        log!("added \"{name}(struct wsgi_request *)\" to the after-request chain");
    }
    let _ = CHAIN.set(chain);
    Ok(())
}

/// Whether there are any.
pub(crate) fn wanted() -> bool {
    CHAIN.get().is_some_and(|chain| !chain.is_empty())
}

/// Calls them in the order of the configuration.
pub(crate) fn call(finished: &mut Finished) {
    for function in CHAIN.get().into_iter().flatten() {
        function.call(finished);
    }
}
