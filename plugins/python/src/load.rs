//! Loads the apps: the first one into the main interpreter, the others into interpreters of
//! their own unless `single-interpreter` is on.
//!
//! It owns when each is loaded. Sub-interpreters do not survive a fork, so without `lazy-apps`
//! the first app is loaded before the fork and the others in each worker after it. It refuses to
//! print tracebacks itself: the helper code does, without its own frames.

use std::ffi::CStr;
use std::sync::Mutex;
use std::time::Instant;

use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{AppInfo, Str};

use crate::exceptions;
use crate::ffi;
use crate::obj::Obj;
use crate::raise::{Raised, Res};
use crate::raw;
use crate::start::{glue_call, make_interp};
use crate::state::{self, App, Interp, change_world, interp, world};
use crate::wanted::{self, Kind, NO_APP, Wanted, text};

/// Apps that each worker loads after the fork.
static LATER: Mutex<Vec<Wanted>> = Mutex::new(Vec::new());

/// Options that this build knows of but cannot honour.
const MISSING: &[&str] = &[
    "web3",
    "pump",
    "wsgi-lite",
    "reload-os-env",
    "pyshell",
    "pyshell-oneshot",
    "python",
    "py-sharedarea",
    "early-python",
    "early-pyimport",
    "early-pythonpath",
    "python-worker-override",
    "spooler-import",
    "write-errors-exception-only",
];

/// Hooks of the module that nothing calls yet.
const MISSING_HOOKS: &[&CStr] = &[c"after_req_hook", c"spooler"];

/// Warns of what will not happen.
pub(crate) fn warn_missing(server: ServerRef) {
    for name in MISSING {
        if server.option(name, 0).is_some() {
            server
                .log(&format!("option \"{name}\" is not supported by this python plugin, ignored"));
        }
    }
}

/// `pymodule-alias` and `shared-import`, in the first process; the error is the exit code.
pub(crate) fn shared(server: ServerRef) -> Result<(), i32> {
    aliases(server, "pymodule-alias")?;
    imports(server, "shared-import");
    Ok(())
}

fn aliases(server: ServerRef, option: &'static str) -> Result<(), i32> {
    for value in server.option_all(option) {
        let ok = Obj::fs_text(value)
            .and_then(|v| glue_call(&interp(0).ok_or(Raised)?.glue, c"alias", &[&v]));
        match ok.and_then(|o| o.as_int()) {
            Ok(1) => {}
            Ok(_) => return Err(1),
            Err(Raised) => {
                exceptions::print();
                return Err(1);
            }
        }
    }
    Ok(())
}

fn imports(server: ServerRef, option: &'static str) {
    for value in server.option_all(option) {
        let Some(main) = interp(0) else { return };
        let done = Obj::fs_text(value).and_then(|v| glue_call(&main.glue, c"import_one", &[&v]));
        if done.is_err() {
            exceptions::print();
        }
    }
}

/// `test`: imports a module, and ends the process with 0 or 1.
pub(crate) fn test(server: ServerRef) -> Result<(), i32> {
    let Some(name) = server.option_last("test") else { return Ok(()) };
    let glue = &interp(0).ok_or(1)?.glue;
    let imported = Obj::fs_text(name).and_then(|n| glue_call(glue, c"import_one", &[&n]));
    match imported.and_then(|ok| ok.as_int()) {
        Ok(1) => std::process::exit(0),
        Ok(_) => Err(1),
        Err(Raised) => {
            exceptions::print();
            Err(1)
        }
    }
}

/// Loads what can be loaded now. The number of apps, or the exit code.
pub(crate) fn init_apps(server: ServerRef) -> Result<usize, i32> {
    imports(server, "import");
    aliases(server, "post-pymodule-alias")?;
    raw::load(server);
    let mut wanted = wanted::all(server)?.into_iter();
    let alone = server.flag("single-interpreter");
    while alone || count() == 0 {
        let Some(next) = wanted.next() else { break };
        load(server, &next, 0)?;
    }
    let rest: Vec<Wanted> = wanted.collect();
    if let Ok(mut later) = LATER.lock() {
        *later = rest;
    }
    if server.info().lazy_apps != 0 {
        load_later(server)?;
    }
    warn_hooks(server);
    Ok(count())
}

fn count() -> usize {
    world().map_or(0, |w| w.apps.len())
}

fn warn_hooks(server: ServerRef) {
    for name in MISSING_HOOKS {
        if interp(0).is_some_and(|i| i.module.get(name).is_some()) {
            server.log(&format!(
                "uwsgi.{} is not supported by this server, it will not be called",
                name.to_string_lossy()
            ));
        }
    }
}

/// Loads the apps that need interpreters of their own; in a worker, once.
pub(crate) fn load_later(server: ServerRef) -> Result<(), i32> {
    let rest = LATER.lock().map(|mut later| std::mem::take(&mut *later)).unwrap_or_default();
    for next in rest {
        let index = if count() == 0 { 0 } else { new_interp(server)? };
        load(server, &next, index)?;
    }
    Ok(())
}

/// Makes a sub-interpreter; the main one is attached before and after. Its index.
fn new_interp(server: ServerRef) -> Result<usize, i32> {
    let main = interp(0).ok_or(1)?.main_thread;
    // SAFETY: attached to the main interpreter on the main thread.
    let thread = unsafe { ffi::Py_NewInterpreter() };
    if thread.is_null() {
        server.log("unable to initialize the new python interpreter");
        // SAFETY: the main thread's own state.
        unsafe { ffi::PyThreadState_Swap(main) };
        return Err(1);
    }
    // SAFETY: attached to the new interpreter.
    let state = unsafe { ffi::PyInterpreterState_Get() };
    let made = make_interp(server, state, thread);
    if made.is_err() {
        exceptions::print();
    }
    // SAFETY: back to the main interpreter, same thread.
    unsafe { ffi::PyThreadState_Swap(main) };
    let made = made.map_err(|Raised| 1)?;
    change_world(|world| {
        world.interps.push(made);
        world.interps.len() - 1
    })
    .ok_or(1)
}

