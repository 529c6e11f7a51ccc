//! From the names of `/metrics` to those of OpenTelemetry: dots between what contains what, units
//! beside the name, and the conventions for servers of HTTP where they have a word.

use std::borrow::Cow;

use uwsgi_metrics::prometheus::{Labels, Type};

use super::point::{Attribute, Attributes};

/// Families that the conventions, or ours, name otherwise than the rule: name and unit.
const NAMED: [(&str, &str, &str); 10] = [
    ("uwsgi_request_duration_seconds", "http.server.request.duration", "s"),
    ("uwsgi_requests_in_flight", "http.server.active_requests", "{request}"),
    ("uwsgi_request_body_bytes", "http.server.request.body.size", "By"),
    ("uwsgi_response_body_bytes", "http.server.response.body.size", "By"),
    ("uwsgi_worker_requests_total", "uwsgi.worker.requests", "{request}"),
    ("uwsgi_worker_rss_bytes", "uwsgi.worker.memory.rss", "By"),
    ("uwsgi_worker_vsz_bytes", "uwsgi.worker.memory.virtual", "By"),
    ("uwsgi_worker_busy_seconds_total", "uwsgi.worker.busy_time", "s"),
    ("uwsgi_worker_core_busy_seconds_total", "uwsgi.worker.core.busy_time", "s"),
    ("uwsgi_socket_queue_length", "uwsgi.socket.queue", "{connection}"),
];

/// What contains something; the longest that fits stands first.
const PREFIXES: [(&str, &str); 12] = [
    ("uwsgi_worker_core_", "uwsgi.worker.core."),
    ("uwsgi_worker_app_", "uwsgi.worker.app."),
    ("uwsgi_worker_", "uwsgi.worker."),
    ("uwsgi_app_", "uwsgi.app."),
    ("uwsgi_socket_", "uwsgi.socket."),
    ("uwsgi_router_", "uwsgi.router."),
    ("uwsgi_mule_", "uwsgi.mule."),
    ("uwsgi_alarm_", "uwsgi.alarm."),
    ("uwsgi_pusher_", "uwsgi.pusher."),
    ("uwsgi_cache_", "uwsgi.cache."),
    ("uwsgi_", "uwsgi."),
    ("process_", "uwsgi.master."),
];

/// Families of user metrics, which go under their own names.
const USER: &str = "uwsgi_metric_";
const NOT_USER: &str = "uwsgi_metric_registrations_dropped_total";

/// Name and unit of a family of the server; nothing for one that goes otherwise.
pub(super) fn of_server(name: &str, kind: Type) -> Option<(Cow<'static, str>, &'static str)> {
    if name.starts_with(USER) && name != NOT_USER {
        return None;
    }
    if let Some((_, name, unit)) = NAMED.iter().find(|(known, ..)| *known == name) {
        return Some((Cow::Borrowed(name), unit));
    }
    let base = kind.base(name);
    let suffixes = [("_seconds", "s"), ("_bytes", "By"), ("_ratio", "1")];
    let unit = suffixes.iter().find_map(|(suffix, unit)| Some((base.strip_suffix(suffix)?, *unit)));
    let (base, unit) = unit.unwrap_or((base, ""));
    let found =
        PREFIXES.iter().find_map(|(from, to)| Some([to, base.strip_prefix(from)?].concat()));
    Some((found.map_or_else(|| Cow::Owned(base.to_owned()), Cow::Owned), unit))
}

/// Attributes of a sample of the server.
pub(super) fn of_labels<'a>(labels: &Labels<'a>, http: bool) -> Attributes<'a> {
    let mut out = Attributes::with_capacity(labels.len());
    for (name, value) in labels {
        let text = String::from_utf8_lossy(value);
        let number = || text.parse().ok().map(Attribute::Int);
        let (name, value) = match *name {
            "worker_id" => ("uwsgi.worker.id", number()),
            "core_id" => ("uwsgi.core.id", number()),
            "app_id" => ("uwsgi.app.id", number()),
            "mule_id" => ("uwsgi.mule.id", number()),
            "app" => ("uwsgi.app", None),
            "method" if http => ("http.request.method", None),
            "code" if http => {
                if text.starts_with('5') {
                    let text = Attribute::Text(text.clone().into_owned().into());
                    out.push((Cow::Borrowed("error.type"), text));
                }
                match number() {
                    Some(code) => ("http.response.status_code", Some(code)),
                    None => ("uwsgi.response.class", None),
                }
            }
            other => (other, None),
        };
        out.push((Cow::Owned(name.to_owned()), value.unwrap_or(Attribute::Text(text))));
    }
    out
}

/// Attributes of a sample of an application, as it named them.
pub(super) fn as_they_are<'a>(labels: &Labels<'a>) -> Attributes<'a> {
    let one = |(name, value): &(&'a str, &'a [u8])| {
        (Cow::Borrowed(*name), Attribute::Text(String::from_utf8_lossy(value)))
    };
    labels.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use uwsgi_metrics::schema::TABLE;

    #[test]
    fn names_follow_the_conventions() {
        for (name, kind, want) in [
            ("uwsgi_request_duration_seconds", Type::Histogram, "http.server.request.duration s"),
            ("uwsgi_worker_requests_total", Type::Counter, "uwsgi.worker.requests {request}"),
            ("uwsgi_worker_uss_bytes", Type::Gauge, "uwsgi.worker.uss By"),
            ("uwsgi_worker_cpu_seconds_total", Type::Counter, "uwsgi.worker.cpu s"),
            ("uwsgi_overloaded_total", Type::Counter, "uwsgi.overloaded "),
            ("process_open_fds", Type::Gauge, "uwsgi.master.open_fds "),
        ] {
            let (name, unit) = of_server(name, kind).unwrap();
            assert_eq!(format!("{name} {unit}"), want);
        }
        assert_eq!(of_server("uwsgi_metric_mine_total", Type::Counter), None);
        assert!(of_server(NOT_USER, Type::Counter).is_some());
    }

    #[test]
    fn no_two_families_have_one_name() {
        let mut known = HashMap::new();
        for family in TABLE.iter().filter_map(|metric| metric.family) {
            let kind = if family.ends_with("_total") { Type::Counter } else { Type::Gauge };
            let before = known.insert(of_server(family, kind).unwrap().0, family);
            assert!(before.is_none_or(|before| before == family), "{family} and {before:?}");
        }
    }

    #[test]
    fn requests_carry_the_attributes_of_http() {
        let labels: &Labels<'_> = &[("app", b"/"), ("method", b"GET"), ("code", b"503")];
        let text = |text: &'static str| Attribute::Text(text.into());
        let want: Attributes<'_> = vec![
            ("uwsgi.app".into(), text("/")),
            ("http.request.method".into(), text("GET")),
            ("error.type".into(), text("503")),
            ("http.response.status_code".into(), Attribute::Int(503)),
        ];
        assert_eq!(of_labels(labels, true), want);
        let class: &Labels<'_> = &[("code", b"2xx")];
        assert_eq!(of_labels(class, true), [("uwsgi.response.class".into(), text("2xx"))]);
    }
}
