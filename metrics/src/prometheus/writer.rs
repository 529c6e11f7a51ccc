//! The line grammar of both text formats: one family at a time, header then samples.
//!
//! The two formats differ in the order and the names of header lines, in the spelling of bucket
//! bounds and in the end mark; everything that writes families goes through here and need not know
//! which one is being written. A family is refused when a name of it or of its samples was
//! written already, so whoever writes first keeps the name.

use std::collections::BTreeSet;

use super::PromOptions;

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Counter,
    Gauge,
    Histogram,
    Summary,
    StateSet,
    Info,
    Unknown,
}

impl Type {
    /// The suffixes of its samples. Their names belong to the family, whether they are written
    /// or not.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Type::Counter => &["_total", "_created"],
            Type::Histogram => &["_bucket", "_sum", "_count", "_created"],
            Type::Summary => &["_sum", "_count", "_created"],
            Type::Info => &["_info"],
            Type::Gauge | Type::StateSet | Type::Unknown => &[],
        }
    }

    /// The name without the suffix that counters and facts carry.
    fn base(self, name: &str) -> &str {
        let suffix = match self {
            Type::Counter => "_total",
            Type::Info => "_info",
            _ => return name,
        };
        name.strip_suffix(suffix).unwrap_or(name)
    }
}

/// Labels of a sample, in order.
pub(super) type Labels<'a> = [(&'a str, &'a [u8])];

/// A document being written.
pub(super) struct Writer<'a> {
    out: Vec<u8>,
    pub(super) openmetrics: bool,
    options: &'a PromOptions,
    seen: BTreeSet<String>,
    /// Adds `stats_uri` to the samples of the open family.
    with_uri: bool,
}

impl<'a> Writer<'a> {
    /// An empty document.
    pub(super) fn new(openmetrics: bool, options: &'a PromOptions) -> Writer<'a> {
        let out = Vec::with_capacity(32 * 1024);
        Writer { out, openmetrics, options, seen: BTreeSet::new(), with_uri: false }
    }

    /// Opens a family; false when it is filtered out or one of its names is taken: write no samples
    /// then. The unit is read off the name.
    pub(super) fn family(&mut self, name: &str, kind: Type, help: &str, with_uri: bool) -> bool {
        let unit = unit_of(kind.base(name));
        self.open(name, kind, help, unit, with_uri)
    }

    /// Like [`Writer::family`], with a unit; one that the name does not end in is not shown.
    pub(super) fn open(
        &mut self,
        name: &str,
        kind: Type,
        help: &str,
        unit: Option<&str>,
        with_uri: bool,
    ) -> bool {
        let filter = &self.options.families;
        if !filter.is_empty() && !filter.iter().any(|wanted| wanted == name) {
            return false;
        }
        if !self.claim(name, kind) {
            return false;
        }
        self.with_uri = with_uri;
        self.header(name, kind, help, unit);
        true
    }

    /// Takes the names of a family and of its samples; false when one of them is taken.
    pub(super) fn claim(&mut self, name: &str, kind: Type) -> bool {
        let base = kind.base(name);
        let suffixes = kind.suffixes().iter().map(|suffix| format!("{base}{suffix}"));
        let names: Vec<String> = suffixes.chain([base.to_owned()]).collect();
        let free = !names.iter().any(|name| self.seen.contains(name));
        if free {
            self.seen.extend(names);
        }
        free
    }

    /// One sample of the open family. `name` is its full name.
    pub(super) fn sample(&mut self, name: &str, labels: &Labels<'_>, value: &str) {
        self.push(name);
        let uri = self.options.stats_uri.as_ref().filter(|_| self.with_uri);
        let uri = uri.map(|uri| ("stats_uri", uri.as_bytes()));
        let mut open = b'{';
        for (label, value) in uri.iter().chain(labels) {
            self.out.push(open);
            self.push(label);
            self.push("=\"");
            push_label_value(&mut self.out, value);
            self.out.push(b'"');
            open = b',';
        }
        if open == b',' {
            self.out.push(b'}');
        }
        self.out.push(b' ');
        self.push(value);
        self.out.push(b'\n');
    }

    /// A bucket bound or quantile as this format spells it.
    pub(super) fn bound(&self, seconds: f64) -> String {
        if self.openmetrics { format!("{seconds:?}") } else { format!("{seconds}") }
    }

    /// The document, ended as its format demands.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.openmetrics {
            self.push("# EOF\n");
        }
        self.out
    }

    fn header(&mut self, name: &str, kind: Type, help: &str, unit: Option<&str>) {
        let word = match (kind, self.openmetrics) {
            (Type::Counter, _) => "counter",
            (Type::Histogram, _) => "histogram",
            (Type::Summary, _) => "summary",
            (Type::StateSet, true) => "stateset",
            (Type::Info, true) => "info",
            (Type::Unknown, true) => "unknown",
            (Type::Unknown, false) => "untyped",
            (Type::Gauge | Type::StateSet | Type::Info, _) => "gauge",
        };
        let help = escape_help(help, self.openmetrics);
        if !self.openmetrics {
            self.push(&format!("# HELP {name} {help}\n# TYPE {name} {word}\n"));
            return;
        }
        let name = kind.base(name);
        self.push(&format!("# TYPE {name} {word}\n"));
        if let Some(unit) = unit.filter(|unit| ends_in(name, unit)) {
            self.push(&format!("# UNIT {name} {unit}\n"));
        }
        self.push(&format!("# HELP {name} {help}\n"));
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// Microseconds as seconds, exactly.
pub(super) fn seconds(us: u64) -> String {
    decimal(us, 6)
}

/// A number of `10^-digits`, exactly: no exponent, no trailing zeros.
pub(super) fn decimal(value: u64, digits: u32) -> String {
    let unit = 10u64.pow(digits);
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:0width$}", width = digits as usize).trim_end_matches('0').to_owned()
}

