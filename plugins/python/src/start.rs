//! Starts the interpreter: names it, initialises it, and makes each interpreter ready for apps.
//!
//! It owns what must happen before and right after `Py_InitializeEx`. It refuses to install
//! signal handlers: the process's signals belong to the server.

use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use uwsgi_abi::plugin::ServerRef;

use crate::exceptions;
use crate::ffi::{self, Method, PyObject};
use crate::guard::builtin;
use crate::home;
use crate::input;
use crate::metric;
use crate::module;
use crate::mules;
use crate::obj::Obj;
use crate::raise::{Raised, Res};
use crate::respond;
use crate::series;
use crate::state::{self, Interp, change_world, log};
use crate::types::measure_head;

const GLUE: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("glue.py"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"raise SystemError('helper code contains a NUL')",
    };

/// Brings the main interpreter up; the error is the exit code.
pub(crate) fn start(server: ServerRef) -> Result<(), i32> {
    if let Some(value) = server.option_last("wsgi-env-behaviour")
        && !matches!(value, b"cheat" | b"holy")
    {
        // both mean a new dict for each request: reusing one corrupts apps that keep it
        server
            .log(&format!("invalid wsgi-env-behaviour value: {}", String::from_utf8_lossy(value)));
        return Err(1);
    }
    // SAFETY: a static string of the library, callable before initialisation.
    let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy();
    server.log(&format!("Python version: {}", version.replace('\n', " ")));
    // SAFETY: callable before initialisation.
    if unsafe { ffi::Py_IsInitialized() } != 0 {
        server.log("--- Python VM already initialized ---");
    } else {
        let path = |name| server.option_last(name).map(|v| Path::new(OsStr::from_bytes(v)));
        let found = path("python-program-name");
        let program = path("py-programname");
        let placing = home::place(path("home"), program, found, home::version_of(&version));
        let placing = placing.map_err(|line| {
            server.log(&line);
            1
        })?;
        placing.lines.iter().for_each(|line| server.log(line));
        initialize(&server, &placing)?;
    }
    state::set_attached(true);
    // SAFETY: attached by the initialisation above.
    let (thread, interpreter) =
        unsafe { (ffi::PyThreadState_Get(), ffi::PyInterpreterState_Get()) };
    server.log(&format!("Python main interpreter initialized at {interpreter:p}"));
    server.log("python threads support enabled");
    let made = measure_head().and_then(|()| make_interp(server, interpreter, thread));
    let interp = made.map_err(|Raised| {
        exceptions::print();
        1
    })?;
    change_world(|world| world.interps.push(Rc::new(interp)));
    Ok(())
}

/// Initialises CPython by the setters that every version up to 3.15 exports.
fn initialize(server: &ServerRef, placing: &home::Placing) -> Result<(), i32> {
    let optimize = server.option_last("optimize").and_then(|v| std::str::from_utf8(v).ok());
    let optimize = optimize.and_then(|v| v.parse::<i32>().ok()).unwrap_or(0);
    let no_site = server.flag("no-site");
    set_flag(server, c"Py_OptimizeFlag", "optimize", optimize);
    set_flag(server, c"Py_NoSiteFlag", "no-site", no_site.into());
    set_path(server, c"Py_SetProgramName", placing.program.as_deref())?;
    set_path(server, c"Py_SetPythonHome", placing.home.as_deref())?;
    // SAFETY: first initialisation; 0 leaves the signals alone. Failure ends the process inside.
    unsafe { ffi::Py_InitializeEx(0) };
    Ok(())
}

/// Sets one of CPython's global flags, where they still exist.
fn set_flag(server: &ServerRef, symbol: &CStr, option: &str, value: c_int) {
    if value == 0 {
        return;
    }
    match ffi::optional_symbol(symbol) {
        // SAFETY: these symbols are plain C ints, read at initialisation, which is yet to come.
        Some(address) => unsafe { address.cast::<c_int>().write(value) },
        None => server.log(&format!("option \"{option}\" has no effect with this libpython")),
    }
}

/// Calls one of the setters that take a wide string, which CPython keeps.
fn set_path(server: &ServerRef, symbol: &CStr, path: Option<&Path>) -> Result<(), i32> {
    let Some(path) = path else { return Ok(()) };
    let name = symbol.to_string_lossy();
    let Some(address) = ffi::optional_symbol(symbol) else {
        server.log(&format!("this libpython has no {name}: it is newer than this server supports"));
        return Err(1);
    };
    let text = CString::new(path.as_os_str().as_bytes()).map_err(|_| 1)?;
    // SAFETY: NUL-terminated text; the size is not wanted. The result is ours and never freed.
    let wide = unsafe { ffi::Py_DecodeLocale(text.as_ptr(), std::ptr::null_mut()) };
    if wide.is_null() {
        server.log(&format!("unable to decode the path {}", path.display()));
        return Err(1);
    }
    // SAFETY: both setters have this signature in every version that has them.
    let set: unsafe extern "C" fn(*const c_void) = unsafe { std::mem::transmute(address) };
    // SAFETY: a wide string that lives for ever, before initialisation.
    unsafe { set(wide.cast()) };
    Ok(())
}

builtin!(log_line = "log", |_slf, args| {
    log(&args.need(0)?.to_text());
    Ok(Obj::none())
});

static LOG: Method = Method::new(c"log", log_line);
static START_RESPONSE: Method = Method::new(c"start_response", respond::start_response);
static WRITE: Method = Method::new(c"write", respond::write);
static FILE_WRAPPER: Method = Method::new(c"file_wrapper", respond::file_wrapper);