/// Loads one wanted app into the interpreter at `index`, switching to it and back.
fn load(server: ServerRef, wanted: &Wanted, index: usize) -> Result<(), i32> {
    let main = interp(0).ok_or(1)?.main_thread;
    if world().is_some_and(|w| !wanted.mountpoint.is_empty() && taken(&w.apps, &wanted.mountpoint))
    {
        server.log(&format!("mountpoint {} already configured. skip.", text(&wanted.mountpoint)));
        return Ok(());
    }
    if !wanted.mountpoint.is_empty() {
        let (app, mountpoint) = (text(&wanted.value), text(&wanted.mountpoint));
        server.log(&format!("mounting {app} on {mountpoint}"));
    }
    let number = count();
    let started = Instant::now();
    // SAFETY: main thread, attached to the main interpreter; both states are its own.
    unsafe { ffi::PyThreadState_Swap(interp(index).ok_or(1)?.main_thread) };
    let found = interp(index).ok_or(Raised).and_then(|target| find(server, wanted, target));
    let found = found.unwrap_or_else(|Raised| {
        exceptions::print();
        Vec::new()
    });
    for (mountpoint, callable) in &found {
        let mountpoint = mountpoint.as_deref().unwrap_or(&wanted.mountpoint);
        register(server, mountpoint, callable, index, started.elapsed().as_secs());
    }
    let failed = count() == number;
    drop(found);
    // SAFETY: as above.
    unsafe { ffi::PyThreadState_Swap(main) };
    if failed {
        server.log(&format!(
            "unable to load app {number} (mountpoint='{}') (callable not found or import error)",
            text(&wanted.mountpoint)
        ));
        return if wanted.fatal { Err(NO_APP) } else { Ok(()) };
    }
    Ok(())
}

fn taken(apps: &[App], mountpoint: &[u8]) -> bool {
    apps.iter().any(|a| a.mountpoint == mountpoint)
}

type Found = Vec<(Option<Vec<u8>>, Obj)>;

/// Asks the helper code of the attached interpreter for the callables.
fn find(server: ServerRef, wanted: &Wanted, target: &Interp) -> Res<Found> {
    let name = server.option_last("callable").unwrap_or(b"application");
    let (value, name) = (Obj::fs_text(&wanted.value)?, Obj::fs_text(name)?);
    let pairs = match wanted.kind {
        Kind::Module => glue_call(&target.glue, c"load_module", &[&value, &name]),
        Kind::File => glue_call(&target.glue, c"load_file", &[&value, &name]),
        Kind::Eval => glue_call(&target.glue, c"load_eval", &[&value, &name]),
        Kind::Pecan => glue_call(&target.glue, c"load_pecan", &[&value]),
        Kind::Paste => {
            let logger = Obj::bool(server.flag("paste-logger"))?;
            glue_call(&target.glue, c"load_paste", &[&value, &logger])
        }
    }?;
    let mut found = Vec::new();
    // SAFETY: the helper returns a list of pairs; out-of-range reads give null, checked below.
    for at in 0..unsafe { ffi::PyList_Size(pairs.ptr()) } {
        // SAFETY: as above; borrowed items are made strong at once.
        let (mountpoint, callable) = unsafe {
            let pair = ffi::PyList_GetItem(pairs.ptr(), at);
            (Obj::borrow(ffi::PyTuple_GetItem(pair, 0)), Obj::borrow(ffi::PyTuple_GetItem(pair, 1)))
        };
        let (mountpoint, callable) = (mountpoint.ok_or(Raised)?, callable.ok_or(Raised)?);
        let mountpoint = (!mountpoint.is_none()).then(|| mountpoint.to_text().into_bytes());
        found.push((mountpoint, callable));
    }
    Ok(found)
}

fn register(server: ServerRef, mountpoint: &[u8], callable: &Obj, index: usize, seconds: u64) {
    let Some(world) = world() else { return };
    if !mountpoint.is_empty() && taken(&world.apps, mountpoint) {
        server.log(&format!("mountpoint {} already configured. skip.", text(mountpoint)));
        return;
    }
    let eligible = mountpoint.is_empty() || mountpoint.starts_with(b"/");
    let default = eligible && world.default_app.is_none() && !server.flag("no-default-app");
    let info = AppInfo {
        mountpoint: Str::new(mountpoint),
        chdir: Str::EMPTY,
        startup_time: seconds,
        modifier1: 0,
        default_app: default.into(),
    };
    let Some(id) = server.register_app(&info) else { return }; // the server says why
    server.log(&format!(
        "WSGI app {id} (mountpoint='{}') ready in {seconds} seconds on interpreter {:p} pid: {}{}",
        text(mountpoint),
        interp(index).map_or(std::ptr::null_mut(), |i| i.state),
        std::process::id(),
        if default { " (default app)" } else { "" }
    ));
    let app =
        App { mountpoint: mountpoint.to_vec(), callable: callable.clone(), interp: index, id };
    state::change_world(|world| {
        world.apps.push(app);
        if default {
            world.default_app = Some(world.apps.len() - 1);
        }
    });
}
