//! What a family is: its definition, the rules for it, and its form as one text.
//!
//! The definition is the identity. Who registers the same name with another kind, other labels or
//! other buckets gets another family, which starts anew; both sides of a race or of a reload agree,
//! because nothing in a row ever changes. Help and unit are not part of it.

/// What kind of numbers a family holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum FamilyKind {
    /// Only grows. Its name is given without `_total`.
    #[default]
    Counter = 0,
    /// Goes up and down.
    Gauge = 1,
    /// Counts in buckets, and the sum of what was observed.
    Histogram = 2,
    /// Count and sum of what was observed.
    Summary = 3,
    /// Facts as labels; the value is 1. Its name is given without `_info`.
    Info = 4,
    /// One of several states; the label named like the family says which.
    StateSet = 5,
    /// Anything.
    Unknown = 6,
}

/// How the values of several processes become one: the modes of the Python client library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum GaugeMode {
    /// One value that all processes share.
    #[default]
    Shared = 0,
    /// A sample for each worker.
    All = 1,
    /// A sample for each worker that lives.
    LiveAll = 2,
    /// The smallest.
    Min = 3,
    /// The smallest of the workers that live.
    LiveMin = 4,
    /// The largest.
    Max = 5,
    /// The largest of the workers that live.
    LiveMax = 6,
    /// The sum.
    Sum = 7,
    /// The sum over the workers that live.
    LiveSum = 8,
    /// The one that was set last.
    MostRecent = 9,
    /// The one that was set last by a worker that lives.
    LiveMostRecent = 10,
}

/// A family as it is registered.
#[derive(Clone, Copy, Debug, Default)]
pub struct FamilySpec<'a> {
    /// Name, without the suffix that its samples carry.
    pub name: &'a str,
    /// One line of help.
    pub help: &'a str,
    /// Unit; shown when the name ends in it.
    pub unit: &'a str,
    /// Kind.
    pub kind: FamilyKind,
    /// Mode; only gauges have one.
    pub mode: GaugeMode,
    /// Names of the labels.
    pub labels: &'a [&'a str],
    /// Upper bounds of the buckets, ascending; only histograms have some. `+Inf` is implied.
    pub bounds: &'a [f64],
}

/// Why a family was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyRefused {
    /// The definition breaks a rule of the exposition format.
    Invalid,
    /// There is no room; the drop is counted.
    Full,
}

/// Longest name of a family or label, in bytes.
const NAME_MAX: usize = 128;
/// Labels of one family.
const LABELS_MAX: usize = 32;
/// Buckets of one family.
const BOUNDS_MAX: usize = 512;

impl FamilyKind {
    /// The kind of a code; unknown codes are of unknown kind.
    pub fn from_code(code: u64) -> FamilyKind {
        use FamilyKind::{Counter, Gauge, Histogram, Info, StateSet, Summary, Unknown};
        let all = [Counter, Gauge, Histogram, Summary, Info, StateSet];
        all.into_iter().find(|kind| *kind as u64 == code).unwrap_or(Unknown)
    }

    /// The suffixes of its samples; the name itself is one of them where it stands alone.
    pub fn suffixes(self) -> &'static [&'static str] {
        match self {
            FamilyKind::Counter => &["_total", "_created"],
            FamilyKind::Histogram => &["_bucket", "_sum", "_count", "_created"],
            FamilyKind::Summary => &["_sum", "_count", "_created"],
            FamilyKind::Info => &["_info"],
            FamilyKind::Gauge | FamilyKind::StateSet | FamilyKind::Unknown => &[],
        }
    }

    /// A label that its samples add themselves.
    fn reserved(self) -> Option<&'static str> {
        match self {
            FamilyKind::Histogram => Some("le"),
            FamilyKind::Summary => Some("quantile"),
            _ => None,
        }
    }
}

impl GaugeMode {
    /// The mode of a code; unknown codes are shared.
    pub fn from_code(code: u64) -> GaugeMode {
        use GaugeMode::{All, LiveAll, LiveMax, LiveMin, LiveMostRecent, LiveSum};
        use GaugeMode::{Max, Min, MostRecent, Shared, Sum};
        let all = [All, LiveAll, Min, LiveMin, Max, LiveMax, Sum, LiveSum, MostRecent];
        let mut known = all.into_iter().chain([LiveMostRecent]);
        known.find(|mode| *mode as u64 == code).unwrap_or(Shared)
    }

    /// True when a worker's value goes with the worker.
    pub fn is_live(self) -> bool {
        use GaugeMode::{LiveAll, LiveMax, LiveMin, LiveMostRecent, LiveSum};
        matches!(self, LiveAll | LiveMax | LiveMin | LiveMostRecent | LiveSum)
    }
}

