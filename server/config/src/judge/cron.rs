//! Time tables: five numbers, then what to run.

use super::{fault, keyed, place, warning};
use crate::config::Entry;
use crate::finding::Finding;
use crate::row::Row;

/// The fields with their largest value; -1 is any, -N is every N.
const FIELDS: [(&str, i64, i64); 5] =
    [("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7)];

const FORM: &str = "<minute> <hour> <day> <month> <weekday> <command>, -1 for any, -N for every N";

/// Judges a line of a time table; some carry the name of a legion in front.
pub(super) fn judge(entry: &Entry, row: &Row, text: &str) -> Vec<Finding> {
    if row.name == "cron2" {
        return Vec::new();
    }
    let mut rest = text;
    if row.name.contains("legion") {
        let Some((_, table)) = text.split_once(' ') else {
            let text = format!("invalid {} syntax, must be prefixed with a legion name", entry.key);
            return vec![fault(entry, text).allowed(format!("<legion> {FORM}"))];
        };
        rest = table;
    }
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let numbers: Option<Vec<i64>> =
        words.iter().take(FIELDS.len()).map(|word| word.parse().ok()).collect();
    match numbers {
        Some(numbers) if numbers.len() == FIELDS.len() => {
            let nothing = format!("{} runs nothing: there is no command", place(entry));
            let empty = (words.len() == FIELDS.len()).then(|| warning(entry, nothing));
            odd(entry, &numbers).into_iter().chain(empty.map(|found| found.allowed(FORM))).collect()
        }
        _ => vec![fault(entry, "invalid cron syntax").allowed(FORM)],
    }
}

/// Fields that no clock ever shows.
fn odd(entry: &Entry, numbers: &[i64]) -> Vec<Finding> {
    let never = FIELDS.iter().zip(numbers).filter(|((_, least, most), number)| {
        **number > *most || **number < -*most || (**number >= 0 && **number < *least)
    });
    let text = |name: &str, number: i64| {
        format!("{} never runs: there is no {name} {number}", place(entry))
    };
    let finding = |((name, least, most), number): (&(&str, i64, i64), &i64)| {
        let range = format!("{name} from {least} to {most}, -1 for any, -N for every N");
        warning(entry, text(name, *number)).allowed(range)
    };
    never.map(finding).collect()
}

/// The options in front of the command of a key-value line; none when the first word has no `=`.
pub(super) fn options(text: &str) -> Option<&str> {
    let first = text.split(' ').next().unwrap_or_default();
    keyed::has_keys(first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::tests::expect;

    #[test]
    fn a_time_table_has_five_numbers_and_a_command() {
        let never = "-option \"cron\" at x.ini:2 never runs: there is no minute 61";
        expect(&[
            ("cron", "-1 -1 -1 -1 -1 ls -l", ""),
            ("cron", "59 2 -1 -1 7 ls", ""),
            ("cron", "-15 -1 -1 -1 -1 ls", ""),
            ("cron", "1 2 3", "!invalid cron syntax"),
            ("cron", "* * * * * ls", "!invalid cron syntax"),
            ("cron", "1 2 3 4 5", "-option \"cron\" at x.ini:2 runs nothing: there is no command"),
            ("cron", "61 -1 -1 -1 -1 ls", never),
            (
                "legion-cron",
                "x",
                "!invalid legion-cron syntax, must be prefixed with a legion name",
            ),
            ("legion-cron", "clust -1 -1 -1 -1 -1 ls", ""),
            ("cron2", "minute=5,unique=1 ls", ""),
            ("cron2", "ls a=b", ""),
            (
                "cron2",
                "minut=5 ls",
                "-unknown key \"minut\" in option \"cron2\" at x.ini:2 is ignored, \
                 did you mean \"minute\"?",
            ),
        ]);
    }
}
