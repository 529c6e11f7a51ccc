//! Where the interpreter lives: program name and home, by the rules for virtualenvs.
//!
//! It owns reading `pyvenv.cfg` far enough to tell for which version the virtualenv was made. It
//! refuses a home that is no directory or belongs to another minor version, before CPython dies
//! of it with a message that nobody understands.

use std::path::{Path, PathBuf};

/// What to tell CPython before it starts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Placing {
    /// For `Py_SetProgramName`.
    pub(crate) program: Option<PathBuf>,
    /// For `Py_SetPythonHome`.
    pub(crate) home: Option<PathBuf>,
    /// Lines for the log.
    pub(crate) lines: Vec<String>,
}

/// Decides by the options `home` and `py-programname`, the program that was found for the loaded
/// library, and that library's version; the error is a log line, and the exit code is 1.
pub(crate) fn place(
    home: Option<&Path>,
    program_name: Option<&Path>,
    found: Option<&Path>,
    loaded: (u8, u8),
) -> Result<Placing, String> {
    let mut placing =
        Placing { program: program_name.or(found).map(Path::to_path_buf), ..Placing::default() };
    let Some(home) = home else { return Ok(placing) };
    let shown = home.display();
    if !home.is_dir() {
        return Err(format!("Python Home is not a directory: {shown}"));
    }
    match std::fs::read_to_string(home.join("pyvenv.cfg")) {
        Ok(config) => {
            placing.lines.push(format!("PEP 405 virtualenv detected: {shown}"));
            if let Some(made) = made_for(&config).filter(|&made| made != loaded) {
                return Err(format!(
                    "virtualenv {shown} was made for python {}.{}, but libpython {}.{} is loaded: \
                     choose the right one with \"python-lib\" or make the virtualenv again",
                    made.0, made.1, loaded.0, loaded.1
                ));
            }
            if program_name.is_none() {
                // absolute: the process may change its directory after the start
                let program = home.join("bin/python");
                placing.program = Some(std::path::absolute(&program).unwrap_or(program));
            }
        }
        Err(_) => placing.home = Some(std::path::absolute(home).unwrap_or_else(|_| home.into())),
    }
    placing.lines.push(format!("Set PythonHome to {shown}"));
    Ok(placing)
}

/// The version in a `pyvenv.cfg`: `version = 3.11.2`, or virtualenv's `version_info`.
fn made_for(config: &str) -> Option<(u8, u8)> {
    let value = config.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key.trim(), "version" | "version_info").then(|| value.trim())
    })?;
    let mut parts = value.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The first two numbers of a text like `3.11.7 (main, ...)`.
pub(crate) fn version_of(text: &str) -> (u8, u8) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pyvenv_tells_its_version() {
        for (config, version) in [
            ("home = /usr/bin\nversion = 3.11.2\n", Some((3, 11))),
            ("version_info = 3.9.18.final.0\n", Some((3, 9))),
            ("home = /usr/bin\n", None),
            ("version = three\n", None),
            ("", None),
        ] {
            assert_eq!(made_for(config), version, "{config:?}");
        }
    }

    #[test]
    fn a_version_is_read_off_any_text() {
        for (text, version) in [
            ("3.11.7 (main, May  9 2026)", (3, 11)),
            ("3.14.0rc1 free-threading build", (3, 14)),
            ("nonsense", (0, 0)),
        ] {
            assert_eq!(version_of(text), version, "{text}");
        }
    }

    #[test]
    fn without_a_home_the_given_name_goes_before_the_found_one() {
        let (given, found) = (Path::new("/g/python"), Path::new("/f/python"));
        let program = |given, found| place(None, given, found, (3, 11)).unwrap().program;
        assert_eq!(program(Some(given), Some(found)).as_deref(), Some(given));
        assert_eq!(program(None, Some(found)).as_deref(), Some(found));
        assert_eq!(program(None, None), None);
    }
}