impl FamilySpec<'_> {
    /// Whether the exposition formats could show it.
    pub(crate) fn is_valid(&self) -> bool {
        let labels = self.labels.iter().enumerate();
        let suffixes = self.kind.suffixes();
        is_name(self.name, true)
            && !suffixes.iter().any(|suffix| self.name.ends_with(suffix))
            && self.labels.len() <= LABELS_MAX
            && labels.into_iter().all(|(i, label)| {
                is_name(label, false)
                    && !label.starts_with("__")
                    && Some(*label) != self.kind.reserved()
                    && !self.labels[..i].contains(label)
            })
            && self.bounds.len() <= BOUNDS_MAX
            && self.bounds.iter().all(|bound| bound.is_finite())
            && self.bounds.is_sorted_by(|a, b| a < b)
            && (self.bounds.is_empty() || self.kind == FamilyKind::Histogram)
            && (self.mode == GaugeMode::Shared || self.kind == FamilyKind::Gauge)
    }

    /// The definition as one text: kind, mode, name, labels, then the bounds.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut out = vec![self.kind as u8, self.mode as u8];
        for text in [self.name].iter().chain(self.labels) {
            push_text(&mut out, text.as_bytes());
        }
        self.bounds.iter().for_each(|bound| out.extend_from_slice(&bound.to_ne_bytes()));
        out
    }
}

/// A family's name and its label names, out of its key.
pub(crate) fn names_of(key: &[u8], labels: usize) -> Option<(String, Vec<String>)> {
    let mut texts = texts(key.get(2..)?).map(|text| String::from_utf8_lossy(text).into_owned());
    let name = texts.next()?;
    Some((name, texts.take(labels).collect()))
}

/// Appends a text with its length.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_ne_bytes());
    out.extend_from_slice(text);
}

/// The texts that [`push_text`] wrote, as far as they are whole.
pub(crate) fn texts(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_ne_bytes(*len)).ok()?;
        let (text, rest) = rest.split_at_checked(len)?;
        bytes = rest;
        Some(text)
    })
}

/// A legal name of a family (which may hold colons) or a label.
fn is_name(name: &str, colons: bool) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || (b == b':' && colons);
    name.len() <= NAME_MAX
        && name.bytes().all(legal)
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LE: &[&str] = &["le"];

    #[test]
    fn what_no_document_could_show_is_refused() {
        use FamilyKind::{Counter, Gauge, Histogram, Summary};
        let of = |name, kind, labels, bounds| FamilySpec {
            name,
            kind,
            labels,
            bounds,
            ..FamilySpec::default()
        };
        let long = "n".repeat(129);
        let cases = [
            (of("a:b_1", Counter, &["method", "_x"], &[]), true),
            (of("", Counter, &[], &[]), false),
            (of("1a", Counter, &[], &[]), false),
            (of("a-b", Counter, &[], &[]), false),
            (of(&long, Counter, &[], &[]), false),
            (of("a_total", Counter, &[], &[]), false),
            (of("a_total", Gauge, &[], &[]), true),
            (of("a", Gauge, &["x:y"], &[]), false),
            (of("a", Gauge, &["__x"], &[]), false),
            (of("a", Gauge, &["x", "x"], &[]), false),
            (of("a", Histogram, LE, &[]), false),
            (of("a", Summary, &["quantile"], &[]), false),
            (of("a", Gauge, LE, &[]), true),
            (of("a", Histogram, &[], &[0.1, 1.0]), true),
            (of("a", Histogram, &[], &[1.0, 1.0]), false),
            (of("a", Histogram, &[], &[2.0, 1.0]), false),
            (of("a", Histogram, &[], &[f64::NAN]), false),
            (of("a", Histogram, &[], &[f64::INFINITY]), false),
            (of("a", Gauge, &[], &[1.0]), false),
            (FamilySpec { mode: GaugeMode::Sum, ..of("a", Counter, &[], &[]) }, false),
            (FamilySpec { mode: GaugeMode::Sum, ..of("a", Gauge, &[], &[]) }, true),
        ];
        for (spec, valid) in cases {
            assert_eq!(spec.is_valid(), valid, "{spec:?}");
        }
    }

    #[test]
    fn codes_come_back_as_what_they_stand_for() {
        for code in 0..11 {
            assert_eq!(GaugeMode::from_code(code) as u64, code);
        }
        for code in 0..7 {
            assert_eq!(FamilyKind::from_code(code) as u64, code);
        }
        assert_eq!(FamilyKind::from_code(99), FamilyKind::Unknown);
        assert_eq!(GaugeMode::from_code(99), GaugeMode::Shared);
    }

    #[test]
    fn a_key_tells_definitions_apart_and_holds_the_names() {
        let spec = FamilySpec { name: "ab", labels: &["c", "de"], ..FamilySpec::default() };
        let others = [
            FamilySpec { labels: &["cd", "e"], ..spec },
            FamilySpec { labels: &["c"], ..spec },
            FamilySpec { kind: FamilyKind::Gauge, ..spec },
            FamilySpec { kind: FamilyKind::Gauge, mode: GaugeMode::Max, ..spec },
            FamilySpec { kind: FamilyKind::Histogram, bounds: &[1.0], ..spec },
        ];
        for other in others {
            assert_ne!(other.key(), spec.key(), "{other:?}");
        }
        assert_eq!(FamilySpec { help: "h", unit: "s", ..spec }.key(), spec.key());
        let (name, labels) = names_of(&spec.key(), 2).unwrap();
        assert_eq!((name.as_str(), labels), ("ab", vec!["c".to_owned(), "de".to_owned()]));
    }
}
