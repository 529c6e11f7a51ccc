//! `log-format`: a line of the user's making.
//!
//! Owns what each name of a format stands for. Missing values print `-`.

use uwsgi_logs::request::{Field, Format, Part};
use uwsgi_logs::text;
use uwsgi_metrics::trace_context;

use super::dates::Dates;
use super::reqlog::{Finished, address};
use crate::settings::RequestLog;
use crate::{clock, logvars};

/// Appends the line of `format`.
pub(crate) fn render(
    format: &Format,
    log: &RequestLog,
    f: &Finished<'_>,
    dates: &mut Dates,
    out: &mut Vec<u8>,
) {
    for part in format.parts() {
        let before = out.len();
        match part {
            Part::Text(text) => {
                out.extend_from_slice(text);
                continue;
            }
            Part::Field(name) => field(*name, log, f, dates, out),
            Part::Own(name, logvar) => match f.notes.logvar(logvar) {
                Some(value) => foreign(value, log, out),
                None => field(*name, log, f, dates, out),
            },
            Part::Var(name) => {
                let value = f.notes.var(name).or_else(|| f.vars.get(name));
                foreign(value.unwrap_or_default(), log, out);
            }
            Part::Metric(name) => {
                let value = f.numbers.and_then(|n| uwsgi_metrics::schema::value(n, name));
                text::signed(value.unwrap_or(0), out);
            }
            Part::Wait(name) => wait(name, f, out),
            Part::Logvar(name) => {
                let own = |value: &[u8]| foreign(value, log, out);
                if !logvars::show(name, || f.line(), own) {
                    foreign(f.notes.logvar(name).unwrap_or_default(), log, out);
                }
            }
        }
        if out.len() == before {
            out.push(b'-');
        }
    }
}

/// What a client may have written.
pub(crate) fn foreign(bytes: &[u8], log: &RequestLog, out: &mut Vec<u8>) {
    if log.escape { text::escaped(bytes, out) } else { out.extend_from_slice(bytes) }
}

fn field(name: Field, log: &RequestLog, f: &Finished<'_>, dates: &mut Dates, out: &mut Vec<u8>) {
    let known = f.vars.known();
    let bytes: &[u8] = match name {
        Field::Uri => known.uri(),
        Field::Method => known.method(),
        Field::User => known.remote_user(),
        Field::Address => address(log, f),
        Field::Host => known.host(),
        Field::Protocol => known.protocol(),
        Field::UserAgent => known.user_agent(),
        Field::Referer => known.referer(),
        Field::RequestId => f.request_id,
        Field::TraceId => trace_context(known.traceparent()).map_or(b"", |(trace, _)| trace),
        Field::SpanId => trace_context(known.traceparent()).map_or(b"", |(_, span)| span),
        Field::Ctime => return out.extend_from_slice(dates.ctime(f.start_us)),
        Field::Ltime => return out.extend_from_slice(dates.ltime(f.start_us)),
        Field::Ftime => {
            return out.extend_from_slice(match &log.date {
                Some(format) => dates.ftime(f.start_us, format),
                None => dates.ltime(f.start_us),
            });
        }
        Field::Seconds => return text::seconds(f.duration_us, out),
        Field::App => return text::signed(f.app.into(), out),
        Field::AppRequests => return text::signed(f.app_requests, out),
        _ => return text::number(number(name, f), out),
    };
    foreign(bytes, log, out);
}

fn number(name: Field, f: &Finished<'_>) -> u64 {
    let (vsz, rss) = f.memory.unwrap_or_default();
    match name {
        Field::Status => f.status.into(),
        Field::BodyBytes => f.body_bytes,
        Field::HeadBytes => f.head_bytes,
        Field::Size => f.head_bytes + f.body_bytes,
        Field::ContentLength => f.vars.known().content_length(),
        Field::Micros => f.duration_us,
        Field::Millis => f.duration_us / 1000,
        Field::Epoch => clock::epoch_s(),
        Field::Time => f.start_us / 1_000_000,
        Field::TimeMillis => f.start_us / 1000,
        Field::TimeMicros => f.start_us,
        Field::Pid => f.pid.unsigned_abs().into(),
        Field::Worker => f.worker.into(),
        Field::Core => f.core.into(),
        Field::Switches => f.switches.into(),
        Field::Vars => f.pairs as u64 * 2,
        Field::Vsz => vsz,
        Field::Rss => rss,
        Field::VszMib => vsz >> 20,
        Field::RssMib => rss >> 20,
        Field::PacketSize => f.packet_size as u64,
        Field::Modifier1 => f.modifiers.0.into(),
        Field::Modifier2 => f.modifiers.1.into(),
        Field::Headers => f.headers.into(),
        Field::WriteErrors => f.write_errors,
        Field::ReadErrors => f.read_errors,
        Field::IoErrors => f.write_errors + f.read_errors,
        _ => f.total_requests,
    }
}

