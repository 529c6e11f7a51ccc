//! The stable C ABI between the server and its plugins.
//!
//! A plugin is a shared object that exports one symbol, [`PLUGIN_SYMBOL`]: a function that returns
//! a [`Plugin`] descriptor. The server checks [`ABI_VERSION`], hands over a [`Server`] table and
//! calls the hooks of the descriptor in the order documented there. Everything that crosses is
//! `#[repr(C)]`; no panic, exception or longjmp does (both sides catch their own).
//!
//! It owns the layouts and the thin safe wrappers over them: [`host`] for the server side,
//! [`plugin`], [`running`], [`logline`], [`series`] and [`extension`] for the plugin side; [`text`] is a rule of both. It refuses to
//! know what a request means or which language runs.
#![allow(unsafe_code, reason = "the C boundary itself; every block argues its own safety")]

pub mod extension;
#[cfg(feature = "host")]
pub mod host;
pub mod logline;
mod option;
pub mod plugin;
pub mod running;
pub mod series;
pub mod text;

pub use option::{
    Argument, OPTION_MASTER, OPTION_MEMORY, OPTION_METRICS, OPTION_THREADS, OptionRow, Value,
};

/// Version of every layout in this crate. Both sides must have been built with the same one.
pub const ABI_VERSION: u32 = 4;

/// Name of the one exported symbol, `extern "C" fn() -> *const Plugin`.
pub const PLUGIN_SYMBOL: &str = "uwsgi_plugin";

/// The same layouts for plugins in C.
pub const C_HEADER: &str = include_str!("../include/uwsgi_plugin.h");

/// The option name of magic variable `%x` is this prefix and `x`.
pub const MAGIC_PREFIX: &str = "magic:";

/// A borrowed run of bytes. Never owned across the border; empty strings may have a null pointer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// First byte, or null when `len` is 0.
    pub ptr: *const u8,
    /// Length in bytes.
    pub len: usize,
}

/// A name and a value: a request variable, a response header.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The name.
    pub key: Str,
    /// The value.
    pub value: Str,
}

impl Str {
    /// The empty string.
    pub const EMPTY: Str = Str { ptr: std::ptr::null(), len: 0 };

    /// Borrows `bytes`. The caller keeps them alive for as long as the other side may look.
    pub const fn new(bytes: &[u8]) -> Str {
        Str { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    /// The side that made this `Str` must still keep its bytes alive and unchanged for `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.ptr.is_null() {
            return &[];
        }
        // SAFETY: non-null and `len` long by the contract of the constructor; alive by ours.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }
}

/// Bit of [`Request::flags`]: the body arrives chunked, [`Request::content_length`] is unknown.
pub const REQUEST_CHUNKED: u32 = 1;
/// Bit of [`Request::flags`]: variables of the request name an application to load.
pub const REQUEST_DYNAMIC: u32 = 4;
/// Bit of [`Request::flags`]: there is a `UWSGI_SETENV`.
pub const REQUEST_SETENV: u32 = 8;

/// Bit of [`Request::flags`]: there is no request, only a connection, [`Request::fd`], with which the
/// plugin does what it likes until it returns.
pub const REQUEST_RAW: u32 = 2;

/// One request, owned by the server for the duration of [`Plugin::request`].
///
/// All pointers stay valid, and their bytes unchanged, until that call returns.
#[repr(C)]
pub struct Request {
    /// Request variables in packet order; a later duplicate wins.
    pub vars: *const Pair,
    /// Number of `vars`.
    pub vars_len: usize,
    /// Body length in bytes as announced by the client, 0 without a body.
    pub content_length: u64,
    /// Thread slot that runs the request, from 0.
    pub core: u32,
    /// Bits `REQUEST_*`.
    pub flags: u32,
    /// The client's socket, for `fileno()` and the like; the plugin never closes it.
    pub fd: i32,
    /// First modifier byte of the packet, 0 for HTTP.
    pub modifier1: u8,
    /// Second modifier byte.
    pub modifier2: u8,
    /// Reserved, 0.
    pub reserved: u16,
    /// `http` or `https`, or what the front server said.
    pub scheme: Str,
    /// The value of `SCRIPT_NAME` (or `UWSGI_APPID`) by which the app is chosen; may be empty.
    pub script_name: Str,
    /// Belongs to the server.
    pub host: *mut std::ffi::c_void,
}

/// Result of a response call: done.
pub const OK: i32 = 0;
/// Result of a response call: the client is gone and the tolerance is used up.
pub const WRITE_ERROR: i32 = -1;
/// Result of `head`: headers are already on the wire.
pub const HEADERS_SENT: i32 = -2;
/// Result of `head`: larger than `response-headers-limit`.
pub const HEADERS_LIMIT: i32 = -3;

/// `read` failed: the client closed or reset the connection.
pub const READ_ERROR: isize = -1;
/// `read` failed: nothing arrived within `socket-timeout`.
pub const READ_TIMEOUT: isize = -2;

/// Bit of `write`'s flags: these bytes are the whole of what is left of the body.
pub const WRITE_LAST: u32 = 1;

/// What a control call asks of the server.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Graceful reload of the whole instance.
    Reload = 1,
    /// Stop of the whole instance.
    Stop = 2,
    /// The calling worker ends after its current request and is respawned.
    Recycle = 3,
    /// The same with status 5: an exception that the configuration names.
    MonitoredException = 4,
    /// The calling worker says that it accepts: what a reload in a chain waits for.
    Accepting = 5,
    /// It says that it does not.
    NotAccepting = 6,
    /// Nothing is done: whether every worker accepts.
    Ready = 7,
}

