//! Actions: what a hook does, as a typed value, and the grammar of their arguments.

mod call;
mod file;
mod mount;
pub mod words;

pub use call::{Args, Call, Rpc};
pub use file::{Mode, Owner};
pub use mount::{MOUNT_FLAGS, Mount, Step, UMOUNT_FLAGS, Umount};

use crate::Failure;
use crate::wait::Target;

/// What a hook does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Runs a command in the shell and waits for it.
    Exec(String),
    /// Changes the working directory.
    Chdir(String),
    /// Makes a directory; one that is there is a failure.
    Mkdir(String),
    /// Sets a variable of this process, or removes it without a value.
    Putenv {
        /// Its name.
        name: String,
        /// Its value.
        value: Option<String>,
    },
    /// Changes a mode.
    Chmod {
        /// The file.
        path: String,
        /// Its mode.
        mode: Mode,
    },
    /// Changes owner and group.
    Chown {
        /// The file.
        path: String,
        /// Its user.
        user: Owner,
        /// Its group.
        group: Owner,
    },
    /// Adds the sticky bit.
    Sticky(String),
    /// Makes a file, or empties it.
    Create(String),
    /// Writes into a file.
    Write {
        /// The file.
        path: String,
        /// What, with the newline that may end it.
        text: String,
        /// Behind what is there; without this it is emptied first.
        append: bool,
    },
    /// Writes into a named pipe, if somebody reads it.
    Fifo {
        /// The pipe.
        path: String,
        /// What.
        text: String,
        /// Tries again each second until somebody reads.
        spin: bool,
    },
    /// Removes a file.
    Unlink(String),
    /// Mounts a filesystem.
    Mount(Mount),
    /// Unmounts one, or all of a tree.
    Umount(Umount),
    /// Sets the name of the host.
    Hostname(String),
    /// Raises an alarm.
    Alarm {
        /// Its name.
        alarm: String,
        /// The message.
        text: String,
    },
    /// Calls a function of the RPC table.
    Rpc(Rpc),
    /// Waits for something, with the time that its option allows.
    Wait {
        /// What kind of thing.
        target: Target,
        /// Which one.
        name: String,
    },
    /// Makes a symbol the handler of a signal.
    UnixSignal {
        /// Number of the signal, 1 to 64.
        signal: i32,
        /// Name of the function.
        symbol: String,
    },
    /// Calls a symbol.
    Call(Call),
    /// Ends the process with this code.
    Exit(i32),
    /// Writes a line to the log, as it stands.
    Print(String),
    /// An action that somebody registered.
    Other {
        /// Its name.
        name: String,
        /// Its argument.
        argument: String,
    },
}

impl Action {
    /// It may wait for somebody else, so it has no place in an event loop. A call has: what it is
    /// for is mostly the process that calls.
    pub fn waits(&self) -> bool {
        match self {
            Self::Exec(_) | Self::Rpc(_) | Self::Wait { .. } => true,
            Self::Other { .. } | Self::Fifo { spin: true, .. } => true,
            // A filesystem of the network answers when it can.
            Self::Mount(_) | Self::Umount(_) => true,
            _ => false,
        }
    }
}

/// What is wrong with an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Not the form of the table.
    Form,
    /// The text for the log; the action has failed.
    Text(String),
    /// The text for the log; the process ends.
    Stop(String),
}

/// An action by name.
#[derive(Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Form of its argument, for people.
    pub form: &'static str,
    read: fn(&str) -> Result<Action, Wrong>,
}

impl Kind {
    /// Reads an argument.
    pub fn read(&self, argument: &str) -> Result<Action, Failure> {
        (self.read)(argument).map_err(|wrong| match wrong {
            Wrong::Form => Failure::Told(format!(
                "hook {}: invalid argument, must be {}",
                self.name, self.form
            )),
            Wrong::Text(text) => Failure::Told(text),
            Wrong::Stop(text) => Failure::Stop(text),
        })
    }
}

/// The action of a name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

const fn of(
    name: &'static str,
    form: &'static str,
    read: fn(&str) -> Result<Action, Wrong>,
) -> Kind {
    Kind { name, form, read }
}

