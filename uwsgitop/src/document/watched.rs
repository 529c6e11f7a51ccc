//! Alarms, thresholds and receivers of metrics in a document with details.

use serde_json::{Map, Value};

use super::{number, objects, text};
use crate::picture::{Alarm, Logger, Picture, Pusher, Threshold};

/// Values of thresholds are told in thousandths.
const MILLI: f64 = 1000.0;

pub(super) fn read(top: &Map<String, Value>, picture: &mut Picture) {
    picture.alarms = objects(top, "alarms").map(alarm).collect();
    picture.thresholds = objects(top, "thresholds").map(threshold).collect();
    picture.pushers = objects(top, "pushers").map(pusher).collect();
    picture.loggers = objects(top, "loggers").map(logger).collect();
}

fn alarm(row: &Map<String, Value>) -> Alarm {
    Alarm {
        name: text(row, "name"),
        kind: text(row, "kind"),
        triggered: number(row, "triggered"),
        suppressed: number(row, "suppressed"),
        dropped: number(row, "dropped"),
        delivered: number(row, "delivered"),
        failed: number(row, "failed"),
        retries: number(row, "retries"),
        queued: number(row, "queued"),
        last_run: number(row, "last_run"),
        last_delivered: number(row, "last_delivered"),
        last_error: text(row, "last_error"),
    }
}

fn threshold(row: &Map<String, Value>) -> Threshold {
    let milli = |key: &str| row.get(key).and_then(Value::as_f64).unwrap_or(0.0) / MILLI;
    Threshold {
        text: text(row, "text"),
        key: text(row, "key"),
        state: text(row, "state"),
        since: number(row, "since"),
        value: milli("value_milli"),
        bound: milli("bound_milli"),
        fired: number(row, "fired"),
        last_alarm: number(row, "last_alarm"),
    }
}

fn logger(row: &Map<String, Value>) -> Logger {
    Logger {
        name: text(row, "name"),
        target: text(row, "target"),
        messages: number(row, "messages"),
        bytes: number(row, "bytes"),
        dropped: number(row, "dropped"),
        errors: number(row, "errors"),
        reconnects: number(row, "reconnects"),
        rotations: number(row, "rotations"),
        queued: number(row, "queued"),
    }
}

fn pusher(row: &Map<String, Value>) -> Pusher {
    Pusher {
        kind: text(row, "kind"),
        target: text(row, "target"),
        pushes: number(row, "pushes"),
        values: number(row, "values"),
        bytes: number(row, "bytes"),
        failures: number(row, "failures"),
        retries: number(row, "retries"),
        dropped: number(row, "dropped"),
        queued: number(row, "queued"),
        last_push: number(row, "last_push"),
        last_failure: number(row, "last_failure"),
        failing: number(row, "failing"),
        last_send: number(row, "last_send_us"),
        last_error: text(row, "last_error"),
    }
}

#[cfg(test)]
mod tests {
    use crate::document::parse;

    #[test]
    fn thousandths_are_values_and_texts_are_clean() {
        let json =
            br#"{"details":1,"alarms":[{"name":"mail","failed":3,"last_error":"exit\u001b1"}],
            "thresholds":[{"text":"t","state":"firing","value_milli":-1250,"bound_milli":1500}],
            "pushers":[{"kind":"statsd","last_send_us":70},4],
            "loggers":[{"name":"far","target":"redislog db\u001b:6379","dropped":5,"queued":8},"x"]}"#;
        let picture = parse(json).unwrap();
        assert_eq!(
            (picture.alarms[0].failed, picture.alarms[0].last_error.as_str()),
            (3, "exit?1")
        );
        assert_eq!((picture.thresholds[0].value, picture.thresholds[0].bound), (-1.25, 1.5));
        assert_eq!((picture.pushers.len(), picture.pushers[0].last_send), (1, 70));
        let logger = &picture.loggers[0];
        assert_eq!((logger.name.as_str(), logger.target.as_str()), ("far", "redislog db?:6379"));
        assert_eq!((picture.loggers.len(), logger.dropped, logger.queued), (1, 5, 8));
    }
}