/// What a metric call does.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricOp {
    /// Reads the value.
    Get = 0,
    /// Stores a value.
    Set = 1,
    /// Adds.
    Inc = 2,
    /// Subtracts.
    Dec = 3,
    /// Multiplies.
    Mul = 4,
    /// Divides, truncating; by 0 fails.
    Div = 5,
    /// Raises to at least the value.
    SetMax = 6,
    /// Lowers to the value, but never to or below the initial one.
    SetMin = 7,
}

/// Facts that hold for the life of the process.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Server version, `2.0.x` shape.
    pub version: Str,
    /// Host name.
    pub hostname: Str,
    /// Path of the server binary.
    pub binary: Str,
    /// Number of worker processes configured.
    pub processes: u32,
    /// Cores (threads) of each worker.
    pub cores: u32,
    /// 1 when a master process supervises.
    pub master: u32,
    /// 1 when apps are loaded in each worker after fork (`lazy-apps` or `lazy`).
    pub lazy_apps: u32,
    /// Upper bound of apps a worker may register (`max-apps`).
    pub max_apps: u32,
    /// 1 when request-level metrics are on.
    pub metrics: u32,
    /// Start of the instance, seconds since the epoch.
    pub started_on: u64,
}

/// Who the calling process is right now.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity {
    /// Worker number from 1; 0 in the master.
    pub worker: u32,
    /// Pid of the master (of the first process without a master).
    pub master_pid: i32,
    /// Pid of this process.
    pub pid: i32,
    /// Mule number from 1; 0 elsewhere.
    pub mule: u32,
}

/// An app that a plugin has loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AppInfo {
    /// Mountpoint, empty for the root.
    pub mountpoint: Str,
    /// Directory the app runs in, may be empty.
    pub chdir: Str,
    /// Time the app took to load, seconds.
    pub startup_time: u64,
    /// Modifier it answers to.
    pub modifier1: u32,
    /// 1 when requests that match no mountpoint go here.
    pub default_app: u32,
}

