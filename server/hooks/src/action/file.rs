//! Arguments of actions that change files.

use super::{Action, Wrong, first, whole};

/// Bits of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The bits, up to 0o7777: set-user, set-group and sticky count.
    pub bits: u32,
}

/// A user or a group of `chown`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// By name.
    Name(String),
    /// By number.
    Id(u32),
    /// Stays what it is.
    Same,
}

/// `file mode`: the last word is the mode, so that a name may hold blanks.
pub(super) fn chmod(argument: &str) -> Result<Action, Wrong> {
    let (path, digits) = last(argument)?;
    let octal = digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    if !octal || !matches!(digits.len(), 3 | 4) {
        return Err(Wrong::Form);
    }
    let bits = u32::from_str_radix(digits, 8).map_err(|_| Wrong::Form)?;
    Ok(Action::Chmod { path: path.to_owned(), mode: Mode { bits } })
}

/// `file user group`, names only.
pub(super) fn chown(argument: &str) -> Result<Action, Wrong> {
    owners(argument, |name| Ok(Owner::Name(name.to_owned())))
}

/// `file uid gid`, numbers only; -1 changes nothing.
pub(super) fn chown2(argument: &str) -> Result<Action, Wrong> {
    owners(argument, |number| match number {
        "-1" => Ok(Owner::Same),
        _ => number.parse().ok().filter(|id| *id != u32::MAX).map(Owner::Id).ok_or(Wrong::Form),
    })
}

fn owners(argument: &str, read: fn(&str) -> Result<Owner, Wrong>) -> Result<Action, Wrong> {
    let (front, group) = last(argument)?;
    let (path, user) = last(front)?;
    Ok(Action::Chown { path: path.to_owned(), user: read(user)?, group: read(group)? })
}

/// What stands before and behind the last blanks.
fn last(argument: &str) -> Result<(&str, &str), Wrong> {
    let (front, word) = argument.trim_end().rsplit_once([' ', '\t']).ok_or(Wrong::Form)?;
    let front = front.trim_end();
    if front.is_empty() { Err(Wrong::Form) } else { Ok((front, word)) }
}

/// `file text`; only `appendn` does without a text, which makes it a newline.
pub(super) fn write(argument: &str, append: bool, newline: bool) -> Result<Action, Wrong> {
    let (path, text) = match first(argument) {
        Ok(parts) => parts,
        Err(_) if append && newline => (argument, ""),
        Err(wrong) => return Err(wrong),
    };
    let end = if newline { "\n" } else { "" };
    Ok(Action::Write { path: whole(path)?, text: format!("{text}{end}"), append })
}

/// `fifo text`.
pub(super) fn fifo(argument: &str, spin: bool) -> Result<Action, Wrong> {
    let (path, text) = first(argument)?;
    Ok(Action::Fifo { path: path.to_owned(), text: text.to_owned(), spin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_three_or_four_octal_digits() {
        for (argument, expected) in [
            ("/f 644", Some(("/f", 0o644))),
            ("/f 4755", Some(("/f", 0o4755))),
            ("/f 0600", Some(("/f", 0o600))),
            ("/a b  1777 ", Some(("/a b", 0o1777))),
            ("/f 64", None),
            ("/f 06444", None),
            ("/f 648", None),
            ("/f +64", None),
            ("/f", None),
            ("  644", None),
            ("", None),
        ] {
            let expected = expected
                .map(|(path, bits)| Action::Chmod { path: path.to_owned(), mode: Mode { bits } });
            assert_eq!(chmod(argument).ok(), expected, "{argument}");
        }
    }

    #[test]
    fn owners_are_names_or_numbers_but_not_both() {
        let name = |name: &str| Owner::Name(name.to_owned());
        let path = || "/f".to_owned();
        let by_name = Action::Chown { path: path(), user: name("1000"), group: name("www") };
        assert_eq!(chown("/f 1000 www"), Ok(by_name));
        let by_id = Action::Chown { path: path(), user: Owner::Id(0), group: Owner::Same };
        assert_eq!(chown2("/f 0 -1"), Ok(by_id));
        for argument in ["/f", "/f 1", "/f a 1", "/f 1 a", "/f 4294967295 1", "1 1", ""] {
            assert_eq!(chown2(argument), Err(Wrong::Form), "{argument}");
        }
    }

    #[test]
    fn a_text_begins_behind_the_first_blank() {
        let wrote =
            |text: &str, append| Ok(Action::Write { path: "/f".into(), text: text.into(), append });
        assert_eq!(write("/f a  b ", false, false), wrote("a  b ", false));
        assert_eq!(write("/f a", false, true), wrote("a\n", false));
        assert_eq!(write("/f ", false, false), wrote("", false));
        assert_eq!(write("/f a", true, false), wrote("a", true));
        assert_eq!(write("/f a", true, true), wrote("a\n", true));
        assert_eq!(write("/f", true, true), wrote("\n", true));
        for (append, newline) in [(false, false), (false, true), (true, false)] {
            assert_eq!(write("/f", append, newline), Err(Wrong::Form));
        }
        assert_eq!(write("", true, true), Err(Wrong::Form));
        assert_eq!(
            write(" a", true, true).unwrap_or(Action::Exit(0)),
            Action::Write { path: " a".into(), text: "\n".into(), append: true }
        );
    }

    #[test]
    fn a_pipe_takes_text() {
        let fifo_of = |spin| Ok(Action::Fifo { path: "/p".into(), text: "2p".into(), spin });
        assert_eq!(fifo("/p 2p", false), fifo_of(false));
        assert_eq!(fifo("/p 2p", true), fifo_of(true));
        assert_eq!(fifo("/p", false), Err(Wrong::Form));
    }
}
