//! The request log: one line per finished request.
//!
//! Owns the default line, which scripts parse, and `log-format`. Pure but for the final write.

use std::fmt::Write as _;
use std::io;

use uwsgi_abi::Pair;
use uwsgi_abi::logline::LogLine;
use uwsgi_logs::text;
use uwsgi_proto::{Var, VarBlock};

use super::dates::Dates;
use super::logformat::foreign;
use super::notes::Notes;
use super::structured;
use crate::settings::RequestLog;
use crate::waits::Waits;

/// What is known of a request when it ends.
pub(crate) struct Finished<'a> {
    pub(crate) vars: &'a VarBlock,
    pub(crate) pid: i32,
    pub(crate) worker: u32,
    pub(crate) core: u32,
    /// -1 without an app.
    pub(crate) app: i32,
    /// Requests of the app in this worker, -1 without an app.
    pub(crate) app_requests: i64,
    pub(crate) total_requests: u64,
    pub(crate) peer: &'a str,
    /// Its variables could not be read.
    pub(crate) refused: bool,
    pub(crate) packet_size: usize,
    pub(crate) start_us: u64,
    pub(crate) duration_us: u64,
    pub(crate) status: u16,
    pub(crate) headers: u32,
    pub(crate) head_bytes: u64,
    pub(crate) body_bytes: u64,
    pub(crate) switches: u32,
    pub(crate) write_errors: u64,
    pub(crate) read_errors: u64,
    pub(crate) modifiers: (u8, u8),
    /// Address space and resident memory, when they are reported.
    pub(crate) memory: Option<(u64, u64)>,
    /// Unique and proportional memory, when they are.
    pub(crate) shares: Option<(u64, u64)>,
    pub(crate) sendfile: bool,
    /// What it waited for, where probes in the kernel say so.
    pub(crate) waits: Option<Waits>,
    /// How long its connection waited to be accepted, for the first request on it.
    pub(crate) accept_us: Option<u64>,
    /// Its id, where it has one.
    pub(crate) request_id: &'a [u8],
    /// Variables, with the key of an app that was chosen by its host.
    pub(crate) pairs: usize,
    /// Its variables as plugins see them.
    pub(crate) given: &'a [Pair],
    /// What the application said about it.
    pub(crate) notes: &'a Notes,
    /// The arena, for formats that name metrics; none while metrics are off.
    pub(crate) numbers: Option<&'a uwsgi_metrics::View>,
}

impl Finished<'_> {
    /// As plugins see it.
    pub(crate) fn line(&self) -> LogLine {
        LogLine {
            size: size_of::<LogLine>() as u32,
            worker: self.worker,
            core: self.core,
            app: self.app,
            status: self.status.into(),
            reserved: 0,
            duration_us: self.duration_us,
            body_bytes: self.body_bytes,
            vars: self.given.as_ptr(),
            vars_len: self.given.len(),
        }
    }
}

/// Whether no request gets a line, whatever it comes to, that does not ask for one.
pub(crate) fn is_silent(log: &RequestLog) -> bool {
    let by_outcome = log.on_4xx || log.on_5xx || log.on_zero || log.on_sendfile || log.on_io_error;
    log.disabled && !by_outcome && log.slow_ms == 0 && log.big_bytes == 0
}

/// Whether the request gets a line.
pub(crate) fn wanted(log: &RequestLog, f: &Finished<'_>) -> bool {
    !log.disabled
        || f.notes.log_always
        || (log.on_4xx && (400..500).contains(&f.status))
        || (log.on_5xx && (500..600).contains(&f.status))
        || (log.on_zero && f.body_bytes == 0)
        || (log.on_sendfile && f.sendfile)
        || (log.on_io_error && f.read_errors + f.write_errors > 0)
        || is_slow(log, f)
        || (log.big_bytes > 0 && f.body_bytes >= log.big_bytes)
}

/// True for a request that `log-slow` means.
fn is_slow(log: &RequestLog, f: &Finished<'_>) -> bool {
    log.slow_ms > 0 && f.duration_us / 1000 >= log.slow_ms
}

