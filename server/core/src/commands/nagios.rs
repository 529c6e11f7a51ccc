//! `nagios`: one line and an exit code for a monitoring system, about an instance that runs.
//!
//! The first socket is pinged; with `nagios-perfdata`, or a bound on a number, the stats are read
//! too. What a number is worth is decided by a pure function of the stats document.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use serde_json::Value;
use uwsgi_config::Config;

use super::health::{Trouble, ask, first, reason, seconds, timed_out};
use crate::dial::dial;

/// What is printed and the code that goes with it: 0 well, 1 warning, 2 critical, 3 unknown.
type Verdict = (String, i32);

/// Addresses of workers, whatever they speak.
const SOCKETS: [&str; 4] = ["socket", "uwsgi-socket", "http-socket", "http11-socket"];

/// The check as the configuration asks for it.
pub(crate) fn nagios(config: &Config) -> Verdict {
    let limit = Duration::from_secs(seconds(config, "socket-timeout", 4));
    let wants_numbers = ["nagios-perfdata", "nagios-warn", "nagios-crit"]
        .iter()
        .any(|name| config.flag(name) || config.has(name));
    let stats = first(config, &["stats"]);
    let node = first(config, &SOCKETS);
    let ping = match (&node, &stats) {
        (Some(node), _) => pinged(node, limit),
        (None, Some(_)) => well(),
        (None, None) => return unknown("you have specified an invalid socket"),
    };
    if ping.1 > 1 || (!wants_numbers && node.is_some()) {
        return ping;
    }
    let Some(address) = stats else {
        return unknown("numbers need the stats address of the instance");
    };
    let document = match read(&address, config.flag("stats-http"), limit) {
        Ok(document) => document,
        Err(e) => return critical(&format!("could not read stats from {address}: {}", reason(&e))),
    };
    match Bound::all(config) {
        Ok(bounds) => judged(ping, &document, &bounds, config.flag("nagios-perfdata")),
        Err(text) => unknown(&text),
    }
}

fn well() -> Verdict {
    ("UWSGI OK: armed and ready".into(), 0)
}

fn critical(text: &str) -> Verdict {
    (format!("UWSGI CRITICAL: {text}"), 2)
}

fn unknown(text: &str) -> Verdict {
    (format!("UWSGI UNKNOWN: {text}"), 3)
}

fn pinged(node: &str, limit: Duration) -> Verdict {
    match ask(node, limit) {
        Ok(text) if text.is_empty() => well(),
        Ok(text) => (format!("UWSGI WARNING: {}", String::from_utf8_lossy(&text)), 1),
        Err(Trouble::Connect(e)) => {
            let (line, code) = critical(&format!("could not connect() to workers {}", reason(&e)));
            (line, if e.kind() == ErrorKind::PermissionDenied { 3 } else { code })
        }
        Err(Trouble::Send(_)) => critical("could not send ping packet to workers"),
        Err(Trouble::Read(e)) if timed_out(&e) => critical("timed out waiting for response"),
        Err(Trouble::Read(_)) => critical("error reading response"),
    }
}

/// The stats document of a running instance.
fn read(address: &str, http: bool, limit: Duration) -> io::Result<Value> {
    let mut stream = dial(address, Some(limit))?;
    if http {
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    }
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let head =
        bytes.windows(4).position(|w| w == b"\r\n\r\n").filter(|_| bytes.starts_with(b"HTTP/"));
    let body = bytes.get(head.map_or(0, |at| at + 4)..).unwrap_or_default();
    serde_json::from_slice(body)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "no stats came"))
}

/// `KEY=VALUE` of `nagios-warn` and `nagios-crit`.
struct Bound {
    key: String,
    above: f64,
    critical: bool,
}

impl Bound {
    fn all(config: &Config) -> Result<Vec<Bound>, String> {
        let of = |name, critical| {
            config.values(name).map(move |text| {
                let bound = text.split_once('=').and_then(|(key, value)| {
                    Some(Bound {
                        key: key.trim().into(),
                        above: value.trim().parse().ok()?,
                        critical,
                    })
                });
                bound.ok_or_else(|| format!("\"{name}\" wants KEY=NUMBER, not \"{text}\""))
            })
        };
        of("nagios-warn", false).chain(of("nagios-crit", true)).collect()
    }
}

/// A number with its unit and the ends of its range.
struct Number {
    key: String,
    value: f64,
    unit: &'static str,
    most: Option<f64>,
}

/// The numbers that are always shown.
fn numbers(document: &Value) -> Vec<Number> {
    let list = |name: &str| document[name].as_array().map_or(&[][..], Vec::as_slice);
    let (workers, sockets) = (list("workers"), list("sockets"));
    let busy = workers.iter().filter(|w| w["status"] == "busy").count();
    let answering = workers.iter().filter(|w| w["avg_rt"].as_f64() > Some(0.0)).count();
    let longest = sockets.iter().filter_map(|s| s["max_queue"].as_f64()).fold(0.0, f64::max);
    let number = |key: &str, value, unit, most| Number { key: key.into(), value, unit, most };
    vec![
        number("requests", sum(workers, "requests"), "c", None),
        number("busy", busy as f64, "", Some(workers.len() as f64)),
        number("avg_rt", (sum(workers, "avg_rt") / answering.max(1) as f64).round(), "us", None),
        number("lq", document["listen_queue"].as_f64().unwrap_or(0.0), "", Some(longest)),
    ]
}

