//! Waiting at start for what others bring: interfaces, files, mount points, sockets.
//!
//! Pure: somebody looks once a second and says what was seen; the answer is to look again, or the
//! line that ends it.

use crate::Line;

/// Microseconds between two looks.
const EVERY_US: u64 = 1_000_000;

/// Seconds that a wait may take without its option.
pub const DEFAULT_S: u64 = 60;

/// What kind of thing is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A network interface.
    Interface,
    /// Any path.
    Any,
    /// A path that is no directory. Sockets and devices count: many wait for those.
    File,
    /// A directory.
    Dir,
    /// A directory where something is mounted.
    Mountpoint,
    /// An address that accepts a connection.
    Socket,
}

/// When an option waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the hooks as root; without root at the same place in the order.
    BeforeDrop,
    /// After the user changed.
    AfterDrop,
}

/// An option that waits.
#[derive(Debug)]
pub struct WaitOption {
    /// Its name.
    pub name: &'static str,
    /// What its values name.
    pub target: Target,
    /// The option with its limit in seconds.
    pub timeout: &'static str,
    /// When it waits.
    pub stage: Stage,
}

/// All options that wait, in their order.
pub const OPTIONS: &[WaitOption] = &[
    before("wait-for-interface", Target::Interface, "wait-for-interface-timeout"),
    before("wait-for-fs", Target::Any, "wait-for-fs-timeout"),
    before("wait-for-file", Target::File, "wait-for-fs-timeout"),
    before("wait-for-dir", Target::Dir, "wait-for-fs-timeout"),
    before("wait-for-mountpoint", Target::Mountpoint, "wait-for-fs-timeout"),
    WaitOption {
        name: "wait-for-socket",
        target: Target::Socket,
        timeout: "wait-for-socket-timeout",
        stage: Stage::AfterDrop,
    },
];

const fn before(name: &'static str, target: Target, timeout: &'static str) -> WaitOption {
    WaitOption { name, target, timeout, stage: Stage::BeforeDrop }
}

/// What one look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing of that name.
    Nothing,
    /// It is there.
    There,
    /// The interface, with its index.
    Index(u32),
    /// Something of that name that is none of these: a phrase behind "which is".
    Other(&'static str),
}

/// What comes after a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look again after so many microseconds.
    Again(u64),
    /// It is there; the line says so.
    Found(Line),
    /// It did not come; the process ends with 1 after this line.
    Gone(Line),
}

/// A wait that has begun.
#[derive(Clone, Debug)]
pub struct Waiting {
    target: Target,
    name: String,
    limit_s: u64,
    until_us: u64,
}

impl Waiting {
    /// Begins to wait, at most `limit_s` seconds. The line is for the log.
    pub fn begin(target: Target, name: &str, limit_s: u64, now_us: u64) -> (Waiting, Line) {
        let until_us = now_us.saturating_add(limit_s.saturating_mul(1_000_000));
        let waiting = Waiting { target, name: name.to_owned(), limit_s, until_us };
        let what = waiting.called();
        let line = Line::plain(format!("waiting for {what} (max {limit_s} seconds) ..."));
        (waiting, line)
    }

    /// Takes what a look found. The last look is the one at the limit.
    pub fn look(&self, seen: Seen, now_us: u64) -> Step {
        match (seen, self.until_us.saturating_sub(now_us)) {
            (Seen::There, _) => Step::Found(Line::dated(self.found())),
            (Seen::Index(index), _) => {
                let text = format!("{} found with index {index}", self.called());
                Step::Found(Line::plain(text))
            }
            (Seen::Nothing | Seen::Other(_), left @ 1..) => Step::Again(left.min(EVERY_US)),
            (Seen::Nothing, 0) => Step::Gone(Line::plain(self.gone())),
            (Seen::Other(kind), 0) => {
                Step::Gone(Line::plain(format!("{}: it is {kind}", self.gone())))
            }
        }
    }

