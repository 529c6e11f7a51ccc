//! Loading: environment, command line and files become one list, then passes, then checks.
//!
//! Owns the order of everything. Errors that make the rest meaningless stop at once; faults of
//! values wait for each other. It refuses to print: lines go into the result.

mod command_line;
mod files;
mod late;
mod logic;

use std::collections::HashMap;
use std::ffi::OsString;

use crate::check::{is_option, refuses};
use crate::config::{Action, Config, Entry, Failure, Origin};
use crate::expand::Keys;
use crate::magic::Magic;
use crate::row::Row;
use crate::source::Source;
use crate::table;

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
    /// The condition or loop that filters what comes.
    block: Option<logic::Block>,
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
            block: None,
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

    /// Puts an entry at the end of the list; immediate options act at once.
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
}

/// Options whose value was used while reading, so that expanding it later would only mislead.
fn acts_at_once(row: &Row) -> bool {
    use crate::row::Kind;
    row.immediate()
        && matches!(row.kind, Kind::Config | Kind::Placeholder | Kind::Logic | Kind::Action)
}

/// The code of `exit`: 1 when none is given.
fn exit_code(text: Option<&str>) -> i32 {
    i32::try_from(crate::value::int(text)).unwrap_or(1)
}
