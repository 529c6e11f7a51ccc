//! Text 0.0.4 and OpenMetrics, line by line.
//!
//! The two differ in the order and the names of header lines, in the spelling of bucket bounds, in
//! what may stand behind a value (examples) and beside it (times of creation), and in the end mark.

use super::value::{Value, push_uint};
use super::writer::{Head, Labels, Observed, Type};
use crate::exemplar::ExemplarView;

/// Lines being written.
pub(super) struct Lines {
    out: Vec<u8>,
    openmetrics: bool,
    /// Tells since when counts count, where the format can.
    created: bool,
    /// The labels of the sample at hand, spelled once for all its lines.
    labels: Vec<u8>,
    /// Bounds as last spelled: many histograms have the same.
    bounds: Vec<f64>,
    spelled: Vec<String>,
}

impl Lines {
    pub(super) fn new(openmetrics: bool, created: bool) -> Lines {
        let out = Vec::with_capacity(64 * 1024);
        let created = created && openmetrics;
        let (labels, bounds, spelled) = Default::default();
        Lines { out, openmetrics, created, labels, bounds, spelled }
    }

    pub(super) fn header(&mut self, name: &str, kind: Type, help: &str, unit: Option<&str>) {
        let word = word_of(kind, self.openmetrics);
        if !self.openmetrics {
            self.push_all(&["# HELP ", name, " "]);
            push_help(&mut self.out, help, false);
            self.push_all(&["\n# TYPE ", name, " ", word, "\n"]);
            return;
        }
        let name = kind.base(name);
        self.push_all(&["# TYPE ", name, " ", word, "\n"]);
        if let Some(unit) = unit {
            self.push_all(&["# UNIT ", name, " ", unit, "\n"]);
        }
        self.push_all(&["# HELP ", name, " "]);
        push_help(&mut self.out, help, true);
        self.out.push(b'\n');
    }

    pub(super) fn sample(&mut self, head: &Head, labels: &Labels<'_>, value: Value) {
        self.spell(labels);
        self.line(&head.name, "", value);
        if head.kind == Some(Type::Counter) {
            self.created(head);
        }
    }

    pub(super) fn histogram(&mut self, head: &Head, labels: &Labels<'_>, observed: &Observed<'_>) {
        self.spell(labels);
        self.spell_bounds(observed.bounds);
        for (place, (_, below, example)) in observed.buckets().enumerate() {
            self.push_all(&[&head.name, "_bucket{"]);
            if !self.labels.is_empty() {
                self.out.extend_from_slice(&self.labels);
                self.out.push(b',');
            }
            let bound = self.spelled.get(place).map_or("+Inf", String::as_str);
            self.out.extend_from_slice(b"le=\"");
            self.out.extend_from_slice(bound.as_bytes());
            self.out.extend_from_slice(b"\"} ");
            push_uint(&mut self.out, below);
            if let Some(example) = example.filter(|_| self.openmetrics) {
                self.example(example);
            }
            self.out.push(b'\n');
        }
        self.line(&head.name, "_sum", observed.sum);
        self.line(&head.name, "_count", Value::Uint(observed.count()));
        self.created(head);
    }

    pub(super) fn summary(&mut self, head: &Head, labels: &Labels<'_>, sum: Value, count: u64) {
        self.spell(labels);
        self.line(&head.name, "_sum", sum);
        self.line(&head.name, "_count", Value::Uint(count));
        self.created(head);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.openmetrics {
            self.out.extend_from_slice(b"# EOF\n");
        }
        self.out
    }

    /// One line of the sample whose labels are spelled.
    fn line(&mut self, name: &str, suffix: &str, value: Value) {
        self.push_all(&[name, suffix]);
        if !self.labels.is_empty() {
            self.out.push(b'{');
            self.out.extend_from_slice(&self.labels);
            self.out.push(b'}');
        }
        self.out.push(b' ');
        value.push(&mut self.out);
        self.out.push(b'\n');
    }

    fn created(&mut self, head: &Head) {
        if let (true, Some(us), Some(kind)) = (self.created, head.created_us, head.kind) {
            self.line(kind.base(&head.name), "_created", Value::Decimal(us, 6));
        }
    }