    fn called(&self) -> String {
        match self.target {
            Target::Interface => format!("interface {}", self.name),
            _ => self.name.clone(),
        }
    }

    fn found(&self) -> String {
        match self.target {
            Target::Mountpoint => format!("{} mounted", self.name),
            Target::Socket => format!("{} ready", self.name),
            _ => format!("{} found", self.called()),
        }
    }

    fn gone(&self) -> String {
        format!("{} unavailable after {} seconds", self.called(), self.limit_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// Lines of a wait that finds something at the given second, and the second of its end.
    fn course(target: Target, limit_s: u64, from_s: u64, seen: Seen) -> (Vec<String>, u64) {
        let start = 77 * SECOND;
        let (waiting, line) = Waiting::begin(target, "x", limit_s, start);
        let (mut lines, mut now) = (vec![line.text], start);
        loop {
            let there = now >= start + from_s * SECOND;
            match waiting.look(if there { seen } else { Seen::Nothing }, now) {
                Step::Again(us) => now += us,
                Step::Found(line) | Step::Gone(line) => {
                    // As the C server has it: of what is found, only interfaces have no date.
                    let dated = matches!(seen, Seen::There) && there;
                    assert_eq!(line.dated, dated);
                    lines.push(line.text);
                    return (lines, (now - start) / SECOND);
                }
            }
        }
    }

    #[test]
    fn what_comes_in_time_is_told_by_its_kind() {
        for (target, seen, waited, found) in [
            (Target::Any, Seen::There, "x", "x found"),
            (Target::File, Seen::There, "x", "x found"),
            (Target::Dir, Seen::There, "x", "x found"),
            (Target::Mountpoint, Seen::There, "x", "x mounted"),
            (Target::Socket, Seen::There, "x", "x ready"),
            (Target::Interface, Seen::Index(3), "interface x", "interface x found with index 3"),
        ] {
            let (lines, end) = course(target, 60, 2, seen);
            assert_eq!(lines, [format!("waiting for {waited} (max 60 seconds) ..."), found.into()]);
            assert_eq!(end, 2, "{target:?}");
        }
    }

    #[test]
    fn what_does_not_come_is_told_at_the_limit() {
        for (target, gone) in [
            (Target::Any, "x unavailable after 5 seconds"),
            (Target::Interface, "interface x unavailable after 5 seconds"),
            (Target::Socket, "x unavailable after 5 seconds"),
        ] {
            let (lines, end) = course(target, 5, u64::MAX / SECOND / 2, Seen::There);
            assert_eq!((lines[1].as_str(), end), (gone, 5));
        }
    }

    #[test]
    fn another_kind_is_not_what_was_waited_for() {
        let (lines, end) = course(Target::File, 3, 1, Seen::Other("a directory"));
        assert_eq!(lines[1], "x unavailable after 3 seconds: it is a directory");
        assert_eq!(end, 3);
    }

    #[test]
    fn the_limit_is_looked_at_once_and_none_is_one_look() {
        assert_eq!(course(Target::Any, 5, 5, Seen::There).0[1], "x found");
        assert_eq!(course(Target::Any, 0, 0, Seen::There).0[1], "x found");
        assert_eq!(
            course(Target::Any, 0, 1, Seen::There),
            (
                vec![
                    "waiting for x (max 0 seconds) ...".into(),
                    "x unavailable after 0 seconds".into()
                ],
                0
            )
        );
        let (waiting, _) = Waiting::begin(Target::Any, "x", u64::MAX, u64::MAX - 1);
        assert_eq!(waiting.look(Seen::Nothing, u64::MAX - 1), Step::Again(1), "no overflow");
    }

    #[test]
    fn the_options_are_those_of_the_configuration() {
        let registry = uwsgi_config::Registry::default();
        for option in OPTIONS {
            for name in [option.name, option.timeout] {
                assert_eq!(registry.find(name).map(|row| row.name), Some(name));
            }
            let timeout = registry.find(option.timeout).unwrap();
            assert_eq!(timeout.default, "60", "{}", option.timeout);
        }
    }
}
