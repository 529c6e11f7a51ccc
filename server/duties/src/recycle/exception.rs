//! `reload-on-exception` and its kin: which exception ends a worker.

/// What the options say about exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// `reload-on-exception`: any of them.
    pub any: bool,
    /// `reload-on-exception-type`: names of classes, with or without their modules.
    pub types: Vec<String>,
    /// `reload-on-exception-value`: messages.
    pub values: Vec<String>,
    /// `reload-on-exception-repr`: `Class: message`.
    pub reprs: Vec<String>,
}

impl Exceptions {
    /// Exit code of the worker that had one.
    pub const EXIT: i32 = 5;

    /// Nothing has to be looked at when an exception comes.
    pub fn is_off(&self) -> bool {
        !self.any && self.types.is_empty() && self.values.is_empty() && self.reprs.is_empty()
    }

    /// Whether an exception of this class (with its module, if known) and message ends the worker.
    /// The exception counts like any other, either way.
    pub fn matches(&self, class: &str, message: &str) -> bool {
        let short = class.rsplit_once('.').map_or(class, |(_, short)| short);
        let repr = |class: &str| format!("{class}: {message}");
        self.any
            || self.types.iter().any(|name| name == class || name == short)
            || self.values.iter().any(|value| value == message)
            || self.reprs.iter().any(|text| *text == repr(class) || *text == repr(short))
    }
}
