//! Loading: environment, command line and files become one list, then passes, then checks.
//!
//! Owns the order of everything. Errors that make the rest meaningless stop at once; faults of
//! values wait for each other. It refuses to print: lines go into the result.

mod apply;
mod command_line;
mod conditions;
mod custom;
mod environment;
mod files;
mod immediate;
mod inject;
mod late;
mod logic;
mod name;
mod plugins;
mod restrict;

use std::collections::HashMap;
use std::ffi::OsString;

use crate::check::{refused, refuses};
use crate::config::{Answer, Config, Entry, Origin};
use crate::expand::Keys;
use crate::finding::Finding;
use crate::format::Format;
use crate::magic::Magic;
use crate::row::Row;
use crate::source::Source;

/// Why loading ends early: a failure, or an option that does its work at once.
enum Stop {
    Failed(Box<Finding>),
    Done,
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Failed(Box::new(finding))
    }
}

/// Bytes that the list may grow to, and what each entry counts beside its text. The largest real
/// configurations have a few hundred KiB; loops and files that include each other grow for ever.
const LONGEST_LIST: usize = 64 << 20;
const ENTRY: usize = 256;

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
    /// What conditions compare with.
    hostname: String,
    config: Config,
    keys: Keys,
    strict: bool,
    /// Unknown names are looked for in plugins.
    autoloads: bool,
    /// The file that `:section` means, by format.
    last: HashMap<Format, String>,
    /// The format of the last file of all.
    newest: Option<Format>,
    /// What is put around files.
    injections: inject::Injections,
    /// Files being read right now, outermost first, to see circles.
    open: Vec<String>,
    /// Every value read from here on keeps its text.
    fixed: bool,
    /// The condition or loop that filters what comes.
    block: Option<logic::Block>,
    /// Bytes of the list so far.
    spent: usize,
    /// How many templates of declared options are being expanded right now.
    depth: usize,
    /// The entry being applied, once everything is read.
    applying: Option<usize>,
    /// Hidden entries for the front of the list.
    early: Vec<Entry>,
    /// Hidden entries, each with the place of the entry it follows.
    behind: Vec<(usize, Entry)>,
    /// How often each file was inherited.
    inherited: HashMap<String, usize>,
    /// What may not be mentioned.
    restrictions: restrict::Restrictions,
}

/// Reads environment and command line, and every file they name. `argv` starts with the binary.
/// Faults are among the findings of the result: one that makes the rest meaningless is the last
/// thing read, all others wait for each other.
pub fn load(argv: &[OsString], env: &[(OsString, OsString)], source: &dyn Source) -> Config {
    Loader::new(env, source).complete(argv, env)
}

/// The same for a configuration that is only tried: nothing it says is done to this process.
pub fn try_out(argv: &[OsString], env: &[(OsString, OsString)], source: &dyn Source) -> Config {
    let mut loader = Loader::new(env, source);
    loader.config.check = Some(Answer::Text);
    loader.complete(argv, env)
}

impl<'a> Loader<'a> {
    fn new(env: &[(OsString, OsString)], source: &'a dyn Source) -> Self {
        let text = |(name, value): &(OsString, OsString)| {
            Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()))
        };
        let env: HashMap<String, String> = env.iter().filter_map(text).collect();
        let facts = source.facts();
        let config = Config { vassal: env.contains_key("UWSGI_EMPEROR_FD"), ..Config::default() };
        Self {
            source,
            magic: Magic::new(&facts),
            hostname: facts.hostname,
            env,
            config,
            keys: Keys::default(),
            strict: false,
            autoloads: false,
            last: HashMap::new(),
            newest: None,
            injections: inject::Injections::default(),
            open: Vec::new(),
            fixed: false,
            block: None,
            spent: 0,
            depth: 0,
            applying: None,
            early: Vec::new(),
            behind: Vec::new(),
            inherited: HashMap::new(),
            restrictions: restrict::Restrictions::default(),
        }
    }

    fn complete(mut self, argv: &[OsString], env: &[(OsString, OsString)]) -> Config {
        if let Err(Stop::Failed(fault)) = self.read_all(argv, env) {
            self.config.findings.push(*fault);
        }
        self.finish()
    }

    fn read_all(&mut self, argv: &[OsString], env: &[(OsString, OsString)]) -> Step {
        let program = argv.first().map(|arg| arg.to_string_lossy()).unwrap_or_default();
        self.implied_plugins(&program);
        self.embedded()?;
        self.environment(env)?;
        self.command_line(argv)?;
        self.recognise();
        self.passes()?;
        self.apply_all()?;
        self.assemble();
        self.recognise();
        self.late_environment()?;
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
        self.spend(ENTRY + key.len() + value.as_ref().map_or(0, String::len), &origin)?;
        if !placeholder {
            self.autoload(key);
        }
        let row = self.config.registry.find(key);
        let early = row.is_some_and(used_while_reading) && !self.fixed;
        let value = match value {
            Some(text) if early => Some(self.expanded_now(key, text, &origin)?),
            value => value,
        };
        self.keys.add(key, value.as_deref());
        let acts = row.is_some_and(acts_at_once);
        let entry = Entry {
            key: key.to_owned(),
            row,
            value: value.clone(),
            origin: origin.clone(),
            hidden: false,
            fixed: self.fixed || acts || early,
            done: placeholder || row.is_some_and(Row::immediate),
            placeholder,
        };
        self.config.entries.push(entry);
        match row {
            Some(row) if refuses(row) => Err(refused(key, value.as_deref(), &origin).into()),
            Some(row) if row.immediate() => self.immediate(row, key, value, &origin),
            _ => Ok(()),
        }
    }

    /// Counts bytes of the list; too many of them are a configuration that does not end.
    fn spend(&mut self, bytes: usize, origin: &Origin) -> Step {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent <= LONGEST_LIST {
            return Ok(());
        }
        let text = "the list of options grows without end: a loop, or a file read again and again";
        let allowed = format!("at most {} MiB of options", LONGEST_LIST >> 20);
        Err(Finding::fault(text).origin(origin).allowed(allowed).into())
    }
}

/// Options whose value is needed in its final form while reading.
fn used_while_reading(row: &Row) -> bool {
    row.kind == crate::row::Kind::Plugins || row.name == "plugins-dir"
}

/// Options whose value was used while reading, so that expanding it later would only mislead.
fn acts_at_once(row: &Row) -> bool {
    use crate::row::Kind;
    row.immediate()
        && matches!(
            row.kind,
            Kind::Config | Kind::Placeholder | Kind::Logic | Kind::Action | Kind::Custom
        )
}
