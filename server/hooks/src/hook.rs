//! The value of a `hook-` option: `action:argument`, with a `!` in front where it is private.

use crate::action::{self, Kind};
use crate::{Action, Failure};

/// What stands in a line of the log instead of a private value.
pub(crate) const PRIVATE: &str = "--- PRIVATE HOOK ---";

/// A hook whose action is known; its argument is read when it runs.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    /// The value of the option.
    pub value: &'a str,
    /// The value stays out of the log.
    pub private: bool,
    /// Its action.
    pub what: What<'a>,
    /// What stands behind the first colon.
    pub argument: &'a str,
}

/// The action of a hook.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// One of ours.
    Known(&'static Kind),
    /// One that somebody registered.
    Registered(&'a str),
}

impl<'a> Hook<'a> {
    /// Reads the value of an option. `registered` knows actions of plugins, which go before ours.
    /// The error is the line for the log.
    pub fn parse(value: &'a str, registered: impl Fn(&str) -> bool) -> Result<Hook<'a>, String> {
        let Some((name, argument)) = value.split_once(':') else {
            return Err("invalid hook syntax, must be hook:args".into());
        };
        let stripped = name.strip_prefix('!');
        let (private, name) = (stripped.is_some(), stripped.unwrap_or(name));
        let what = match action::kind(name) {
            _ if registered(name) => What::Registered(name),
            Some(kind) => What::Known(kind),
            None => return Err(format!("hook action not found: {name}")),
        };
        Ok(Hook { value, private, what, argument })
    }

    /// Reads its argument.
    pub fn action(&self) -> Result<Action, Failure> {
        match self.what {
            What::Known(kind) => kind.read(self.argument),
            What::Registered(name) => {
                Ok(Action::Other { name: name.to_owned(), argument: self.argument.to_owned() })
            }
        }
    }

    /// A command that fails is logged and passes for success.
    pub(crate) fn forgiving(&self) -> bool {
        matches!(self.what, What::Known(kind) if kind.name == "safeexec")
    }

    /// The line before it runs, without the label of its phase.
    pub(crate) fn announced(&self) -> String {
        if self.private {
            format!("running {PRIVATE}")
        } else {
            format!("running \"{}\"", self.value)
        }
    }

    /// The line after it failed. That of a private hook shows nothing of its argument.
    pub(crate) fn told(&self, failure: &Failure) -> String {
        let command = if self.private { PRIVATE } else { self.argument };
        match failure {
            Failure::Exited(code) => {
                format!("command \"{command}\" exited with non-zero code: {code}")
            }
            Failure::Killed(signal) => format!("command \"{command}\" killed by signal {signal}"),
            Failure::Told(text) | Failure::Stop(text) if self.private && self.shows(text) => {
                format!("{PRIVATE} failed")
            }
            Failure::Told(text) | Failure::Stop(text) => text.clone(),
        }
    }

    fn shows(&self, text: &str) -> bool {
        let mut words = self.argument.split([' ', '\t', ',', '@', '=', '"', '\'']);
        words.any(|word| !word.is_empty() && text.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(value: &str) -> Result<(bool, String, &str), String> {
        Hook::parse(value, |name| name == "mine" || name == "unlink").map(|hook| {
            let name = match hook.what {
                What::Known(kind) => kind.name.to_owned(),
                What::Registered(name) => format!("registered {name}"),
            };
            (hook.private, name, hook.argument)
        })
    }

    #[test]
    fn the_first_colon_ends_the_name_of_the_action() {
        let not = |name: &str| Err(format!("hook action not found: {name}"));
        let syntax = || Err("invalid hook syntax, must be hook:args".to_owned());
        for (value, expected) in [
            ("exec:a:b", Ok((false, "exec".to_owned(), "a:b"))),
            ("!exec:a", Ok((true, "exec".to_owned(), "a"))),
            ("exec:", Ok((false, "exec".to_owned(), ""))),
            ("mine:x", Ok((false, "registered mine".to_owned(), "x"))),
            ("unlink:x", Ok((false, "registered unlink".to_owned(), "x"))),
            ("exec", syntax()),
            ("", syntax()),
            ("!", syntax()),
            (":x", not("")),
            ("!!exec:x", not("!exec")),
            (" exec:x", not(" exec")),
            ("Exec:x", not("Exec")),
        ] {
            assert_eq!(parse(value), expected, "{value}");
        }
    }

    #[test]
    fn a_private_hook_shows_nothing_of_its_argument() {
        let known = |value| Hook::parse(value, |_| false).unwrap();
        let hook = known("!exec:curl -u me:secret");
        assert_eq!(hook.announced(), "running --- PRIVATE HOOK ---");
        let told = hook.told(&Failure::Exited(3));
        assert_eq!(told, "command \"--- PRIVATE HOOK ---\" exited with non-zero code: 3");
        let hook = known("!call:secret");
        let told = hook.told(&Failure::Told("unable to call function \"secret\"".into()));
        assert_eq!(told, "--- PRIVATE HOOK --- failed");
        let told = hook.told(&Failure::Told("hook call: Permission denied".into()));
        assert_eq!(told, "hook call: Permission denied", "what is no secret helps");
    }

    #[test]
    fn failures_have_their_lines() {
        let hook = Hook::parse("exec:false x", |_| false).unwrap();
        assert_eq!(hook.announced(), "running \"exec:false x\"");
        for (failure, line) in [
            (Failure::Exited(1), "command \"false x\" exited with non-zero code: 1"),
            (Failure::Killed(9), "command \"false x\" killed by signal 9"),
            (Failure::Told("a".into()), "a"),
            (Failure::Stop("b".into()), "b"),
        ] {
            assert_eq!(hook.told(&failure), line);
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_refused(value in ".{0,60}", name in 0..action::KINDS.len()) {
            let _ = Hook::parse(&value, |_| false).map(|hook| hook.action());
            let value = format!("!{}:{value}", action::KINDS[name].name);
            let hook = Hook::parse(&value, |_| false).unwrap();
            prop_assert!(hook.private);
            let _ = hook.action();
        }
    }
}
