//! A map in the place of the file system, and short ways to load.
#![allow(clippy::expect_used, reason = "a failing helper is a failing test")]
#![allow(dead_code, reason = "every test file uses its own part")]

pub(crate) mod print;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;

use uwsgi_config::{
    Arg, Config, Content, Facts, Kind, Level, Look, Place, PluginAnswer, PluginUse, Row, Source,
    SourceError, Status, load,
};

/// A configuration with faults: everything said, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) lines: Vec<String>,
    pub(crate) code: i32,
}

/// The options of the plugin `own`.
pub(crate) static OWN_ROWS: [Row; 2] = [
    Row {
        short: Some('~'),
        status: Status::Works,
        ..Row::new("own-greeting", Arg::Required, Kind::Str, "what is said")
    },
    Row::new("processes", Arg::Required, Kind::Int, "a name that is taken"),
];

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
    fn read(&self, what: &str) -> Result<Content, SourceError> {
        let missing = || SourceError::open(what, &io::Error::from_raw_os_error(2));
        let bytes = self.0.get(what).cloned().ok_or_else(missing)?;
        Ok(Content { bytes, log: Vec::new() })
    }

    fn embedded(&self) -> Option<&str> {
        std::str::from_utf8(self.0.get("embedded")?).ok()
    }

    fn locate(&self, path: &str) -> io::Result<Place> {
        self.0.get(path).ok_or_else(|| io::Error::from_raw_os_error(2))?;
        Ok(Place { path: format!("/conf/{path}"), inode: 5 })
    }

    fn look(&self, path: &str) -> Look {
        let file = self.0.contains_key(path);
        let inside = format!("{path}/");
        let directory = self.0.keys().any(|name| name.starts_with(&inside));
        Look { readable: file || directory, file, directory }
    }

    fn glob(&self, pattern: &str) -> Vec<String> {
        let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
        let names = self.0.keys().filter(|n| n.starts_with(before) && n.ends_with(after));
        names.cloned().collect()
    }

    fn variables(&self, directory: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
        let inside = self.0.iter().filter_map(|(name, bytes)| {
            let name = name.strip_prefix(directory)?.strip_prefix('/')?;
            Some((name.to_owned(), bytes.clone()))
        });
        let found: Vec<_> = inside.collect();
        if found.is_empty() { Err(io::Error::from_raw_os_error(2)) } else { Ok(found) }
    }

    fn resolve(&self, host: &str) -> Option<String> {
        (host == "localhost").then(|| "127.0.0.1".to_owned())
    }

    fn plugin(&self, wish: &PluginUse, directories: &[String]) -> PluginAnswer {
        let name = wish.name.as_str();
        if self.built_in(name) {
            return PluginAnswer::BuiltIn;
        }
        if matches!(name, "own" | "./own_plugin.so" | "/copy/own_plugin.so") {
            let found = format!("{}/own_plugin.so", directories.join(":"));
            let path = if name.starts_with("/copy") { name.to_owned() } else { found };
            let rows = OWN_ROWS.iter().collect();
            return PluginAnswer::Loaded { path, name: "own".into(), rows };
        }
        PluginAnswer::Missing(vec![format!("!!! UNABLE to load uWSGI plugin: {name} !!!")])
    }

    fn export(&self, _: &str, _: Option<&str>) {}
    fn plugin_with(&self, option: &str, _: &[String]) -> Option<String> {
        option.starts_with("own-greet").then(|| "./own_plugin.so".to_owned())
    }

    fn built_in(&self, plugin: &str) -> bool {
        plugin.starts_with("python") || plugin == "http"
    }

    fn open_library(&self, path: &str) -> Result<(), String> {
        Err(format!("{path}: cannot open shared object file"))
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
    said(load(&argv, &env, files))
}

/// The configuration with its warnings among the messages, or everything said about its faults.
fn said(mut config: Config) -> Result<Config, Failure> {
    let (faults, rest): (Vec<_>, Vec<_>) =
        config.findings.iter().partition(|finding| finding.level == Level::Fault);
    let lines = |findings: Vec<&uwsgi_config::Finding>| -> Vec<String> {
        findings.iter().flat_map(|finding| finding.lines()).collect()
    };
    let (faults, warnings) = (lines(faults), lines(rest));
    config.messages.extend(warnings);
    if faults.is_empty() {
        return Ok(config);
    }
    config.messages.extend(faults);
    Err(Failure { lines: config.messages, code: config.code.max(1) })
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
