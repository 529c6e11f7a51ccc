//! WSGI on any CPython from 3.9 on: the Python plugin.
//!
//! The server opens libpython (symbols visible to all), then this library, whose references to
//! the C API resolve against whatever version that is. It owns everything between the plugin ABI
//! and the app: interpreters, environ, `start_response`, bodies, the `uwsgi` module. It refuses
//! to know sockets, processes and configuration files; those are the server's.
//!
//! Panics stop at the entry points below and at the border of each builtin.
#![allow(unsafe_code, reason = "the C API of Python and the C ABI of plugins; each block argues")]

mod body;
mod cores;
mod dynamic;
mod environ;
mod exceptions;
mod ffi;
mod guard;
mod helpers;
mod home;
mod hooks;
mod input;
mod load;
mod locks;
mod metric;
mod module;
mod mules;
mod obj;
mod packet;
mod plain;
mod raise;
mod raw;
mod request;
mod respond;
mod running;
mod series;
mod settings;
mod signals;
mod snmp;
mod start;
mod state;
mod stats;
mod types;
mod wanted;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{ABI_VERSION, Plugin, Request, Server, Str};

static PLUGIN: Plugin = Plugin {
    abi_version: ABI_VERSION,
    size: size_of::<Plugin>() as u32,
    name: Str::new(b"python"),
    modifier1: 0,
    reserved: 0,
    // Its options are in the server's own table: this library is opened after libpython was
    // chosen, and that choice needs them.
    options: std::ptr::null(),
    options_len: 0,
    init: Some(init),
    init_apps: Some(init_apps),
    before_fork: Some(before_fork),
    after_fork_parent: Some(after_fork_parent),
    after_fork_child: Some(after_fork_child),
    init_thread: Some(init_thread),
    end_thread: Some(end_thread),
    release: Some(release),
    request: Some(request),
    atexit: Some(atexit),
    signal: Some(signal),
    mule: Some(mule),
    mule_msg: Some(mule_msg),
};

/// The one symbol that the server looks up.
#[unsafe(no_mangle)]
pub extern "C" fn uwsgi_plugin() -> *const Plugin {
    &raw const PLUGIN
}

/// Runs an entry point; a panic becomes a log line and `otherwise`.
fn entry<T>(name: &str, otherwise: T, f: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| {
        state::log(&format!("plugin python panicked in {name}"));
        otherwise
    })
}

extern "C" fn init(server: *const Server) -> i32 {
    entry("init", 1, || {
        // SAFETY: the pointer that the server gives to `init`.
        let Some(server) = (unsafe { ServerRef::new(server) }) else { return 1 };
        state::install(server, settings::Settings::read(&server));
        load::warn_missing(server);
        let started = start::start(server)
            .and_then(|()| load::test(server))
            .and_then(|()| load::shared(server));
        started.err().unwrap_or(0)
    })
}

extern "C" fn init_apps() -> i32 {
    entry("init_apps", -1, || {
        let Some(server) = state::server() else { return -1 };
        let was_detached = state::attach_main();
        let loaded = load::init_apps(server);
        if was_detached {
            state::detach_main();
        }
        loaded.map_or_else(|code| -code, |n| i32::try_from(n).unwrap_or(i32::MAX))
    })
}

extern "C" fn before_fork() {
    entry("before_fork", (), hooks::before_fork);
}

extern "C" fn after_fork_parent() {
    entry("after_fork_parent", (), hooks::after_fork_parent);
}

extern "C" fn after_fork_child(kind: u32, id: u32) {
    entry("after_fork_child", (), || hooks::after_fork_child(kind, id));
}

extern "C" fn init_thread(core: u32) {
    entry("init_thread", (), || hooks::init_thread(core));
}

extern "C" fn end_thread(_core: u32) {
    entry("end_thread", (), cores::forget_core);
}

extern "C" fn release() {
    entry("release", (), state::detach_main);
}

extern "C" fn request(request: *mut Request) -> i32 {
    entry("request", -1, || match state::server() {
        Some(server) => request::serve(server, request),
        None => -1,
    })
}

extern "C" fn signal(core: u32, number: u32) -> i32 {
    entry("signal", -1, || if signals::run(core, number) { 0 } else { -1 })
}

extern "C" fn mule(program: Str) -> i32 {
    // SAFETY: the server keeps the string for the length of the call.
    let program = unsafe { program.bytes() };
    entry("mule", 0, || mules::program(program).into())
}

extern "C" fn mule_msg(message: Str) -> i32 {
    // SAFETY: the server keeps the string for the length of the call.
    let message = unsafe { message.bytes() };
    entry("mule_msg", 0, || mules::message(message).into())
}

extern "C" fn atexit() {
    entry("atexit", (), hooks::at_exit);
}
