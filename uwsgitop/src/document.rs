//! The stats JSON as a picture.
//!
//! Owns the reading of a document whose age and origin are unknown: missing keys are zero or
//! absent, unknown keys are skipped. Refuses nothing but text that is no JSON object.

use serde_json::{Map, Value};

use crate::human::clean;
use crate::picture::{Body, Core, Emperor, Picture, Worker};

mod probed;

/// Reads a document. Invalid UTF-8 is replaced, as servers pass request variables through.
///
/// # Errors
/// A sentence when the bytes are empty or no JSON object.
pub(crate) fn parse(bytes: &[u8]) -> Result<Picture, String> {
    if bytes.is_empty() {
        return Err(
            "the document is empty (with stats-http the address begins with http://)".into()
        );
    }
    match serde_json::from_str(&String::from_utf8_lossy(bytes)) {
        Ok(Value::Object(top)) => Ok(picture(&top)),
        Ok(_) => Err("the document is JSON but no object".to_owned()),
        Err(error) => Err(format!("the document is no JSON: {error}")),
    }
}

fn picture(top: &Map<String, Value>) -> Picture {
    Picture {
        version: text(top, "version"),
        listen_queue: number(top, "listen_queue"),
        cwd: top.get("cwd").and_then(Value::as_str).map(clean),
        uid: top.get("uid").and_then(Value::as_u64),
        gid: top.get("gid").and_then(Value::as_u64),
        pid: top.get("pid").and_then(Value::as_u64),
        body: body(top),
        details: probed::details(top),
        remark: None,
    }
}

fn body(top: &Map<String, Value>) -> Body {
    if top.contains_key("vassals") {
        return Body::Emperor(Emperor {
            monitors: list(top, "emperor").iter().filter_map(Value::as_str).map(clean).collect(),
            tyrant: number(top, "emperor_tyrant"),
            vassals: objects(top, "vassals").map(vassal).collect(),
        });
    }
    if top.contains_key("workers") {
        return Body::Workers(objects(top, "workers").map(worker).collect());
    }
    Body::Nothing
}

fn vassal(row: &Map<String, Value>) -> (String, i64) {
    (text(row, "id"), row.get("pid").and_then(Value::as_i64).unwrap_or(0))
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
    }
}

fn core(row: &Map<String, Value>) -> Core {
    Core {
        id: number(row, "id"),
        requests: number(row, "requests"),
        in_request: number(row, "in_request") != 0,
    }
}

fn text(row: &Map<String, Value>, key: &str) -> String {
    row.get(key).and_then(Value::as_str).map(clean).unwrap_or_default()
}

fn number(row: &Map<String, Value>, key: &str) -> u64 {
    row.get(key).and_then(Value::as_u64).unwrap_or(0)
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
        assert_eq!(workers[0].cores, [Core { id: 0, requests: 7, in_request: true }]);
    }

    #[test]
    fn an_emperor_is_known_by_its_vassals() {
        let json = br#"{"emperor":["/etc/v"],"emperor_tyrant":1,"workers":[],
            "vassals":[{"id":"a.ini","pid":-1}]}"#;
        let Body::Emperor(emperor) = parse(json).unwrap().body else { panic!("no emperor") };
        assert_eq!(emperor.monitors, ["/etc/v"]);
        assert_eq!((emperor.tyrant, emperor.vassals), (1, vec![("a.ini".to_owned(), -1)]));
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
    fn bytes_that_are_no_utf8_do_not_stop_the_reading() {
        let picture = parse(b"{\"cwd\":\"/\xff\\u001b[2J\"}").unwrap();
        assert_eq!(picture.cwd.as_deref(), Some("/\u{fffd}?[2J"));
    }
}
