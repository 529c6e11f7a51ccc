//! The request log: one line per finished request.
//!
//! Owns the default line, which scripts parse, and `log-format`. Pure but for the final write.

use std::fmt::Write as _;

use uwsgi_proto::VarBlock;

use super::notes::Notes;
use crate::clock::SecondCache;
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
    /// What the application said about it.
    pub(crate) notes: &'a Notes,
    /// The arena, for formats that name metrics; none while metrics are off.
    pub(crate) numbers: Option<&'a uwsgi_metrics::View>,
}

/// Whether the request gets a line.
pub(crate) fn wanted(log: &RequestLog, f: &Finished<'_>) -> bool {
    !log.disabled
        || f.notes.log_always
        || (log.on_4xx && (400..500).contains(&f.status))
        || (log.on_5xx && (500..600).contains(&f.status))
        || (log.on_zero && f.body_bytes == 0)
        || is_slow(log, f)
        || (log.big_bytes > 0 && f.body_bytes >= log.big_bytes)
}

/// True for a request that `log-slow` means.
fn is_slow(log: &RequestLog, f: &Finished<'_>) -> bool {
    log.slow_ms > 0 && f.duration_us / 1000 >= log.slow_ms
}

/// Appends what a slow request waited for, on a line of its own.
pub(crate) fn explain(log: &RequestLog, f: &Finished<'_>, out: &mut Vec<u8>) {
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

/// Longest default line.
const LIMIT: usize = 4096;

/// Appends the line for a request to `out`.
pub(crate) fn render(
    log: &RequestLog,
    f: &Finished<'_>,
    dates: &mut SecondCache,
    out: &mut Vec<u8>,
) {
    match &log.format {
        Some(format) => super::logformat::render(format, log, f, out),
        None => {
            default_line(log, f, dates, out, false);
            if out.len() > LIMIT {
                default_line(log, f, dates, out, true);
                out.truncate(LIMIT);
            }
        }
    }
    out.push(b'\n');
}

/// Address shown for a request.
pub(crate) fn address<'a>(log: &RequestLog, f: &'a Finished<'_>) -> &'a [u8] {
    let known = f.vars.known();
    let forwarded = known.x_forwarded_for();
    if log.forwarded_for && !forwarded.is_empty() {
        return forwarded;
    }
    match known.remote_addr() {
        b"" => f.peer.as_bytes(),
        address => address,
    }
}

/// `anonymous` replaces what the client sent, when the line would be too long with it.
fn default_line(
    log: &RequestLog,
    f: &Finished<'_>,
    dates: &mut SecondCache,
    out: &mut Vec<u8>,
    anonymous: bool,
) {
    out.clear();
    let known = f.vars.known();
    let pick = |value: &'static [u8]| -> &[u8] { value };
    let (addr, user, method, uri, proto) = if anonymous {
        (pick(b"0.0.0.0"), pick(b""), pick(b"-"), pick(b"-"), pick(b"-"))
    } else {
        (address(log, f), known.remote_user(), known.method(), known.uri(), known.protocol())
    };
    let mut text = String::with_capacity(160);
    if let Some((vsz, rss)) = f.memory {
        let _ = write!(
            text,
            "{{address space usage: {vsz} bytes/{}MB}} {{rss usage: {rss} bytes/{}MB}} ",
            vsz >> 20,
            rss >> 20
        );
    }
    if let Some((uss, pss)) = f.shares {
        let _ = write!(
            text,
            "{{uss usage: {uss} bytes/{}MB}} {{pss usage: {pss} bytes/{}MB}} ",
            uss >> 20,
            pss >> 20
        );
    }
    let Finished { pid, app, app_requests, total_requests, .. } = *f;
    let _ = write!(text, "[pid: {pid}|app: {app}|req: {app_requests}/{total_requests}] ");
    out.extend_from_slice(text.as_bytes());
    text.clear();
    out.extend_from_slice(addr);
    out.extend_from_slice(b" (");
    out.extend_from_slice(user);
    let slots = f.vars.len() * 2;
    let date = dates.ctime(f.start_us);
    let _ = write!(text, ") {{{slots} vars in {} bytes}} [{date}] ", f.packet_size);
    out.extend_from_slice(text.as_bytes());
    text.clear();
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(uri);
    let (time, unit) = match log.micros {
        true => (f.duration_us, "micros"),
        false => (f.duration_us / 1000, "msecs"),
    };
    let via = if f.sendfile { " via sendfile() " } else { " " };
    let _ = write!(text, " => generated {} bytes in {time} {unit}{via}(", f.body_bytes);
    out.extend_from_slice(text.as_bytes());
    text.clear();
    out.extend_from_slice(proto);
    let _ = write!(
        text,
        " {}) {} headers in {} bytes ({} switches on core {})",
        f.status, f.headers, f.head_bytes, f.switches, f.core
    );
    out.extend_from_slice(text.as_bytes());
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
        ] {
            vars.push(k.as_bytes(), v.as_bytes()).unwrap();
        }
        vars
    }

    fn line(log: &RequestLog, f: &Finished<'_>) -> String {
        let mut out = Vec::new();
        render(log, f, &mut SecondCache::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_default_line_is_the_one_that_scripts_parse() {
        let vars = vars();
        let text = line(&RequestLog::default(), &finished(&vars));
        let (before, rest) = text.split_once('[').and_then(|(_, r)| r.split_once('[')).unwrap();
        assert_eq!(before, "pid: 25713|app: 0|req: 1/1] 127.0.0.1 () {8 vars in 282 bytes} ");
        assert_eq!(
            &rest[24..],
            "] GET /a?x=1 => generated 365 bytes in 0 msecs (HTTP/1.1 200) 2 headers in 66 bytes (1 switches on core 0)\n"
        );
    }

    #[test]
    fn options_change_address_unit_and_prefix() {
        let vars = vars();
        let log = RequestLog { micros: true, forwarded_for: true, ..RequestLog::default() };
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
    fn an_overlong_line_loses_what_the_client_sent_and_nothing_else() {
        let mut vars = VarBlock::new();
        vars.set_limits(65_536, 128);
        vars.push(b"REQUEST_URI", &[b'a'; 5000]).unwrap();
        let text = line(&RequestLog::default(), &finished(&vars));
        assert!(text.contains("] - - => generated 365 bytes"), "{text}");
        assert!(text.len() <= LIMIT + 1);
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
        assert!(wanted(&RequestLog { big_bytes: 365, ..quiet }, &slow));
    }
}