/// A worker's numbers as the stats show them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkerStat {
    /// Worker number from 1.
    pub id: u32,
    /// Pid, 0 when not running.
    pub pid: i32,
    /// Requests over all incarnations.
    pub requests: u64,
    /// Requests of this incarnation.
    pub delta_requests: u64,
    /// uwsgi signals handled.
    pub signals: u64,
    /// Uncaught application exceptions.
    pub exceptions: u64,
    /// Resident memory, bytes.
    pub rss: u64,
    /// Address space, bytes.
    pub vsz: u64,
    /// Microseconds spent in requests.
    pub running_time: u64,
    /// Epoch seconds of the last spawn.
    pub last_spawn: u64,
    /// Spawns including the first.
    pub respawn_count: u64,
    /// Bytes sent.
    pub tx: u64,
    /// Microseconds.
    pub avg_rt: u64,
    /// Apps registered.
    pub apps: u32,
    /// Length of `status`.
    pub status_len: u32,
    /// `idle`, `busy`, `cheap`, `pause`, `sig17`.
    pub status: [u8; 16],
}

/// An app's numbers as the stats show them.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AppStat {
    /// Index within the worker.
    pub id: u32,
    /// Modifier it answers to.
    pub modifier1: u32,
    /// Seconds.
    pub startup_time: u64,
    /// Requests dispatched to it by this worker.
    pub requests: u64,
    /// Uncaught exceptions.
    pub exceptions: u64,
    /// Bytes used in `mountpoint`.
    pub mountpoint_len: u32,
    /// Bytes used in `chdir`.
    pub chdir_len: u32,
    /// Mountpoint.
    pub mountpoint: [u8; 256],
    /// Working directory of the app.
    pub chdir: [u8; 256],
}