/// All actions, by name.
pub const KINDS: &[Kind] = &[
    of("alarm", "<alarm> <message>", |a| {
        let (alarm, text) = first(a)?;
        Ok(Action::Alarm { alarm: alarm.into(), text: text.into() })
    }),
    of("append", "<file> <text>", |a| file::write(a, true, false)),
    of("appendn", "<file> [<text>]", |a| file::write(a, true, true)),
    of("call", "<symbol> [<text>]", |a| call::text(a, false)),
    of("callint", "<symbol> [<number>]", |a| call::number(a, false)),
    of("callintret", "<symbol> [<number>]", |a| call::number(a, true)),
    of("callret", "<symbol> [<text>]", |a| call::text(a, true)),
    of("cd", "<directory>", |a| whole(a).map(Action::Chdir)),
    of("chdir", "<directory>", |a| whole(a).map(Action::Chdir)),
    of("chmod", "<file> <3 or 4 octal digits>", file::chmod),
    of("chown", "<file> <user> <group>", file::chown),
    of("chown2", "<file> <uid> <gid>", file::chown2),
    of("creat", "<file>", |a| whole(a).map(Action::Create)),
    of("create", "<file>", |a| whole(a).map(Action::Create)),
    of("exec", "<command>", |a| Ok(Action::Exec(a.into()))),
    of("exit", "<code from 0 to 255>", exit),
    of("hostname", "<name>", |a| whole(a).map(Action::Hostname)),
    of("log", "<text>", |a| Ok(Action::Print(a.into()))),
    of("mkdir", "<directory>", |a| whole(a).map(Action::Mkdir)),
    of("mount", "<filesystem> <source> <mountpoint> [<flags> [<data>]]", |a| {
        Mount::parse(a).map(Action::Mount)
    }),
    of("print", "<text>", |a| Ok(Action::Print(a.into()))),
    of("putenv", "<name>=<value>", putenv),
    of("retryrpc", "<function>[@<node>] [<arguments>]", |a| call::rpc(a, true)),
    of("rpc", "<function>[@<node>] [<arguments>]", |a| call::rpc(a, false)),
    of("safeexec", "<command>", |a| Ok(Action::Exec(a.into()))),
    of("spinningfifo", "<fifo> <text>", |a| file::fifo(a, true)),
    of("sticky", "<file>", |a| whole(a).map(Action::Sticky)),
    of("umount", "<mountpoint> [<flags>]", |a| Umount::parse(a).map(Action::Umount)),
    of("unix_signal", "<signal number> <symbol>", call::unix_signal),
    of("unlink", "<file>", |a| whole(a).map(Action::Unlink)),
    of("wait_for_dir", "<directory>", |a| wait(Target::Dir, a)),
    of("wait_for_file", "<file>", |a| wait(Target::File, a)),
    of("wait_for_fs", "<path>", |a| wait(Target::Any, a)),
    of("wait_for_socket", "<address>", |a| wait(Target::Socket, a)),
    of("write", "<file> <text>", |a| file::write(a, false, false)),
    of("writefifo", "<fifo> <text>", |a| file::fifo(a, false)),
    of("writen", "<file> <text>", |a| file::write(a, false, true)),
];

/// An argument that is one thing, blanks and all.
fn whole(argument: &str) -> Result<String, Wrong> {
    if argument.is_empty() { Err(Wrong::Form) } else { Ok(argument.to_owned()) }
}

/// What stands before and behind the first blank.
fn first(argument: &str) -> Result<(&str, &str), Wrong> {
    argument.split_once(' ').filter(|(front, _)| !front.is_empty()).ok_or(Wrong::Form)
}

fn wait(target: Target, argument: &str) -> Result<Action, Wrong> {
    Ok(Action::Wait { target, name: whole(argument)? })
}

fn putenv(argument: &str) -> Result<Action, Wrong> {
    let (name, value) = match argument.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (argument, None),
    };
    if name.is_empty() || argument.contains('\0') {
        return Err(Wrong::Form);
    }
    Ok(Action::Putenv { name: name.to_owned(), value })
}

