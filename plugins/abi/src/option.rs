//! Options that a plugin brings along: what one row of its table says.
//!
//! The server copies the table when it opens the library, so that command line, files, `--help`
//! and suggestions treat these options like its own. It refuses a table with anything it does
//! not understand, and with it the whole plugin.

use crate::Str;

/// Whether a value follows the name, as on a command line.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Never: a flag.
    None = 0,
    /// Always.
    Required = 1,
    /// Only glued to the name with `=`.
    Optional = 2,
}

/// How the server reads and checks a value before the plugin sees its text.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// On when mentioned, unless the value is a word for off. 0 means nothing, so that a table
    /// of zeroes is noticed.
    Flag = 1,
    /// A whole number.
    Int = 2,
    /// A whole number of 64 bits without sign.
    Unsigned = 3,
    /// A number of MiB.
    Megabytes = 4,
    /// Any text; the last one counts.
    Text = 5,
    /// Any text; every mention counts.
    List = 6,
    /// `key=value`; every mention counts.
    Dict = 7,
}

/// Bit of [`OptionRow::flags`]: mentioning the option starts a master process.
pub const OPTION_MASTER: u32 = 1;
/// Bit of [`OptionRow::flags`]: mentioning the option switches threads on.
pub const OPTION_THREADS: u32 = 2;
/// Bit of [`OptionRow::flags`]: memory usage is taken after every request.
pub const OPTION_MEMORY: u32 = 4;
/// Bit of [`OptionRow::flags`]: mentioning the option switches the metrics subsystem on.
pub const OPTION_METRICS: u32 = 8;

/// One option. Names are made of letters, digits, `-`, `_` and `.`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// Long name, without dashes in front.
    pub name: Str,
    /// One line for `--help`.
    pub help: Str,
    /// Unit of a number, `s` or `bytes`; empty without one.
    pub unit: Str,
    /// The value when the option is absent, for documentation; empty when there is none.
    pub default: Str,
    /// The letter of the short form, 0 without one.
    pub short: u32,
    /// An [`Argument`].
    pub argument: u32,
    /// A [`Value`].
    pub value: u32,
    /// Bits `OPTION_*`.
    pub flags: u32,
}

// SAFETY: a row is immutable after construction; its strings live as long as the library.
unsafe impl Sync for OptionRow {}

impl OptionRow {
    /// An option that takes a value.
    pub const fn new(name: &'static str, value: Value, help: &'static str) -> OptionRow {
        OptionRow {
            name: Str::new(name.as_bytes()),
            help: Str::new(help.as_bytes()),
            unit: Str::EMPTY,
            default: Str::EMPTY,
            short: 0,
            argument: match value {
                Value::Flag => Argument::None as u32,
                _ => Argument::Required as u32,
            },
            value: value as u32,
            flags: 0,
        }
    }

    /// The value may be left out.
    #[must_use]
    pub const fn optional(mut self) -> OptionRow {
        self.argument = Argument::Optional as u32;
        self
    }

    /// The letter of the short form. Letters of the server's own options win.
    #[must_use]
    pub const fn short(mut self, letter: char) -> OptionRow {
        self.short = letter as u32;
        self
    }

    /// The unit of a number.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> OptionRow {
        self.unit = Str::new(unit.as_bytes());
        self
    }

    /// What holds when the option is absent.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> OptionRow {
        self.default = Str::new(text.as_bytes());
        self
    }

    /// Bits `OPTION_*`.
    #[must_use]
    pub const fn on(mut self, flags: u32) -> OptionRow {
        self.flags |= flags;
        self
    }
}
