//! The line of a request as a JSON object (`log-json`).
//!
//! Owns its fields, which collectors of logs rely on: none changes its name or its kind. What is not
//! known is left out. With `log-format` the line of that format is the field `message`.

use uwsgi_logs::object::Object;
use uwsgi_metrics::trace_context;

use super::dates::Dates;
use super::logformat;
use super::reqlog::{Finished, address};
use crate::clock;
use crate::settings::RequestLog;

/// Appends the object; `room` is memory for the message.
pub(crate) fn render(
    log: &RequestLog,
    f: &Finished<'_>,
    dates: &mut Dates,
    room: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    let known = f.vars.known();
    let mut object = Object::new(out);
    object.text("time", &clock::rfc3339(f.start_us));
    object.text("level", level(f.status).as_bytes());
    object.text("kind", b"request");
    object.number("pid", f.pid.unsigned_abs().into());
    object.text("role", b"worker");
    object.number("worker", f.worker.into());
    object.number("core", f.core.into());
    object.signed("app", f.app.into());
    object.known("request_id", f.request_id);
    if let Some((trace, span)) = trace_context(known.traceparent()) {
        object.text("trace_id", trace);
        object.text("span_id", span);
    }
    object.text("method", known.method());
    object.text("uri", known.uri());
    object.text("protocol", known.protocol());
    object.number("status", f.status.into());
    object.known("host", known.host());
    object.known("remote_addr", address(log, f));
    object.known("remote_user", known.remote_user());
    object.known("user_agent", known.user_agent());
    object.known("referer", known.referer());
    numbers(f, &mut object);
    if let Some(waits) = f.waits {
        object.text("waits", waits.text(f.duration_us).as_bytes());
    }
    object.texts("vars", f.notes.logvars());
    if let Some(format) = &log.format {
        room.clear();
        logformat::render(format, log, f, dates, room);
        object.text("message", room);
    }
    object.end();
    out.push(b'\n');
}

fn numbers(f: &Finished<'_>, object: &mut Object<'_>) {
    object.number("duration_us", f.duration_us);
    object.number("request_body_bytes", f.vars.known().content_length());
    object.number("request_vars_bytes", f.packet_size as u64);
    object.number("response_head_bytes", f.head_bytes);
    object.number("response_body_bytes", f.body_bytes);
    object.number("response_headers", f.headers.into());
    object.signed("app_requests", f.app_requests);
    object.number("total_requests", f.total_requests);
    object.number("switches", f.switches.into());
    object.number("read_errors", f.read_errors);
    object.number("write_errors", f.write_errors);
    if let Some(us) = f.accept_us {
        object.number("accept_us", us);
    }
    let sizes = f.memory.map(|(vsz, rss)| [("vsz", vsz), ("rss", rss)]);
    let shares = f.shares.map(|(uss, pss)| [("uss", uss), ("pss", pss)]);
    for (name, bytes) in sizes.into_iter().chain(shares).flatten() {
        object.number(name, bytes);
    }
}

/// An answer that the server is to blame for is an error, one that its client is to blame for a warning.
fn level(status: u16) -> &'static str {
    match status {
        500.. => "error",
        400..500 => "warning",
        _ => "info",
    }
}

#[cfg(test)]
mod tests {
    use uwsgi_logs::request::Format;

    use super::super::notes::Notes;
    use super::super::reqlog::tests::{finished, vars};
    use super::*;

    fn line(log: &RequestLog, f: &Finished<'_>) -> String {
        let mut out = Vec::new();
        render(log, f, &mut Dates::default(), &mut Vec::new(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Names of fields are an interface: this line is what readers of logs were written for.
    #[test]
    fn every_field_has_its_name_and_place() {
        let mut vars = vars();
        for (name, value) in [
            ("HTTP_HOST", "a.example"),
            ("HTTP_USER_AGENT", "u\"\x1b"),
            ("HTTP_REFERER", "http://r/"),
            ("REMOTE_USER", "me"),
            ("HTTP_TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
            ("CONTENT_LENGTH", "7"),
        ] {
            vars.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        let mut notes = Notes::default();
        notes.set_logvar(b"who", b"\xff");
        let log = RequestLog { format: Some(Format::parse("%(method)!")), ..RequestLog::default() };
        let f = Finished {
            notes: &notes,
            request_id: b"id-1",
            memory: Some((2, 1)),
            shares: Some((3, 4)),
            accept_us: Some(5),
            ..finished(&vars)
        };
        let expected = concat!(
            r#"{"time":"2026-11-20T08:18:27.000000Z","level":"info","kind":"request","pid":25713,"#,
            r#""role":"worker","worker":1,"core":0,"app":0,"request_id":"id-1","#,
            r#""trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","#,
            r#""method":"GET","uri":"/a?x=1","protocol":"HTTP/1.1","status":200,"host":"a.example","#,
            r#""remote_addr":"127.0.0.1","remote_user":"me","user_agent":"u\"\u001b","#,
            r#""referer":"http://r/","duration_us":400,"request_body_bytes":7,"#,
            r#""request_vars_bytes":282,"response_head_bytes":66,"response_body_bytes":365,"#,
            r#""response_headers":2,"app_requests":1,"total_requests":1,"switches":1,"#,
            r#""read_errors":0,"write_errors":0,"accept_us":5,"vsz":2,"rss":1,"uss":3,"pss":4,"#,
            "\"vars\":{\"who\":\"\u{fffd}\"},\"message\":\"GET!\"}\n"
        );
        assert_eq!(line(&log, &f), expected);
    }

    #[test]
    fn what_is_not_known_is_left_out_and_bad_answers_are_told() {
        let vars = vars();
        let f = Finished { status: 503, ..finished(&vars) };
        let text = line(&RequestLog::default(), &f);
        assert!(text.contains("\"level\":\"error\""), "{text}");
        for name in ["request_id", "trace_id", "host", "referer", "vars\":{", "message", "vsz"] {
            assert!(!text.contains(name), "{name} in {text}");
        }
        let refused = Finished { status: 404, ..finished(&vars) };
        assert!(line(&RequestLog::default(), &refused).contains("\"level\":\"warning\""));
    }
}