/// All digits count; no code is 0.
fn exit(argument: &str) -> Result<Action, Wrong> {
    match argument.trim() {
        "" => Ok(Action::Exit(0)),
        text => text.parse::<u8>().map(|code| Action::Exit(code.into())).map_err(|_| Wrong::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, argument: &str) -> Result<Action, Failure> {
        kind(name).unwrap().read(argument)
    }

    #[test]
    fn every_action_stands_once_in_the_table() {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        let mut all = "exec safeexec cd chdir mkdir putenv chmod chown chown2 sticky create creat \
            write writen append appendn writefifo spinningfifo unlink mount umount hostname alarm \
            rpc retryrpc wait_for_fs wait_for_file wait_for_dir wait_for_socket unix_signal call \
            callret callint callintret exit print log"
            .split_whitespace()
            .collect::<Vec<_>>();
        all.sort_unstable();
        assert_eq!(names, all);
    }

    #[test]
    fn simple_arguments_are_taken_whole() {
        let a = || "a b".to_owned();
        for (name, action) in [
            ("exec", Action::Exec(a())),
            ("safeexec", Action::Exec(a())),
            ("cd", Action::Chdir(a())),
            ("chdir", Action::Chdir(a())),
            ("mkdir", Action::Mkdir(a())),
            ("sticky", Action::Sticky(a())),
            ("create", Action::Create(a())),
            ("creat", Action::Create(a())),
            ("unlink", Action::Unlink(a())),
            ("hostname", Action::Hostname(a())),
            ("print", Action::Print(a())),
            ("log", Action::Print(a())),
            ("wait_for_fs", Action::Wait { target: Target::Any, name: a() }),
            ("wait_for_file", Action::Wait { target: Target::File, name: a() }),
            ("wait_for_dir", Action::Wait { target: Target::Dir, name: a() }),
            ("wait_for_socket", Action::Wait { target: Target::Socket, name: a() }),
        ] {
            assert_eq!(read(name, "a b"), Ok(action), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_the_form() {
        for (name, form) in [
            ("chdir", "<directory>"),
            ("unlink", "<file>"),
            ("hostname", "<name>"),
            ("alarm", "<alarm> <message>"),
            ("write", "<file> <text>"),
            ("writefifo", "<fifo> <text>"),
            ("rpc", "<function>[@<node>] [<arguments>]"),
            ("wait_for_socket", "<address>"),
        ] {
            let text = format!("hook {name}: invalid argument, must be {form}");
            assert_eq!(read(name, ""), Err(Failure::Told(text)), "{name}");
        }
        for name in ["exec", "print", "exit"] {
            assert!(read(name, "").is_ok(), "{name}");
        }
    }

    #[test]
    fn all_digits_of_an_exit_code_count() {
        for (argument, code) in [("0", 0), ("7", 7), ("42", 42), ("255", 255), ("", 0), (" 3 ", 3)]
        {
            assert_eq!(read("exit", argument), Ok(Action::Exit(code)), "{argument}");
        }
        let text = "hook exit: invalid argument, must be <code from 0 to 255>".to_owned();
        for argument in ["256", "-1", "x", "1 2"] {
            assert_eq!(read("exit", argument), Err(Failure::Told(text.clone())), "{argument}");
        }
    }

    #[test]
    fn alarms_and_variables_are_split_once() {
        let alarm = Action::Alarm { alarm: "a".into(), text: " b c".into() };
        assert_eq!(read("alarm", "a  b c"), Ok(alarm));
        let variable = |name: &str, value: Option<&str>| {
            Ok(Action::Putenv { name: name.into(), value: value.map(str::to_owned) })
        };
        assert_eq!(read("putenv", "K=a=b "), variable("K", Some("a=b ")));
        assert_eq!(read("putenv", "K="), variable("K", Some("")));
        assert_eq!(read("putenv", "K"), variable("K", None));
        assert!(read("putenv", "=x").is_err() && read("putenv", "K=\0").is_err());
    }

    #[test]
    fn actions_that_may_wait_are_known() {
        let waits = |name: &str, argument: &str| read(name, argument).unwrap().waits();
        for (name, argument) in
            [("exec", "x"), ("rpc", "f"), ("wait_for_fs", "/x"), ("spinningfifo", "/f x")]
        {
            assert!(waits(name, argument), "{name}");
        }
        for (name, argument) in
            [("writefifo", "/f x"), ("write", "/f x"), ("chdir", "/"), ("callint", "umask 18")]
        {
            assert!(!waits(name, argument), "{name}");
        }
    }
}
