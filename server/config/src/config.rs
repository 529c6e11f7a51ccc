//! The loaded configuration: a flat, ordered list of entries, and the questions asked of it.
//!
//! Owns nothing but the list and what was said while it was made. It refuses policy: what a
//! value means for a worker or a socket is decided where it is used.

use crate::finding::{Finding, Level};
use crate::registry::Registry;
use crate::row::{Flags, Kind, Row};
use crate::{table, value};

/// Where an entry was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An argument of the process.
    CommandLine,
    /// A `UWSGI_*` variable.
    Environment,
    /// A line of a file.
    File {
        /// The file as it was named.
        path: String,
        /// Counted from 1.
        line: u32,
    },
    /// Added by the server itself.
    Implied,
    /// Part of the template of a declared option.
    Through {
        /// The declared option.
        option: String,
        /// Where it was mentioned.
        at: Box<Origin>,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CommandLine => out.write_str("on the command line"),
            Self::Environment => out.write_str("in the environment"),
            Self::File { path, line } => write!(out, "at {path}:{line}"),
            Self::Implied => out.write_str("implied"),
            Self::Through { option, at } => write!(out, "{at} through \"{option}\""),
        }
    }
}

/// One option as it was mentioned, or one placeholder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name as written: an alias stays an alias.
    pub key: String,
    /// The option behind the name; `None` for placeholders.
    pub row: Option<&'static Row>,
    /// The value after all expansions; `None` when there was none.
    pub value: Option<String>,
    /// Where it was written.
    pub origin: Origin,
    /// It came from the template of a declared option: it counts, and no list shows it.
    pub hidden: bool,
    /// No pass touches the value.
    pub(crate) fixed: bool,
    /// Made by `set-placeholder`, so that `strict` lets it pass.
    pub(crate) placeholder: bool,
    /// It was applied; what is not, is looked at when everything is read.
    pub(crate) done: bool,
}

impl Entry {
    /// The value as text; empty when there was none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}

/// Something the binary does instead of serving, or before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Print [`help`](crate::help), exit 0.
    Help,
    /// Print [`VERSION`](crate::VERSION), exit 0.
    Version,
    /// Print [`dump_options`](crate::dump_options), exit 0.
    DumpOptions,
    /// Print [`option_status`](crate::option_status), exit 0.
    OptionStatus,
    /// Print [`explain`](crate::explain) for each name of this comma list, exit 0 or 1.
    Explain(String),
    /// Print [`json_schema`](crate::json_schema), exit 0.
    JsonSchema,
    /// Print [`completion`](crate::completion) for this shell, exit 0.
    Completion(String),
    /// Say what this build consists of, exit 0.
    BuildInfo,
    /// Try the probes in the kernel, exit 0 when those that are wanted work, 1 otherwise.
    EbpfCheck,
    /// Show what each algorithm of cheaper would have done to the load in this file.
    CheaperReplay(String),
    /// Send SIGINT to the pid in this file.
    Stop(String),
    /// Send SIGHUP to the pid in this file.
    Reload(String),
    /// Send SIGTSTP to the pid in this file: `pause`, `suspend` and `resume` alike.
    Pause(String),
    /// Connect to this address and copy what it sends to standard output.
    ConnectAndRead(String),
    /// Send a numbered signal to the instance at an address: `address,number`.
    Signal(String),
    /// Ask the instance at this address whether it is well.
    Ping(String),
    /// Answer as a Nagios check about the instance at the first socket.
    Nagios,
    /// Print what a C compiler needs for a plugin.
    CompilerFlags,
    /// Print the C header of plugins.
    Header,
    /// Say what takes the place of the build script.
    BuildScript,
    /// Build a plugin from a crate's directory or a C file: `source` or `source name`.
    BuildPlugin(String),
    /// Print the content of this source on standard output.
    Extract(String),
    /// Print this source as it can be appended to the binary.
    AppendData(String),
    /// Print the content of this symbol.
    PrintSymbol(String),
    /// Print this line on standard output and go on.
    Print(String),
    /// End with this code.
    Exit(i32),
}

impl Action {
    /// True when nothing may follow this action.
    #[must_use]
    pub const fn ends_process(&self) -> bool {
        !matches!(self, Self::Print(_))
    }
}

/// How `--check` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Log lines, the last of them a summary.
    Text,
    /// One JSON document on standard output.
    Json,
}

/// A plugin that the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginUse {
    /// The name as written, without modifier and initialiser.
    pub name: String,
    /// The modifier given in front of the name.
    pub modifier1: Option<u8>,
    /// The function behind the name, to be called when the library is open.
    pub initialiser: Option<String>,
    /// The shared object, when it is not built in.
    pub path: Option<String>,
    /// What the shared object calls itself.
    pub own_name: Option<String>,
}

impl PluginUse {
    /// The wish for a plugin of that name and nothing more.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { name, modifier1: None, initialiser: None, path: None, own_name: None }
    }

    /// True when the plugin was asked for under that name, or calls itself so.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.own_name.as_deref() == Some(name)
    }
}