/// The functions a plugin may call. Valid for the life of the process, in every thread.
///
/// Calls that take a [`Request`] may be made only from the thread that runs it, while it runs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Server {
    /// [`ABI_VERSION`] of the server.
    pub abi_version: u32,
    /// Size of this struct in bytes.
    pub size: u32,
    /// Fixed facts.
    pub info: Info,
    /// The `nth` value given for option `name` (canonical name; the table resolves aliases).
    /// Returns 1 and fills `out`, or 0. A flag without value gives an empty string.
    pub option: extern "C" fn(name: Str, nth: usize, out: *mut Str) -> i32,
    /// The `index`-th exported option in order, for `uwsgi.opt`. Returns 1 with key and value,
    /// 2 with a key that has no value, 0 past the end.
    pub option_at: extern "C" fn(index: usize, key: *mut Str, value: *mut Str) -> i32,
    /// Writes one line to the log; the newline is added.
    pub log: extern "C" fn(line: Str),
    /// The same with the date prefix that verbose lines carry.
    pub log_verbose: extern "C" fn(line: Str),
    /// Who this process is.
    pub identity: extern "C" fn(out: *mut Identity),
    /// Registers an app and returns its id (0-based), or -1 when `max-apps` is reached.
    pub register_app: extern "C" fn(app: *const AppInfo) -> i32,
    /// Reads or changes a metric. Returns 0, or -1 when it is unknown or not writable.
    pub metric: extern "C" fn(op: u32, name: Str, value: i64, out: *mut i64) -> i32,
    /// Numbers of worker `id` (1-based; 0 gives the totals). Returns 0 or -1.
    pub worker: extern "C" fn(id: u32, out: *mut WorkerStat) -> i32,
    /// Numbers of app `app` of worker `worker`. Returns 0 or -1.
    pub app: extern "C" fn(worker: u32, app: u32, out: *mut AppStat) -> i32,
    /// Asks the server for something, see [`Control`]. Returns 0 or -1.
    pub control: extern "C" fn(op: u32) -> i32,
    /// The app that serves this request is known: counts it, shows it in the in-flight record.
    pub begin_app: extern "C" fn(request: *mut Request, app: i32),
    /// Sets status and headers, replacing earlier ones; nothing is sent yet.
    /// Returns [`OK`], [`HEADERS_SENT`] or [`HEADERS_LIMIT`].
    pub head: extern "C" fn(
        request: *mut Request,
        status: Str,
        headers: *const Pair,
        headers_len: usize,
    ) -> i32,
    /// Sends body bytes, the head before the first of them; an empty `data` sends the head alone.
    /// Blocks up to `socket-timeout` per wait. Returns [`OK`] or [`WRITE_ERROR`].
    pub write: extern "C" fn(request: *mut Request, data: Str, flags: u32) -> i32,
    /// Sends `len` bytes of a file from `offset` (`u64::MAX`: to its end). Returns as `write`.
    pub sendfile: extern "C" fn(request: *mut Request, fd: i32, offset: u64, len: u64) -> i32,
    /// Reads up to `len` body bytes. Returns their number, 0 at the end of the body,
    /// [`READ_ERROR`] or [`READ_TIMEOUT`]. Blocks until at least one byte is there.
    pub read: extern "C" fn(request: *mut Request, buffer: *mut u8, len: usize) -> isize,
    /// Counts an uncaught exception of the app (the plugin has logged it already).
    pub exception: extern "C" fn(request: *mut Request, class: Str, message: Str),
    /// Bytes of response body sent so far, and whether the head is on the wire (bit 0 of the result)
    /// or set but not yet sent (bit 1).
    pub response_state: extern "C" fn(request: *const Request, body_bytes: *mut u64) -> u32,
    /// Registers signal `number` (0 to 255) for a receiver (`workers`, `worker2`, empty for
    /// any worker ...). Its handler is what [`Plugin::signal`] of the plugin with this modifier
    /// runs. Returns 0, or -1 when it cannot be; the log says why.
    pub register_signal: extern "C" fn(number: u32, target: Str, modifier1: u32) -> i32,
    /// Raises a signal. Returns 0, or -1 when its queue is full or there is none.
    pub signal: extern "C" fn(number: u32) -> i32,
    /// 1 when this process knows a registration of the signal.
    pub signal_registered: extern "C" fn(number: u32) -> i32,
    /// Blocks the calling request of this core until signal `number` (any, when it is negative)
    /// has come and its handler, if there is one, has run. Returns the number, or -1.
    pub signal_wait: extern "C" fn(core: u32, number: i32) -> i32,
    /// Registers a family of labelled series, or finds it, and stores its number. Returns 0,
    /// [`series::FAMILY_INVALID`] or [`series::FAMILY_FULL`].
    pub family: extern "C" fn(family: *const series::Family, out: *mut u32) -> i32,
    /// The number of the series with these label values, [`series::NO_SERIES`] without room.
    pub series: extern "C" fn(family: u32, values: *const Str, values_len: usize) -> u32,
    /// Changes a series (`op` is a [`series::SeriesOp`]). Returns 0, or -1 when it cannot be done.
    pub series_update: extern "C" fn(series: u32, op: u32, bucket: u32, value: f64) -> i32,
    /// The value of a series ([`series::SERIES_VALUE`] for `bucket`) or the count of a bucket.
    pub series_value: extern "C" fn(series: u32, bucket: u32) -> f64,
    /// Tells a visitor of every family and its samples, the values of all processes merged.
    pub series_each: extern "C" fn(visitor: *const series::Visitor),
    /// Raises an alarm by its name. Unknown names are ignored.
    pub alarm: extern "C" fn(name: Str, message: Str),
    /// Sets what health checks are answered with, for all workers; an empty text is none. At most
    /// 80 bytes are kept.
    pub warning: extern "C" fn(text: Str),
    /// Connections in the accept queue of a worker socket, from 0; -1 when there is no such socket.
    pub listen_queue: extern "C" fn(socket: u32) -> i64,
    /// Calls `each` with `context` and the name of every metric, in the order of the stats.
    pub metric_names: extern "C" fn(
        each: extern "C" fn(context: *mut std::ffi::c_void, name: Str),
        context: *mut std::ffi::c_void,
    ),
    /// Sends a message to a mule, 0 for any. Returns 0, or one of [`MULE_DROPPED`] (the log says
    /// why), [`MULE_NONE`] and [`MULE_INVALID`].
    pub mule_msg: extern "C" fn(mule: u32, message: Str) -> i32,
    /// In a mule: waits for a message for up to `milliseconds`, for ever when they are negative;
    /// with `signals` handlers run meanwhile. Returns the length of what is in the buffer, 0 when
    /// nothing came in time, or -1 in any other process.
    pub mule_receive:
        extern "C" fn(buffer: *mut u8, len: usize, signals: u32, milliseconds: i64) -> isize,
    /// Asks another instance, by the address of a uwsgi socket, to raise a signal. Returns 0,
    /// -1 when it cannot be reached, or -2 when it says no.
    pub signal_to: extern "C" fn(node: Str, number: u32) -> i32,
    /// Raises a signal every so many milliseconds, `rounds` times or, with 0, for ever. Returns 0,
    /// or -1 when that cannot be.
    pub add_timer: extern "C" fn(number: u32, milliseconds: u64, rounds: u64) -> i32,
    /// Changes a value that the SNMP agent shows under `2.number` (1 to 100) and makes it one of
    /// `kind`: 0x41 Counter32, 0x42 Gauge32, 0x46 Counter64. `op` is a [`SnmpOp`]; all values wrap
    /// at 64 bits. Returns 0, [`SNMP_OFF`] or [`SNMP_REFUSED`].
    pub snmp_value: extern "C" fn(op: u32, kind: u32, number: u32, value: u64) -> i32,
    /// Sets the community that the SNMP agent answers, in place of those of the configuration.
    /// Returns 0 or [`SNMP_OFF`].
    pub snmp_community: extern "C" fn(text: Str) -> i32,
    /// Does something with lock `number` of the application; `op` is a [`LockOp`]. Returns 0, for
    /// [`LockOp::IsLocked`] 1 when somebody has it, or -1 when there is no such lock.
    pub lock: extern "C" fn(op: u32, number: u32) -> i32,
    /// Gives what the calling core, or mule, does now so many seconds; 0 lifts that limit. Who
    /// takes longer is killed. The limit ends with the request, handler or message; that of a
    /// mule's program when it is lifted.
    pub user_harakiri: extern "C" fn(seconds: u64),
    /// Moves to a position of the body, counted from its start (`whence` 0) or its end (2): answers
    /// the position, or -1 outside of the body and where it was not received whole before
    /// the request (`post-buffering`).
    pub seek: extern "C" fn(request: *mut Request, offset: i64, whence: u32) -> i64,
    /// Does something about a running request; `op` is a [`running::Deed`], which says what `key`,
    /// `value` and `out` are. Returns 0 or -1.
    pub deed:
        extern "C" fn(request: *mut Request, op: u32, key: Str, value: Str, out: *mut Str) -> i32,
    /// The next chunk of a chunked request body, whole; empty at the end of the body. `seconds`:
    /// longest wait, 0 what the configuration says, -1 for ever, [`running::CHUNK_NOW`] none. The
    /// bytes live until the next call about this request. Returns 0, [`READ_ERROR`] or, when it
    /// may not wait and there is none yet, [`running::CHUNK_LATER`].
    pub chunk: extern "C" fn(request: *mut Request, seconds: i64, out: *mut Str) -> i32,
    /// Sends bytes to the client as they are, past status, headers and framing. The connection
    /// serves no further request. Returns as `write`.
    pub send: extern "C" fn(request: *mut Request, data: Str) -> i32,
    /// A number about the instance; `fact` is a [`Fact`]. -1 when there is none of index `nth`.
    pub fact: extern "C" fn(fact: u32, nth: usize) -> i64,
    /// Sets what `ps` shows for this process.
    pub title: extern "C" fn(text: Str),
    /// Brings along a variable of `log-format`: from now on, in this process and those it forks,
    /// `%(name)` is what `value` writes. Returns 0, or -1 for a name that is empty, taken or too long.
    pub log_variable: extern "C" fn(name: Str, value: Option<logline::LogVariable>) -> i32,
}

