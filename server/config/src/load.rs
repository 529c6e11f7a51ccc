//! Loading: environment, command line and files become one list, then passes, then checks.
//!
//! Owns the order of everything. Errors that make the rest meaningless stop at once; faults of
//! values wait for each other. It refuses to print: lines go into the result.

use std::collections::HashMap;
use std::ffi::OsString;

use crate::check::{self, is_option, refuses};
use crate::config::{Action, Config, Entry, Failure, Origin};
use crate::expand::{self, Keys};
use crate::getopt::{Getopt, Item};
use crate::magic::Magic;
use crate::row::Row;
use crate::source::Source;
use crate::{ini, source, table};

/// Variables that speak to the server and are not options.
const RESERVED: &[&str] = &[
    "UWSGI_RELOADS",
    "UWSGI_VASSALS_DIR",
    "UWSGI_EMPEROR_FD",
    "UWSGI_BROODLORD_NUM",
    "UWSGI_EMPEROR_FD_CONFIG",
    "UWSGI_EMPEROR_PROXY",
    "UWSGI_JAIL_PID",
    "UWSGI_ORIGINAL_PROC_NAME",
];

/// Why loading ends early: a failure, or an option that does its work at once.
enum Stop {
    Failed(String),
    Done,
}

type Step = Result<(), Stop>;

/// How a file came to be read.
#[derive(Clone, Copy)]
struct Mode {
    /// It may set the upper-case magic variables.
    first: bool,
    /// Its values are not expanded by the passes.
    fixed: bool,
}

const TYPED: Mode = Mode { first: true, fixed: false };
const INCLUDED: Mode = Mode { first: false, fixed: false };
const INHERITED: Mode = Mode { first: false, fixed: true };

struct Loader<'a> {
    source: &'a dyn Source,
    env: HashMap<String, String>,
    magic: Magic,
    config: Config,
    keys: Keys,
    strict: bool,
    /// The ini file that `:section` means.
    last_ini: Option<String>,
    /// Files being read right now, outermost first, to see circles.
    open: Vec<String>,
    /// Every value read from here on keeps its text.
    fixed: bool,
}

/// Reads environment and command line, and every file they name. `argv` starts with the binary.
///
/// # Errors
/// The exact lines to print and the exit code; faults of values are reported all together.
pub fn load(
    argv: &[OsString],
    env: &[(OsString, OsString)],
    source: &dyn Source,
) -> Result<Config, Failure> {
    let mut loader = Loader::new(env, source);
    match loader.read_all(argv, env) {
        Ok(()) | Err(Stop::Done) => loader.finish(),
        Err(Stop::Failed(text)) => Err(loader.failure(text.lines().map(str::to_owned).collect())),
    }
}

