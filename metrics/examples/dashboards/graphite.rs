//! Targets for Graphite: for the names that carbon gets without and with `carbon-use-metrics`.
//!
//! `*` stands for host and id; `uwsgi` for `carbon-root`. The classic names are those that uWSGI
//! has always sent; the others come from the metric list, and each name is looked up in the table.

use serde_json::{Value, json};
use uwsgi_metrics::schema::TABLE;

/// Title, unit, target, in the words of Graphite; `@` is the prefix of an instance.
type Target = (&'static str, &'static str, &'static str);

/// What carbon gets for each worker, and for all, without `carbon-use-metrics`.
const CLASSIC: [&str; 8] =
    ["requests", "rss_size", "vsz_size", "avg_rt", "tx", "busyness", "harakiri", "active_workers"];

const BY_CLASSIC: &[Target] = &[
    ("Requests per second", "1/s", "aliasByNode(perSecond(@.requests),1,2)"),
    ("Requests per second by worker", "1/s", "aliasByNode(perSecond(@.worker*.requests),1,2,3)"),
    ("Busyness of workers", "%", "aliasByNode(@.worker*.busyness,1,2,3)"),
    ("Mean busyness", "%", "aliasByNode(@.busyness,1,2)"),
    ("Workers that hang at the top", "%", "aliasByNode(currentAbove(@.worker*.busyness,90),1,2,3)"),
    ("Average response time", "ms", "aliasByNode(scale(@.avg_rt,0.001),1,2)"),
    ("Slowest worker", "ms", "aliasByNode(highestAverage(scale(@.worker*.avg_rt,0.001),3),1,2,3)"),
    ("Bytes sent per second", "B/s", "aliasByNode(perSecond(@.tx),1,2)"),
    ("Resident memory", "MiB", "aliasByNode(scale(@.rss_size,0.00000095367),1,2)"),
    ("Memory of workers", "MiB", "aliasByNode(scale(@.worker*.rss_size,0.00000095367),1,2,3)"),
    (
        "Growth of memory in an hour",
        "MiB",
        "aliasByNode(scale(derivative(summarize(@.rss_size,\"1h\",\"last\")),0.00000095367),1,2)",
    ),
    ("Active workers", "", "aliasByNode(@.active_workers,1,2)"),
    ("Harakiri in ten minutes", "", "aliasByNode(hitcount(perSecond(@.harakiri),\"10min\"),1,2)"),
];

const BY_METRICS: &[Target] = &[
    ("Requests per second", "1/s", "aliasByNode(perSecond(@.worker.0.requests),1,2)"),
    (
        "Requests per second by worker",
        "1/s",
        "aliasByNode(perSecond(exclude(@.worker.*.requests,\"worker\\.0\\.\")),1,2,4)",
    ),
    ("Failed requests per second", "1/s", "aliasByNode(perSecond(@.worker.0.failed_requests),1,2)"),
    ("Busy workers", "", "aliasByNode(@.core.busy_workers,1,2)"),
    (
        "Share of busy workers",
        "%",
        "aliasByNode(asPercent(@.core.busy_workers,@.core.*_workers,1,2),1,2)",
    ),
    (
        "Time in requests, cores in use",
        "",
        "aliasByNode(scale(perSecond(@.core.total_running_time),0.000001),1,2)",
    ),
    ("Average response time", "ms", "aliasByNode(scale(@.core.avg_response_time,0.001),1,2)"),
    (
        "Average response time by worker",
        "ms",
        "aliasByNode(scale(@.worker.*.avg_response_time,0.001),1,2,4)",
    ),
    ("Connections that wait", "", "aliasByNode(@.socket.*.listen_queue,1,2,4)"),
    ("Turns with every worker busy", "1/s", "aliasByNode(perSecond(@.core.overloaded),1,2)"),
    ("Bytes sent per second", "B/s", "aliasByNode(perSecond(@.core.total_tx),1,2)"),
    ("Resident memory", "MiB", "aliasByNode(scale(@.core.total_rss,0.00000095367),1,2)"),
    ("Memory of workers", "MiB", "aliasByNode(scale(@.worker.*.rss_size,0.00000095367),1,2,4)"),
    (
        "Respawns in an hour",
        "",
        "aliasByNode(hitcount(perSecond(@.worker.*.respawns),\"1h\"),1,2,4)",
    ),
    (
        "Write errors per second",
        "1/s",
        "aliasByNode(perSecond(sumSeriesWithWildcards(@.worker.*.core.*.write_errors,4,6)),1,2)",
    ),
    (
        "Exceptions per second",
        "1/s",
        "aliasByNode(perSecond(sumSeriesWithWildcards(@.worker.*.core.*.exceptions,4,6)),1,2)",
    ),
    (
        "Responses with 5xx (metrics-extended)",
        "1/s",
        "aliasByNode(perSecond(@.core.responses.5xx),1,2)",
    ),
    (
        "Share of 5xx (metrics-extended)",
        "%",
        "aliasByNode(asPercent(perSecond(@.core.responses.5xx),perSecond(@.core.responses.*),1,2),1,2)",
    ),
    (
        "Dropped connections (metrics-extended)",
        "1/s",
        "aliasByNode(perSecond(@.socket.*.drops),1,2,4)",
    ),
    (
        "Harakiri in ten minutes (metrics-extended)",
        "",
        "aliasByNode(hitcount(perSecond(@.worker.*.harakiri),\"10min\"),1,2,4)",
    ),
];

/// Both sets, and a dashboard for graphite-web of each.
///
/// # Errors
/// Names a metric that is not sent.
pub(crate) fn files() -> Result<Vec<(&'static str, Value)>, String> {
    for (.., target) in BY_CLASSIC {
        for name in names(target) {
            let last = name.split('.').next_back().unwrap_or_default();
            if !CLASSIC.contains(&last) {
                return Err(format!("carbon does not send {name} (in {target})"));
            }
        }
    }
    for (.., target) in BY_METRICS {
        for name in names(target) {
            if !TABLE
                .iter()
                .any(|metric| metric.classic.is_some_and(|(known, _)| fits(name, known)))
            {
                return Err(format!("no metric is called {name} (in {target})"));
            }
        }
    }
    Ok(vec![
        ("graphite/classic.json", dashboard("uWSGI", BY_CLASSIC)),
        ("graphite/use-metrics.json", dashboard("uWSGI (carbon-use-metrics)", BY_METRICS)),
    ])
}

/// The names behind the prefix of an instance.
fn names(target: &str) -> Vec<&str> {
    target.split('@').skip(1).filter_map(|rest| rest[1..].split([',', ')']).next()).collect()
}

/// A pattern of Graphite against a name of the table, whose letters are numbers.
fn fits(pattern: &str, name: &str) -> bool {
    let numbered = |part: &str| ["N", "M", "K"].contains(&part);
    let (asked, known): (Vec<_>, Vec<_>) =
        (pattern.split('.').collect(), name.split('.').collect());
    asked.len() == known.len()
        && asked.iter().zip(known).all(|(asked, known)| match asked.split_once('*') {
            Some((begin, end)) => known.starts_with(begin) && known.ends_with(end),
            None => *asked == known || (numbered(known) && asked.parse::<u32>().is_ok()),
        })
}

/// In the model of graphite-web: three graphs in a row, each with its targets and its options.
fn dashboard(name: &str, targets: &[Target]) -> Value {
    let graphs = targets.iter().map(|(title, unit, target)| {
        let target = target.replace('@', "uwsgi.*.*");
        let options = json!({
            "title": title, "target": [target], "vtitle": unit, "yMin": "0", "lineMode": "connected",
        });
        json!([[target], options])
    });
    json!({
        "name": name,
        "defaultGraphParams": {"from": "-1hours", "until": "now", "width": "500", "height": "260"},
        "refreshConfig": {"enabled": true, "interval": 60000},
        "graphSize": {"width": "500", "height": "260"},
        "timeConfig": {"type": "relative", "relativeStartUnits": "hours", "relativeStartQuantity": "1"},
        "graphs": graphs.collect::<Vec<_>>(),
    })
}