/// What [`Server::fact`] tells.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// How often the instance has replaced itself.
    Reloads = 0,
    /// Descriptor of the worker socket of that index.
    Socket = 1,
    /// Limit of the variables of a request, bytes.
    BufferSize = 2,
}

/// What [`Server::lock`] does.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOp {
    /// Waits until it is free and takes it for this process.
    Lock = 0,
    /// Gives it back, if this process has it.
    Unlock = 1,
    /// Asks whether somebody has it.
    IsLocked = 2,
}

/// What [`Server::snmp_value`] does.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnmpOp {
    /// Replaces the value.
    Set = 0,
    /// Adds to it; a subtraction adds the complement.
    Add = 1,
}

/// Result of `snmp_value` and `snmp_community`: there is no SNMP agent.
pub const SNMP_OFF: i32 = -1;
/// Result of `snmp_value`: no such number, kind or operation.
pub const SNMP_REFUSED: i32 = -2;

/// Result of `mule_msg`: no room, or too large.
pub const MULE_DROPPED: i32 = -1;
/// Result of `mule_msg`: there are no mules.
pub const MULE_NONE: i32 = -2;
/// Result of `mule_msg`: there is no mule of that number.
pub const MULE_INVALID: i32 = -3;

/// Kind of a process that was just forked.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessKind {
    /// Serves requests.
    Worker = 1,
    /// Any other child that keeps the interpreter but serves no request.
    Other = 2,
}

