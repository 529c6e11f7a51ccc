//! Loads the apps: the first one into the main interpreter, the others into interpreters of
//! their own unless `single-interpreter` is on.
//!
//! It owns when each is loaded. Sub-interpreters do not survive a fork, so without `lazy-apps`
//! the first app is loaded before the fork and the others in each worker after it. It refuses to
//! print tracebacks itself: the helper code does, without its own frames.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{AppInfo, Str};

use crate::cores::Core;
use crate::dynamic::Extra;
use crate::exceptions;
use crate::ffi;
use crate::obj::Obj;
use crate::raise::{Raised, Res};
use crate::raw;
use crate::start::{glue_call, make_interp};
use crate::state::{self, App, Interp, World, change_world, interp, world};
use crate::wanted::{self, Kind, NO_APP, Wanted, text};

/// Apps that each worker loads after the fork.
static LATER: Mutex<Vec<Wanted>> = Mutex::new(Vec::new());

/// Options that this build knows of but cannot honour.
const MISSING: &[&str] = &[
    "web3",
    "pump",
    "wsgi-lite",
    "pyshell",
    "pyshell-oneshot",
    "python",
    "py-sharedarea",
    "early-python",
    "early-pyimport",
    "early-pythonpath",
    "python-worker-override",
    "spooler-import",
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
    let main = interp(0).ok_or(1)?.main_thread();
    let (made, _) = make_new(server, main, true)?;
    change_world(|world| {
        world.interps.push(Rc::new(made));
        world.interps.len() - 1
    })
    .ok_or(1)
}

/// The same at run time, for the thread of a core, whose state in the main interpreter is `main`.
pub(crate) fn new_interp_for(
    server: ServerRef,
    core: &Core,
    main: *mut ffi::PyThreadState,
) -> Result<usize, i32> {
    let (made, thread) = make_new(server, main, core.id == 0)?;
    let index = state::grow_world(|world| {
        world.interps.push(Rc::new(made));
        world.interps.len() - 1
    })
    .ok_or(1)?;
    core.keep_thread(index, thread);
    Ok(index)
}

/// Makes an interpreter from the main one, whose state of this thread is attached before and after.
/// With it the state that it was made with.
fn make_new(
    server: ServerRef,
    main: *mut ffi::PyThreadState,
    is_main_thread: bool,
) -> Result<(Interp, *mut ffi::PyThreadState), i32> {
    // SAFETY: attached to the main interpreter.
    let thread = unsafe { ffi::Py_NewInterpreter() };
    if thread.is_null() {
        server.log("unable to initialize the new python interpreter");
        // SAFETY: this thread's own state.
        unsafe { ffi::PyThreadState_Swap(main) };
        return Err(1);
    }
    // SAFETY: attached to the new interpreter.
    let state = unsafe { ffi::PyInterpreterState_Get() };
    let made = make_interp(server, state, if is_main_thread { thread } else { null_mut() });
    match &made {
        // SAFETY: a live interpreter.
        Ok(made) if !is_main_thread => unsafe {
            made.spare.store(ffi::PyThreadState_New(state), Relaxed);
        },
        Ok(_) => {}
        Err(Raised) => exceptions::print(),
    }
    // SAFETY: back to the main interpreter, same thread.
    unsafe { ffi::PyThreadState_Swap(main) };
    made.map(|made| (made, thread)).map_err(|Raised| 1)
}

/// Loads one wanted app into the interpreter at `index`, switching to it and back.
fn load(server: ServerRef, wanted: &Wanted, index: usize) -> Result<(), i32> {
    let main = interp(0).ok_or(1)?.main_thread();
    if world().is_some_and(|w| !wanted.mountpoint.is_empty() && taken(&w.apps, &wanted.mountpoint))
    {
        server.log(&format!("mountpoint {} already configured. skip.", text(&wanted.mountpoint)));
        return Ok(());
    }
    if !wanted.mountpoint.is_empty() {
        let (app, mountpoint) = (text(&wanted.value), text(&wanted.mountpoint));
        server.log(&format!("mounting {app} on {mountpoint}"));
    }
    let target = interp(index).ok_or(1)?;
    // SAFETY: main thread, attached to the main interpreter; both states are its own.
    unsafe { ffi::PyThreadState_Swap(target.main_thread()) };
    reload_environment(server, &target.glue).unwrap_or_else(|Raised| exceptions::print());
    let loaded = load_into(server, wanted, None, index, None);
    // SAFETY: as above.
    unsafe { ffi::PyThreadState_Swap(main) };
    if !loaded && wanted.fatal { Err(NO_APP) } else { Ok(()) }
}

