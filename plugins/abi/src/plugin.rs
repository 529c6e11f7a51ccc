//! The plugin's side: safe calls over the [`Server`] table.
//!
//! It owns nothing; it refuses to cache, because options and identity change across forks.

use crate::{
    ABI_VERSION, AppInfo, AppStat, Control, Identity, Info, LockOp, MetricOp, Pair, READ_ERROR,
    READ_TIMEOUT, Request, SNMP_OFF, Server, SnmpOp, Str, WorkerStat,
};

/// The server as a plugin sees it.
#[derive(Clone, Copy)]
pub struct ServerRef(&'static Server);

/// Why a body read failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFailure {
    /// The client closed or reset the connection.
    Closed,
    /// Nothing arrived within `socket-timeout`.
    Timeout,
}

impl ServerRef {
    /// Checks the version and wraps the table; `None` when the two sides do not fit.
    ///
    /// # Safety
    /// `server` is the pointer given to [`crate::Plugin::init`].
    pub unsafe fn new(server: *const Server) -> Option<ServerRef> {
        // SAFETY: the server passes a table that lives as long as the process.
        let server: &'static Server = unsafe { server.as_ref() }?;
        // A newer server of the same version has more behind what this side knows.
        (server.abi_version == ABI_VERSION && server.size as usize >= size_of::<Server>())
            .then_some(ServerRef(server))
    }

