//! What there is to push: the numbers of one moment, in every form that a pusher may want.

use std::sync::Arc;

use uwsgi_metrics::Snapshot;
use uwsgi_metrics::prometheus::PromOptions;
use uwsgi_metrics::schema::Item;

/// One moment. The costly forms are made when somebody asks, once for all who do.
pub struct Tick<'a> {
    /// When the numbers were read, epoch microseconds.
    pub at_us: u64,
    /// Everything but the series of applications.
    pub snapshot: &'a Snapshot,
    /// The metric list, in its order; for this pusher, so that each one sees the whole of what
    /// `reset_after_push` takes away. Empty when the metrics are off.
    pub list: &'a [Item],
    /// Makes the stats document, exactly as the stats server would send it.
    pub document: &'a dyn Fn() -> Arc<[u8]>,
    /// Makes a snapshot that has what only the pages for Prometheus show: series of applications,
    /// requests by what they were.
    pub full: &'a dyn Fn() -> Arc<Snapshot>,
    /// What the pages for Prometheus contain.
    pub page: &'a PromOptions,
}

impl Tick<'_> {
    /// Epoch seconds.
    pub fn at_s(&self) -> u64 {
        self.at_us / 1_000_000
    }

    /// True when the instance ends, and does not reload: these are the last numbers there are.
    pub fn is_last(&self) -> bool {
        const STOPPING: u64 = 4;
        self.snapshot.globals.phase == STOPPING
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use uwsgi_metrics::Kind;

    /// A tick at 1,795,162,676 s with this list, an empty snapshot and a document of two bytes.
    pub(crate) fn with_list<R>(
        list: &[(&str, Kind, i64)],
        use_it: impl FnOnce(&Tick<'_>) -> R,
    ) -> R {
        let item = |(name, kind, value): &(&str, Kind, i64)| Item {
            name: name.as_bytes().to_vec(),
            oid: Vec::new(),
            kind: *kind,
            value: *value,
        };
        let items: Vec<Item> = list.iter().map(item).collect();
        use_it(&Tick {
            at_us: 1_795_162_676_000_000,
            snapshot: &Snapshot::default(),
            list: &items,
            document: &|| Arc::from(&b"{}"[..]),
            full: &|| Arc::default(),
            page: &PromOptions::default(),
        })
    }
}
