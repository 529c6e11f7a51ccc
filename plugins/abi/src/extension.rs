//! A plugin as safe Rust: one trait, and a macro that makes the exported symbol of it.
//!
//! It owns the trampolines of the plugin's side, which stop panics: a panic becomes a log line and
//! a failure of that one call. It refuses to cover everything the ABI can do; who needs forks or
//! threads in detail writes a [`crate::Plugin`] by hand.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use crate::plugin::{ReadFailure, ServerRef};
use crate::{OK, OptionRow, Pair, Request, Server, Str, WRITE_LAST};

/// What a plugin does. [`export_plugin!`](crate::export_plugin) puts it behind the ABI.
pub trait Extension: Sized + Send + Sync + 'static {
    /// Its name: how it is listed, and what a second one is refused for.
    const NAME: &'static str;
    /// The modifier it answers to.
    const MODIFIER1: u8;
    /// The options it brings along.
    const OPTIONS: &'static [OptionRow] = &[];

    /// In the first process, before any fork; the error is the exit code. Say why in the log.
    ///
    /// # Errors
    /// The process ends with that code.
    fn start(server: ServerRef) -> Result<Self, i32>;

    /// Registers apps; their number. With `lazy-apps` in each worker, otherwise once.
    ///
    /// # Errors
    /// The process ends with that code.
    fn load_apps(&self) -> Result<u32, i32> {
        Ok(0)
    }

    /// A worker has begun.
    fn worker(&self, _id: u32) {}

    /// Serves one request, in the thread of that core.
    ///
    /// # Errors
    /// The client is gone, or the plugin gives up; see [`Failed`].
    fn request(&self, call: &mut Call<'_>) -> Result<(), Failed>;

    /// The process ends in good order.
    fn end(&self) {}
}

/// A request that has no good end. What is on the wire stays; without anything there, the server
/// answers or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// One running request.
pub struct Call<'a> {
    server: ServerRef,
    pointer: *mut Request,
    request: &'a Request,
}

impl Call<'_> {
    /// The variables, in packet order.
    pub fn vars(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let request = self.request;
        let pairs: &[Pair] = match request.vars_len {
            0 => &[],
            // SAFETY: the server passes `vars_len` pairs that live as long as the request.
            len => unsafe { std::slice::from_raw_parts(request.vars, len) },
        };
        // SAFETY: as above, for their strings.
        pairs.iter().map(|pair| unsafe { (pair.key.bytes(), pair.value.bytes()) })
    }

    /// The last value of a variable, empty when there is none.
    pub fn var(&self, name: &str) -> &[u8] {
        let named = self.vars().filter(|(key, _)| *key == name.as_bytes());
        named.last().map_or(&[], |(_, value)| value)
    }

    /// The modifier bytes of the packet.
    pub fn modifiers(&self) -> (u8, u8) {
        (self.request.modifier1, self.request.modifier2)
    }

    /// The thread that runs the request.
    pub fn core(&self) -> u32 {
        self.request.core
    }

    /// The announced length of the body.
    pub fn content_length(&self) -> u64 {
        self.request.content_length
    }

    /// Counts the request for an app of this plugin.
    pub fn begin_app(&mut self, app: u32) {
        self.server.begin_app(self.pointer, i32::try_from(app).unwrap_or(-1));
    }

    /// Sets status and headers; nothing is sent yet.
    ///
    /// # Errors
    /// A head is sent already, or this one is too large.
    pub fn head(&mut self, status: &str, headers: &[(&str, &[u8])]) -> Result<(), Failed> {
        let pair = |(key, value): &(&str, &[u8])| Pair {
            key: Str::new(key.as_bytes()),
            value: Str::new(value),
        };
        let pairs: Vec<Pair> = headers.iter().map(pair).collect();
        outcome(self.server.head(self.pointer, status.as_bytes(), &pairs))
    }

    /// Sends a part of the body.
    ///
    /// # Errors
    /// The client is gone.
    pub fn write(&mut self, data: &[u8]) -> Result<(), Failed> {
        outcome(self.server.write(self.pointer, data, 0))
    }

    /// Sends the last part of the body.
    ///
    /// # Errors
    /// The client is gone.
    pub fn finish(&mut self, data: &[u8]) -> Result<(), Failed> {
        outcome(self.server.write(self.pointer, data, WRITE_LAST))
    }

    /// Reads a part of the request's body; 0 at its end.
    ///
    /// # Errors
    /// The client is gone or too slow.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadFailure> {
        self.server.read(self.pointer, buffer)
    }

    /// Moves to a position of the body, counted from its start or its end, and answers it; nothing
    /// outside of the body, and where it was not received whole before the request.
    pub fn seek(&mut self, offset: i64, from_end: bool) -> Option<u64> {
        self.server.seek(self.pointer, offset, from_end)
    }
}

