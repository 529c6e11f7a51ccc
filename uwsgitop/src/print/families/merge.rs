//! Pages of several sources as one: every family once, every sample with its source.
//!
//! A scraper refuses a page that has a family twice, and samples of two sources can only be told
//! apart by a label.

use std::fmt::Write as _;

/// One family: its header lines and its samples.
#[derive(Default)]
struct Family {
    name: String,
    header: String,
    samples: String,
}

/// One page of those given, each with the name of its source.
pub(crate) fn merge(pages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut families: Vec<Family> = Vec::new();
    for (source, page) in pages {
        let label = format!("source=\"{}\"", escaped(source));
        let page = String::from_utf8_lossy(page);
        // A page begins with a header, so there is a family for every sample.
        let mut current = 0;
        for line in page.lines().filter(|line| !line.is_empty()) {
            let header = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
            let Some(header) = header else {
                if let Some(family) = families.get_mut(current) {
                    sample(&mut family.samples, line, &label);
                }
                continue;
            };
            let name = header.split(' ').next().unwrap_or_default();
            current = place(&mut families, name);
            if let Some(family) = families.get_mut(current) {
                let kind = line.get(..7).unwrap_or_default();
                if !family.header.lines().any(|known| known.starts_with(kind)) {
                    // Writing to memory does not fail.
                    let _ = writeln!(family.header, "{line}");
                }
            }
        }
    }
    let text: String = families.into_iter().map(|f| f.header + &f.samples).collect();
    text.into_bytes()
}

/// Where the family of this name is; at the end when nobody named it yet.
fn place(families: &mut Vec<Family>, name: &str) -> usize {
    let at = families.iter().position(|family| family.name == name);
    at.unwrap_or_else(|| {
        families.push(Family { name: name.to_owned(), ..Family::default() });
        families.len() - 1
    })
}

fn sample(out: &mut String, line: &str, label: &str) {
    let end = line.find(['{', ' ']).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    // Writing to memory does not fail.
    let _ = match rest.strip_prefix('{') {
        Some(labels) if labels.starts_with('}') => writeln!(out, "{name}{{{label}{labels}"),
        Some(labels) => writeln!(out, "{name}{{{label},{}", renamed(labels)),
        None => writeln!(out, "{name}{{{label}}}{rest}"),
    };
}

/// A label that is called as ours is has the name that scrapers give it; within a value its quote
/// would be escaped.
fn renamed(labels: &str) -> String {
    match labels.strip_prefix("source=\"") {
        Some(rest) => format!("exported_source=\"{rest}"),
        None => labels.replacen(",source=\"", ",exported_source=\"", 1),
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_stands_once_and_every_sample_names_its_source() {
        let one =
            "# HELP a Text {x}.\n# TYPE a gauge\na 1\na{k=\"v\"} 2\n# TYPE only gauge\nonly{} 3\n";
        let two = "# HELP a Other.\n# TYPE a gauge\na 9\n";
        let page = merge(&[("/s", one.into()), ("h\"1", two.into())]);
        let wanted = "# HELP a Text {x}.\n# TYPE a gauge\na{source=\"/s\"} 1\n\
                      a{source=\"/s\",k=\"v\"} 2\na{source=\"h\\\"1\"} 9\n\
                      # TYPE only gauge\nonly{source=\"/s\"} 3\n";
        assert_eq!(String::from_utf8(page).unwrap(), wanted);
    }

    #[test]
    fn a_label_of_the_same_name_is_another_one() {
        let one = "# TYPE a gauge\na{source=\"1\"} 1\na{b=\",source=\\\"\",source=\"2\"} 1\n";
        let page = String::from_utf8(merge(&[("s", one.into())])).unwrap();
        let wanted = "# TYPE a gauge\na{source=\"s\",exported_source=\"1\"} 1\n\
                      a{source=\"s\",b=\",source=\\\"\",exported_source=\"2\"} 1\n";
        assert_eq!(page, wanted);
    }
}
