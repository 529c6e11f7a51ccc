//! A map in the place of the file system, and short ways to load.
#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]
#![allow(dead_code, reason = "every test file uses its own part")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;

use uwsgi_config::{Config, Facts, Failure, Look, Place, Source, load};

/// Files by name; the name is also the place, under `/conf`.
#[derive(Default)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl Files {
    /// Files from pairs of name and content.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let owned = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        Self(owned.collect())
    }
}

impl Source for Files {
    fn read(&self, what: &str) -> io::Result<Vec<u8>> {
        let missing = || io::Error::from_raw_os_error(2);
        self.0.get(what).cloned().ok_or_else(missing)
    }

    fn locate(&self, path: &str) -> io::Result<Place> {
        self.read(path)?;
        Ok(Place { path: format!("/conf/{path}"), inode: 5 })
    }

    fn look(&self, path: &str) -> Look {
        let file = self.0.contains_key(path);
        let inside = format!("{path}/");
        let directory = self.0.keys().any(|name| name.starts_with(&inside));
        Look { readable: file || directory, file, directory }
    }

    fn facts(&self) -> Facts {
        Facts { cwd: "/start".into(), hostname: "box".into(), cpus: 2, ..Facts::default() }
    }
}

/// Loads arguments (without the binary) with variables and files.
pub(crate) fn load_with(
    args: &[&str],
    env: &[(&str, &str)],
    files: &Files,
) -> Result<Config, Failure> {
    let argv: Vec<OsString> = ["uwsgi"].iter().chain(args).map(OsString::from).collect();
    let env: Vec<(OsString, OsString)> =
        env.iter().map(|(name, value)| (name.into(), value.into())).collect();
    load(&argv, &env, files)
}

/// Loads arguments alone.
pub(crate) fn args(args: &[&str]) -> Result<Config, Failure> {
    load_with(args, &[], &Files::default())
}

/// Loads one ini file called `x.ini`.
pub(crate) fn ini(content: &str) -> Result<Config, Failure> {
    load_with(&["--ini", "x.ini"], &[], &Files::new(&[("x.ini", content)]))
}

/// The list as `key=value` texts, `!` for no value, without the options that named files.
pub(crate) fn flat(config: &Config) -> Vec<String> {
    let own = config.entries.iter().filter(|entry| {
        !matches!(entry.key.as_str(), "ini" | "include" | "inherit" | "set" | "set-ph")
    });
    own.map(|entry| format!("{}={}", entry.key, entry.value.as_deref().unwrap_or("!"))).collect()
}

/// The lines of a failure after the log lines.
pub(crate) fn error_lines(result: Result<Config, Failure>) -> Vec<String> {
    let failure = result.expect_err("must fail");
    assert_eq!(failure.code, 1);
    failure.lines.into_iter().filter(|line| !line.starts_with("[uWSGI]")).collect()
}
