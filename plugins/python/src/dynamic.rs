//! Apps that requests name: loaded by the worker that serves the first such request, kept for the
//! next ones.
//!
//! It owns the order of things around a load at run time: one at a time, in the thread of the
//! request, in an interpreter of its own like every app after the first. It refuses to leave an
//! interpreter behind when nothing could be loaded into it.

use std::ffi::CString;
use std::sync::Mutex;
use std::time::SystemTime;

use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{Control, REQUEST_DYNAMIC, REQUEST_SETENV, Request};

use crate::cores::Core;
use crate::exceptions;
use crate::ffi;
use crate::load;
use crate::obj::Obj;
use crate::raise::{Raised, Res};
use crate::start::glue_call;
use crate::state::{self, App, interp, world};
use crate::wanted::{Kind, Wanted, text};

/// One load at a time in a process.
static LOADING: Mutex<()> = Mutex::new(());

/// What the request that loaded an app said about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    /// Where its requests run (`UWSGI_CHDIR`).
    pub(crate) chdir: Option<CString>,
    /// A file whose touch ends the worker (`UWSGI_TOUCH_RELOAD`), and when it last was.
    touch: Option<(CString, Option<SystemTime>)>,
}

/// The last value of a variable; nothing when it is empty.
fn var<'r>(request: &'r Request, name: &[u8]) -> Option<&'r [u8]> {
    // SAFETY: the server passes `vars_len` pairs that live as long as the request.
    let vars = unsafe { std::slice::from_raw_parts(request.vars, request.vars_len) };
    // SAFETY: as above, for their strings.
    let named = |pair: &&uwsgi_abi::Pair| unsafe { pair.key.bytes() } == name;
    // SAFETY: as above.
    let value = vars.iter().rev().find(named).map(|pair| unsafe { pair.value.bytes() });
    value.filter(|v| !v.is_empty())
}

fn path(request: &Request, name: &[u8]) -> Option<CString> {
    var(request, name).and_then(|v| CString::new(v).ok())
}

fn touched(path: &CString) -> Option<SystemTime> {
    std::fs::metadata(path.to_str().ok()?).and_then(|m| m.modified()).ok()
}

/// Does what the variables of a request ask for before its app is looked for.
pub(crate) fn prepare(request: &Request) {
    if request.flags & REQUEST_SETENV == 0 {
        return;
    }
    // SAFETY: as in `var`.
    let vars = unsafe { std::slice::from_raw_parts(request.vars, request.vars_len) };
    for pair in vars {
        // SAFETY: as in `var`.
        let (key, value) = unsafe { (pair.key.bytes(), pair.value.bytes()) };
        let Some(at) = value.iter().position(|&b| b == b'=').filter(|_| key == b"UWSGI_SETENV")
        else {
            continue;
        };
        let (name, value) = value.split_at(at);
        let pair = (CString::new(name), CString::new(value.get(1..).unwrap_or_default()));
        if let (Ok(name), Ok(value)) = pair {
            // SAFETY: two NUL-terminated strings, which are copied. Who reads the environment in
            // another thread meanwhile is the risk of this variable.
            unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
        }
    }
}

/// The app of a request: the one mounted at its key, or one that its variables name, or the default.
pub(crate) fn app_for(server: ServerRef, core: &Core, request: &Request) -> Option<&'static App> {
    // SAFETY: the server keeps the string for the length of the request.
    let key = unsafe { request.script_name.bytes() };
    if request.flags & REQUEST_DYNAMIC == 0 {
        return world()?.app_for(key);
    }
    let exact = || world().and_then(|w| w.apps.iter().find(|a| a.mountpoint == key));
    if exact().is_none() {
        let _one = LOADING.lock().ok()?;
        if exact().is_none() {
            load(server, core, request, key);
        }
    }
    exact().map(|app| &**app).or_else(|| world()?.app_for(key))
}

/// What the variables ask for. `UWSGI_SCRIPT` goes first, then the module, then the file.
fn wanted(request: &Request, key: &[u8]) -> Option<(Wanted, Option<Vec<u8>>)> {
    let callable = var(request, b"UWSGI_CALLABLE").map(<[u8]>::to_vec);
    let (kind, value) = match (var(request, b"UWSGI_SCRIPT"), var(request, b"UWSGI_MODULE")) {
        (Some(script), _) => (Kind::Module, script),
        (None, Some(module)) => (Kind::Module, module),
        (None, None) => (Kind::File, var(request, b"UWSGI_FILE")?),
    };
    let (value, mountpoint) = (value.to_vec(), key.to_vec());
    Some((Wanted { kind, value, mountpoint, fatal: false }, callable))
}

/// Loads an app in the thread of the request, which is attached to no interpreter.
fn load(server: ServerRef, core: &Core, request: &Request, key: &[u8]) {
    let Some((wanted, callable)) = wanted(request, key) else { return };
    let extra = Extra {
        chdir: path(request, b"UWSGI_CHDIR"),
        touch: path(request, b"UWSGI_TOUCH_RELOAD").map(|p| (p.clone(), touched(&p))),
    };
    enter(server, &extra);
    let home = var(request, b"UWSGI_HOME").or_else(|| var(request, b"UWSGI_PYHOME"));
    let main = core.thread_in(0);
    if main.is_null() {
        return server.log("unable to make a python thread state, out of memory?");
    }
    state::detach_main();
    // SAFETY: this thread's own state; the main thread is detached between requests.
    unsafe { ffi::PyEval_RestoreThread(main) };
    let own = world().is_some_and(|w| !w.apps.is_empty()) && !server.flag("single-interpreter");
    let index = match own {
        false => Ok(0),
        true => load::new_interp_for(server, core, main),
    };
    if let Ok(index) = index {
        // SAFETY: this thread's own states; attached to the main interpreter until here.
        unsafe { ffi::PyThreadState_Swap(core.thread_in(index)) };
        prepare_interp(server, index, home).unwrap_or_else(|Raised| exceptions::print());
        let loaded = load::load_into(server, &wanted, callable.as_deref(), index, Some(&extra));
        if !loaded && own {
            state::end_newest_interp(core, index);
        }
        // SAFETY: as above.
        unsafe { ffi::PyThreadState_Swap(main) };
    }
    // SAFETY: attached above.
    unsafe { ffi::PyEval_SaveThread() };
}

/// The environment and the virtualenv of an app that is about to be loaded.
fn prepare_interp(server: ServerRef, index: usize, home: Option<&[u8]>) -> Res<()> {
    let glue = &interp(index).ok_or(Raised)?.glue;
    load::reload_environment(server, glue)?;
    if let Some(home) = home {
        glue_call(glue, c"use_home", &[&Obj::fs_text(home)?])?;
    }
    Ok(())
}

/// Goes where an app wants to run; a failure is only told.
pub(crate) fn enter(server: ServerRef, extra: &Extra) {
    let Some(path) = &extra.chdir else { return };
    // SAFETY: a NUL-terminated string.
    if unsafe { libc::chdir(path.as_ptr()) } != 0 {
        let error = std::io::Error::last_os_error().to_string();
        let error = error.split(" (os error").next().unwrap_or_default();
        server.log(&format!("chdir({}): {error}", text(path.to_bytes())));
    }
}

/// Has the worker replaced after this request when the file of its app was touched.
pub(crate) fn look_for_touch(server: ServerRef, extra: &Extra) {
    let Some((path, last)) = &extra.touch else { return };
    let now = touched(path);
    if now.is_some() && now != *last {
        server.log(&format!("*** {} has been touched... reloading ***", text(path.to_bytes())));
        server.control(Control::Recycle);
    }
}
