//! `log:[prefix]`: a line of the main log, with the date.

use super::{Action, Delivery, Parsed};
use crate::{Event, Facts};

struct Log {
    prefix: String,
    write: Option<fn(&[u8])>,
}

/// Reads the argument.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    Ok(Box::new(Log { prefix: argument.to_owned(), write: facts.dated }))
}

impl Action for Log {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        if let Some(write) = self.write {
            write(&line(&self.prefix, &event.text));
        }
        Box::pin(async { Ok(()) })
    }
}

/// The line behind the date, which ends with exactly the line end of the message or one of ours.
fn line(prefix: &str, text: &[u8]) -> Vec<u8> {
    let mut out = b"ALARM: ".to_vec();
    if !prefix.is_empty() {
        out.extend_from_slice(prefix.as_bytes());
        out.push(b' ');
    }
    out.extend_from_slice(text);
    if out.last() != Some(&b'\n') {
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_prefix_and_one_end() {
        for (prefix, text, expected) in [
            ("", "hi", "ALARM: hi\n"),
            ("PFX", "hi", "ALARM: PFX hi\n"),
            ("PFX", "hi\n", "ALARM: PFX hi\n"),
            ("", "", "ALARM: \n"),
            ("", "a\nb", "ALARM: a\nb\n"),
        ] {
            assert_eq!(line(prefix, text.as_bytes()), expected.as_bytes(), "{prefix} {text}");
        }
    }
}
