//! The stats JSON as a picture.
//!
//! Owns the reading of a document whose age and origin are unknown: missing keys are zero or
//! absent, unknown keys are skipped. Refuses nothing but text that is no JSON object.

use serde_json::{Map, Value};

use crate::human::clean;
use crate::picture::{Body, Core, End, Picture, Worker};
use lenient::mended;

/// Objects that a document may have: a thousand workers with a hundred cores have a quarter.
const OBJECTS: usize = 1_000_000;

/// Values that a document may have: the rings of the past are tens of thousands.
const VALUES: usize = 16_000_000;

mod apps;
mod caches;
mod deep;
mod fleet;
mod jobs;
mod kernel;
mod lenient;
mod metrics;
mod probed;
mod requests;
#[cfg(test)]
pub(crate) mod same;
mod system;
mod watched;

pub(crate) use requests::dated;

/// Reads a document. Invalid UTF-8 is replaced, as servers pass request variables through.
///
/// # Errors
/// A sentence when the bytes are empty or no JSON object.
pub(crate) fn parse(bytes: &[u8]) -> Result<Picture, String> {
    Ok(picture(&object_of(bytes)?))
}

/// The object that a document is.
///
/// # Errors
/// See [`parse`].
pub(crate) fn object_of(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    read(&String::from_utf8_lossy(bytes)).map(|(top, _)| top)
}

/// The document as every program reads it: as it came, without what servers do wrong.
///
/// # Errors
/// See [`parse`].
pub(crate) fn strict(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(bytes);
    let (_, mended) = read(&text)?;
    Ok(mended.unwrap_or_else(|| text.into_owned()).into_bytes())
}

/// The object, and the text that it was read from where that had to be mended.
fn read(text: &str) -> Result<(Map<String, Value>, Option<String>), String> {
    if text.is_empty() {
        return Err(
            "the document is empty (with stats-http the address begins with http://)".into()
        );
    }
    bounded(text.as_bytes())?;
    let read = serde_json::from_str(text).map(|value| (value, None)).or_else(|error| {
        let mended = mended(text);
        serde_json::from_str(&mended).map(|value| (value, Some(mended))).map_err(|_| error)
    });
    match read {
        Ok((Value::Object(top), mended)) => Ok((top, mended)),
        Ok(_) => Err("the document is JSON but no object".to_owned()),
        Err(error) => Err(format!("the document is no JSON: {error}")),
    }
}

/// Refuses what takes many times its size in memory before it is read.
///
/// # Errors
/// A sentence with the limit.
pub(crate) fn bounded(text: &[u8]) -> Result<(), String> {
    let (mut objects, mut values) = (0_usize, 0_usize);
    for byte in text {
        match byte {
            b'{' => objects += 1,
            b',' | b'[' => values += 1,
            _ => {}
        }
    }
    match (objects > OBJECTS, values > VALUES) {
        (true, _) => Err(format!("the document has more than {OBJECTS} objects")),
        (_, true) => Err(format!("the document has more than {VALUES} values")),
        _ => Ok(()),
    }
}

fn picture(top: &Map<String, Value>) -> Picture {
    let mut picture = Picture {
        version: text(top, "version"),
        listen_queue_errors: number(top, "listen_queue_errors"),
        signal_queue: number(top, "signal_queue"),
        started_at: number(top, "started_at"),
        reloads: number(top, "reloads"),
        last_reload: number(top, "last_reload"),
        listen_queue: number(top, "listen_queue"),
        cwd: top.get("cwd").and_then(Value::as_str).map(clean),
        uid: top.get("uid").and_then(Value::as_u64),
        gid: top.get("gid").and_then(Value::as_u64),
        pid: top.get("pid").and_then(Value::as_u64),
        body: body(top),
        gateways: fleet::gateways(top),
        legions: fleet::legions(top),
        ..Picture::default()
    };
    probed::read(top, &mut picture);
    picture.in_flight = requests::read(top);
    picture.caches = caches::read(top);
    jobs::read(top, &mut picture);
    if let Some(metrics) = metrics::read(top) {
        (picture.lists_metrics, picture.metrics) = (true, metrics);
    }
    picture.system = system::read(top);
    deep::read(top, &mut picture);
    picture
}

fn body(top: &Map<String, Value>) -> Body {
    if let Some(emperor) = fleet::emperor(top) {
        return Body::Emperor(emperor);
    }
    if top.contains_key("workers") {
        return Body::Workers(objects(top, "workers").map(worker).collect());
    }
    fleet::router(top).map_or(Body::Nothing, Body::Router)
}

/// An object of counts, those above zero.
fn counts(row: &Map<String, Value>, key: &str) -> Vec<End> {
    let all = row.get(key).and_then(Value::as_object).into_iter().flatten();
    let ends =
        all.map(|(name, count)| End { reason: clean(name), count: count.as_u64().unwrap_or(0) });
    ends.filter(|end| end.count > 0).collect()
}

