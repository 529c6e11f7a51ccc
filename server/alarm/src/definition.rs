//! The value of `alarm`: a name, a kind, an argument. Pure.
//!
//! The first blank ends the name, the first colon the kind; the rest is the argument, which may
//! hold anything or nothing.

use crate::action::Parsed;
use crate::{Facts, KINDS, Kind};

/// A configured alarm.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// What kind of action it is.
    pub kind: &'static Kind,
    /// The argument of the action.
    pub argument: String,
}

impl Definition {
    /// Reads `<name> <kind>:<argument>`; the error is the text for the log.
    pub fn parse(text: &str) -> Result<Definition, String> {
        let parts = text.split_once(' ').and_then(|(name, rest)| {
            let (kind, argument) = rest.split_once(':')?;
            Some((name, kind, argument))
        });
        let Some((name, kind, argument)) = parts else {
            return Err(format!("invalid alarm syntax: {text}"));
        };
        let kind = KINDS.iter().find(|known| known.name == kind);
        let kind = kind.ok_or_else(|| format!("invalid alarm: {text}"))?;
        Ok(Definition { name: name.to_owned(), kind, argument: argument.to_owned() })
    }

    /// Its action; the error says what is wrong with the argument.
    pub fn action(&self, facts: &Facts) -> Parsed {
        (self.kind.parse)(&self.argument, facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_kind_and_argument_end_at_the_first_of_their_marks() {
        for (text, expected) in [
            ("a log:", Ok(("a", "log", ""))),
            ("a log: x: y ", Ok(("a", "log", " x: y "))),
            ("mail cmd:mail -s 'a b' x@y", Ok(("mail", "cmd", "mail -s 'a b' x@y"))),
            (" cmd:x", Ok(("", "cmd", "x"))),
            ("x", Err("invalid alarm syntax: x")),
            ("x cmd", Err("invalid alarm syntax: x cmd")),
            ("x:y cmd", Err("invalid alarm syntax: x:y cmd")),
            ("x  cmd:y", Err("invalid alarm: x  cmd:y")),
            ("x nope:1", Err("invalid alarm: x nope:1")),
            ("x :y", Err("invalid alarm: x :y")),
        ] {
            let got = Definition::parse(text);
            let got = got.as_ref().map(|d| (d.name.as_str(), d.kind.name, d.argument.as_str()));
            assert_eq!(got.map_err(String::as_str), expected, "{text}");
        }
    }
}