impl<'a> Loader<'a> {
    fn new(env: &[(OsString, OsString)], source: &'a dyn Source) -> Self {
        let text = |(name, value): &(OsString, OsString)| {
            Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()))
        };
        let env: HashMap<String, String> = env.iter().filter_map(text).collect();
        let config = Config { vassal: env.contains_key("UWSGI_EMPEROR_FD"), ..Config::default() };
        Self {
            source,
            magic: Magic::new(&source.facts()),
            env,
            config,
            keys: Keys::default(),
            strict: false,
            last_ini: None,
            open: Vec::new(),
            fixed: false,
        }
    }

    fn read_all(&mut self, argv: &[OsString], env: &[(OsString, OsString)]) -> Step {
        self.environment(env)?;
        self.command_line(argv)?;
        self.passes()?;
        self.inherit()?;
        self.late_actions();
        Ok(())
    }

    // === environment and command line ===

    fn environment(&mut self, env: &[(OsString, OsString)]) -> Step {
        for (name, value) in env {
            let Some(name) = name.to_str().filter(|name| !RESERVED.contains(name)) else {
                continue;
            };
            let Some(option) = name.strip_prefix("UWSGI_") else { continue };
            let key = option.to_lowercase().replace('_', "-");
            let Some(value) = value.to_str() else {
                return Err(Stop::Failed(format!("variable \"{name}\" is not valid UTF-8")));
            };
            self.append(&key, Some(value.to_owned()), Origin::Environment)?;
        }
        Ok(())
    }

    fn command_line(&mut self, argv: &[OsString]) -> Step {
        let binary = argv.first().map(|arg| arg.to_string_lossy()).unwrap_or_default();
        let mut args = Vec::new();
        for arg in argv.iter().skip(1) {
            let Some(text) = arg.to_str() else {
                let shown = arg.to_string_lossy();
                return Err(Stop::Failed(format!("argument \"{shown}\" is not valid UTF-8")));
            };
            args.push(text.to_owned());
        }
        let posix = self.env.contains_key("POSIXLY_CORRECT");
        let mut getopt = Getopt::new(&binary, &args, posix);
        while let Some(item) = getopt.item() {
            match item {
                Ok(Item::Option { name, value }) => {
                    self.append(name, value, Origin::CommandLine)?;
                }
                Ok(Item::Positional(text)) => self.positional(&text)?,
                Err(text) => return Err(Stop::Failed(format!("{text}\ngetopt_long() error"))),
            }
        }
        Ok(())
    }

    /// A bare argument: a file by its suffix, or an application for Python.
    fn positional(&mut self, text: &str) -> Step {
        if text.starts_with('[') {
            return Ok(());
        }
        if suffix(text).is_some() {
            return self.load_by_suffix(text, TYPED);
        }
        match application(text) {
            Some(key) => self.append(key, Some(text.to_owned()), Origin::CommandLine),
            None => Err(Stop::Failed(format!("unable to load configuration from {text}"))),
        }
    }

    // === the list ===

    fn append(&mut self, key: &str, value: Option<String>, origin: Origin) -> Step {
        self.push(key, value, origin, false)
    }

    fn push(
        &mut self,
        key: &str,
        value: Option<String>,
        origin: Origin,
        placeholder: bool,
    ) -> Step {
        let row = table::find(key);
        if row.is_none() && self.strict && !placeholder {
            let text = format!("[strict-mode] unknown config directive: {key}");
            return Err(Stop::Failed(text));
        }
        self.keys.add(key, value.as_deref());
        let acts = row.is_some_and(acts_at_once);
        let entry = Entry {
            key: key.to_owned(),
            row,
            value: value.clone(),
            origin: origin.clone(),
            fixed: self.fixed || acts,
            placeholder,
        };
        self.config.entries.push(entry);
        match row {
            Some(row) if refuses(row) => {
                Err(Stop::Failed(format!("option \"{key}\" {origin} is not implemented yet")))
            }
            Some(row) if row.immediate() => self.immediate(row, value, origin),
            _ => Ok(()),
        }
    }

    /// What an option does while the list still grows.
    fn immediate(&mut self, row: &'static Row, value: Option<String>, origin: Origin) -> Step {
        let text = value.as_deref().unwrap_or_default();
        let action = match row.name {
            "ini" => return self.load_ini(text, TYPED),
            "config" => return self.load_by_suffix(text, TYPED),
            "include" => return self.load_by_suffix(text, INCLUDED),
            "set" => return self.set(text, origin, false),
            "set-placeholder" => return self.set(text, origin, true),
            "strict" => {
                self.strict = true;
                return Ok(());
            }
            "iprint" => {
                self.config.actions.push(Action::Print(text.to_owned()));
                return Ok(());
            }
            "help" => Action::Help,
            "stop" => Action::Stop(text.to_owned()),
            "reload" => Action::Reload(text.to_owned()),
            "pause" | "suspend" | "resume" => Action::Pause(text.to_owned()),
            "connect-and-read" => Action::ConnectAndRead(text.to_owned()),
            "exit" => Action::Exit(exit_code(value.as_deref())),
            _ => return Ok(()),
        };
        self.config.actions.push(action);
        Err(Stop::Done)
    }

    fn set(&mut self, text: &str, origin: Origin, placeholder: bool) -> Step {
        let Some((key, value)) = text.split_once('=') else {
            return Err(Stop::Failed(format!("invalid placeholder/--set value\n  ({origin})")));
        };
        if placeholder && is_option(key) {
            let text = format!(
                "you cannot use {key} as a placeholder, it is already available as an option"
            );
            return Err(Stop::Failed(text));
        }
        self.push(key, Some(value.to_owned()), origin, placeholder)
    }

    // === files ===

    fn load_by_suffix(&mut self, text: &str, mode: Mode) -> Step {
        match suffix(text) {
            Some("ini") => self.load_ini(text, mode),
            Some(format) => Err(Stop::Failed(format!(
                "configuration format \"{format}\" of {text} is not supported yet, only ini is"
            ))),
            None => Err(Stop::Failed(format!("unable to load configuration from {text}"))),
        }
    }

    fn load_ini(&mut self, text: &str, mode: Mode) -> Step {
        let (path, section) = split_section(text);
        let again = path.is_empty();
        let path = match (again, &self.last_ini) {
            (false, _) => path.to_owned(),
            (true, Some(last)) => last.clone(),
            (true, None) => {
                return Err(Stop::Failed(format!("\"{text}\" names a section of no file")));
            }
        };
        let place = self.enter(&path, section, mode)?;
        let identity = format!("{}:{section}", place.unwrap_or_else(|| path.clone()));
        if self.open.contains(&identity) {
            return Err(Stop::Failed(format!("config include loop: {path} includes itself")));
        }
        self.last_ini = Some(path.clone());
        if !again {
            self.config.messages.push(format!("[uWSGI] getting INI configuration from {path}"));
        }
        let content = self.read(&path)?;
        self.open.push(identity);
        let result = self.ini_lines(&path, section, &content, mode);
        self.open.pop();
        result
    }

    /// Takes the magic variables of a file; the answer is its absolute path, if it is a file.
    fn enter(&mut self, path: &str, section: &str, mode: Mode) -> Result<Option<String>, Stop> {
        let asked = if section == DEFAULT_SECTION { "" } else { section };
        if source::is_scheme(path) {
            self.magic.enter(path, asked, None, mode.first);
            return Ok(None);
        }
        let place = self.source.locate(path).map_err(|error| {
            let reason = reason(&error);
            Stop::Failed(format!("realpath() of {path} failed: {reason} [config line {}]", line!()))
        })?;
        self.magic.enter(path, asked, Some(&place), mode.first);
        Ok(Some(place.path))
    }

    fn read(&self, what: &str) -> Result<Vec<u8>, Stop> {
        self.source.read(what).map_err(|error| Stop::Failed(cannot_open(what, &error)))
    }

    fn ini_lines(&mut self, path: &str, section: &str, content: &[u8], mode: Mode) -> Step {
        let content = self.magic.substitute(content);
        for (letter, line) in content.unknown {
            let text = format!("unknown magic variable \"%{letter}\" at {path}:{line} is empty");
            self.config.messages.push(text);
        }
        let found = ini::read(&content.bytes, section);
        if !found.found {
            self.config.messages.push(format!(
                "*** WARNING: Can't find section \"{section}\" in INI configuration file {path} ***"
            ));
        }
        let outer = self.fixed;
        self.fixed = outer || mode.fixed;
        let result = found.lines.iter().try_for_each(|line| {
            let origin = Origin::File { path: path.to_owned(), line: line.number };
            let text = |bytes: &[u8]| {
                let text = std::str::from_utf8(bytes).map(str::to_owned);
                text.map_err(|_| Stop::Failed(format!("text {origin} is not valid UTF-8")))
            };
            let (key, value) = (text(line.key)?, text(line.value)?);
            self.append(&key, Some(value), origin)
        });
        self.fixed = outer;
        result
    }

    // === after reading ===

    fn passes(&mut self) -> Step {
        for symbol in ['$', '@', '%'] {
            for at in 0..self.config.entries.len() {
                self.pass(symbol, at)?;
            }
        }
        Ok(())
    }

    fn pass(&mut self, symbol: char, at: usize) -> Step {
        let Self { config, keys, env, source, .. } = self;
        let entry = &mut config.entries[at];
        let Some(old) = entry.value.as_deref().filter(|_| !entry.fixed) else { return Ok(()) };
        let mut lookup = |inner: &str| match symbol {
            '$' => Ok(expand::variable(env, inner)),
            '@' => content(*source, inner).map(Some),
            _ => Ok(keys.expression(inner)),
        };
        let new = expand::pass(old, symbol, &mut lookup).map_err(|text| {
            Stop::Failed(format!("{text}\n  (option \"{}\" {})", entry.key, entry.origin))
        })?;
        if let Some(new) = new {
            keys.update(&entry.key, entry.value.as_deref(), &new);
            entry.value = Some(new);
        }
        Ok(())
    }

    /// Reads every inherited file, also those that inherited files name.
    fn inherit(&mut self) -> Step {
        let mut at = 0;
        while let Some(entry) = self.config.entries.get(at) {
            at += 1;
            if entry.row.is_some_and(|row| row.name == "inherit") {
                let path = entry.text().to_owned();
                self.inherit_one(&path)?;
            }
        }
        Ok(())
    }

    /// A file may be inherited once; the list would never end otherwise.
    fn inherit_one(&mut self, path: &str) -> Step {
        let times = self.config.values("inherit").filter(|other| *other == path).count();
        if times > MAX_INHERITS {
            return Err(Stop::Failed(format!("config include loop: {path} includes itself")));
        }
        self.load_by_suffix(path, INHERITED)
    }

    /// Options that act when everything else is known, in the order they were given.
    fn late_actions(&mut self) {
        let mut late = Vec::new();
        for entry in &self.config.entries {
            match entry.row.map(|row| row.name) {
                Some("print") => late.push(Action::Print(entry.text().to_owned())),
                Some("version") => late.push(Action::Version),
                Some("dump-options") => late.push(Action::DumpOptions),
                Some("option-status") => late.push(Action::OptionStatus),
                _ => {}
            }
        }
        let wanted: Vec<&str> = self.config.values("get").collect();
        if !wanted.is_empty() {
            let values = wanted.iter().map(|name| self.first(name));
            late.extend(values.map(Action::Print).chain([Action::Exit(0)]));
        }
        if self.config.flag("check") {
            late.push(Action::Check);
        }
        self.config.actions.extend(late);
    }

    fn first(&self, name: &str) -> String {
        let hit = self.config.entries.iter().find(|entry| entry.key == name);
        hit.map(|entry| entry.text().to_owned()).unwrap_or_default()
    }

    fn finish(mut self) -> Result<Config, Failure> {
        self.config.magic = self.magic.table();
        let only_check = self.config.ends_with() == Some(&Action::Check);
        if self.config.ends_with().is_some() && !only_check {
            return Ok(self.config);
        }
        let found = check::check(&self.config, &self.keys, self.strict);
        self.config.messages.extend(found.warnings);
        if found.faults.is_empty() { Ok(self.config) } else { Err(self.failure(found.faults)) }
    }

    fn failure(&self, lines: Vec<String>) -> Failure {
        Failure { lines: self.config.messages.iter().cloned().chain(lines).collect(), code: 1 }
    }
}

