//! The names known at one moment of loading: the table, then rows of plugins, then options that
//! the configuration itself declares.
//!
//! The first match of a name wins, in that order. It grows while files are read, so later lines
//! may use the new names. It refuses meaning: what a name does is decided by who asks.

use std::collections::HashMap;

use crate::row::{Arg, Flags, Kind, Row, Status};
use crate::table;

/// An option declared by `declare-option`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// Its name.
    pub name: String,
    /// `option=value` pairs, `;` between them, `$1` to `$n` for the words of the argument.
    pub template: String,
}

impl Custom {
    /// A template that uses one of the first three words asks for an argument.
    #[must_use]
    pub fn takes_argument(&self) -> bool {
        ["$1", "$2", "$3"].iter().any(|word| self.template.contains(word))
    }
}

/// The row behind every declared option that takes an argument.
static CUSTOM: Row = Row {
    status: Status::Works,
    flags: Flags::IMMEDIATE,
    section: "custom",
    ..Row::new("custom option", Arg::Required, Kind::Custom, "option of this configuration")
};
/// The row behind every declared option without argument.
static CUSTOM_FLAG: Row = Row { arg: Arg::None, ..CUSTOM };

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    rows: Vec<&'static Row>,
    customs: Vec<Custom>,
    /// Where in `customs` a name stands first.
    places: HashMap<String, usize>,
}

impl Registry {
    /// The row that carries `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static Row> {
        table::find(name)
            .or_else(|| self.rows.iter().copied().find(|row| row.names().any(|n| n == name)))
            .or_else(|| self.custom(name).map(row_of))
    }

    /// The row of a letter; the first one wins when two claim it.
    #[must_use]
    pub fn find_short(&self, letter: char) -> Option<&'static Row> {
        let own = || self.rows.iter().copied().find(|row| row.short == Some(letter));
        table::find_short(letter).or_else(own)
    }

    /// The declared option called `name`.
    #[must_use]
    pub fn custom(&self, name: &str) -> Option<&Custom> {
        self.places.get(name).and_then(|place| self.customs.get(*place))
    }

    /// Every name with its row, in the order they are searched.
    pub fn names<'a>(&'a self) -> impl Iterator<Item = (&'a str, &'static Row)> {
        let shorter =
            |(name, row): (&'static str, &'static Row)| -> (&'a str, &'static Row) { (name, row) };
        let table = table::names().map(shorter);
        let rows = self.rows.iter().flat_map(|row| row.names().map(move |name| (name, *row)));
        let customs = self.customs.iter().map(|custom| (custom.name.as_str(), row_of(custom)));
        table.chain(rows).chain(customs)
    }

    /// Options that the configuration declared, in order.
    #[must_use]
    pub fn customs(&self) -> &[Custom] {
        &self.customs
    }

    /// Rows that plugins brought along, in order.
    #[must_use]
    pub fn plugin_rows(&self) -> &[&'static Row] {
        &self.rows
    }

    /// Adds the rows of a plugin; the answer is the names that were taken already.
    pub fn add_rows(&mut self, rows: &[&'static Row]) -> Vec<&'static str> {
        let mut taken = Vec::new();
        for row in rows {
            match self.find(row.name) {
                Some(_) => taken.push(row.name),
                None => self.rows.push(row),
            }
        }
        taken
    }

    /// Adds a declared option.
    pub fn declare(&mut self, custom: Custom) {
        self.places.entry(custom.name.clone()).or_insert(self.customs.len());
        self.customs.push(custom);
    }
}

fn row_of(custom: &Custom) -> &'static Row {
    if custom.takes_argument() { &CUSTOM } else { &CUSTOM_FLAG }
}