/// Appends what a slow request waited for, on a line of its own.
fn explain(log: &RequestLog, f: &Finished<'_>, out: &mut Vec<u8>) {
    let Some(waits) = f.waits.filter(|_| is_slow(log, f)) else { return };
    let known = f.vars.known();
    let uri = known.uri();
    let uri = uri.get(..LIMIT / 4).unwrap_or(uri).escape_ascii();
    let (worker, core, text) = (f.worker, f.core, waits.text(f.duration_us));
    let mut line = format!(
        "slow request {} {uri} (worker {worker} core {core}): {text}",
        known.method().escape_ascii()
    );
    if let Some(ms) = f.accept_us.map(|us| us / 1_000).filter(|ms| *ms > 0) {
        let _ = write!(line, "; its connection waited {ms} ms to be accepted");
    }
    line.push('\n');
    out.extend_from_slice(line.as_bytes());
}

/// Longest default line, with its end and without what stands in front of it.
const LIMIT: usize = 4096;

/// Appends the line for a request to `out`, which is empty; `room` is memory for a part of it.
pub(crate) fn render(
    log: &RequestLog,
    f: &Finished<'_>,
    dates: &mut Dates,
    room: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    if log.json {
        return structured::render(log, f, dates, room, out);
    }
    match &log.format {
        Some(format) => super::logformat::render(format, log, f, dates, out),
        None => {
            prefixes(log, f, out);
            let start = out.len();
            default_line(log, f, dates, out, false);
            if out.len() - start >= LIMIT {
                out.truncate(start);
                default_line(log, f, dates, out, true);
            }
        }
    }
    out.push(b'\n');
    explain(log, f, out);
}

/// Address shown for a request: what it says of its client, nothing where it says nothing. One whose
/// variables could not be read shows whoever sent it.
pub(crate) fn address<'a>(log: &RequestLog, f: &'a Finished<'_>) -> &'a [u8] {
    let known = f.vars.known();
    let forwarded = known.get(Var::XForwardedFor).filter(|_| log.forwarded_for);
    match forwarded.or(known.get(Var::RemoteAddr)) {
        None if f.refused => f.peer.as_bytes(),
        address => address.unwrap_or_default(),
    }
}

/// `anonymous` replaces what the client sent, when the line would be too long with it.
fn default_line(
    log: &RequestLog,
    f: &Finished<'_>,
    dates: &mut Dates,
    out: &mut Vec<u8>,
    anonymous: bool,
) {
    let known = f.vars.known();
    let theirs = |value: &[u8], instead: &'static [u8], out: &mut Vec<u8>| match anonymous {
        true => out.extend_from_slice(instead),
        false => foreign(value, log, out),
    };
    let put = |text: &str, out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
    put("[pid: ", out);
    text::number(f.pid.unsigned_abs().into(), out);
    put("|app: ", out);
    text::signed(f.app.into(), out);
    put("|req: ", out);
    text::signed(f.app_requests, out);
    put("/", out);
    text::number(f.total_requests, out);
    put("] ", out);
    theirs(address(log, f), b"0.0.0.0", out);
    put(" (", out);
    theirs(known.remote_user(), b"", out);
    put(") {", out);
    text::number(f.pairs as u64 * 2, out);
    put(" vars in ", out);
    text::number(f.packet_size as u64, out);
    put(" bytes} [", out);
    out.extend_from_slice(dates.ctime(f.start_us));
    put("] ", out);
    theirs(known.method(), b"-", out);
    put(" ", out);
    theirs(known.uri(), b"-", out);
    put(" => generated ", out);
    text::number(f.body_bytes, out);
    put(" bytes in ", out);
    let (time, unit) = match log.micros {
        true => (f.duration_us, " micros"),
        false => (f.duration_us / 1000, " msecs"),
    };
    text::number(time, out);
    put(unit, out);
    put(if f.sendfile { " via sendfile() (" } else { " (" }, out);
    theirs(known.protocol(), b"-", out);
    for (before, number) in [
        (" ", f.status.into()),
        (") ", f.headers.into()),
        (" headers in ", f.head_bytes),
        (" bytes (", f.switches.into()),
        (" switches on core ", f.core.into()),
    ] {
        put(before, out);
        text::number(number, out);
    }
    put(")", out);
}

