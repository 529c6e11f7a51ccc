//! Numbers in the list of a `metric`. What is no number was always read as far as it goes, so this
//! warns; what the other keys mean is judged where metrics are made.

use super::{place, warning};
use crate::config::Entry;
use crate::finding::Finding;

const NUMBERS: &[&str] = &["freq", "initial_value", "arg1n", "arg2n", "arg3n"];

/// A warning for each number that is none.
pub(super) fn judge(entry: &Entry) -> Vec<Finding> {
    let items = entry.text().split(',').filter_map(|item| item.split_once('='));
    let wrong =
        items.filter(|(key, value)| NUMBERS.contains(&key.trim()) && value.parse::<i64>().is_err());
    let finding = |(key, value): (&str, &str)| {
        let text = format!("\"{key}\" in {} is no number: \"{value}\"", place(entry));
        warning(entry, text).allowed("a number, with a minus in front where it is below 0")
    };
    wrong.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::expect;

    #[test]
    fn numbers_are_numbers() {
        expect(&[
            ("metric", "name=a,freq=3,initial_value=-5,arg1n=0", ""),
            ("metric", "name=a,arg1=x,arg2=y", ""),
            ("metric", "freq", ""),
            (
                "metric",
                "name=a,freq=3s",
                "-\"freq\" in option \"metric\" at x.ini:2 is no number: \"3s\"",
            ),
        ]);
    }
}
