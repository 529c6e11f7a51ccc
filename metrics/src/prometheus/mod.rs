//! The metrics endpoint's document: Prometheus text 0.0.4, OpenMetrics 1.0 and protobuf.
//!
//! Pure: a snapshot and options in, bytes out. Families come from the schema table; only what has
//! no single cell behind it (histograms, states, user metrics, our own scrapes) is written by hand
//! in `extra`. A family that nobody measures is not shown.

mod apps;
mod extra;
mod families;
mod kernel;
mod negotiate;
mod proto;
mod requests;
mod series;
mod spreads;
mod text;
mod thresholds;
mod user;
mod value;
mod writer;

use crate::snapshot::Snapshot;
use crate::view::View;

pub use negotiate::{Escaping, Format, negotiate};
pub use user::split as user_family;
pub use value::Value;
use writer::Writer;
pub use writer::{Families, Head, Labels, Observed, Type};

/// Upper bounds of the classic histogram buckets, microseconds.
pub const DEFAULT_BUCKETS_US: [u64; 14] = [
    5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 750_000, 1_000_000,
    2_500_000, 5_000_000, 7_500_000, 10_000_000,
];

/// What the document contains.
#[derive(Clone, Debug)]
pub struct PromOptions {
    /// Show the families of single cores.
    pub cores: bool,
    /// Value of the label `stats_uri`, for dashboards of the external exporter.
    pub stats_uri: Option<String>,
    /// Upper bounds of histogram buckets, microseconds, ascending.
    pub buckets_us: Vec<u64>,
    /// Only these families, by their names or those of their samples; empty for all.
    pub families: Vec<String>,
    /// Label sets that a family of an application shows one by one; those that were made later are
    /// one sample, whose labels all say `__overflow__`.
    pub label_sets: usize,
    /// Tell since when each counter of the server counts, where the text format can. Protobuf does
    /// so in any case, at no cost for those who store it.
    pub created: bool,
    /// Locks between processes by name, and whether somebody has them: they lie in no arena.
    pub locks: Vec<(String, bool)>,
    /// Compiler version for `uwsgi_build_info`.
    pub rustc: String,
    /// Built features for `uwsgi_build_info`.
    pub features: String,
}

impl Default for PromOptions {
    fn default() -> PromOptions {
        PromOptions {
            cores: false,
            stats_uri: None,
            buckets_us: DEFAULT_BUCKETS_US.to_vec(),
            families: Vec::new(),
            created: false,
            label_sets: usize::MAX,
            locks: Vec::new(),
            rustc: String::new(),
            features: String::new(),
        }
    }
}

/// Writes the document; returns its content type and its bytes.
pub fn render(snapshot: &Snapshot, format: Format, options: &PromOptions) -> (String, Vec<u8>) {
    let mut out = Writer::new(format, snapshot, options);
    write(&mut out, snapshot, options);
    (format.content_type(), out.finish())
}

/// Tells `families` everything the document would contain, under the names of the text format.
pub fn walk(snapshot: &Snapshot, options: &PromOptions, families: &mut dyn Families) {
    write(&mut Writer::told(families, snapshot, options), snapshot, options);
}

fn write(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    write_own(out, snapshot, options);
    series::write(out, snapshot, options.label_sets);
}

/// All but what applications made.
fn write_own(out: &mut Writer<'_>, snapshot: &Snapshot, options: &PromOptions) {
    families::write(out, snapshot, options);
    extra::write(out, snapshot, options);
    spreads::write(out, snapshot);
    kernel::write(out, snapshot, options);
    apps::write(out, snapshot);
    thresholds::write(out, snapshot);
    user::write(out, snapshot);
}

/// Adds to a snapshot what the page shows beyond it, as far as it was asked for.
pub fn gather(snapshot: Snapshot, view: &View, options: &PromOptions) -> Snapshot {
    let snapshot = snapshot.with_requests(view);
    if options.families.is_empty() {
        return snapshot.with_series(view);
    }
    snapshot.with_series_of(view, &|name, kind| {
        let (name, kind) = series::shown(name, kind);
        writer::wants(&options.families, &name, kind)
    })
}

/// The user metrics that the document leaves out because another metric has their name there, each
/// with that name.
pub fn hidden(snapshot: &Snapshot) -> Vec<(Vec<u8>, String)> {
    user::hidden(snapshot)
}

/// The families of applications that the document leaves out because a name of theirs is taken, by
/// the names they would have had.
pub fn hidden_families(snapshot: &Snapshot) -> Vec<String> {
    let options = PromOptions::default();
    let mut out = Writer::new(Format::Text, snapshot, &options);
    write_own(&mut out, snapshot, &options);
    series::hidden(&mut out, snapshot)
}
