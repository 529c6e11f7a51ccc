//! Who gives a metric its value: nobody but the API, other metrics, or something outside.
//!
//! Owns the names of the collectors, their arguments and their arithmetic. What is outside can be
//! slow and is read apart from the rest, see [`outside`].

mod cgroup;
mod exec;
pub mod number;
pub mod outside;
mod tasks;

use fancy_regex::Regex;

use crate::definition::Wrong;
pub use exec::{end_all, take_over};
pub use outside::{Failure, Outside};
pub use tasks::{Task, Tasks};

/// A collector with its arguments.
#[derive(Clone, Debug)]
pub enum Collector {
    /// The application's API alone changes the value.
    Manual,
    /// Computed from other metrics, with `arg1n`.
    Combine(Combine, i64),
    /// Read from somewhere.
    Outside(Outside),
}

/// How the values of children become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// Their sum.
    Sum,
    /// Their mean, an integer.
    Avg,
    /// Their sum, added to the value so far.
    Accumulator,
    /// Their sum times the argument.
    Multiplier,
    /// Their sum plus the argument.
    Adder,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// Time a command gets when none is configured, milliseconds.
const EXEC_TIMEOUT: u64 = 1000;

/// The names that `collector` may have.
const NAMES: &str =
    "file, sum, avg, accumulator, multiplier, adder, max, min, func, cgroup, regex, exec, manual";

impl Collector {
    /// Reads the collector of a definition, whose keys `get` knows.
    ///
    /// # Errors
    /// An unknown name, or an argument without which the collector means nothing.
    pub(crate) fn parse<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Collector, Wrong> {
        let Some(name) = get("collector") else { return Ok(Collector::Manual) };
        let number = |key: &str| get(key).map_or(0, |text| number::prefix(text.as_bytes()));
        let combine = |how| Ok(Collector::Combine(how, number("arg1n")));
        match name {
            "manual" => Ok(Collector::Manual),
            "sum" => combine(Combine::Sum),
            "avg" => combine(Combine::Avg),
            "accumulator" => combine(Combine::Accumulator),
            "multiplier" => combine(Combine::Multiplier),
            "adder" => combine(Combine::Adder),
            "max" => combine(Combine::Max),
            "min" => combine(Combine::Min),
            "ptr" => {
                let text = "metric collector \"ptr\" belongs to the server's own metrics";
                Err(Wrong::new(text, NAMES))
            }
            _ => outside(name, &get, &number).map(Collector::Outside),
        }
    }
}

fn outside<'a>(
    name: &str,
    get: &impl Fn(&str) -> Option<&'a str>,
    number: &impl Fn(&str) -> i64,
) -> Result<Outside, Wrong> {
    let optional = get("arg1").unwrap_or_default().to_owned();
    let needed = |what: &str| {
        let text = format!("metric collector \"{name}\" needs {what} in arg1");
        Some(&optional).filter(|arg| !arg.is_empty()).cloned().ok_or(Wrong::new(text, what))
    };
    let (field, shift) = (number("arg1n"), number("arg2n"));
    match name {
        "file" => Ok(Outside::File { path: optional, field, shift }),
        "func" => Ok(Outside::Func { symbol: optional }),
        "cgroup" => {
            let file = needed("a file of the control group")?;
            let plain = !file.starts_with('/') && !file.split('/').any(|part| part == "..");
            let text = format!("metric collector \"cgroup\" reads no \"{file}\"");
            let wrong = Wrong::new(text, "the name of a file in the control group: memory.current");
            plain.then_some(Outside::Cgroup { file, field, shift }).ok_or(wrong)
        }
        "regex" => {
            let path = needed("the path of a file")?;
            let pattern = pattern(get("arg2").unwrap_or_default())?;
            Ok(Outside::Regex { path, pattern: Box::new(pattern), shift })
        }
        "exec" => {
            let command = needed("a command")?;
            let timeout_ms = u64::try_from(field).ok().filter(|ms| *ms > 0).unwrap_or(EXEC_TIMEOUT);
            Ok(Outside::Exec { command, timeout_ms, shift })
        }
        _ => Err(Wrong::new(format!("unable to find metric collector \"{name}\""), NAMES)),
    }
}

fn pattern(text: &str) -> Result<Regex, Wrong> {
    let allowed = "a regular expression; its first group, or all of it, is the number";
    if text.is_empty() {
        return Err(Wrong::new("metric collector \"regex\" needs an expression in arg2", allowed));
    }
    Regex::new(text).map_err(|e| {
        Wrong::new(format!("metric collector \"regex\": \"{text}\" is no expression: {e}"), allowed)
    })
}

impl Combine {
    /// The value of a round, before the initial value is added. `own` is the value so far.
    pub fn of(self, children: &[i64], argument: i64, own: i64) -> i64 {
        let sum = children.iter().fold(0_i64, |sum, value| sum.wrapping_add(*value));
        match self {
            Combine::Sum => sum,
            Combine::Avg => {
                sum.checked_div(i64::try_from(children.len()).unwrap_or(i64::MAX)).unwrap_or(0)
            }
            Combine::Accumulator => own.wrapping_add(sum),
            Combine::Multiplier => sum.wrapping_mul(argument),
            Combine::Adder => sum.wrapping_add(argument),
            Combine::Max => children.iter().copied().max().unwrap_or(0),
            Combine::Min => children.iter().copied().min().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definition;

    #[test]
    fn children_become_one_value() {
        use Combine::{Accumulator, Adder, Avg, Max, Min, Multiplier, Sum};
        let table: [(Combine, &[i64], i64, i64, i64); 12] = [
            (Sum, &[1, 2, -5], 9, 100, -2),
            (Sum, &[], 9, 100, 0),
            (Avg, &[1, 2], 9, 100, 1),
            (Avg, &[-3, 0], 9, 100, -1),
            (Avg, &[], 9, 100, 0),
            (Accumulator, &[1, 2], 9, 100, 103),
            (Multiplier, &[1, 2], 9, 100, 27),
            (Adder, &[1, 2], 9, 100, 12),
            (Max, &[-4, -2], 9, 100, -2),
            (Max, &[], 9, 100, 0),
            (Min, &[-4, -2], 9, 100, -4),
            (Sum, &[i64::MAX, 1], 0, 0, i64::MIN),
        ];
        for (how, children, argument, own, expected) in table {
            assert_eq!(how.of(children, argument, own), expected, "{how:?} {children:?}");
        }
    }

    #[test]
    fn collectors_are_refused_with_a_reason() {
        let table = [
            ("collector=ptr", "metric collector \"ptr\" belongs to the server's own metrics"),
            ("collector=Sum", "unable to find metric collector \"Sum\""),
            ("collector=", "unable to find metric collector \"\""),
            ("collector=exec", "metric collector \"exec\" needs a command in arg1"),
            ("collector=regex,arg1=x", "metric collector \"regex\" needs an expression in arg2"),
            ("collector=cgroup,arg1=../x", "metric collector \"cgroup\" reads no \"../x\""),
        ];
        for (keys, text) in table {
            let wrong = Definition::parse(&format!("name=a,{keys}")).unwrap_err();
            assert_eq!(wrong.text, text, "{keys}");
        }
        let wrong = Definition::parse("name=a,collector=regex,arg1=x,arg2=(").unwrap_err();
        assert!(wrong.text.contains("\"(\" is no expression"), "{}", wrong.text);
    }

    #[test]
    fn a_collector_without_what_it_reads_is_zero_as_ever() {
        for name in ["file", "func", "manual", "sum"] {
            assert!(Definition::parse(&format!("name=a,collector={name}")).is_ok(), "{name}");
        }
    }
}
