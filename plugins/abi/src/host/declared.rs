//! The options of a plugin, copied out of its library and understood.

use crate::option::{Argument, OptionRow, Value};
use crate::{OPTION_MASTER, OPTION_MEMORY, OPTION_METRICS, OPTION_THREADS, Plugin, Str};

/// More rows than any plugin has: a length beyond is a broken descriptor.
const MOST_ROWS: usize = 4096;
/// Longer names would not fit a line of `--help`.
const LONGEST_NAME: usize = 64;
/// Every bit that means something.
const FLAGS: u32 = OPTION_MASTER | OPTION_THREADS | OPTION_MEMORY | OPTION_METRICS;

/// One option of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Long name.
    pub name: String,
    /// One line for people.
    pub help: String,
    /// Unit of a number, may be empty.
    pub unit: String,
    /// The value when absent, may be empty.
    pub default: String,
    /// Letter of the short form.
    pub short: Option<char>,
    /// Whether a value follows.
    pub argument: Argument,
    /// How it is read.
    pub value: Value,
    /// Bits `OPTION_*`.
    pub flags: u32,
}

/// Copies the table of a descriptor whose version was checked; the error says what is wrong.
pub(super) fn read(plugin: &Plugin) -> Result<Vec<Declared>, String> {
    let (rows, len) = (plugin.options, plugin.options_len);
    if len == 0 {
        return Ok(Vec::new());
    }
    if rows.is_null() || !rows.is_aligned() || len > MOST_ROWS {
        return Err(format!("its table of {len} options is broken"));
    }
    // SAFETY: `options_len` rows that live as long as the library, by the contract of the layout.
    let rows = unsafe { std::slice::from_raw_parts(rows, len) };
    let number = |(index, row)| one(row).map_err(|why| format!("its option {index}: {why}"));
    rows.iter().enumerate().map(number).collect()
}

fn one(row: &OptionRow) -> Result<Declared, String> {
    let name = text(row.name, "name")?;
    if !is_name(&name) {
        return Err(format!("\"{}\" is no name", name.escape_debug()));
    }
    let wrong = |what, number| format!("{name}: {what} {number} means nothing");
    let argument = argument(row.argument).ok_or_else(|| wrong("argument kind", row.argument))?;
    let value = value(row.value).ok_or_else(|| wrong("value kind", row.value))?;
    if (argument == Argument::None) != (value == Value::Flag) {
        return Err(format!("{name}: a flag has no argument, everything else has one"));
    }
    if row.flags & !FLAGS != 0 {
        return Err(wrong("flag bits", row.flags & !FLAGS));
    }
    let short = short(row.short).ok_or_else(|| wrong("letter", row.short))?;
    let [help, unit, default] = [(row.help, "help"), (row.unit, "unit"), (row.default, "default")]
        .map(|(s, what)| line(s, what));
    let (help, unit, default) = (help?, unit?, default?);
    Ok(Declared { help, unit, default, short, argument, value, flags: row.flags, name })
}

fn argument(number: u32) -> Option<Argument> {
    [Argument::None, Argument::Required, Argument::Optional]
        .into_iter()
        .find(|kind| *kind as u32 == number)
}

fn value(number: u32) -> Option<Value> {
    use Value::{Dict, Flag, Int, List, Megabytes, Text, Unsigned};
    [Flag, Int, Unsigned, Megabytes, Text, List, Dict]
        .into_iter()
        .find(|kind| *kind as u32 == number)
}

/// A letter or digit, or none; nothing for anything else.
fn short(number: u32) -> Option<Option<char>> {
    match number {
        0 => Some(None),
        _ => char::from_u32(number).filter(char::is_ascii_alphanumeric).map(Some),
    }
}

/// Whether a user can write it on a command line and in every format of files.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// A copy of a string of the library.
pub(super) fn text(s: Str, what: &str) -> Result<String, String> {
    // SAFETY: strings of descriptors and their tables live as long as the library.
    let bytes = unsafe { s.bytes() };
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| format!("{what} is not valid UTF-8"))
}

fn line(s: Str, what: &str) -> Result<String, String> {
    let text = text(s, what)?;
    match text.contains(char::is_control) {
        true => Err(format!("{what} is more than one line")),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_understood_or_refused_with_its_reason() {
        let good = OptionRow::new("hello-name", Value::Text, "whom to greet");
        let broken: [(OptionRow, &str); 9] = [
            (OptionRow { name: Str::EMPTY, ..good }, "\"\" is no name"),
            (OptionRow { name: Str::new(b"-x"), ..good }, "\"-x\" is no name"),
            (OptionRow { name: Str::new(b"a b"), ..good }, "\"a b\" is no name"),
            (OptionRow { name: Str::new(b"\xff"), ..good }, "name is not valid UTF-8"),
            (OptionRow { argument: 3, ..good }, "hello-name: argument kind 3 means nothing"),
            (OptionRow { value: 0, ..good }, "hello-name: value kind 0 means nothing"),
            (
                OptionRow { argument: 0, ..good },
                "hello-name: a flag has no argument, everything else has one",
            ),
            (good.on(1 << 9), "hello-name: flag bits 512 means nothing"),
            (OptionRow { help: Str::new(b"a\nb"), ..good }, "help is more than one line"),
        ];
        for (row, why) in broken {
            assert_eq!(one(&row).expect_err(why), why);
        }
        let row = good.short('g').unit("s").default("5").optional().on(OPTION_MASTER);
        let read = one(&row).expect("good");
        assert_eq!((read.name.as_str(), read.short, read.flags), ("hello-name", Some('g'), 1));
        assert_eq!((read.argument, read.value), (Argument::Optional, Value::Text));
        assert_eq!((read.unit.as_str(), read.default.as_str()), ("s", "5"));
    }
}
