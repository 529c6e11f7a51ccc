//! The option table, the command line and the configuration files.
//!
//! Everything becomes one flat, ordered list of entries, the [`Config`]; [`load`] makes it.
//! The [`table`] is the one source of names, letters, arity, defaults and help. The crate is
//! pure: files and facts of the machine come through [`Source`], and nothing here prints or
//! exits. What an option does is the business of whoever asks the [`Config`] for it.

mod check;
mod config;
mod expand;
mod finding;
mod format;
mod getopt;
mod judge;
mod load;
mod magic;
mod output;
#[doc(hidden)]
pub mod probe;
mod registry;
mod row;
mod rules;
mod source;
mod suggest;
pub mod table;
mod value;

pub use config::{Action, Answer, Config, Entry, Origin, PluginUse};
pub use finding::{Finding, Level};
pub use load::{load, try_out};
pub use output::{
    Explained, completion, dump_options, explain, help, json_schema, option_status, report_json,
    report_text, show_config,
};
pub use registry::{Custom, Registry};
pub use row::{Arg, Flags, Kind, Row, Status};
pub use source::{Content, Deed, Facts, Look, Place, PluginAnswer, Source, SourceError, plain};

/// The version of uWSGI whose options, files and texts this build speaks.
pub const VERSION: &str = "2.0.31";