/// What was read. It is complete only when [`Config::faults`] is empty.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Everything that counts, in order of effect; [`Config::shown`] is what was mentioned.
    pub entries: Vec<Entry>,
    /// Log lines made while loading, in order.
    pub messages: Vec<String>,
    /// Sources read as configuration, as they were named, in order, each once.
    pub files: Vec<String>,
    /// The configuration is to be judged and nothing else may happen.
    pub check: Option<Answer>,
    /// What to do instead of serving, in order.
    pub actions: Vec<Action>,
    /// Magic variables at the end of loading, letter and value, empty ones left out.
    pub magic: Vec<(char, String)>,
    /// This instance is a vassal, which always has a master.
    pub vassal: bool,
    /// Faults and warnings, in the order they were found.
    pub findings: Vec<Finding>,
    /// The exit code when there are faults; 0 stands for the usual 1.
    pub code: i32,
    /// Names known at the end.
    pub registry: Registry,
    /// Plugins asked for, in order, each once.
    pub plugins: Vec<PluginUse>,
    /// Changes of the environment, in order: name and value, or a name to remove. Those that
    /// were made while reading are among them.
    pub environment: Vec<(String, Option<String>)>,
    /// `fallback-config`: what to execute when this instance ends with code 1.
    pub fallback: Option<String>,
}

impl Config {
    /// Every mention of an option under any of its names, in order. For a name that is no
    /// option: the placeholders called so.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let row = self.registry.find(name);
        let name = name.to_owned();
        self.entries.iter().filter(move |entry| match (row, entry.row) {
            (Some(wanted), Some(row)) => std::ptr::eq(wanted, row),
            (None, None) => !entry.hidden && entry.key == name,
            _ => false,
        })
    }

    /// The list as users see it, in order.
    pub fn shown(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.hidden)
    }

    /// The values of every mention, in order; a mention without value counts as empty text.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.all(name).map(Entry::text)
    }

    /// The last mention.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.all(name).last()
    }

    /// The value of the last mention; `None` when never mentioned or mentioned without value.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&str> {
        self.entry(name)?.value.as_deref()
    }

    /// True when mentioned at all, whatever the value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// A boolean as its name says it: `disable-logging` mentioned is true. The last mention
    /// counts; without any, the default of the table.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        match self.entry(name) {
            Some(entry) => value::boolean(entry.value.as_deref()),
            None => table::find(name).is_some_and(|row| row.default == "true"),
        }
    }

    /// A whole number: leading digits of the last value, 1 when it has none, `default` when the
    /// option is absent. Values of 16 bit options and of options with a `most` are lowered.
    #[must_use]
    pub fn int(&self, name: &str, default: i64) -> i64 {
        let Some(entry) = self.entry(name) else { return default };
        let number = value::int(entry.value.as_deref());
        let narrow = entry.row.is_some_and(|row| row.kind == Kind::U16);
        let most = entry.row.and_then(|row| row.most).unwrap_or(i64::MAX);
        if narrow { number.clamp(0, i64::from(u16::MAX)) } else { number.min(most) }
    }

    /// The last value in bytes, from MiB; `None` when absent.
    #[must_use]
    pub fn megabytes(&self, name: &str) -> Option<u64> {
        Some(value::megabytes(self.entry(name)?.text()))
    }

    /// A file mode; a mention without value, or with `1`, is 0666; `None` when absent.
    #[must_use]
    pub fn chmod(&self, name: &str) -> Option<u32> {
        value::chmod(self.entry(name)?.value.as_deref()).ok()
    }

    /// True when any mentioned option carries all of `flags`.
    #[must_use]
    pub fn any(&self, flags: Flags) -> bool {
        self.entries.iter().any(|entry| entry.row.is_some_and(|row| row.flags.contains(flags)))
    }

    /// A master process is wanted: `master`, any option that needs one, or being a vassal.
    #[must_use]
    pub fn master(&self) -> bool {
        // The agent needs no master for its name alone, but for an address of its own.
        let agent = self.all("snmp").any(|entry| entry.value.is_some());
        self.flag("master") || self.vassal || self.any(Flags::MASTER) || agent
    }

    /// The metrics subsystem is wanted: `enable-metrics`, or any option that needs it.
    #[must_use]
    pub fn metrics(&self) -> bool {
        self.flag("enable-metrics") || self.any(Flags::METRICS)
    }

    /// Thread support is wanted.
    #[must_use]
    pub fn threads(&self) -> bool {
        self.flag("enable-threads") || self.any(Flags::THREADS)
    }

    /// Memory usage is taken after every request.
    #[must_use]
    pub fn memory(&self) -> bool {
        self.flag("memory-report") || self.any(Flags::MEMORY)
    }

    /// What keeps the server from starting.
    pub fn faults(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Fault)
    }

    /// The action that ends this run, when there is one.
    #[must_use]
    pub fn ends_with(&self) -> Option<&Action> {
        self.actions.iter().find(|action| action.ends_process())
    }
}