/// What stands in front of the line where it is asked for.
fn prefixes(log: &RequestLog, f: &Finished<'_>, out: &mut Vec<u8>) {
    if log.vhost {
        foreign(f.vars.known().host(), log, out);
        out.push(b' ');
    }
    if log.memory == 0 {
        return;
    }
    let sizes = f.memory.map(|(vsz, rss)| [("address space", vsz), ("rss", rss)]);
    let shares = f.shares.map(|(uss, pss)| [("uss", uss), ("pss", pss)]);
    for (name, bytes) in sizes.into_iter().chain(shares).flatten() {
        // Writing to a vector cannot fail.
        let _ = io::Write::write_fmt(
            out,
            format_args!("{{{name} usage: {bytes} bytes/{}MB}} ", bytes >> 20),
        );
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn finished(vars: &VarBlock) -> Finished<'_> {
        Finished {
            vars,
            pid: 25_713,
            worker: 1,
            core: 0,
            app: 0,
            app_requests: 1,
            total_requests: 1,
            peer: "127.0.0.1",
            refused: false,
            packet_size: 282,
            start_us: 1_795_162_707_000_000,
            duration_us: 400,
            status: 200,
            headers: 2,
            head_bytes: 66,
            body_bytes: 365,
            switches: 1,
            write_errors: 0,
            read_errors: 0,
            modifiers: (0, 0),
            memory: None,
            shares: None,
            sendfile: false,
            waits: None,
            accept_us: None,
            request_id: b"",
            pairs: vars.len(),
            given: &[],
            notes: Notes::NONE,
            numbers: None,
        }
    }

    pub(crate) fn vars() -> VarBlock {
        let mut vars = VarBlock::new();
        for (k, v) in [
            ("REQUEST_METHOD", "GET"),
            ("REQUEST_URI", "/a?x=1"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("HTTP_X_FORWARDED_FOR", "9.9.9.9"),
            ("REMOTE_ADDR", "127.0.0.1"),
        ] {
            vars.push(k.as_bytes(), v.as_bytes()).unwrap();
        }
        vars
    }

    fn line(log: &RequestLog, f: &Finished<'_>) -> String {
        let mut out = Vec::new();
        render(log, f, &mut Dates::default(), &mut Vec::new(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_default_line_is_the_one_that_scripts_parse() {
        let vars = vars();
        let text = line(&RequestLog::default(), &finished(&vars));
        let (before, rest) = text.split_once('[').and_then(|(_, r)| r.split_once('[')).unwrap();
        assert_eq!(before, "pid: 25713|app: 0|req: 1/1] 127.0.0.1 () {10 vars in 282 bytes} ");
        assert_eq!(
            &rest[24..],
            "] GET /a?x=1 => generated 365 bytes in 0 msecs (HTTP/1.1 200) 2 headers in 66 bytes (1 switches on core 0)\n"
        );
    }

    #[test]
    fn a_log_that_is_silent_wants_no_line_whatever_a_request_comes_to() {
        let vars = vars();
        let off = RequestLog { disabled: true, ..RequestLog::default() };
        let logs = [
            RequestLog::default(),
            RequestLog { on_4xx: true, ..off.clone() },
            RequestLog { on_5xx: true, ..off.clone() },
            RequestLog { on_zero: true, ..off.clone() },
            RequestLog { on_sendfile: true, ..off.clone() },
            RequestLog { on_io_error: true, ..off.clone() },
            RequestLog { slow_ms: 1, ..off.clone() },
            RequestLog { big_bytes: 1, ..off.clone() },
        ];
        let worst = |status, body_bytes| Finished {
            status,
            body_bytes,
            sendfile: true,
            read_errors: 1,
            duration_us: 2_000,
            ..finished(&vars)
        };
        let outcomes = [worst(404, 0), worst(500, 9)];
        assert!(is_silent(&off) && !outcomes.iter().any(|f| wanted(&off, f)));
        for log in logs {
            assert!(!is_silent(&log) && outcomes.iter().any(|f| wanted(&log, f)), "{log:?}");
        }
    }

    #[test]
    fn options_change_address_unit_and_prefix() {
        let vars = vars();
        let log =
            RequestLog { micros: true, forwarded_for: true, memory: 2, ..RequestLog::default() };
        let memory = Finished { memory: Some((3 << 20, 1 << 20)), ..finished(&vars) };
        let text = line(&log, &memory);
        assert!(text.starts_with(
            "{address space usage: 3145728 bytes/3MB} {rss usage: 1048576 bytes/1MB} ["
        ));
        let shares = Finished { shares: Some((2 << 20, 5 << 20)), ..memory };
        assert!(line(&log, &shares).contains(
            "/1MB} {uss usage: 2097152 bytes/2MB} {pss usage: 5242880 bytes/5MB} [pid: "
        ));
        assert!(text.contains("] 9.9.9.9 () ") && text.contains(" in 400 micros ("), "{text}");
    }

    #[test]
    fn the_address_is_what_the_request_says() {
        let shown = |vars: &[(&str, &str)], log: &RequestLog, refused: bool| {
            let mut block = VarBlock::new();
            vars.iter().for_each(|(k, v)| block.push(k.as_bytes(), v.as_bytes()).unwrap());
            let f = Finished { refused, ..finished(&block) };
            String::from_utf8(address(log, &f).to_vec()).unwrap()
        };
        let (plain, log) =
            (RequestLog::default(), RequestLog { forwarded_for: true, ..RequestLog::default() });
        let both = [("REMOTE_ADDR", "::1"), ("HTTP_X_FORWARDED_FOR", "9.9.9.9, x")];
        assert_eq!(shown(&both, &plain, false), "::1");
        assert_eq!(shown(&both, &log, false), "9.9.9.9, x");
        assert_eq!(shown(&both[..1], &log, false), "::1");
        assert_eq!(shown(&[both[0], ("HTTP_X_FORWARDED_FOR", "")], &log, false), "");
        assert_eq!(shown(&[], &plain, false), "");
        assert_eq!(shown(&[], &plain, true), "127.0.0.1");
    }

    #[test]
    fn an_overlong_line_loses_what_the_client_sent_and_nothing_else() {
        let mut vars = VarBlock::new();
        vars.set_limits(65_536, 128);
        vars.push(b"REMOTE_ADDR", b"127.0.0.1").unwrap();
        let room = LIMIT - line(&RequestLog::default(), &finished(&vars)).len();
        vars.push(b"REQUEST_URI", &vec![b'a'; room]).unwrap();
        let text = line(&RequestLog::default(), &finished(&vars));
        assert!(text.len() == LIMIT && text.contains("] 127.0.0.1 "), "{text}");
        vars.push(b"REQUEST_URI", &vec![b'a'; room + 1]).unwrap();
        let text = line(&RequestLog::default(), &finished(&vars));
        assert!(text.contains("] 0.0.0.0 () {") && text.contains("] - - => generated 365 bytes"));
        assert!(text.contains("(- 200)") && text.ends_with("on core 0)\n"), "{text}");
    }

    #[test]
    fn a_server_of_many_hosts_shows_them_in_front() {
        let mut plain = vars();
        plain.push(b"HTTP_HOST", b"a.example").unwrap();
        let log = RequestLog { vhost: true, memory: 1, ..RequestLog::default() };
        let f = Finished { memory: Some((1 << 20, 1 << 20)), ..finished(&plain) };
        assert!(line(&log, &f).starts_with("a.example {address space usage: 1048576 bytes/1MB} "));
        let mut long = vars();
        long.set_limits(65_536, 128);
        long.push(b"HTTP_HOST", &[b'h'; 5000]).unwrap();
        let long = line(&log, &Finished { memory: f.memory, ..finished(&long) });
        assert!(long.contains("h {address") && long.contains("] GET /a"), "prefixes have room");
        let quiet = RequestLog { memory: 0, ..log };
        assert!(line(&quiet, &f).starts_with("a.example [pid: "), "only a format asked for it");
    }

    #[test]
    fn quiet_servers_log_what_was_asked_for() {
        let vars = vars();
        let quiet = RequestLog { disabled: true, ..RequestLog::default() };
        let slow = Finished { duration_us: 5_000_000, ..finished(&vars) };
        let error = Finished { status: 503, ..finished(&vars) };
        assert!(!wanted(&quiet, &slow));
        assert!(wanted(&RequestLog { slow_ms: 4000, ..quiet.clone() }, &slow));
        assert!(wanted(&RequestLog { on_5xx: true, ..quiet.clone() }, &error));
        assert!(!wanted(&RequestLog { on_4xx: true, ..quiet.clone() }, &error));
        assert!(wanted(&RequestLog { big_bytes: 365, ..quiet.clone() }, &slow));
        let on_file = RequestLog { on_sendfile: true, ..quiet.clone() };
        assert!(!wanted(&on_file, &slow));
        assert!(wanted(&on_file, &Finished { sendfile: true, ..finished(&vars) }));
        let on_error = RequestLog { on_io_error: true, ..quiet };
        assert!(!wanted(&on_error, &slow));
        assert!(wanted(&on_error, &Finished { read_errors: 1, ..finished(&vars) }));
        assert!(wanted(&on_error, &Finished { write_errors: 1, ..finished(&vars) }));
    }
}
