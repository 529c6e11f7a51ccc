//! Rows of alarms, thresholds and receivers of metrics.

use uwsgi_metrics::{
    AlarmCells, LoggerCells, PusherCells, Snapshot, ThresholdCells, ThresholdState,
};

use super::text;
use crate::picture::{Alarm, Logger, Picture, Pusher, Threshold};

/// Values of thresholds are kept in thousandths.
const MILLI: f64 = 1000.0;

pub(super) fn read(snapshot: &Snapshot, picture: &mut Picture) {
    picture.alarms = snapshot.alarms.iter().map(alarm).collect();
    picture.thresholds = snapshot.thresholds.iter().map(threshold).collect();
    picture.pushers = snapshot.pushers.iter().map(pusher).collect();
    picture.loggers = snapshot.loggers.iter().map(logger).collect();
}

fn alarm(row: &AlarmCells) -> Alarm {
    Alarm {
        name: text(&row.name),
        kind: text(&row.kind),
        triggered: row.triggered,
        suppressed: row.suppressed,
        dropped: row.dropped,
        delivered: row.delivered,
        failed: row.failed,
        retries: row.retries,
        queued: row.queued,
        last_run: row.last_run,
        last_delivered: row.last_delivered,
        last_error: text(&row.last_error),
    }
}

fn threshold(row: &ThresholdCells) -> Threshold {
    let state = match ThresholdState::from_code(row.state) {
        ThresholdState::Quiet => "quiet",
        ThresholdState::Pending => "pending",
        ThresholdState::Firing => "firing",
    };
    Threshold {
        text: text(&row.text),
        key: text(&row.key),
        state: state.to_owned(),
        since: row.since,
        value: row.value_milli as f64 / MILLI,
        bound: row.bound_milli as f64 / MILLI,
        fired: row.fired,
        last_alarm: row.last_alarm,
    }
}

fn logger(row: &LoggerCells) -> Logger {
    Logger {
        name: text(&row.name),
        target: text(&row.target),
        messages: row.messages,
        bytes: row.bytes,
        dropped: row.dropped,
        errors: row.errors,
        reconnects: row.reconnects,
        rotations: row.rotations,
        queued: row.queued,
    }
}

fn pusher(row: &PusherCells) -> Pusher {
    Pusher {
        kind: text(&row.kind),
        target: text(&row.target),
        pushes: row.pushes,
        values: row.values,
        bytes: row.bytes,
        failures: row.failures,
        retries: row.retries,
        dropped: row.dropped,
        queued: row.queued,
        last_push: row.last_push,
        last_failure: row.last_failure,
        failing: row.failing,
        last_send: row.last_send_us,
        last_error: text(&row.last_error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    #[test]
    fn rows_are_read_in_their_order_and_thousandths_are_values() {
        let shape = Shape { alarms: 2, thresholds: 1, pushers: 1, loggers: 2, ..Shape::default() };
        let arena = Arena::create(&shape).unwrap();
        arena.alarm(0).name.set(b"mail");
        arena.alarm(0).kind.set(b"cmd");
        arena.alarm(0).failed.set(3);
        arena.alarm(0).last_error.set(b"exit\x1b1");
        arena.threshold(0).text.set(b"key=worker.1.rss,value=1.5");
        arena.threshold(0).state.set(2);
        arena.threshold(0).value_milli.set(-1_250);
        arena.threshold(0).bound_milli.set(1_500);
        arena.pusher(0).kind.set(b"statsd");
        arena.pusher(0).last_send_us.set(70);
        arena.logger(0).assign("far", "redislog db\x1b:6379");
        arena.logger(0).dropped.set(5);
        arena.logger(0).queued.set(8);
        let mut picture = Picture::default();
        read(&arena.snapshot(), &mut picture);
        assert_eq!(picture.alarms.len(), 1, "unused rows are none");
        assert_eq!(
            (picture.alarms[0].failed, picture.alarms[0].last_error.as_str()),
            (3, "exit?1")
        );
        let threshold = &picture.thresholds[0];
        assert_eq!(
            (threshold.state.as_str(), threshold.value, threshold.bound),
            ("firing", -1.25, 1.5)
        );
        assert_eq!(
            (picture.pushers[0].kind.as_str(), picture.pushers[0].last_send),
            ("statsd", 70)
        );
        assert_eq!(picture.loggers.len(), 1, "unused rows are none");
        let logger = &picture.loggers[0];
        assert_eq!((logger.name.as_str(), logger.target.as_str()), ("far", "redislog db?:6379"));
        assert_eq!((logger.dropped, logger.queued, logger.messages), (5, 8, 0));
    }
}