fn worker(row: &Map<String, Value>) -> Worker {
    Worker {
        id: number(row, "id"),
        pid: number(row, "pid"),
        requests: number(row, "requests"),
        exceptions: number(row, "exceptions"),
        signals: number(row, "signals"),
        status: text(row, "status"),
        avg_rt: number(row, "avg_rt"),
        rss: number(row, "rss"),
        vsz: number(row, "vsz"),
        tx: number(row, "tx"),
        respawn_count: number(row, "respawn_count"),
        harakiri_count: number(row, "harakiri_count"),
        running_time: number(row, "running_time"),
        last_spawn: number(row, "last_spawn"),
        cores: objects(row, "cores").map(core).collect(),
        accepting: number(row, "accepting") != 0,
        delta_requests: number(row, "delta_requests"),
        failed_requests: number(row, "failed_requests"),
        signal_queue: number(row, "signal_queue"),
        uss: number(row, "uss"),
        pss: number(row, "pss"),
        swap: number(row, "swap"),
        rx: number(row, "rx"),
        harakiri_pending: number(row, "harakiri_pending"),
        killed_count: number(row, "killed_count"),
        exits: counts(row, "exits"),
        last_exit: text(row, "last_exit"),
        cpu_time: number(row, "cpu_time_us"),
        open_fds: number(row, "open_fds"),
        threads: number(row, "threads"),
        startup: number(row, "startup_us"),
        apps: apps::read(row),
    }
}

fn core(row: &Map<String, Value>) -> Core {
    Core {
        id: number(row, "id"),
        requests: number(row, "requests"),
        static_requests: number(row, "static_requests"),
        routed_requests: number(row, "routed_requests"),
        offloaded_requests: number(row, "offloaded_requests"),
        write_errors: number(row, "write_errors"),
        read_errors: number(row, "read_errors"),
        in_request: number(row, "in_request") != 0,
    }
}

fn text(row: &Map<String, Value>, key: &str) -> String {
    row.get(key).and_then(Value::as_str).map(clean).unwrap_or_default()
}

fn number(row: &Map<String, Value>, key: &str) -> u64 {
    row.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn object<'a>(row: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    row.get(key).and_then(Value::as_object)
}

fn list<'a>(row: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    row.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn objects<'a>(
    row: &'a Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> {
    list(row, key).iter().filter_map(Value::as_object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Vassal;

    #[test]
    fn a_worker_and_its_cores_are_read() {
        let json = br#"{"version":"2.0.31","listen_queue":3,"cwd":"/srv","uid":33,"gid":34,"pid":9,
            "workers":[{"id":1,"pid":10,"requests":7,"status":"busy","avg_rt":1500,"tx":2048,
            "cores":[{"id":0,"requests":7,"in_request":1}]}]}"#;
        let picture = parse(json).unwrap();
        assert_eq!(picture.version, "2.0.31");
        assert_eq!((picture.uid, picture.gid, picture.pid), (Some(33), Some(34), Some(9)));
        let Body::Workers(workers) = &picture.body else { panic!("{picture:?}") };
        assert_eq!(workers[0].requests, 7);
        assert_eq!(workers[0].harakiri_count, 0, "a missing key is zero");
        assert_eq!(
            workers[0].cores,
            [Core { id: 0, requests: 7, in_request: true, ..Core::default() }]
        );
    }

    #[test]
    fn an_emperor_is_known_by_its_vassals() {
        let json = br#"{"emperor":["/etc/v"],"emperor_tyrant":1,"workers":[],
            "vassals":[{"id":"a.ini","pid":-1}]}"#;
        let Body::Emperor(emperor) = parse(json).unwrap().body else { panic!("no emperor") };
        assert_eq!(emperor.monitors, ["/etc/v"]);
        let vassal = Vassal { id: "a.ini".to_owned(), pid: -1, ..Vassal::default() };
        assert_eq!((emperor.tyrant, emperor.vassals), (1, vec![vassal]));
    }

    #[test]
    fn what_is_no_object_is_refused_and_odd_types_are_survived() {
        for (json, part) in [("", "empty"), ("{\"a\":", "no JSON"), ("[1]", "no object")] {
            let error = parse(json.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        }
        let odd = br#"{"workers":[1,null,{"id":"x","cores":{}}],"pid":"9","cwd":null}"#;
        let picture = parse(odd).unwrap();
        assert_eq!(picture.body, Body::Workers(vec![Worker::default()]));
    }

    #[test]
    fn a_document_that_would_fill_the_memory_is_refused() {
        for (row, count, what) in [("{},", OBJECTS, "objects"), ("0,", VALUES, "values")] {
            let json = format!("{{\"workers\":[{}0]}}", row.repeat(count));
            let error = parse(json.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn what_servers_do_wrong_is_mended_for_others_too() {
        let wrong = b"{\"cwd\":\"/\xff\x01a\",\"workers\":[{\"id\":1},],}";
        assert_eq!(parse(wrong).unwrap().cwd.as_deref(), Some("/\u{fffd}?a"));
        let text = String::from_utf8(strict(wrong).unwrap()).unwrap();
        assert_eq!(text, "{\"cwd\":\"/\u{fffd}?a\",\"workers\":[{\"id\":1}]}");
        let right = b"{\n\t\"a\": 1.50 }";
        assert_eq!(strict(right).unwrap(), right, "not a byte of it is changed");
        assert!(strict(b"[1]").is_err() && strict(b"").is_err());
    }

    #[test]
    fn depth_and_numbers_beyond_all_are_answers_not_ends() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(deep.as_bytes()).unwrap_err().contains("recursion"));
        for number in ["1e999", "NaN", "-Infinity", "0x10"] {
            assert!(parse(format!("{{\"pid\":{number}}}").as_bytes()).is_err(), "{number}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_do_not_stop_the_reading() {
        let picture = parse(b"{\"cwd\":\"/\xff\\u001b[2J\"}").unwrap();
        assert_eq!(picture.cwd.as_deref(), Some("/\u{fffd}?[2J"));
    }
}