fn outcome(result: i32) -> Result<(), Failed> {
    if result == OK { Ok(()) } else { Err(Failed) }
}

/// The running plugin of a library.
#[doc(hidden)]
pub type State<T> = OnceLock<(ServerRef, T)>;

/// Runs one call of the server; a panic becomes a log line and `otherwise`.
fn entry<T: Extension, R>(
    state: &State<T>,
    hook: &str,
    otherwise: R,
    body: impl FnOnce(ServerRef, &T) -> R,
) -> R {
    let Some((server, plugin)) = state.get() else { return otherwise };
    guarded::<T, R>(*server, hook, otherwise, || body(*server, plugin))
}

fn guarded<T: Extension, R>(
    server: ServerRef,
    hook: &str,
    otherwise: R,
    body: impl FnOnce() -> R,
) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        server.log(&format!("plugin {} panicked in {hook}", T::NAME));
        otherwise
    })
}

/// The body of [`crate::Plugin::init`].
///
/// # Safety
/// `server` is the pointer that the server gave to `init`.
#[doc(hidden)]
pub unsafe fn init<T: Extension>(state: &State<T>, server: *const Server) -> i32 {
    // SAFETY: the contract of this function.
    let Some(server) = (unsafe { ServerRef::new(server) }) else { return 1 };
    let started = guarded::<T, _>(server, "start", Err(1), || T::start(server));
    match started {
        Ok(plugin) => i32::from(state.set((server, plugin)).is_err()),
        Err(code) => code.max(1),
    }
}

/// The body of [`crate::Plugin::init_apps`].
#[doc(hidden)]
pub fn init_apps<T: Extension>(state: &State<T>) -> i32 {
    entry(state, "load_apps", -1, |_, plugin| match plugin.load_apps() {
        Ok(count) => i32::try_from(count).unwrap_or(i32::MAX),
        Err(code) => -code.max(1),
    })
}

/// The body of [`crate::Plugin::after_fork_child`].
#[doc(hidden)]
pub fn after_fork_child<T: Extension>(state: &State<T>, kind: u32, id: u32) {
    if kind == crate::ProcessKind::Worker as u32 {
        entry(state, "worker", (), |_, plugin| plugin.worker(id));
    }
}

/// The body of [`crate::Plugin::request`].
///
/// # Safety
/// `pointer` is the live request that the server gave to `request`.
#[doc(hidden)]
pub unsafe fn request<T: Extension>(state: &State<T>, pointer: *mut Request) -> i32 {
    // SAFETY: the contract of this function.
    let Some(request) = (unsafe { pointer.as_ref() }) else { return -1 };
    entry(state, "request", -1, |server, plugin| {
        let mut call = Call { server, pointer, request };
        plugin.request(&mut call).map_or(-1, |()| 0)
    })
}

/// The body of [`crate::Plugin::atexit`].
#[doc(hidden)]
pub fn atexit<T: Extension>(state: &State<T>) {
    entry(state, "end", (), |_, plugin| plugin.end());
}

/// Exports an [`Extension`] as the plugin of this library.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        #[allow(unsafe_code, reason = "the border itself, written once in `uwsgi-abi`")]
        const _: () = {
            use $crate::extension::{self, Extension, State};
            static STATE: State<$plugin> = State::new();
            static PLUGIN: $crate::Plugin = $crate::Plugin {
                abi_version: $crate::ABI_VERSION,
                size: size_of::<$crate::Plugin>() as u32,
                name: $crate::Str::new(<$plugin>::NAME.as_bytes()),
                modifier1: <$plugin>::MODIFIER1 as u32,
                reserved: 0,
                options: <$plugin>::OPTIONS.as_ptr(),
                options_len: <$plugin>::OPTIONS.len(),
                init: Some(init),
                init_apps: Some(init_apps),
                before_fork: None,
                after_fork_parent: None,
                after_fork_child: Some(after_fork_child),
                init_thread: None,
                end_thread: None,
                release: None,
                request: Some(request),
                atexit: Some(atexit),
                signal: None,
                mule: None,
                mule_msg: None,
            };
            extern "C" fn init(server: *const $crate::Server) -> i32 {
                // SAFETY: called by the server alone, with its own table.
                unsafe { extension::init(&STATE, server) }
            }
            extern "C" fn init_apps() -> i32 {
                extension::init_apps(&STATE)
            }
            extern "C" fn after_fork_child(kind: u32, id: u32) {
                extension::after_fork_child(&STATE, kind, id);
            }
            extern "C" fn request(request: *mut $crate::Request) -> i32 {
                // SAFETY: called by the server alone, with a request that lives until this returns.
                unsafe { extension::request(&STATE, request) }
            }
            extern "C" fn atexit() {
                extension::atexit(&STATE);
            }
            #[unsafe(no_mangle)]
            extern "C" fn uwsgi_plugin() -> *const $crate::Plugin {
                &raw const PLUGIN
            }
        };
    };
}
