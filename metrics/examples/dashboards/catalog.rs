//! Every family of the server with type, help and unit: what a query may name.
//!
//! A name that is not in here is a fault of the dashboard, so the generator refuses it. Units of
//! families with a row in the table are those of the row.

use std::collections::BTreeMap;
use std::io;

use uwsgi_metrics::schema::{Group, TABLE, Unit};

use crate::speaking;

/// One family.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// `counter`, `gauge`, `histogram` or `summary`.
    pub(crate) kind: String,
    /// One line.
    pub(crate) help: String,
    /// Unit in the exposition.
    pub(crate) unit: Unit,
    /// What it repeats over; families written by hand have none.
    pub(crate) group: Option<Group>,
}

/// The families by name, and their order in the document.
pub(crate) struct Catalog {
    families: BTreeMap<String, Family>,
    order: Vec<String>,
}

impl Catalog {
    /// All families that this build can export.
    pub(crate) fn new() -> io::Result<Catalog> {
        let mut catalog = Catalog { families: BTreeMap::new(), order: Vec::new() };
        for metric in TABLE {
            let Some(name) = metric.family else { continue };
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            catalog.add(name, kind, metric.help, metric.unit, Some(metric.group));
        }
        let document = speaking::speaking()?;
        for (name, kind, help) in speaking::families(&document) {
            catalog.add(name, kind, help, unit_of(name), None);
        }
        Ok(catalog)
    }

    fn add(&mut self, name: &str, kind: &str, help: &str, unit: Unit, group: Option<Group>) {
        if !self.families.contains_key(name) {
            let family = Family { kind: kind.to_owned(), help: help.to_owned(), unit, group };
            self.families.insert(name.to_owned(), family);
            self.order.push(name.to_owned());
        }
    }

    /// The family of a series, which may be a bucket, sum or count of it.
    pub(crate) fn family(&self, series: &str) -> Option<(&str, &Family)> {
        let bases = ["_bucket", "_sum", "_count"].iter().filter_map(|s| series.strip_suffix(s));
        [series].into_iter().chain(bases).find_map(|name| {
            self.families.get_key_value(name).map(|(name, family)| (name.as_str(), family))
        })
    }

    /// All families in the order of the document.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Family)> {
        self.order.iter().filter_map(|name| self.family(name))
    }
}

/// The unit that a name ends with, as the exposition rules demand.
fn unit_of(name: &str) -> Unit {
    match name.trim_end_matches("_total") {
        name if name.ends_with("_time_seconds") || name.ends_with("_timestamp_seconds") => {
            Unit::Epoch
        }
        name if name.ends_with("_seconds") => Unit::Seconds,
        name if name.ends_with("_bytes") => Unit::Bytes,
        _ => Unit::Count,
    }
}

/// The words of a PromQL expression that look like our series.
pub(crate) fn series_of(expr: &str) -> Vec<&str> {
    let words = expr.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words.filter(|w| w.starts_with("uwsgi_") || w.starts_with("process_")).collect()
}
