//! Series with any label values, help and numbers, read back from both documents by a small strict
//! reader that knows only the grammar.

use proptest::prelude::*;
use uwsgi_metrics::prometheus::{Format, PromOptions, render};
use uwsgi_metrics::series::{FamilyKind, FamilySpec};
use uwsgi_metrics::{Arena, Shape};

/// One sample: name, labels, value.
type Line = (String, Vec<(String, String)>, f64);

/// Reads a sample line; nothing else may be in it.
fn sample(line: &str) -> Option<Line> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    while let Some(more) = rest.strip_prefix(['{', ',']) {
        let (label, quoted) = more.split_once("=\"")?;
        let (value, after) = quoted_value(quoted)?;
        labels.push((label.to_owned(), value));
        rest = after.strip_prefix('}').unwrap_or(after);
        if rest.len() < after.len() {
            break;
        }
    }
    Some((name.to_owned(), labels, rest.strip_prefix(' ')?.parse().ok()?))
}

/// The text up to the closing quote, unescaped, and what follows the quote.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

/// Everything the document says of families `app_*`.
fn read_back(arena: &Arena, format: Format) -> Option<Vec<Line>> {
    let snapshot = arena.snapshot().with_series(arena);
    let text = String::from_utf8(render(&snapshot, format, &PromOptions::default()).1).ok()?;
    let lines = text.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all: Option<Vec<Line>> = lines.map(sample).collect();
    Some(all?.into_iter().filter(|(name, ..)| name.starts_with("app_")).collect())
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

proptest! {
    #[test]
    fn any_values_come_back_from_both_documents(
        values in prop::collection::btree_set((".*", ".*"), 1..8),
        help in ".*",
        numbers in prop::collection::vec(any::<f64>(), 8),
    ) {
        let arena = Arena::create(&Shape { workers: 1, series: 64, ..Shape::default() }).unwrap();
        let spec = |name, kind, bounds| FamilySpec {
            name,
            kind,
            bounds,
            help: &help,
            labels: &["a", "b"],
            ..FamilySpec::default()
        };
        let gauge = arena.register_family(&spec("app_g", FamilyKind::Gauge, &[])).unwrap();
        let histogram =
            arena.register_family(&spec("app_h", FamilyKind::Histogram, &[-1.0, 1e-9, 3e20])).unwrap();
        for ((a, b), number) in values.iter().zip(&numbers) {
            let labels = [a.as_bytes(), b.as_bytes()];
            arena.series_at(arena.register_series(gauge, &labels)).set(1, *number);
            arena.series_at(arena.register_series(histogram, &labels)).observe(*number);
        }
        for format in [Format::Text, Format::OpenMetrics1(None)] {
            let lines = read_back(&arena, format).expect("every line is a sample");
            let gauges: Vec<_> = lines.iter().filter(|(name, ..)| name == "app_g").collect();
            prop_assert_eq!(gauges.len(), values.len());
            for ((a, b), number) in values.iter().zip(&numbers) {
                let want = [("a".to_owned(), a.clone()), ("b".to_owned(), b.clone())];
                let found = gauges.iter().find(|(_, labels, _)| *labels == want);
                prop_assert!(found.is_some_and(|(.., value)| same(*value, *number)));
                let buckets: Vec<f64> = lines
                    .iter()
                    .filter(|(name, labels, _)| name == "app_h_bucket" && labels[..2] == want)
                    .map(|(.., value)| *value)
                    .collect();
                let below = |bound: f64| f64::from(u8::from(*number <= bound));
                prop_assert_eq!(buckets, vec![below(-1.0), below(1e-9), below(3e20), 1.0]);
            }
        }
    }
}
