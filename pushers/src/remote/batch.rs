//! One message being written, in either version: series, each with its sample of one moment.

use uwsgi_metrics::prometheus::Type;
use uwsgi_metrics::protobuf::Message;
use uwsgi_metrics::{ExemplarView, Exponential, ZERO_THRESHOLD};

use super::symbols::Symbols;

/// Series in one message; what senders of Prometheus do, and receivers are made for.
const MOST: usize = 2_000;

/// Bytes of a message before it is compressed; receivers refuse much larger ones.
const LARGEST: usize = 1 << 20;

/// The value of a series that ended: this very bit pattern.
const GONE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `prometheus.WriteRequest`.
    One,
    /// `io.prometheus.write.v2.Request`.
    Two,
}

/// What a series says.
#[derive(Clone, Copy)]
pub(super) enum What<'a> {
    /// A number.
    Real(f64),
    /// A native histogram and the sum of its values.
    Native(&'a Exponential, f64),
    /// That it has ended; whether it was a native histogram.
    Gone(bool),
}

/// What is known of the family of a series.
#[derive(Clone, Debug)]
pub(super) struct Family {
    pub(super) kind: Type,
    pub(super) help: String,
    pub(super) unit: String,
    /// Since when it counts, epoch milliseconds; 0 where nobody knows.
    pub(super) created_ms: u64,
}

impl Default for Family {
    fn default() -> Family {
        let (help, unit) = (String::new(), String::new());
        Family { kind: Type::Unknown, help, unit, created_ms: 0 }
    }
}

/// A message being written.
#[derive(Debug)]
pub(super) struct Batch {
    series: Vec<u8>,
    symbols: Option<Symbols>,
    pub(super) count: u64,
}

impl Batch {
    pub(super) fn new(version: Version) -> Batch {
        let symbols = (version == Version::Two).then(Symbols::new);
        Batch { series: Vec::new(), symbols, count: 0 }
    }

    /// Whether the next series begins another message.
    pub(super) fn is_full(&self) -> bool {
        let bytes = self.series.len() + self.symbols.as_ref().map_or(0, Symbols::len);
        self.count as usize >= MOST || bytes >= LARGEST
    }

    /// Adds a series: what it said at each of these times, epoch milliseconds.
    pub(super) fn push(
        &mut self,
        key: &[u8],
        said: &[(What<'_>, u64)],
        family: &Family,
        example: Option<&ExemplarView>,
    ) {
        self.count += 1;
        match &mut self.symbols {
            None => one(&mut self.series, key, said, example),
            Some(symbols) => two(&mut self.series, symbols, key, said, family, example),
        }
    }

    /// Adds what is known of a family, for version 1.0, where it stands apart.
    pub(super) fn describe(&mut self, name: &str, family: &Family) {
        self.count += 1;
        Message::new(&mut self.series).message(3, |of| {
            of.uint(1, type_of(family.kind));
            of.string(2, name);
            of.string(4, &family.help);
            of.string(5, &family.unit);
        });
    }

    /// The message, compressed. Nothing when the compressor refuses, which it does beyond 4 GB.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let mut message = self.symbols.map(Symbols::into_bytes).unwrap_or_default();
        message.extend_from_slice(&self.series);
        snap::raw::Encoder::new().compress_vec(&message).ok()
    }
}

fn one(out: &mut Vec<u8>, key: &[u8], said: &[(What<'_>, u64)], example: Option<&ExemplarView>) {
    Message::new(out).message(1, |series| {
        series.append(key);
        for (what, at_ms) in said {
            match *what {
                What::Real(value) => series.message(2, |of| sample(of, value, *at_ms, 0)),
                What::Gone(false) => series.message(2, |of| sample(of, GONE, *at_ms, 0)),
                What::Native(all, sum) => {
                    series.message(4, |of| native(of, all, sum, *at_ms, 0));
                }
                What::Gone(true) => series.message(4, |of| gone(of, *at_ms)),
            }
        }
        if let Some(example) = example {
            series.message(3, |of| {
                for (name, value) in texts_of(example) {
                    of.message(1, |label| {
                        label.string(1, name);
                        label.text(2, &value);
                    });
                }
                of.double(2, example.value_us as f64 / 1e6);
                of.uint(3, example.at_us / 1_000);
            });
        }
    });
}

fn two(
    out: &mut Vec<u8>,
    symbols: &mut Symbols,
    key: &[u8],
    said: &[(What<'_>, u64)],
    family: &Family,
    example: Option<&ExemplarView>,
) {
    let [help, unit] = symbols.of_family([&family.help, &family.unit]);
    let example = example.map(|example| {
        let texts = texts_of(example);
        let texts = texts.iter().flat_map(|(name, value)| [name.as_bytes(), &value[..]]);
        (example, texts.map(|text| symbols.number(text)).collect::<Vec<u64>>())
    });
    let names = symbols.of_key(key);
    let created = family.created_ms;
    Message::new(out).message(5, |series| {
        series.packed_uints(1, names.iter().copied());
        for (what, at_ms) in said {
            match *what {
                What::Real(value) => series.message(2, |of| sample(of, value, *at_ms, created)),
                What::Gone(false) => series.message(2, |of| sample(of, GONE, *at_ms, created)),
                What::Native(all, sum) => {
                    series.message(3, |of| native(of, all, sum, *at_ms, created));
                }
                What::Gone(true) => series.message(3, |of| gone(of, *at_ms)),
            }
        }
        if let Some((example, names)) = example {
            series.message(4, |of| {
                of.packed_uints(1, names);
                of.double(2, example.value_us as f64 / 1e6);
                of.uint(3, example.at_us / 1_000);
            });
        }
        series.message(5, |of| {
            of.uint(1, type_of(family.kind));
            of.uint(3, help);
            of.uint(4, unit);
        });
        if created > 0 {
            series.uint(6, created);
        }
    });
}

/// Receivers of 2.0 look for the time of creation in the series or, as later drafts have it, in the
/// sample.
fn sample(of: &mut Message<'_>, value: f64, at_ms: u64, created_ms: u64) {
    of.double(1, value);
    of.uint(2, at_ms);
    if created_ms > 0 {
        of.uint(3, created_ms);
    }
}

/// `Histogram`, whose numbers are the same in both versions.
fn native(of: &mut Message<'_>, all: &Exponential, sum: f64, at_ms: u64, created_ms: u64) {
    of.uint(1, all.count());
    of.double(3, sum);
    of.sint(4, all.schema.into());
    of.double(5, ZERO_THRESHOLD);
    of.uint(6, all.zeros);
    for (offset, length) in all.spans() {
        of.message(11, |span| {
            span.sint(1, offset.into());
            span.uint(2, length.into());
        });
    }
    of.packed_sints(12, all.deltas());
    of.uint(15, at_ms);
    if created_ms > 0 {
        of.uint(17, created_ms);
    }
}

fn gone(of: &mut Message<'_>, at_ms: u64) {
    of.double(3, GONE);
    of.uint(15, at_ms);
}

fn texts_of(example: &ExemplarView) -> [(&'static str, Vec<u8>); 2] {
    [("span_id", example.span_id().to_vec()), ("trace_id", example.trace_id().to_vec())]
}

/// The numbers of types, which are the same in both versions.
fn type_of(kind: Type) -> u64 {
    match kind {
        Type::Unknown => 0,
        Type::Counter => 1,
        Type::Gauge => 2,
        Type::Histogram => 3,
        Type::Summary => 5,
        Type::Info => 6,
        Type::StateSet => 7,
    }
}
