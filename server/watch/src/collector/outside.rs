//! Values from outside: files, control groups, expressions over files, commands, functions.
//!
//! All of it may be slow or never answer, so it is read where nothing else waits. A pipe or a
//! terminal in the place of a file is opened without waiting for its other end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use fancy_regex::Regex;

use super::{cgroup, exec, number};

/// Bytes of a file that are looked at: what the C server reads.
const FILE_MAX: u64 = 4096;

/// Bytes of a file that an expression is searched in.
const REGEX_MAX: u64 = 64 * 1024;

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Outside {
    /// A field of a file, counted from 0.
    File {
        /// Path; empty is always 0.
        path: String,
        /// Index of the field.
        field: i64,
        /// Power of ten.
        shift: i64,
    },
    /// A field of a file in the control group of this process.
    Cgroup {
        /// Name of the file.
        file: String,
        /// Index of the field.
        field: i64,
        /// Power of ten.
        shift: i64,
    },
    /// What an expression finds in a file.
    Regex {
        /// Path.
        path: String,
        /// The expression.
        pattern: Box<Regex>,
        /// Power of ten.
        shift: i64,
    },
    /// The first number a command prints.
    Exec {
        /// For `/bin/sh -c`.
        command: String,
        /// Time it gets.
        timeout_ms: u64,
        /// Power of ten.
        shift: i64,
    },
    /// What a function of the process answers. Who runs the collectors calls it.
    Func {
        /// Its name.
        symbol: String,
    },
}

/// Why there is no value.
#[derive(Debug)]
pub enum Failure {
    /// A file that cannot be opened.
    Open(PathBuf, io::Error),
    /// A file that is open but cannot be read.
    Read(PathBuf, io::Error),
    /// Anything else.
    Other(String),
}

impl Outside {
    /// Reads it now; may block. `call` calls a function of the process by name.
    ///
    /// # Errors
    /// What was in the way.
    pub fn read(&self, call: impl Fn(&str) -> Option<i64>) -> Result<i64, Failure> {
        match self {
            Outside::File { path, .. } if path.is_empty() => Ok(0),
            Outside::File { path, field, shift } => file(path.into(), *field, *shift),
            Outside::Cgroup { file: name, field, shift } => {
                let path = cgroup::path_of(name).ok_or_else(|| {
                    Failure::Other(format!("no control group of this process has a {name}"))
                })?;
                file(path, *field, *shift)
            }
            Outside::Regex { path, pattern, shift } => regex(path.into(), pattern, *shift),
            Outside::Exec { command, timeout_ms, shift } => {
                let text = exec::run(command, Duration::from_millis(*timeout_ms));
                first_number(&text.map_err(Failure::Other)?, *shift)
            }
            Outside::Func { symbol } => Ok(call(symbol).unwrap_or(0)),
        }
    }
}

fn file(path: PathBuf, field: i64, shift: i64) -> Result<i64, Failure> {
    let bytes = content(path, FILE_MAX)?;
    Ok(number::scaled(nth(&bytes, field), shift))
}

/// Field `index` of a text, and what follows it for field 0. What stands in front of the first
/// separator is field 0; where that is nothing, the number behind is both field 0 and field 1.
fn nth(bytes: &[u8], index: i64) -> &[u8] {
    let separator = |b: &u8| b" \t\r\n\0".contains(b);
    let (mut rest, mut left) = (bytes, index);
    loop {
        let end = rest.iter().position(separator).unwrap_or(rest.len());
        match left {
            0 if index == 0 => return bytes.trim_ascii_start(),
            0 => return &rest[..end],
            ..0 => return &[],
            _ => left -= 1,
        }
        let start = rest[end..].iter().position(|b| !separator(b));
        match start {
            Some(start) => rest = &rest[end + start..],
            None => return &[],
        }
    }
}

