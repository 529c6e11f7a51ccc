//! The one door to the outside: files, pipes, plugins and the facts of the machine.
//!
//! Everything else in this crate is pure. The server puts the real machine behind it, tests a map.

use std::io;

use crate::config::PluginUse;
use crate::row::Row;

/// What magic variables say about the machine and the process.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Working directory at start, `%v`.
    pub cwd: String,
    /// Host name, `%h`.
    pub hostname: String,
    /// Path of the running binary, `%b`.
    pub binary: String,
    /// CPUs online, `%k`.
    pub cpus: u32,
    /// Numeric user and its name, `%u` and `%U`.
    pub user: (u32, String),
    /// Numeric group and its name, `%g` and `%G`.
    pub group: (u32, String),
    /// Start time in microseconds since the epoch, `%t` and `%T`.
    pub started_us: u64,
}

/// Where a file is, for the magic variables about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Absolute path; of the link itself when it is a symbolic link.
    pub path: String,
    /// Inode number, of the link itself when it is one.
    pub inode: u64,
}

/// What a condition can ask about a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// This process may read it.
    pub readable: bool,
    /// A regular file.
    pub file: bool,
    /// A directory.
    pub directory: bool,
}

/// What a source holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The bytes, unchanged.
    pub bytes: Vec<u8>,
    /// Log lines that reading it made.
    pub log: Vec<String>,
}

/// Why a source cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// Log lines made before it failed.
    pub log: Vec<String>,
    /// The exact text.
    pub text: String,
    /// The exit code.
    pub code: i32,
}

impl SourceError {
    /// A failure with the usual code 1.
    pub fn new(text: impl Into<String>) -> Self {
        Self { log: Vec::new(), text: text.into(), code: 1 }
    }

    /// The failure of opening or reading a file, with the text that users know.
    #[must_use]
    pub fn open(what: &str, error: &io::Error) -> Self {
        Self::new(format!("open(\"{what}\"): {} [config line {}]", plain(error), line!()))
    }
}

/// The text of an error without the number that the standard library appends.
#[must_use]
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map(|(text, _)| text.to_owned()).unwrap_or(text)
}

/// What became of the wish for a plugin.
#[derive(Clone, Debug)]
pub enum PluginAnswer {
    /// Part of this build, under this or another name.
    BuiltIn,
    /// A shared object that was loaded.
    Loaded {
        /// Where it was found.
        path: String,
        /// What it calls itself.
        name: String,
        /// The options it brings along.
        rows: Vec<&'static Row>,
    },
    /// Not to be had; the lines say why.
    Missing(Vec<String>),
}

/// What an option does to the process, at its place among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed<'a> {
    /// Lock this file for the life of the process.
    Lock {
        /// The file, which must exist.
        path: &'a str,
        /// Wait until it is free.
        wait: bool,
    },
    /// Become this user, a number or a name.
    User(&'a str),
    /// Become this group, a number or a name.
    Group(&'a str),
}

/// The outside, as far as reading a configuration needs it.
pub trait Source {
    /// The whole content of `what`: a path, `-`, or a scheme such as `fd://N` or
    /// `exec://command`.
    ///
    /// # Errors
    /// The exact text to log, and the exit code.
    fn read(&self, what: &str) -> Result<Content, SourceError>;

    /// The configuration that was built into the binary, in ini form.
    fn embedded(&self) -> Option<&str>;

    /// Where the file at `path` is.
    ///
    /// # Errors
    /// The file does not exist or cannot be looked at.
    fn locate(&self, path: &str) -> io::Result<Place>;

    /// What is at `path`, links followed; nothing at all when it does not exist.
    fn look(&self, path: &str) -> Look;

    /// Every path that matches a shell pattern, sorted, directories with a slash at the end;
    /// nothing when nothing matches.
    fn glob(&self, pattern: &str) -> Vec<String>;

    /// The variables of a daemontools directory: regular files that are not hidden, name and
    /// raw content, sorted by name.
    ///
    /// # Errors
    /// The directory, or a file in it, cannot be read.
    fn variables(&self, directory: &str) -> io::Result<Vec<(String, Vec<u8>)>>;

    /// The first IPv4 address of a host.
    fn resolve(&self, host: &str) -> Option<String>;

    /// Loads a plugin by its name or path, from `directories` first.
    fn plugin(&self, wish: &PluginUse, directories: &[String]) -> PluginAnswer;

    /// Looks for a shared object that declares `option` and that nobody asked for; the answer is
    /// the name by which it can be.
    fn plugin_with(&self, option: &str, directories: &[String]) -> Option<String>;

    /// True when a plugin of that name is part of this build.
    fn built_in(&self, plugin: &str) -> bool;

    /// Opens a shared library whose symbols everybody may use, for good.
    ///
    /// # Errors
    /// The text of the dynamic linker.
    fn open_library(&self, path: &str) -> Result<(), String>;

    /// Changes a variable of this process at once, for commands and libraries that are used
    /// while reading; without value it is removed.
    fn export(&self, name: &str, value: Option<&str>);

    /// Does what an option asks for; the answer is its log lines. A source without a process
    /// behind it does nothing.
    ///
    /// # Errors
    /// The exact text to log, and the exit code.
    fn perform(&self, deed: Deed<'_>) -> Result<Vec<String>, SourceError> {
        let _ = deed;
        Ok(Vec::new())
    }

    /// Facts for the magic variables.
    fn facts(&self) -> Facts;
}

/// True when `what` is not a plain path: standard input or a scheme.
#[must_use]
pub(crate) fn is_scheme(what: &str) -> bool {
    what == "-" || what.contains("://")
}
