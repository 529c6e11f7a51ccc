//! What is known of a metric beside its value: what it tells, its unit, its name for scrapers.
//!
//! The schema of the server declares every metric of its own once; those of applications bring
//! their words along, and of the rest only the name is known. A C server has the same names.

use std::collections::HashMap;
use std::sync::LazyLock;

use uwsgi_metrics::schema::{self, TABLE};

use crate::human;
use crate::picture::Metric;

/// What a number is one of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nobody says, or pieces.
    #[default]
    Count,
    Bytes,
    Micros,
    Seconds,
    /// Seconds since 1970.
    Epoch,
    Hundredths,
    Thousandths,
    /// Hundredths of a percent.
    Ratio,
}

/// Rows of the schema by their names, with a star for what is numbered or named.
static ROWS: LazyLock<HashMap<String, &'static schema::Metric>> = LazyLock::new(|| {
    let mut rows = HashMap::new();
    for row in TABLE {
        let Some((pattern, _)) = row.classic else { continue };
        let parts = pattern.split('.').map(|part| match part {
            "N" | "M" | "K" => "*",
            word => word,
        });
        rows.entry(parts.collect::<Vec<_>>().join(".")).or_insert(row);
    }
    rows
});

/// The row of the schema that declares a metric of this name.
pub(super) fn row(name: &str) -> Option<&'static schema::Metric> {
    if let Some(row) = ROWS.get(name) {
        return Some(row);
    }
    let named = ["router.", "alarm.", "probe."].iter().any(|kind| name.starts_with(kind));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let star = |(place, part)| if digits(part) || (named && place == 1) { "*" } else { part };
    let pattern: Vec<&str> = name.split('.').enumerate().map(star).collect();
    ROWS.get(&pattern.join(".")).copied()
}

/// Its unit.
pub(super) fn unit(metric: &Metric) -> Unit {
    let Some(row) = row(&metric.name) else {
        return match metric.unit.as_str() {
            "bytes" => Unit::Bytes,
            "seconds" => Unit::Seconds,
            _ => Unit::Count,
        };
    };
    match row.unit {
        schema::Unit::Count => Unit::Count,
        schema::Unit::Bytes => Unit::Bytes,
        schema::Unit::Micros => Unit::Micros,
        schema::Unit::Seconds => Unit::Seconds,
        schema::Unit::Epoch => Unit::Epoch,
        schema::Unit::Hundredths => Unit::Hundredths,
        schema::Unit::Thousandths => Unit::Thousandths,
        schema::Unit::Ratio => Unit::Ratio,
    }
}

/// What it tells, in one line; empty where nobody says.
pub(super) fn help(metric: &Metric) -> &str {
    row(&metric.name).map_or(&metric.help, |row| row.help)
}

/// Its kind in a word.
pub(super) fn kind(metric: &Metric) -> &'static str {
    match metric.kind {
        0 => "counter",
        1 => "gauge",
        2 => "absolute",
        3 => "alias",
        _ => "unknown",
    }
}

impl Unit {
    /// Its name; empty for pieces.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Count => "",
            Self::Bytes => "bytes",
            Self::Micros => "microseconds",
            Self::Seconds => "seconds",
            Self::Epoch => "seconds since 1970",
            Self::Hundredths => "hundredths",
            Self::Thousandths => "thousandths",
            Self::Ratio => "hundredths of a percent",
        }
    }

    /// A value in it, short; `now` is the moment of the picture, epoch seconds.
    pub(super) fn value(self, value: f64, now: u64) -> String {
        match self {
            Self::Epoch if value <= 0.0 => "never".to_owned(),
            Self::Epoch => format!("{} ago", human::age(now.saturating_sub(value as u64))),
            _ => self.amount(value),
        }
    }

    /// An amount of it, which may be less than nothing.
    pub(super) fn amount(self, value: f64) -> String {
        if value.is_nan() {
            return "-".to_owned();
        }
        // What a float holds beyond whole numbers of a machine is cut off by the conversion.
        let size = value.abs();
        let text = match self {
            Self::Bytes => human::size(size as u64),
            Self::Micros => human::duration(size as u64),
            Self::Seconds => human::duration((size * 1e6) as u64),
            Self::Hundredths => human::amount(size / 100.0),
            Self::Thousandths => human::amount(size / 1000.0),
            Self::Ratio => human::share(size / 10_000.0),
            Self::Count | Self::Epoch => human::amount(size),
        };
        if value < 0.0 { format!("-{text}") } else { text }
    }

    /// How much of it there is in a second.
    pub(super) fn rate(self, per_second: f64) -> String {
        match self {
            Self::Count | Self::Epoch if per_second.abs() < 1e7 => {
                let text = human::per_second(per_second.abs());
                if per_second < 0.0 { format!("-{text}") } else { text }
            }
            _ => self.amount(per_second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_list_is_declared() {
        for (name, help) in [
            ("core.busy_workers", "Workers in a request"),
            ("worker.12.rss_size", "esident memory"),
            ("worker.1.core.3.requests", "equests"),
            ("router.http.rx", "eceived"),
            ("alarm.mail.failed", ""),
            ("alarm.7.failed", ""),
            ("system.load1", ""),
        ] {
            let row = row(name).unwrap_or_else(|| panic!("{name}"));
            assert!(row.help.contains(help), "{name}: {}", row.help);
        }
        for name in ["", "worker.x.rss_size", "worker.1", "my.metric", "router"] {
            assert!(row(name).is_none(), "{name}");
        }
    }

    #[test]
    fn numbers_have_their_unit() {
        let metric = |name: &str, unit: &str| {
            super::unit(&Metric { name: name.into(), unit: unit.into(), ..Metric::default() })
        };
        assert_eq!(metric("worker.1.rss_size", ""), Unit::Bytes);
        assert_eq!(metric("core.avg_response_time", ""), Unit::Micros);
        assert_eq!(metric("app_wait_seconds_sum", "seconds"), Unit::Seconds);
        assert_eq!(Unit::Bytes.amount(-1536.0), "-1.5K");
        assert_eq!(Unit::Micros.rate(350_000.0), "350.0ms");
        assert_eq!(Unit::Ratio.amount(250.0), "2.5%");
        assert_eq!([-0.25, 12.0, 3e7].map(|n| Unit::Count.rate(n)), ["-0.2", "12", "30.0M"]);
        assert_eq!(Unit::Epoch.value(0.0, 100), "never");
        assert_eq!(Unit::Epoch.value(40.0, 100), "1m00s ago");
        assert_eq!(Unit::Bytes.amount(f64::NAN), "-");
        assert!(!Unit::Seconds.amount(f64::INFINITY).is_empty());
    }
}