/// The sum of a number; that of none is not the -0 of the library, which would be shown.
fn sum(list: &[Value], name: &str) -> f64 {
    list.iter().filter_map(|item| item[name].as_f64()).fold(0.0, |all, one| all + one)
}

/// The worst of what the ping said and what the numbers say, and the numbers themselves.
fn judged(ping: Verdict, document: &Value, bounds: &[Bound], shown: bool) -> Verdict {
    let mut numbers = numbers(document);
    for bound in bounds {
        if numbers.iter().any(|number| number.key == bound.key) {
            continue;
        }
        let Some(value) = document["metrics"][&bound.key]["value"].as_f64() else {
            return unknown(&format!("there is no number called \"{}\"", bound.key));
        };
        numbers.push(Number { key: bound.key.clone(), value, unit: "", most: None });
    }
    let value = |key: &str| numbers.iter().find(|n| n.key == key).map_or(0.0, |n| n.value);
    let passed = |critical| {
        bounds
            .iter()
            .find(|b| b.critical == critical && value(&b.key) > b.above)
            .map(|b| format!("{} is {}, above {}", b.key, value(&b.key), b.above))
    };
    let (line, code) = match (passed(true), passed(false)) {
        (Some(text), _) => critical(&text),
        (None, Some(text)) if ping.1 == 0 => (format!("UWSGI WARNING: {text}"), 1),
        _ => ping,
    };
    let data: Vec<String> = numbers.iter().map(|number| perfdata(number, bounds)).collect();
    (if shown { format!("{line} | {}", data.join(" ")) } else { line }, code)
}

/// `key=value[unit];warn;crit;least;most` without the empty end.
fn perfdata(number: &Number, bounds: &[Bound]) -> String {
    let bound = |critical| {
        let of = bounds.iter().find(|b| b.key == number.key && b.critical == critical);
        of.map(|b| b.above.to_string()).unwrap_or_default()
    };
    let most = number.most.map(|most| format!(";0;{most}")).unwrap_or_default();
    let key = number.key.replace(['\'', '=', ' '], "_");
    let text =
        format!("{key}={}{};{};{}{most}", number.value, number.unit, bound(false), bound(true));
    text.trim_end_matches(';').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        serde_json::json!({
            "listen_queue": 7,
            "sockets": [{"max_queue": 100}, {"max_queue": 0}],
            "workers": [
                {"status": "busy", "requests": 100, "avg_rt": 200},
                {"status": "idle", "requests": 23, "avg_rt": 40},
                {"status": "cheap", "requests": 0, "avg_rt": 0},
            ],
            "metrics": {"mine": {"value": 5}},
        })
    }

    fn check(ping: Verdict, warn: &[&str], crit: &[&str], shown: bool) -> Verdict {
        let bound = |text: &&str, critical| {
            let (key, above) = text.split_once('=').unwrap();
            Bound { key: key.into(), above: above.parse().unwrap(), critical }
        };
        let warn = warn.iter().map(|text| bound(text, false));
        let bounds: Vec<Bound> = warn.chain(crit.iter().map(|text| bound(text, true))).collect();
        judged(ping, &document(), &bounds, shown)
    }

    #[test]
    fn numbers_stand_behind_the_line_with_their_bounds() {
        let (line, code) = check(well(), &["avg_rt=5000", "lq=80"], &["lq=100", "mine=9"], true);
        assert_eq!(
            line,
            "UWSGI OK: armed and ready | requests=123c busy=1;;;0;3 avg_rt=120us;5000 \
             lq=7;80;100;0;100 mine=5;;9"
        );
        assert_eq!(code, 0);
    }

    #[test]
    fn numbers_of_nobody_are_zero() {
        let shown: Vec<String> =
            numbers(&Value::Null).iter().map(|n| n.value.to_string()).collect();
        assert_eq!(shown, ["0", "0", "0", "0"]);
    }

    #[test]
    fn the_worst_wins() {
        let warned = || ("UWSGI WARNING: disk".to_owned(), 1);
        for (ping, warn, crit, line, code) in [
            (well(), &["lq=6"][..], &[][..], "UWSGI WARNING: lq is 7, above 6", 1),
            (well(), &["lq=7"], &[], "UWSGI OK: armed and ready", 0),
            (well(), &["lq=1"], &["busy=0"], "UWSGI CRITICAL: busy is 1, above 0", 2),
            (warned(), &["lq=1"], &[], "UWSGI WARNING: disk", 1),
            (warned(), &[], &["mine=4.5"], "UWSGI CRITICAL: mine is 5, above 4.5", 2),
            (well(), &["none=1"], &[], "UWSGI UNKNOWN: there is no number called \"none\"", 3),
        ] {
            assert_eq!(check(ping, warn, crit, false), (line.to_owned(), code));
        }
    }
}