/// The unit a name ends in, as far as we use units in names.
fn unit_of(name: &str) -> Option<&'static str> {
    let units = ["seconds", "bytes", "ratio"];
    units.into_iter().find(|unit| ends_in(name, unit))
}

fn ends_in(name: &str, unit: &str) -> bool {
    !unit.is_empty() && name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'))
}

fn escape_help(help: &str, openmetrics: bool) -> String {
    let escaped = help.replace('\\', "\\\\").replace('\n', "\\n");
    if openmetrics { escaped.replace('"', "\\\"") } else { escaped }
}

/// Label values are UTF-8 by grammar; a stray byte is shown by its Latin-1 reading.
fn push_label_value(out: &mut Vec<u8>, value: &[u8]) {
    for chunk in value.utf8_chunks() {
        let stray = chunk.invalid().iter().map(|byte| char::from(*byte));
        for c in chunk.valid().chars().chain(stray) {
            match c {
                '\\' => out.extend_from_slice(br"\\"),
                '"' => out.extend_from_slice(br#"\""#),
                '\n' => out.extend_from_slice(br"\n"),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        let cases = [
            (0, "0"),
            (1, "0.000001"),
            (5_000, "0.005"),
            (1_000_000, "1"),
            (1_500_000, "1.5"),
            (u64::MAX, "18446744073709.551615"),
        ];
        for (us, want) in cases {
            assert_eq!(seconds(us), want);
        }
        assert_eq!((decimal(291, 4), decimal(150, 2)), ("0.0291".into(), "1.5".into()));
    }

    #[test]
    fn label_values_are_escaped_and_always_utf8() {
        let mut out = Vec::new();
        push_label_value(&mut out, b"a\\b\"c\nd\xff\xc3\xa9");
        assert_eq!(String::from_utf8(out).unwrap(), "a\\\\b\\\"c\\ndÿé");
    }

    #[test]
    fn a_family_is_written_once_and_only_when_asked_for() {
        let options = PromOptions { families: vec!["a_total".into()], ..PromOptions::default() };
        let mut out = Writer::new(true, &options);
        assert!(out.family("a_total", Type::Counter, "A \"x\"", false));
        out.sample("a_total", &[], "1");
        assert!(!out.family("a_total", Type::Counter, "again", false));
        assert!(!out.family("b", Type::Gauge, "filtered", false));
        assert_eq!(out.finish(), b"# TYPE a counter\n# HELP a A \\\"x\\\"\na_total 1\n# EOF\n");
    }
}
