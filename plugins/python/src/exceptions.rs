//! Uncaught exceptions of apps: logged, counted, answered.
//!
//! It owns the order: count, page, traceback, worker policy. It refuses to let `SystemExit`
//! reach the interpreter's own handling, which would end the process in the middle of a request.

use std::ffi::CStr;

use uwsgi_abi::{Control, Pair, Str};

use crate::cores::Core;
use crate::ffi;
use crate::guard::type_name;
use crate::obj::Obj;
use crate::raise::{Res, clear};
use crate::state::{attached_interp, interp, log, server, settings, unlocked};
use crate::types::is_a;

/// The exception that was set, taken out of the thread.
pub(crate) struct Taken {
    class: Option<Obj>,
    value: Option<Obj>,
    traceback: Option<Obj>,
}

impl Taken {
    /// Takes and normalises it.
    pub(crate) fn take() -> Taken {
        let (mut class, mut value, mut traceback) =
            (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: attached; three owned references (or nulls) come out, and stay owned in place.
        unsafe {
            ffi::PyErr_Fetch(&mut class, &mut value, &mut traceback);
            ffi::PyErr_NormalizeException(&mut class, &mut value, &mut traceback);
        }
        if let (false, false) = (value.is_null(), traceback.is_null()) {
            // SAFETY: a live exception and its traceback.
            unsafe { ffi::PyException_SetTraceback(value, traceback) };
        }
        let own = |pointer| Obj::own(pointer).ok();
        Taken { class: own(class), value: own(value), traceback: own(traceback) }
    }

    /// The exception itself.
    pub(crate) fn into_value(self) -> Option<Obj> {
        self.value
    }

    /// `module.Name` of its class.
    pub(crate) fn class_name(&self) -> String {
        let Some(class) = &self.class else { return "?".into() };
        let name = |n| class.attr_opt(n).map(|o| o.to_text()).unwrap_or_default();
        format!("{}.{}", name(c"__module__"), name(c"__qualname__"))
    }

    /// `str(value)`.
    pub(crate) fn message(&self) -> String {
        let Some(value) = &self.value else { return String::new() };
        // SAFETY: a live object.
        let text = Obj::own(unsafe { ffi::PyObject_Str(value.ptr()) });
        text.map_or_else(
            |_| {
                clear();
                String::new()
            },
            |t| t.to_text(),
        )
    }

    /// Whether it asks the process to end.
    fn asks_for_exit(&self) -> bool {
        self.value.as_ref().is_some_and(|v| {
            // SAFETY: exported pointers that are set when the interpreter starts.
            let classes = unsafe { [ffi::PyExc_SystemExit, ffi::PyExc_KeyboardInterrupt] };
            classes.iter().any(|&c| is_a(v.ptr(), c.cast()))
        })
    }

    /// Prints the traceback to `sys.stderr`.
    pub(crate) fn print(self) {
        if self.value.is_none() {
            return;
        }
        let helper = attached_interp().and_then(|i| i.glue.get(c"print_exception"));
        if let (Some(helper), Some(value)) = (helper, &self.value)
            && helper.call(&[value]).is_ok()
        {
            return;
        }
        clear();
        let raw = |o: &Option<Obj>| o.as_ref().map_or(std::ptr::null_mut(), Obj::ptr);
        // SAFETY: live objects or nulls; this way of printing needs nothing to be in order.
        unsafe { ffi::PyErr_Display(raw(&self.class), raw(&self.value), raw(&self.traceback)) };
        clear();
    }
}

/// Prints the exception that is set and drops it.
pub(crate) fn print() {
    Taken::take().print();
}

/// Deals with the exception that the app of the running request let out.
pub(crate) fn uncaught(core: &Core) {
    taken_out(core, Taken::take());
}

/// The same for an exception that was taken before.
pub(crate) fn taken_out(core: &Core, taken: Taken) {
    let (class, message) = (taken.class_name(), taken.message());
    let Some(server) = server() else { return };
    server.exception(core.request.get(), class.as_bytes(), message.as_bytes());
    answer(core, &taken, &class, &message);
    if settings().log_exceptions
        && with_glue(core, c"exception_log", &taken, &class, &message).is_err()
    {
        print();
    }
    let exit = taken.asks_for_exit();
    if exit {
        let short = class.rsplit('.').next().unwrap_or(&class);
        log(&format!("python app raised {short}({message}), recycling worker"));
    }
    taken.print();
    if exit {
        server.control(Control::Recycle);
    }
    if settings().reload.matches(&class, &message) {
        server.control(Control::MonitoredException);
    }
}

/// Sends the page that the options ask for, if nothing was sent.
fn answer(core: &Core, taken: &Taken, class: &str, message: &str) {
    if core.head_sent.get() {
        return;
    }
    if settings().catch_exceptions {
        match with_glue(core, c"exception_page", taken, class, message) {
            Ok(page) => unlocked(|| plain_500(core, page.as_bytes())),
            Err(_) => print(),
        }
    } else if settings().exception_500 {
        unlocked(|| page_500(core));
    }
}

/// What a function of the helper code makes of an exception: the text of `catch-exceptions`, or what an
/// exception handler says.
fn with_glue(core: &Core, name: &CStr, taken: &Taken, class: &str, message: &str) -> Res<Obj> {
    let glue = interp(core.interp.get()).and_then(|i| i.glue.get(name));
    let function = glue.ok_or_else(crate::cores::outside)?;
    // SAFETY: non-null inside a request; the server keeps the variables alive.
    let vars = unsafe {
        let request = &*core.request.get();
        std::slice::from_raw_parts(request.vars, request.vars_len)
    };
    let pairs = Obj::list(vars.iter().map(|pair| {
        // SAFETY: as above.
        let (key, value) = unsafe { (pair.key.bytes(), pair.value.bytes()) };
        Obj::tuple([Obj::latin1(key), Obj::latin1(value)])
    }))?;
    let facts = Obj::tuple([Obj::text(class), Obj::text(message), Obj::uint(core.id.into())])?;
    let traceback = taken.traceback.clone().unwrap_or_else(Obj::none);
    function.call(&[&facts, &traceback, &pairs])
}

/// The page of the configuration for status 500, or a word; touches no object.
pub(crate) fn page_500(core: &Core) {
    match settings().error_pages.iter().find_map(|path| std::fs::read(path).ok()) {
        Some(page) => answer_500(core, b"text/html", &page),
        None => plain_500(core, b"Internal Server Error"),
    }
}

/// Answers with status 500 and a plain text body; touches no object.
fn plain_500(core: &Core, body: &[u8]) {
    answer_500(core, b"text/plain", body);
}

fn answer_500(core: &Core, kind: &[u8], body: &[u8]) {
    let Some(server) = server() else { return };
    let header = |key: &[u8], value: &[u8]| Pair { key: Str::new(key), value: Str::new(value) };
    let size = body.len().to_string();
    let headers = [
        header(b"Connection", b"close"),
        header(b"Content-Type", kind),
        header(b"Content-Length", size.as_bytes()),
    ];
    let headers = if kind == b"text/html" { &headers[..] } else { &headers[..2] };
    let request = core.request.get();
    if server.head(request, b"500 Internal Server Error", headers) != uwsgi_abi::OK {
        return;
    }
    core.head_set.set(true);
    core.head_sent.set(true);
    if server.write(request, body, uwsgi_abi::WRITE_LAST) != uwsgi_abi::OK {
        core.broken.set(true);
    }
}

/// For a chunk of the wrong type: what it was.
pub(crate) fn bad_chunk(item: &Obj) -> String {
    let name = type_name(item);
    let hint = if name == "str" { ", encode() it" } else { "" };
    format!("[ERROR] Unhandled object from iterator: '{name}' ({:p}){hint}", item.ptr())
}