fn wait(name: &str, f: &Finished<'_>, out: &mut Vec<u8>) {
    if name == "accept" {
        if let Some(us) = f.accept_us {
            text::number(us, out);
        }
    } else if let Some(value) = f.waits.and_then(|waits| waits.value(name, f.duration_us)) {
        out.extend_from_slice(value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::notes::Notes;
    use super::super::reqlog::tests::{finished, vars};
    use super::*;

    fn line(format: &str, log: &RequestLog, f: &Finished<'_>) -> String {
        let mut out = Vec::new();
        render(&Format::parse(format), log, f, &mut Dates::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_replaced_and_missing_values_print_a_dash() {
        let vars = vars();
        let f = finished(&vars);
        let table = [
            ("%(method) %(uri) %(proto)", "GET /a?x=1 HTTP/1.1"),
            ("%(user)|%(nothing)|%(var.NOPE)", "-|-|-"),
            ("%(status) %(size) %(rsize) %(hsize)", "200 431 365 66"),
            ("%(secs) %(micros) %(msecs)", "0.000400 400 0"),
            ("100% %(var.REQUEST_METHOD", "100% %(var.REQUEST_METHOD"),
            ("%(var.SERVER_PROTOCOL) %(vars)", "HTTP/1.1 10"),
            ("%()%( uri )%(a(b))", "---)"),
        ];
        for (format, expected) in table {
            assert_eq!(line(format, &RequestLog::default(), &f), expected, "{format}");
        }
    }

    /// Every name of the table, for one request.
    #[test]
    fn every_name_has_its_value() {
        const VALUES: &[(&str, &str)] = &[
            ("uri", "/a?x=1"),
            ("method", "GET"),
            ("user", "me"),
            ("addr", "127.0.0.1"),
            ("host", "a.example"),
            ("proto", "HTTP/1.1"),
            ("uagent", "agent"),
            ("referer", "http://r/"),
            ("status", "404"),
            ("rsize", "5000000000"),
            ("hsize", "66"),
            ("size", "5000000066"),
            ("headers", "2"),
            ("cl", "6000000000"),
            ("micros", "7000000000"),
            ("msecs", "7000000"),
            ("secs", "7000.000000"),
            ("time", "1795162707"),
            ("tmsecs", "1795162707000"),
            ("tmicros", "1795162707000000"),
            ("pid", "25713"),
            ("wid", "1"),
            ("core", "0"),
            ("switches", "1"),
            ("vars", "22"),
            ("pktsize", "282"),
            ("modifier1", "5"),
            ("modifier2", "6"),
            ("vsz", "9663676416"),
            ("rss", "8589934592"),
            ("vszM", "9216"),
            ("rssM", "8192"),
            ("werr", "3"),
            ("rerr", "4"),
            ("ioerr", "7"),
            ("app", "0"),
            ("request_id", "id-1"),
            ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
            ("span_id", "b7ad6b7169203331"),
            ("uwsgi.wid", "1"),
            ("uwsgi.pid", "25713"),
            ("uwsgi.status", "404"),
            ("uwsgi.rtime", "7000000000"),
            ("uwsgi.rsize", "5000000000"),
            ("uwsgi.sor", "1795162707000000"),
            ("uwsgi.app_requests", "1"),
            ("uwsgi.requests", "9"),
        ];
        const DATES: [&str; 4] = ["ctime", "ltime", "ftime", "epoch"];
        let mut vars = vars();
        for (name, value) in [
            ("REMOTE_USER", "me"),
            ("HTTP_HOST", "a.example"),
            ("HTTP_USER_AGENT", "agent"),
            ("HTTP_REFERER", "http://r/"),
            ("CONTENT_LENGTH", "6000000000"),
            ("HTTP_TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ] {
            vars.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        let f = Finished {
            status: 404,
            body_bytes: 5_000_000_000,
            duration_us: 7_000_000_000,
            memory: Some((9 << 30, 8 << 30)),
            write_errors: 3,
            read_errors: 4,
            modifiers: (5, 6),
            request_id: b"id-1",
            total_requests: 9,
            ..finished(&vars)
        };
        for variable in uwsgi_logs::request::table::VARIABLES {
            let shown = line(&format!("%({})", variable.name), &RequestLog::default(), &f);
            match VALUES.iter().find(|(name, _)| *name == variable.name) {
                Some((name, value)) => assert_eq!(shown, *value, "{name}"),
                None => assert!(DATES.contains(&variable.name) && shown.len() >= 10, "{shown}"),
            }
        }
    }

    #[test]
    fn clients_cannot_forge_lines_where_that_is_asked_for() {
        let mut vars = vars();
        vars.push(b"HTTP_USER_AGENT", b"x\" 200\nfake").unwrap();
        let f = finished(&vars);
        let escaping = RequestLog { escape: true, ..RequestLog::default() };
        let format = "\"%(uagent)\" %(var.HTTP_USER_AGENT)";
        let raw = "x\" 200\nfake";
        assert_eq!(line(format, &RequestLog::default(), &f), format!("\"{raw}\" {raw}"));
        let safe = r#"x\" 200\nfake"#;
        assert_eq!(line(format, &escaping, &f), format!("\"{safe}\" {safe}"));
    }

    #[test]
    fn log_variables_go_before_names_of_our_own_and_behind_those_of_all() {
        let vars = vars();
        let mut notes = Notes::default();
        for name in ["app", "uwsgi.wid", "uri", "mine"] {
            notes.set_logvar(name.as_bytes(), b"said");
        }
        let f = Finished { notes: &notes, ..finished(&vars) };
        let format = "%(app) %(uwsgi.wid) %(uwsgi.pid) %(uri) %(mine)";
        assert_eq!(line(format, &RequestLog::default(), &f), "said said 25713 /a?x=1 said");
    }

    #[test]
    fn dates_are_as_long_as_they_should_be() {
        let vars = vars();
        let f = finished(&vars);
        let own = RequestLog { date: Some("%Y|%j".to_owned()), ..RequestLog::default() };
        assert_eq!(line("%(ftime)", &own, &f), "2026|324");
        let plain = line("%(ltime)|%(ftime)", &RequestLog::default(), &f);
        let (one, other) = plain.split_once('|').unwrap();
        assert_eq!((one.len(), other), (26, one));
        assert_eq!(line("%(ctime)", &own, &f).len(), 24);
    }
}