/// Loads one wanted app into the interpreter at `index`, which is attached; `extra` at run time.
/// False: nothing was loaded, and the log says why.
pub(crate) fn load_into(
    server: ServerRef,
    wanted: &Wanted,
    callable: Option<&[u8]>,
    index: usize,
    extra: Option<&Extra>,
) -> bool {
    let number = count();
    let started = Instant::now();
    let found = interp(index).ok_or(Raised).and_then(|to| find(server, wanted, callable, to));
    let found = found.unwrap_or_else(|Raised| {
        exceptions::print();
        Vec::new()
    });
    for (mountpoint, callable) in &found {
        let mountpoint = mountpoint.as_deref().unwrap_or(&wanted.mountpoint);
        let app = Ready { mountpoint, callable, index, extra };
        register(server, &app, started.elapsed().as_secs());
    }
    if count() == number {
        server.log(&format!(
            "unable to load app {number} (mountpoint='{}') (callable not found or import error)",
            text(&wanted.mountpoint)
        ));
    }
    count() > number
}

/// `reload-os-env`: what the environment of the process is now, for `os.environ`.
pub(crate) fn reload_environment(server: ServerRef, glue: &Obj) -> Res<()> {
    if !server.flag("reload-os-env") {
        return Ok(());
    }
    let pairs = std::env::vars_os().map(|(name, value)| {
        Obj::tuple([Obj::bytes(name.as_bytes()), Obj::bytes(value.as_bytes())])
    });
    glue_call(glue, c"reload_environ", &[&Obj::list(pairs)?]).map(|_| ())
}

fn taken(apps: &[Rc<App>], mountpoint: &[u8]) -> bool {
    apps.iter().any(|a| a.mountpoint == mountpoint)
}

type Found = Vec<(Option<Vec<u8>>, Obj)>;

/// Asks the helper code of the attached interpreter for the callables.
fn find(
    server: ServerRef,
    wanted: &Wanted,
    callable: Option<&[u8]>,
    target: &Interp,
) -> Res<Found> {
    let name = callable.or_else(|| server.option_last("callable")).unwrap_or(b"application");
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

/// An app that was found.
struct Ready<'a> {
    mountpoint: &'a [u8],
    callable: &'a Obj,
    index: usize,
    extra: Option<&'a Extra>,
}

fn register(server: ServerRef, ready: &Ready<'_>, seconds: u64) {
    let (Some(world), &Ready { mountpoint, callable, index, extra }) = (world(), ready) else {
        return;
    };
    if !mountpoint.is_empty() && taken(&world.apps, mountpoint) {
        server.log(&format!("mountpoint {} already configured. skip.", text(mountpoint)));
        return;
    }
    let eligible = mountpoint.is_empty() || mountpoint.starts_with(b"/");
    let default = eligible && world.default_app.is_none() && !server.flag("no-default-app");
    let chdir = extra.and_then(|extra| extra.chdir.as_ref());
    let info = AppInfo {
        mountpoint: Str::new(mountpoint),
        chdir: chdir.map_or(Str::EMPTY, |path| Str::new(path.to_bytes())),
        startup_time: seconds,
        modifier1: 0,
        default_app: default.into(),
    };
    let Some(id) = server.register_app(&info) else { return }; // the server says why
    server.log(&format!(
        "WSGI app {id} (mountpoint='{}') ready in {seconds} seconds on interpreter {:p} pid: {}{}",
        text(mountpoint),
        interp(index).map_or(null_mut(), |i| i.state),
        std::process::id(),
        if default { " (default app)" } else { "" }
    ));
    let (mountpoint, callable) = (mountpoint.to_vec(), callable.clone());
    let app = App { mountpoint, callable, interp: index, id, extra: extra.cloned() };
    let add = |world: &mut World| {
        world.apps.push(Rc::new(app));
        if default {
            world.default_app = Some(world.apps.len() - 1);
        }
    };
    match extra {
        Some(_) => state::grow_world(add),
        None => change_world(add),
    };
}