    /// The table, for the wrappers of other files.
    pub(crate) fn table(&self) -> &'static Server {
        self.0
    }

    /// Fixed facts.
    pub fn info(&self) -> &'static Info {
        &self.0.info
    }

    /// Bytes of one of the strings of [`Info`].
    pub fn info_str(&self, s: Str) -> &'static [u8] {
        // SAFETY: strings of `Info` live as long as the process.
        unsafe { s.bytes() }
    }

    /// The `nth` value of an option, from 0.
    pub fn option(&self, name: &str, nth: usize) -> Option<&'static [u8]> {
        let mut out = Str::EMPTY;
        if (self.0.option)(Str::new(name.as_bytes()), nth, &mut out) != 1 {
            return None;
        }
        // SAFETY: option values are kept for the life of the process.
        Some(unsafe { out.bytes() })
    }

    /// The last value given for an option: what counts for options that are not lists.
    pub fn option_last(&self, name: &str) -> Option<&'static [u8]> {
        let mut last = None;
        let mut nth = 0;
        while let Some(value) = self.option(name, nth) {
            last = Some(value);
            nth += 1;
        }
        last
    }

    /// Every value of a list option, in order.
    pub fn option_all(&self, name: &'static str) -> impl Iterator<Item = &'static [u8]> {
        let server = *self;
        (0..).map_while(move |nth| server.option(name, nth))
    }

    /// Whether a boolean option is on: mentioned, and its last value is not a word for off.
    pub fn flag(&self, name: &str) -> bool {
        self.option_last(name).is_some_and(|v| {
            !(v == b"0"
                || v.eq_ignore_ascii_case(b"false")
                || v.eq_ignore_ascii_case(b"off")
                || v.eq_ignore_ascii_case(b"no"))
        })
    }

    /// The `index`-th exported option: key, and value if it has one.
    pub fn option_at(&self, index: usize) -> Option<(&'static [u8], Option<&'static [u8]>)> {
        let (mut key, mut value) = (Str::EMPTY, Str::EMPTY);
        match (self.0.option_at)(index, &mut key, &mut value) {
            // SAFETY: option strings are kept for the life of the process.
            1 => Some((unsafe { key.bytes() }, Some(unsafe { value.bytes() }))),
            // SAFETY: as above.
            2 => Some((unsafe { key.bytes() }, None)),
            _ => None,
        }
    }

    /// One line to the log.
    pub fn log(&self, line: &str) {
        (self.0.log)(Str::new(line.as_bytes()));
    }

    /// One line to the log, raw bytes.
    pub fn log_bytes(&self, line: &[u8]) {
        (self.0.log)(Str::new(line));
    }

    /// One line with the date prefix.
    pub fn log_verbose(&self, line: &str) {
        (self.0.log_verbose)(Str::new(line.as_bytes()));
    }

    /// Who this process is.
    pub fn identity(&self) -> Identity {
        let mut id = Identity::default();
        (self.0.identity)(&mut id);
        id
    }

    /// Registers an app; its id, or `None` when there is no room.
    pub fn register_app(&self, app: &AppInfo) -> Option<u32> {
        u32::try_from((self.0.register_app)(app)).ok()
    }

    /// Reads or changes a metric; `None` when it is unknown or not writable.
    pub fn metric(&self, op: MetricOp, name: &[u8], value: i64) -> Option<i64> {
        let mut out = 0;
        ((self.0.metric)(op as u32, Str::new(name), value, &mut out) == 0).then_some(out)
    }

    /// A worker's numbers (0: the totals).
    pub fn worker(&self, id: u32) -> Option<WorkerStat> {
        let mut out = WorkerStat::default();
        ((self.0.worker)(id, &mut out) == 0).then_some(out)
    }

    /// An app's numbers.
    pub fn app(&self, worker: u32, app: u32) -> Option<AppStat> {
        let mut out = AppStat {
            id: 0,
            modifier1: 0,
            startup_time: 0,
            requests: 0,
            exceptions: 0,
            mountpoint_len: 0,
            chdir_len: 0,
            mountpoint: [0; 256],
            chdir: [0; 256],
        };
        ((self.0.app)(worker, app, &mut out) == 0).then_some(out)
    }

    /// Asks the server for something.
    pub fn control(&self, op: Control) -> bool {
        (self.0.control)(op as u32) == 0
    }

    /// Registers a signal; false when it cannot be, which the log explains.
    pub fn register_signal(&self, number: u8, target: &[u8], modifier1: u8) -> bool {
        (self.0.register_signal)(number.into(), Str::new(target), modifier1.into()) == 0
    }

    /// Raises a signal; false when it is lost.
    pub fn signal(&self, number: u8) -> bool {
        (self.0.signal)(number.into()) == 0
    }

    /// Whether this process knows a registration of the signal.
    pub fn signal_registered(&self, number: u8) -> bool {
        (self.0.signal_registered)(number.into()) == 1
    }

    /// Waits for a signal, see [`Server::signal_wait`].
    pub fn signal_wait(&self, core: u32, wanted: Option<u8>) -> Option<u8> {
        u8::try_from((self.0.signal_wait)(core, wanted.map_or(-1, i32::from))).ok()
    }

    /// Asks another instance to raise a signal: whether it did, nothing when it is out of reach.
    pub fn signal_to(&self, node: &[u8], number: u8) -> Option<bool> {
        match (self.0.signal_to)(Str::new(node), number.into()) {
            0 => Some(true),
            -2 => Some(false),
            _ => None,
        }
    }

    /// See [`Server::add_timer`]; false when that cannot be.
    pub fn add_timer(&self, number: u8, milliseconds: u64, rounds: u64) -> bool {
        (self.0.add_timer)(number.into(), milliseconds, rounds) == 0
    }

    /// See [`Server::user_harakiri`].
    pub fn user_harakiri(&self, seconds: u64) {
        (self.0.user_harakiri)(seconds);
    }

    /// Whether there is an SNMP agent.
    pub fn has_snmp(&self) -> bool {
        // No number 0 exists, so this changes nothing.
        (self.0.snmp_value)(SnmpOp::Add as u32, 0, 0, 0) != SNMP_OFF
    }

    /// See [`Server::snmp_value`]; false when nothing was changed.
    pub fn snmp_value(&self, op: SnmpOp, kind: u8, number: u32, value: u64) -> bool {
        (self.0.snmp_value)(op as u32, kind.into(), number, value) == 0
    }

    /// See [`Server::snmp_community`]; false without an agent.
    pub fn snmp_community(&self, text: &[u8]) -> bool {
        (self.0.snmp_community)(Str::new(text)) == 0
    }

    /// Does something with a lock, see [`Server::lock`]; nothing without such a lock.
    pub fn lock(&self, op: LockOp, number: u32) -> Option<bool> {
        match (self.0.lock)(op as u32, number) {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Sends a message to a mule, 0 for any; the error is one of `MULE_*`.
    pub fn mule_msg(&self, mule: u32, message: &[u8]) -> Result<(), i32> {
        match (self.0.mule_msg)(mule, Str::new(message)) {
            0 => Ok(()),
            code => Err(code),
        }
    }

    /// Waits for a message, see [`Server::mule_receive`]; nothing outside of mules.
    pub fn mule_receive(
        &self,
        buffer: &mut [u8],
        signals: bool,
        milliseconds: i64,
    ) -> Option<usize> {
        let (at, len) = (buffer.as_mut_ptr(), buffer.len());
        usize::try_from((self.0.mule_receive)(at, len, signals.into(), milliseconds)).ok()
    }

    /// See [`Server::begin_app`].
    pub fn begin_app(&self, request: *mut Request, app: i32) {
        (self.0.begin_app)(request, app);
    }

    /// See [`Server::head`].
    pub fn head(&self, request: *mut Request, status: &[u8], headers: &[Pair]) -> i32 {
        (self.0.head)(request, Str::new(status), headers.as_ptr(), headers.len())
    }

    /// See [`Server::write`].
    pub fn write(&self, request: *mut Request, data: &[u8], flags: u32) -> i32 {
        (self.0.write)(request, Str::new(data), flags)
    }

    /// See [`Server::sendfile`].
    pub fn sendfile(&self, request: *mut Request, fd: i32, offset: u64, len: u64) -> i32 {
        (self.0.sendfile)(request, fd, offset, len)
    }

    /// Reads body bytes; 0 at the end.
    pub fn read(&self, request: *mut Request, buffer: &mut [u8]) -> Result<usize, ReadFailure> {
        match (self.0.read)(request, buffer.as_mut_ptr(), buffer.len()) {
            READ_TIMEOUT => Err(ReadFailure::Timeout),
            READ_ERROR => Err(ReadFailure::Closed),
            n => usize::try_from(n).map_err(|_| ReadFailure::Closed),
        }
    }

    /// See [`Server::seek`]; `from_end`: counted from the end of the body.
    pub fn seek(&self, request: *mut Request, offset: i64, from_end: bool) -> Option<u64> {
        let whence = if from_end { 2 } else { 0 };
        u64::try_from((self.0.seek)(request, offset, whence)).ok()
    }

    /// See [`Server::exception`].
    pub fn exception(&self, request: *mut Request, class: &[u8], message: &[u8]) {
        (self.0.exception)(request, Str::new(class), Str::new(message));
    }

    /// Body bytes sent so far, whether the head was sent, whether one is set.
    pub fn response_state(&self, request: *const Request) -> (u64, bool, bool) {
        let mut bytes = 0;
        let bits = (self.0.response_state)(request, &mut bytes);
        (bytes, bits & 1 != 0, bits & 3 != 0)
    }

    /// See [`Server::alarm`].
    pub fn alarm(&self, name: &[u8], message: &[u8]) {
        (self.0.alarm)(Str::new(name), Str::new(message));
    }

    /// See [`Server::warning`].
    pub fn warning(&self, text: &[u8]) {
        (self.0.warning)(Str::new(text));
    }

    /// Connections in the accept queue of a worker socket; `None` when there is no such socket.
    pub fn listen_queue(&self, socket: u32) -> Option<u64> {
        u64::try_from((self.0.listen_queue)(socket)).ok()
    }

    /// The name of every metric, in the order of the stats.
    pub fn metric_names(&self) -> Vec<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        (self.0.metric_names)(push_name, (&raw mut names).cast());
        names
    }
}

extern "C" fn push_name(context: *mut std::ffi::c_void, name: Str) {
    // SAFETY: the vector of `metric_names`, which nobody else touches until the call returns.
    let names = unsafe { &mut *context.cast::<Vec<Vec<u8>>>() };
    // SAFETY: the server's bytes live until this function returns.
    names.push(unsafe { name.bytes() }.to_vec());
}
