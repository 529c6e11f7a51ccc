//! What a metric is to Zabbix: its unit, what is done with its values, what it belongs to. Pure.

use uwsgi_metrics::Kind;
use uwsgi_metrics::schema::{Item, Metric, TABLE, Unit};

use super::super::names::{Place, place};

/// See the module.
#[derive(Debug, PartialEq)]
pub(super) struct Meaning {
    /// Whole numbers that never fall below zero.
    pub(super) unsigned: bool,
    pub(super) units: &'static str,
    /// Steps and their parameters.
    pub(super) steps: Vec<(&'static str, &'static str)>,
    /// Help; empty for metrics of the configuration.
    pub(super) help: &'static str,
    pub(super) component: &'static str,
}

/// What a metric of the list is. A value that begins anew with each push has no speed.
pub(super) fn meaning(item: &Item, begins_anew: bool) -> Meaning {
    let name = String::from_utf8_lossy(&item.name);
    let known = known(&name);
    let unit = known.map_or(Unit::Count, |metric| metric.unit);
    let kind = known.map_or(item.kind, |metric| metric.kind);
    let speed = kind == Kind::Counter && !begins_anew;
    let mut steps = Vec::new();
    if let Some(factor) = factor(unit) {
        steps.push(("MULTIPLIER", factor));
    }
    if speed {
        steps.push(("CHANGE_PER_SECOND", ""));
    }
    Meaning {
        unsigned: known.is_some() && steps.is_empty(),
        units: units(unit, speed),
        steps,
        help: known.map_or("", |metric| metric.help),
        component: component(&name, known.is_some()),
    }
}

fn factor(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::Micros => Some("0.000001"),
        Unit::Thousandths => Some("0.001"),
        Unit::Hundredths | Unit::Ratio => Some("0.01"),
        Unit::Count | Unit::Bytes | Unit::Seconds | Unit::Epoch => None,
    }
}

fn units(unit: Unit, speed: bool) -> &'static str {
    match unit {
        Unit::Bytes if speed => "Bps",
        Unit::Bytes => "B",
        Unit::Micros | Unit::Seconds => "s",
        Unit::Epoch => "unixtime",
        Unit::Ratio => "%",
        Unit::Count | Unit::Hundredths | Unit::Thousandths => "",
    }
}

fn component(name: &str, known: bool) -> &'static str {
    match (place(name), name.split('.').next()) {
        (Place::Core(..), _) => "core",
        (Place::Worker(..), _) => "worker",
        _ if !known => "user",
        (_, Some("worker")) => "workers",
        (_, Some("socket")) => "socket",
        (_, Some("mule")) => "mule",
        (_, Some("alarm")) => "alarm",
        (_, Some("pusher")) => "pusher",
        (_, Some("gateway" | "router")) => "router",
        (_, Some("system" | "cgroup")) => "system",
        _ => "instance",
    }
}

/// The row of the table that a name of the list was made from.
fn known(name: &str) -> Option<&'static Metric> {
    let name: Vec<&str> = name.split('.').collect();
    TABLE.iter().find(|metric| {
        let pattern = metric.classic.map(|(pattern, _)| pattern.split('.').collect::<Vec<_>>());
        pattern.is_some_and(|pattern| fits(&pattern, &name))
    })
}

/// `N` and `M` stand for numbers, `K` for a name that may have dots.
fn fits(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (["K", pattern_rest @ ..], [_, rest @ ..]) => {
            fits(pattern_rest, rest) || fits(pattern, rest)
        }
        (["N" | "M", pattern @ ..], [number, rest @ ..]) => {
            number.bytes().all(|b| b.is_ascii_digit()) && fits(pattern, rest)
        }
        ([word, pattern @ ..], [same, rest @ ..]) => word == same && fits(pattern, rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, kind: Kind) -> Meaning {
        let item = Item { name: name.into(), oid: Vec::new(), kind, value: 0 };
        meaning(&item, false)
    }

    #[test]
    fn metrics_mean_what_the_table_says() {
        const SPEED: (&str, &str) = ("CHANGE_PER_SECOND", "");
        const MICROS: (&str, &str) = ("MULTIPLIER", "0.000001");
        for (name, kind, unsigned, units, steps, component) in [
            ("core.busy_workers", Kind::Gauge, true, "", vec![], "instance"),
            ("core.overloaded", Kind::Counter, false, "", vec![SPEED], "instance"),
            ("worker.0.requests", Kind::Counter, false, "", vec![SPEED], "workers"),
            ("worker.7.delta_requests", Kind::Absolute, true, "", vec![], "worker"),
            ("worker.7.total_tx", Kind::Counter, false, "Bps", vec![SPEED], "worker"),
            ("worker.7.rss_size", Kind::Gauge, true, "B", vec![], "worker"),
            ("worker.7.avg_response_time", Kind::Gauge, false, "s", vec![MICROS], "worker"),
            ("worker.7.running_time", Kind::Counter, false, "s", vec![MICROS, SPEED], "worker"),
            ("worker.7.core.0.requests", Kind::Counter, false, "", vec![SPEED], "core"),
            ("socket.0.listen_queue", Kind::Gauge, true, "", vec![], "socket"),
            ("rss_size", Kind::Alias, true, "B", vec![], "instance"),
            ("mine", Kind::Counter, false, "", vec![SPEED], "user"),
            ("mine.too", Kind::Gauge, false, "", vec![], "user"),
        ] {
            let found = of(name, kind);
            assert_eq!(
                (found.unsigned, found.units, &found.steps, found.component),
                (unsigned, units, &steps, component),
                "{name}"
            );
            assert_eq!(found.help.is_empty(), component == "user", "{name}");
        }
    }

    #[test]
    fn what_begins_anew_has_no_speed() {
        let item = Item { name: b"rap".to_vec(), oid: Vec::new(), kind: Kind::Counter, value: 0 };
        assert_eq!(meaning(&item, true).steps, []);
    }

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, expected) in [
            ("worker.N.core.M.x", "worker.1.core.22.x", true),
            ("worker.N.x", "worker.a.x", false),
            ("worker.N.x", "worker.1.x.y", false),
            ("alarm.K.sent", "alarm.my.own.sent", true),
            ("alarm.K.sent", "alarm.sent", false),
            ("socket.K.q", "socket.0.q", true),
        ] {
            let (a, b): (Vec<_>, Vec<_>) =
                (pattern.split('.').collect(), name.split('.').collect());
            assert_eq!(fits(&a, &b), expected, "{pattern} {name}");
        }
    }
}
