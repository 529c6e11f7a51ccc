//! `log-format`: a line of the user's making.

use std::io::Write;

use super::reqlog::{Finished, address};
use crate::clock;
use crate::settings::RequestLog;

/// Appends `format` with its `%(name)` replaced; missing values print `-`.
pub(crate) fn render(format: &str, log: &RequestLog, f: &Finished<'_>, out: &mut Vec<u8>) {
    let mut rest = format;
    while let Some(at) = rest.find("%(") {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let Some(end) = rest[at..].find(')') else {
            out.extend_from_slice(&rest.as_bytes()[at..]);
            return;
        };
        let before = out.len();
        value(&rest[at + 2..at + end], log, f, out);
        if out.len() == before {
            out.push(b'-');
        }
        rest = &rest[at + end + 1..];
    }
    out.extend_from_slice(rest.as_bytes());
}

fn value(name: &str, log: &RequestLog, f: &Finished<'_>, out: &mut Vec<u8>) {
    let known = f.vars.known();
    let bytes: &[u8] = match name {
        "uri" => known.uri(),
        "method" => known.method(),
        "user" => known.remote_user(),
        "addr" => address(log, f),
        "host" => known.host(),
        "proto" => known.protocol(),
        "uagent" => known.user_agent(),
        "referer" => known.referer(),
        _ => return number(name, f, out),
    };
    out.extend_from_slice(bytes);
}

fn number(name: &str, f: &Finished<'_>, out: &mut Vec<u8>) {
    let (vsz, rss) = f.memory.unwrap_or_default();
    let n: u64 = match name {
        "status" => f.status.into(),
        "rsize" => f.body_bytes,
        "hsize" => f.head_bytes,
        "size" => f.head_bytes + f.body_bytes,
        "cl" => f.vars.known().content_length(),
        "micros" => f.duration_us,
        "msecs" => f.duration_us / 1000,
        "epoch" => clock::epoch_s(),
        "time" => f.start_us / 1_000_000,
        "tmsecs" => f.start_us / 1000,
        "tmicros" => f.start_us,
        "pid" => f.pid as u64,
        "wid" => f.worker.into(),
        "core" => f.core.into(),
        "switches" => f.switches.into(),
        "vars" => f.vars.len() as u64 * 2,
        "vsz" => vsz,
        "rss" => rss,
        "vszM" => vsz >> 20,
        "rssM" => rss >> 20,
        "pktsize" => f.packet_size as u64,
        "modifier1" => f.modifiers.0.into(),
        "modifier2" => f.modifiers.1.into(),
        "headers" => f.headers.into(),
        "werr" => f.write_errors,
        "rerr" => f.read_errors,
        "ioerr" => f.write_errors + f.read_errors,
        _ => return other(name, f, out),
    };
    // Writing to a vector cannot fail.
    let _ = write!(out, "{n}");
}

fn other(name: &str, f: &Finished<'_>, out: &mut Vec<u8>) {
    let start = || jiff::Timestamp::from_microsecond(f.start_us as i64).unwrap_or_default();
    let local = || start().to_zoned(jiff::tz::TimeZone::system());
    let text = match name {
        "secs" => format!("{:.6}", f.duration_us as f64 / 1e6),
        "ctime" => local().strftime("%a %b %e %H:%M:%S %Y").to_string(),
        "ltime" | "ftime" => local().strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
        _ => match name.split_once('.') {
            Some(("var", var)) => {
                let var = var.as_bytes();
                let value = f.notes.var(var).or_else(|| f.vars.get(var));
                out.extend_from_slice(value.unwrap_or_default());
                return;
            }
            Some(("wait", "accept")) => match f.accept_us {
                Some(us) => us.to_string(),
                None => return,
            },
            Some(("wait", wait)) => match f.waits.and_then(|w| w.value(wait, f.duration_us)) {
                Some(text) => text,
                None => return,
            },
            Some(("metric", metric)) => {
                let value =
                    f.numbers.and_then(|n| uwsgi_metrics::schema::value(n, metric.as_bytes()));
                value.unwrap_or(0).to_string()
            }
            _ => {
                out.extend_from_slice(f.notes.logvar(name.as_bytes()).unwrap_or_default());
                return;
            }
        },
    };
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::reqlog::tests::{finished, vars};
    use super::*;

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
            ("%(var.SERVER_PROTOCOL) %(vars)", "HTTP/1.1 8"),
        ];
        for (format, expected) in table {
            let mut out = Vec::new();
            render(format, &RequestLog::default(), &f, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected, "{format}");
        }
    }
}
