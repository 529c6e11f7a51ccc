//! Chooses the libpython that the server opens before it opens the Python plugin.
//!
//! It owns the order of choice: the path the user gave, the version a plugin name carries, the
//! virtualenv's own record, the `python3` on the search path, and last the newest shared library
//! around. Reading the machine happens in `machine`; the choice itself is pure and tested. It
//! refuses static interpreters: they have no library to open.

mod choose;
mod machine;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub use choose::{Library, Probe};

/// What the configuration says about the wanted interpreter.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Option `home`: a virtualenv, or the prefix of an installation.
    pub home: Option<&'a Path>,
    /// Option `python-lib`: the library itself.
    pub python_lib: Option<&'a Path>,
    /// Plugin names that were asked for; a number in one (`python311`) selects that version.
    pub plugin_names: &'a [String],
    /// Search path for `python3`, as in the environment variable `PATH`.
    pub path: &'a OsStr,
}

/// The chosen interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The shared library.
    pub lib: PathBuf,
    /// Its major and minor version.
    pub version: (u8, u8),
    /// The `python` that belongs to it, for `Py_SetProgramName`.
    pub program: PathBuf,
    /// It is a free-threaded build.
    pub free_threaded: bool,
}

/// Chooses; the error is one line that says what to do.
pub fn find(wish: &Wish<'_>) -> Result<Found, String> {
    choose::choose(wish, &machine::Machine)
}