/// What a plugin exports. Hooks that are not needed are null.
///
/// Order: `options` are read while the configuration is → `init` (once, in the first process,
/// before any fork) → `init_apps` (there, or with `lazy-apps` in each worker after
/// `after_fork_child`) → around every fork `before_fork` and `after_fork_parent` /
/// `after_fork_child` → per core `init_thread` → `request` many times → `atexit` in each process
/// that ends in good order. With several plugins each step runs for all of them, in load order.
#[repr(C)]
pub struct Plugin {
    /// [`ABI_VERSION`] of the plugin.
    pub abi_version: u32,
    /// Size of this struct in bytes.
    pub size: u32,
    /// Name, e.g. `python`.
    pub name: Str,
    /// Modifier it answers to.
    pub modifier1: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// Options it brings along, read when the library is opened; null without any.
    pub options: *const OptionRow,
    /// Number of `options`.
    pub options_len: usize,
    /// Starts the language. `server` stays valid for ever. Non-zero: the process exits with it.
    pub init: Option<extern "C" fn(server: *const Server) -> i32>,
    /// Loads the apps. Returns the number of apps loaded, or minus the exit code.
    pub init_apps: Option<extern "C" fn() -> i32>,
    /// A fork of a process that will use the plugin is next.
    pub before_fork: Option<extern "C" fn()>,
    /// The parent's side of that fork.
    pub after_fork_parent: Option<extern "C" fn()>,
    /// The child's side; `kind` is a [`ProcessKind`], `id` its number.
    pub after_fork_child: Option<extern "C" fn(kind: u32, id: u32)>,
    /// Called in each request thread before its first request. Core 0 is the main thread.
    pub init_thread: Option<extern "C" fn(core: u32)>,
    /// A thread that made `init_thread` ends.
    pub end_thread: Option<extern "C" fn(core: u32)>,
    /// The main thread is about to block outside the plugin for long (event loop): let go of
    /// whatever other threads of the language need.
    pub release: Option<extern "C" fn()>,
    /// Serves one request. 0: it is done with it; anything else: it failed, and the server
    /// answers for it if nothing is on the wire yet. Null: the plugin takes no requests.
    pub request: Option<extern "C" fn(request: *mut Request) -> i32>,
    /// The process ends in good order (after `release`, from the main thread).
    pub atexit: Option<extern "C" fn()>,
    /// Runs the handler of a signal that the plugin has registered, in the thread of that core,
    /// between two requests or inside [`Server::signal_wait`]. Non-zero: it failed.
    pub signal: Option<extern "C" fn(core: u32, number: u32) -> i32>,
    /// Runs the program of a mule, in its main thread; comes back when it is over. 1: it has run;
    /// 0: it is for another plugin.
    pub mule: Option<extern "C" fn(program: Str) -> i32>,
    /// Handles a message to a mule without a program. 1: it is done; 0: nobody here wants it.
    pub mule_msg: Option<extern "C" fn(message: Str) -> i32>,
}

// SAFETY: the descriptor is immutable after construction; its pointers are to code and statics.
unsafe impl Sync for Plugin {}
// SAFETY: the table is immutable after construction; its strings live as long as the process.
unsafe impl Sync for Server {}
// SAFETY: as above.
unsafe impl Send for Server {}