/// A builtin function object for a row.
pub(crate) fn function(row: &'static Method) -> Res<Obj> {
    let row = std::ptr::from_ref(row).cast_mut().cast();
    // SAFETY: a static row laid out as `PyMethodDef`; CPython does not write to it.
    Obj::own(unsafe {
        ffi::PyCFunction_NewEx(row, std::ptr::null_mut::<PyObject>(), std::ptr::null_mut())
    })
}

/// Makes the attached interpreter ready: helper code, `uwsgi` module, streams, paths.
pub(crate) fn make_interp(
    server: ServerRef,
    state: *mut ffi::PyInterpreterState,
    main_thread: *mut ffi::PyThreadState,
) -> Res<Interp> {
    let start_response = function(&START_RESPONSE)?;
    let (uwsgi, dict) = module::make(server, &start_response)?;
    let glue = run_glue(&uwsgi)?;
    set_up(server, &glue)?;
    let base = make_base(server, &glue)?;
    Ok(Interp {
        state,
        main_thread: Interp::room(main_thread),
        spare: Interp::room(std::ptr::null_mut()),
        glue,
        module: dict,
        start_response,
        write: function(&WRITE)?,
        input_type: input::make_type()?,
        base,
        input_key: crate::environ::intern(b"wsgi.input")?,
        env_key: crate::environ::intern(b"env")?,
        many_cores: server.info().cores > 1,
    })
}

/// Runs the helper code in a namespace of its own.
fn run_glue(uwsgi: &Obj) -> Res<Obj> {
    let names = Obj::dict()?;
    names.put(c"__name__", &Obj::text("uwsgi_glue")?)?;
    names.put(c"__builtins__", &Obj::import(c"builtins")?)?;
    names.put(c"uwsgi", uwsgi)?;
    names.put(c"log", &function(&LOG)?)?;
    names.put(c"metric_names", &function(&metric::NAMES)?)?;
    names.put(c"mule_receive", &function(&mules::RECEIVE)?)?;
    names.put(c"load_metrics", &function(&series::LOAD)?)?;
    run_source(GLUE, &names)?;
    Ok(names)
}

/// Runs source text of ours in a namespace.
pub(crate) fn run_source(source: &CStr, names: &Obj) -> Res<()> {
    // SAFETY: NUL-terminated source and name.
    let code = Obj::own(unsafe {
        ffi::Py_CompileString(source.as_ptr(), c"<uwsgi>".as_ptr(), ffi::Py_file_input)
    })?;
    // SAFETY: a live code object and namespace.
    Obj::own(unsafe { ffi::PyEval_EvalCode(code.ptr(), names.ptr(), names.ptr()) }).map(|_| ())
}

/// Calls a function of the helper code.
pub(crate) fn glue_call(glue: &Obj, name: &CStr, arguments: &[&Obj]) -> Res<Obj> {
    let function = glue.get(name).ok_or_else(|| {
        crate::raise::system_error(&format!("helper {} is missing", name.to_string_lossy()))
    })?;
    function.call(arguments)
}

fn set_up(server: ServerRef, glue: &Obj) -> Res<()> {
    let words = server.option_last("pyargv").unwrap_or_default();
    let words = words.split(|b| matches!(b, b' ' | b'\t')).filter(|w| !w.is_empty());
    let argv = Obj::list(std::iter::once(&b"uwsgi"[..]).chain(words).map(Obj::fs_text))?;
    let paths = Obj::list(server.option_all("pythonpath").map(Obj::fs_text))?;
    let function = glue.get(c"set_up").ok_or(Raised)?;
    let rest = Obj::tuple([
        Ok(argv),
        Obj::fs_text(&executable(server)),
        Ok(paths),
        Obj::bool(server.flag("honour-stdin")),
        Obj::bool(server.flag("py-prometheus-client")),
    ])?;
    // SAFETY: a live callable and tuple.
    Obj::own(unsafe { ffi::PyObject_CallObject(function.ptr(), rest.ptr()) }).map(|_| ())
}

/// What `sys.executable` shall be; empty leaves what CPython found.
fn executable(server: ServerRef) -> Vec<u8> {
    if let Some(path) = server.option_last("py-executable") {
        return path.to_vec();
    }
    if server.flag("py-executable-compat") {
        return server.info_str(server.info().binary).to_vec();
    }
    match server.option_last("home") {
        Some(home) if Path::new(OsStr::from_bytes(home)).join("bin/python").exists() => {
            let path = Path::new(OsStr::from_bytes(home)).join("bin/python");
            std::path::absolute(&path).unwrap_or(path).into_os_string().into_encoded_bytes()
        }
        _ => Vec::new(),
    }
}

/// The part of the environ that is the same for every request.
fn make_base(server: ServerRef, glue: &Obj) -> Res<Obj> {
    let info = server.info();
    let base = Obj::dict()?;
    base.put(c"wsgi.input", &Obj::none())?;
    base.put(c"wsgi.errors", &glue_call(glue, c"errors", &[])?)?;
    base.put(c"wsgi.version", &Obj::tuple([Obj::int(1), Obj::int(0)])?)?;
    base.put(c"wsgi.run_once", &Obj::bool(false)?)?;
    base.put(c"wsgi.multithread", &Obj::bool(info.cores > 1)?)?;
    base.put(c"wsgi.multiprocess", &Obj::bool(info.processes != 1)?)?;
    if server.flag("wsgi-manage-chunked-input") {
        base.put(c"wsgi.input_terminated", &Obj::bool(false)?)?;
    }
    if !server.flag("wsgi-disable-file-wrapper") {
        base.put(c"wsgi.file_wrapper", &function(&FILE_WRAPPER)?)?;
    }
    base.put(c"uwsgi.version", &Obj::bytes(server.info_str(info.version))?)?;
    base.put(c"uwsgi.node", &Obj::bytes(server.info_str(info.hostname))?)?;
    Ok(base)
}
