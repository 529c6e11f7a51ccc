//! `remap-modifier` and `allowed-modifiers`, read: which modifiers go elsewhere or nowhere.

use uwsgi_config::{Config, Entry, Finding};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modifiers {
    /// Requests for the second go to whoever serves the first, in order.
    pub(super) remap: Vec<(u8, u8)>,
    /// All others are unavailable; none when nothing is said.
    pub(super) allowed: Option<Vec<u8>>,
}

impl Modifiers {
    /// Reads both options; what makes no sense is a fault.
    pub(crate) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Modifiers {
        let mut fault = |entry: &Entry, allowed: &str| {
            let text = format!("invalid {} value: {}", entry.key, entry.text());
            faults.push(Finding::fault(text).about(entry).allowed(allowed));
        };
        let remap = config.entry("remap-modifier").and_then(|entry| {
            let pairs = each(entry.text(), pair);
            pairs.or_else(|| {
                fault(entry, "from:to pairs of numbers below 256, comma between them");
                None
            })
        });
        let allowed = config.entry("allowed-modifiers").and_then(|entry| {
            let numbers = each(entry.text(), number);
            numbers.or_else(|| {
                fault(entry, "numbers below 256, comma between them");
                None
            })
        });
        Modifiers { remap: remap.unwrap_or_default(), allowed }
    }
}

/// Every part of a comma list, or nothing when one is wrong.
fn each<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(|part| read(part.trim())).collect()
}

fn pair(text: &str) -> Option<(u8, u8)> {
    let (from, to) = text.split_once(':')?;
    Some((number(from)?, number(to)?))
}

fn number(text: &str) -> Option<u8> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_whole_or_not_at_all() {
        for (text, expected) in [
            ("0:30", Some(vec![(0, 30)])),
            ("0:30, 6 : 0", Some(vec![(0, 30), (6, 0)])),
            ("0:256", None),
            ("0", None),
            ("0:1,", None),
            ("", None),
        ] {
            assert_eq!(each(text, pair), expected, "{text}");
        }
        for (text, expected) in [("0", Some(vec![0])), ("0, 5", Some(vec![0, 5])), ("x", None)] {
            assert_eq!(each(text, number), expected, "{text}");
        }
    }
}