    fn example(&mut self, example: &ExemplarView) {
        self.out.extend_from_slice(b" # {trace_id=\"");
        self.out.extend_from_slice(&example.trace_id());
        self.out.extend_from_slice(b"\",span_id=\"");
        self.out.extend_from_slice(&example.span_id());
        self.out.extend_from_slice(b"\"} ");
        Value::Decimal(example.value_us, 6).push(&mut self.out);
        self.out.push(b' ');
        Value::Decimal(example.at_us, 6).push(&mut self.out);
    }

    fn spell(&mut self, labels: &Labels<'_>) {
        self.labels.clear();
        for (label, value) in labels {
            if !self.labels.is_empty() {
                self.labels.push(b',');
            }
            self.labels.extend_from_slice(label.as_bytes());
            self.labels.extend_from_slice(b"=\"");
            push_label_value(&mut self.labels, value);
            self.labels.push(b'"');
        }
    }

    /// Bounds in the canonical form that OpenMetrics demands, or as short as they can be.
    fn spell_bounds(&mut self, bounds: &[f64]) {
        if self.bounds == bounds && !self.spelled.is_empty() {
            return;
        }
        let spell = |bound: &f64| {
            if self.openmetrics { format!("{bound:?}") } else { format!("{bound}") }
        };
        self.spelled = bounds.iter().map(spell).chain(["+Inf".to_owned()]).collect();
        self.bounds = bounds.to_vec();
    }

    fn push_all(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.out.extend_from_slice(part.as_bytes()));
    }
}

fn word_of(kind: Type, openmetrics: bool) -> &'static str {
    match (kind, openmetrics) {
        (Type::Counter, _) => "counter",
        (Type::Histogram, _) => "histogram",
        (Type::Summary, _) => "summary",
        (Type::StateSet, true) => "stateset",
        (Type::Info, true) => "info",
        (Type::Unknown, true) => "unknown",
        (Type::Unknown, false) => "untyped",
        (Type::Gauge | Type::StateSet | Type::Info, _) => "gauge",
    }
}

fn push_help(out: &mut Vec<u8>, help: &str, quotes: bool) {
    for byte in help.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'"' if quotes => out.extend_from_slice(br#"\""#),
            byte => out.push(byte),
        }
    }
}

/// Label values are UTF-8 by grammar; a stray byte is shown by its Latin-1 reading.
fn push_label_value(out: &mut Vec<u8>, value: &[u8]) {
    let plain = |byte: &u8| byte.is_ascii() && !matches!(byte, b'\\' | b'"' | b'\n');
    if value.iter().all(plain) {
        return out.extend_from_slice(value);
    }
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
    fn label_values_are_escaped_and_always_utf8() {
        let mut out = Vec::new();
        push_label_value(&mut out, b"a\\b\"c\nd\xff\xc3\xa9");
        assert_eq!(String::from_utf8(out).unwrap(), "a\\\\b\\\"c\\ndÿé");
    }

    #[test]
    fn an_example_stands_behind_its_bucket_in_openmetrics_alone() {
        let example =
            ExemplarView { trace: [0xab; 16], span: [1; 8], value_us: 7_500, at_us: 2_500_000 };
        let observed = Observed {
            bounds: &[0.01],
            below: &[1, 1],
            sum: Value::Decimal(7_500, 6),
            native: None,
            exemplars: &[Some(example)],
        };
        let head =
            Head { name: "d".into(), kind: Some(Type::Histogram), created_us: Some(1_000_000) };
        let written = |openmetrics| {
            let mut lines = Lines::new(openmetrics, true);
            lines.histogram(&head, &[("app", b"x")], &observed);
            String::from_utf8(lines.finish()).unwrap()
        };
        let trace = "ab".repeat(16);
        let want = format!(
            "d_bucket{{app=\"x\",le=\"0.01\"}} 1 # {{trace_id=\"{trace}\",span_id=\"{}\"}} 0.0075 2.5\n\
             d_bucket{{app=\"x\",le=\"+Inf\"}} 1\nd_sum{{app=\"x\"}} 0.0075\nd_count{{app=\"x\"}} 1\n\
             d_created{{app=\"x\"}} 1\n# EOF\n",
            "01".repeat(8)
        );
        assert_eq!(written(true), want);
        assert!(!written(false).contains('#') && !written(false).contains("created"));
    }
}