fn regex(path: PathBuf, pattern: &Regex, shift: i64) -> Result<i64, Failure> {
    let shown = path.display().to_string();
    let bytes = content(path, REGEX_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let found = pattern.captures(&*text).map_err(|e| Failure::Other(format!("{shown}: {e}")))?;
    let found = found.as_ref().and_then(|groups| groups.get(1).or_else(|| groups.get(0)));
    let found = found.ok_or_else(|| {
        Failure::Other(format!("{shown} has nothing like \"{}\"", pattern.as_str()))
    })?;
    Ok(number::scaled(found.as_str().as_bytes(), shift))
}

fn first_number(text: &[u8], shift: i64) -> Result<i64, Failure> {
    let digit = text.iter().position(u8::is_ascii_digit);
    let digit = digit.ok_or_else(|| Failure::Other("the command printed no number".to_owned()))?;
    let signed = digit > 0 && text[digit - 1] == b'-';
    Ok(number::scaled(&text[digit - usize::from(signed)..], shift))
}

/// The first bytes of a file, of a pipe what is in it right now.
pub(crate) fn content(path: PathBuf, most: u64) -> Result<Vec<u8>, Failure> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(&path);
    let file: File = match opened {
        Ok(file) => file,
        Err(e) => return Err(Failure::Open(path, e)),
    };
    let mut bytes = Vec::with_capacity(1024);
    match file.take(most).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(bytes),
        Err(e) => Err(Failure::Read(path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_counted_as_the_original_counts_them() {
        let table: [(&[u8], i64, i64); 16] = [
            (b"12", 0, 12),
            (b"12\n", 0, 12),
            (b"12 34", 1, 34),
            (b"12 \t\r\n\0 34", 1, 34),
            (b" 12", 0, 12),
            (b"\n\n12 13", 2, 13),
            (b"  ", 0, 0),
            (b" 12", 1, 12),
            (b"MemTotal: 100 kB\nMemFree: 23827032 kB\n", 4, 23_827_032),
            (b"0.52 0.58", 0, 0),
            (b"", 0, 0),
            (b"", 3, 0),
            (b"12", 1, 0),
            (b"12 ", 1, 0),
            (b"12", -1, 0),
            (b"-7 x", 0, -7),
        ];
        for (bytes, index, expected) in table {
            assert_eq!(number::prefix(nth(bytes, index)), expected, "{bytes:?} {index}");
        }
    }

    #[test]
    fn the_first_number_of_an_output_counts() {
        assert_eq!(first_number(b"load -3.5 x 9\n", 1).unwrap(), -35);
        assert_eq!(first_number(b"a-b 7", 0).unwrap(), 7);
        assert!(first_number(b"none\n", 0).is_err());
    }

    #[test]
    fn proc_files_are_read_and_missing_ones_named() {
        let status = |field| Outside::File { path: "/proc/self/stat".into(), field, shift: 0 };
        assert_eq!(status(0).read(|_| None).unwrap(), i64::from(std::process::id()));
        let missing = Outside::File { path: "/nonexistent/x".into(), field: 0, shift: 0 };
        assert!(
            matches!(missing.read(|_| None), Err(Failure::Open(path, _)) if path.ends_with("x"))
        );
        let directory = Outside::File { path: "/".into(), field: 0, shift: 0 };
        assert!(matches!(directory.read(|_| None), Err(Failure::Read(..))));
        let none = Outside::File { path: String::new(), field: 0, shift: 0 };
        assert_eq!(none.read(|_| None).unwrap(), 0);
    }

    #[test]
    fn an_expression_names_its_number() {
        let find = |pattern: &str| {
            let pattern = Box::new(Regex::new(pattern).unwrap());
            Outside::Regex { path: "/proc/self/status".into(), pattern, shift: 0 }.read(|_| None)
        };
        assert_eq!(find(r"(?m)^Pid:\s+(\d+)").unwrap(), i64::from(std::process::id()));
        assert!(matches!(find("no such line"), Err(Failure::Other(_))));
    }

    #[test]
    fn a_function_is_called_by_name() {
        let func = Outside::Func { symbol: "f".into() };
        assert_eq!(func.read(|name| (name == "f").then_some(-4)).unwrap(), -4);
        assert_eq!(func.read(|_| None).unwrap(), 0);
    }

    proptest! {
        #[test]
        fn fields_agree_with_a_plain_split(
            words in prop::collection::vec("[0-9a-z]{1,5}", 1..6),
            blanks in "[ \t\r\n]{1,3}",
            index in 0..8_usize,
        ) {
            let text = words.join(&blanks);
            let expected = words.get(index).map_or("", String::as_str);
            let expected = number::prefix(expected.as_bytes());
            prop_assert_eq!(number::prefix(nth(text.as_bytes(), index as i64)), expected);
        }

        #[test]
        fn any_bytes_have_fields(bytes: Vec<u8>, index: i64) {
            nth(&bytes, index);
        }
    }
}