/// The section that counts when none is named.
const DEFAULT_SECTION: &str = "uwsgi";
/// How often one file may be inherited before it counts as a circle.
const MAX_INHERITS: usize = 32;

/// Options whose value was used while reading, so that expanding it later would only mislead.
fn acts_at_once(row: &Row) -> bool {
    use crate::row::Kind;
    row.immediate()
        && matches!(row.kind, Kind::Config | Kind::Placeholder | Kind::Logic | Kind::Action)
}

/// The configuration format that a path names by its suffix, section ignored.
fn suffix(text: &str) -> Option<&'static str> {
    const FORMATS: [&str; 6] = ["ini", "xml", "yaml", "yml", "json", "js"];
    let (path, _) = split_section(text);
    let (_, extension) = path.rsplit_once('.')?;
    FORMATS.into_iter().find(|format| *format == extension)
}

/// Splits `file:section`. In a scheme only a colon after the last slash counts.
fn split_section(text: &str) -> (&str, &str) {
    let from = if text.contains("://") { text.rfind('/').map_or(0, |at| at + 1) } else { 0 };
    match text[from..].rfind(':') {
        Some(at) => {
            let section = &text[from + at + 1..];
            let section = if section.is_empty() { DEFAULT_SECTION } else { section };
            (&text[..from + at], section)
        }
        None => (text, DEFAULT_SECTION),
    }
}

