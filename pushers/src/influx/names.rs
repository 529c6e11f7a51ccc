//! From the names of `/metrics` to measurements, fields and tags.
//!
//! What stands side by side in one table there is one line here: the numbers of a worker are fields
//! of the measurement `uwsgi_worker` with the tag `worker`.

/// Families whose rest is a field of a measurement; the longest that fits stands first.
const MEASUREMENTS: [(&str, &str); 12] = [
    ("uwsgi_worker_core_", "uwsgi_core"),
    ("uwsgi_worker_app_", "uwsgi_worker_app"),
    ("uwsgi_worker_", "uwsgi_worker"),
    ("uwsgi_app_", "uwsgi_app"),
    ("uwsgi_socket_", "uwsgi_socket"),
    ("uwsgi_router_", "uwsgi_router"),
    ("uwsgi_mule_", "uwsgi_mule"),
    ("uwsgi_alarm_", "uwsgi_alarm"),
    ("uwsgi_pusher_", "uwsgi_pusher"),
    ("uwsgi_metric_", "uwsgi_metric"),
    ("uwsgi_", "uwsgi"),
    ("process_", "process"),
];

/// Measurement and field of a family; those of applications are measurements of their own.
pub(super) fn of_family(name: &str) -> (&str, &str) {
    let found = MEASUREMENTS.iter().find_map(|(prefix, measurement)| {
        name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(|rest| (*measurement, rest))
    });
    match found {
        None => (name, "value"),
        Some((measurement, rest)) => {
            let rest = rest.strip_suffix("_total").unwrap_or(rest);
            (measurement, rest.strip_suffix("_bytes").unwrap_or(rest))
        }
    }
}

/// The tag that a label becomes.
pub(super) fn of_label(name: &str) -> &str {
    match name {
        "worker_id" => "worker",
        "core_id" => "core",
        "app_id" => "app",
        "mule_id" => "mule",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use uwsgi_metrics::schema::TABLE;

    #[test]
    fn names_are_those_people_expect() {
        for (name, want) in [
            ("uwsgi_worker_requests_total", ("uwsgi_worker", "requests")),
            ("uwsgi_worker_rss_bytes", ("uwsgi_worker", "rss")),
            ("uwsgi_worker_core_busy", ("uwsgi_core", "busy")),
            ("uwsgi_workers", ("uwsgi", "workers")),
            ("process_open_fds", ("process", "open_fds")),
            ("orders_total", ("orders_total", "value")),
        ] {
            assert_eq!(of_family(name), want);
        }
    }

    #[test]
    fn no_two_families_are_one_field() {
        let mut known = HashMap::new();
        for family in TABLE.iter().filter_map(|metric| metric.family) {
            let before = known.insert(of_family(family), family);
            assert!(before.is_none_or(|before| before == family), "{family} and {before:?}");
        }
    }
}
