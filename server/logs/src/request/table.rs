//! What a format may say about a request: one table, from which the reader of formats and the page of
//! the documentation follow.

/// One thing that is known of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is what the table below says of its name")]
pub enum Field {
    Uri,
    Method,
    User,
    Address,
    Host,
    Protocol,
    UserAgent,
    Referer,
    Status,
    BodyBytes,
    HeadBytes,
    Size,
    ContentLength,
    Micros,
    Millis,
    Seconds,
    Epoch,
    Time,
    TimeMillis,
    TimeMicros,
    Ctime,
    Ltime,
    Ftime,
    Pid,
    Worker,
    Core,
    Switches,
    Vars,
    Vsz,
    Rss,
    VszMib,
    RssMib,
    PacketSize,
    Modifier1,
    Modifier2,
    Headers,
    WriteErrors,
    ReadErrors,
    IoErrors,
    App,
    AppRequests,
    TotalRequests,
    RequestId,
    TraceId,
    SpanId,
}

impl Field {
    /// The memory of the worker has to be measured for it.
    pub fn needs_memory(self) -> bool {
        matches!(self, Field::Vsz | Field::Rss | Field::VszMib | Field::RssMib)
    }

    /// What a client has written, byte for byte.
    pub fn is_foreign(self) -> bool {
        use Field::{Address, Host, Method, Protocol, Referer, Uri, User, UserAgent};
        matches!(self, Uri | Method | User | Address | Host | Protocol | UserAgent | Referer)
    }
}

/// A name of a format.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// As it stands between `%(` and `)`.
    pub name: &'static str,
    /// What is put in its place.
    pub field: Field,
    /// This project's own: a log variable of the application that has the name goes first.
    pub own: bool,
    /// For the documentation.
    pub about: &'static str,
}

const fn of(name: &'static str, field: Field, about: &'static str) -> Variable {
    Variable { name, field, own: false, about }
}

const fn own(name: &'static str, field: Field, about: &'static str) -> Variable {
    Variable { name, field, own: true, about }
}

/// All of them, in the order of the documentation.
pub const VARIABLES: &[Variable] = &[
    of("uri", Field::Uri, "`REQUEST_URI`"),
    of("method", Field::Method, "`REQUEST_METHOD`"),
    of("user", Field::User, "`REMOTE_USER`"),
    of(
        "addr",
        Field::Address,
        "address of the client; with `log-x-forwarded-for` what that header says",
    ),
    of("host", Field::Host, "`HTTP_HOST`, or `SERVER_NAME`"),
    of("proto", Field::Protocol, "`SERVER_PROTOCOL`"),
    of("uagent", Field::UserAgent, "`HTTP_USER_AGENT`"),
    of("referer", Field::Referer, "`HTTP_REFERER`"),
    of("status", Field::Status, "status code of the answer"),
    of("rsize", Field::BodyBytes, "bytes of the body of the answer"),
    of("hsize", Field::HeadBytes, "bytes of its headers, with status line and blank line"),
    of("size", Field::Size, "both"),
    of("headers", Field::Headers, "headers of the answer"),
    of("cl", Field::ContentLength, "length of the body that the request announced"),
    of("micros", Field::Micros, "duration, microseconds"),
    of("msecs", Field::Millis, "duration, milliseconds"),
    of("secs", Field::Seconds, "duration, seconds with six decimals"),
    of("time", Field::Time, "start, seconds since the epoch"),
    of("tmsecs", Field::TimeMillis, "start, milliseconds since the epoch"),
    of("tmicros", Field::TimeMicros, "start, microseconds since the epoch"),
    of("ctime", Field::Ctime, "start, as `ctime` writes it: `Fri Nov 20 08:18:27 2026`"),
    of("ltime", Field::Ltime, "start, as Apache writes it: `20/Nov/2026:08:18:27 +0000`"),
    of(
        "ftime",
        Field::Ftime,
        "with `logformat-strftime` and a format in `log-date` start in that format, otherwise as `ltime`",
    ),
    of("epoch", Field::Epoch, "now, seconds since the epoch"),
    of("pid", Field::Pid, "process of the worker"),
    of("wid", Field::Worker, "number of the worker"),
    of("core", Field::Core, "number of the core"),
    of("switches", Field::Switches, "waits for the client"),
    of("vars", Field::Vars, "names and values of request variables: twice their number"),
    of("pktsize", Field::PacketSize, "bytes of the request variables"),
    of("modifier1", Field::Modifier1, "first modifier"),
    of("modifier2", Field::Modifier2, "second modifier"),
    of("vsz", Field::Vsz, "address space of the worker, bytes; 0 unless memory is measured"),
    of("rss", Field::Rss, "resident memory of the worker, bytes; 0 unless memory is measured"),
    of("vszM", Field::VszMib, "the same in MiB"),
    of("rssM", Field::RssMib, "the same in MiB"),
    of("werr", Field::WriteErrors, "writes to the client that failed"),
    of("rerr", Field::ReadErrors, "reads of the body that failed"),
    of("ioerr", Field::IoErrors, "both"),
    own("app", Field::App, "number of the application, -1 without one"),
    own("request_id", Field::RequestId, "the id of the request (`request-id`)"),
    own("trace_id", Field::TraceId, "trace that a valid `traceparent` names"),
    own("span_id", Field::SpanId, "span of the caller that a valid `traceparent` names"),
    own("uwsgi.wid", Field::Worker, "as `wid`"),
    own("uwsgi.pid", Field::Pid, "as `pid`"),
    own("uwsgi.status", Field::Status, "as `status`"),
    own("uwsgi.rtime", Field::Micros, "as `micros`"),
    own("uwsgi.rsize", Field::BodyBytes, "as `rsize`"),
    own("uwsgi.sor", Field::TimeMicros, "as `tmicros`"),
    own("uwsgi.app_requests", Field::AppRequests, "requests of the application in this worker"),
    own("uwsgi.requests", Field::TotalRequests, "requests of the instance"),
];

/// Families of names; what stands behind the point is free.
pub const FAMILIES: &[(&str, &str)] = &[
    ("var.NAME", "the request variable `NAME`"),
    ("metric.NAME", "value of a metric; 0 for an unknown one"),
    ("wait.NAME", "what the request waited for, where probes measure it ([ebpf.md](ebpf.md))"),
    (
        "any other",
        "what a plugin has registered under that name, or a log variable of the application",
    ),
];

/// The variable of that name.
pub fn variable(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}
