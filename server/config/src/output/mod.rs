//! Texts made from the option table and the loaded configuration: for people, for programs, for
//! editors and shells.
//!
//! Everything here derives from rows and entries, so a new option appears in every text at once.
//! It refuses to print and to decide exit codes.

mod completion;
mod explain;
mod help;
mod json;
mod report;
mod schema;
mod show;
mod words;

pub use completion::completion;
pub use explain::{Explained, explain};
pub use help::{dump_options, help, option_status};
pub use report::{report_json, report_text};
pub use schema::json_schema;
pub use show::show_config;