/// The option that a bare argument means for Python: a file, or `package.module:callable`.
fn application(text: &str) -> Option<&'static str> {
    if text.ends_with(".py") || text.ends_with(".wsgi") {
        return Some("wsgi-file");
    }
    let (module, callable) = text.split_once(':')?;
    let callable = callable.strip_suffix("()").unwrap_or(callable);
    (dotted(module) && dotted(callable)).then_some("module")
}

fn dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The content for `@(what)`: one trailing line end goes.
fn content(source: &dyn Source, what: &str) -> Result<String, String> {
    let bytes = source.read(what).map_err(|error| cannot_open(what, &error))?;
    let trimmed = bytes.strip_suffix(b"\n").or_else(|| bytes.strip_suffix(b"\r"));
    let text = std::str::from_utf8(trimmed.unwrap_or(&bytes)).map(str::to_owned);
    text.map_err(|_| format!("content of \"{what}\" is not valid UTF-8"))
}

fn cannot_open(what: &str, error: &std::io::Error) -> String {
    format!("open(\"{what}\"): {} [config line {}]", reason(error), line!())
}

/// The text of an error without the number that the standard library appends.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map(|(text, _)| text.to_owned()).unwrap_or(text)
}

/// The code of `exit`: 1 when none is given.
fn exit_code(text: Option<&str>) -> i32 {
    i32::try_from(crate::value::int(text)).unwrap_or(1)
}
