//! What a row says, in words for people: shared by the reference page, `--explain` and the shells.

use crate::row::{Arg, Flags, Kind, Row, Status};
use crate::table;

impl Kind {
    /// What a value is.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Flag | Self::Noop => "boolean",
            Self::InverseFlag => "boolean, turned round",
            Self::Int | Self::U64 | Self::Megabytes => "number",
            Self::RawInt => "number with sign",
            Self::U16 => "number to 65535",
            Self::Str | Self::Spaced | Self::List => "text",
            Self::Chmod => "octal mode",
            Self::Umask => "octal mask",
            Self::User => "user",
            Self::Group => "group",
            Self::Regexp => "regexp",
            Self::NamedRegexp => "name and regexp",
            Self::Dict => "key=value",
            Self::RegexpDict => "regexp and value",
            Self::Address => "address",
            Self::Ip => "IP address",
            Self::Socket => "socket",
            Self::Env => "NAME=value",
            Self::Words | Self::Plugins => "comma list",
            Self::Cron => "time table and command",
            Self::Route => "rule",
            Self::Hook => "action:arguments",
            Self::Config => "file",
            Self::Placeholder => "key=value",
            Self::Custom => "words for its template",
            Self::Logic => "logic",
            Self::Action => "action, then exit",
        }
    }

    /// Every mention counts, not only the last one.
    #[must_use]
    pub const fn repeatable(self) -> bool {
        matches!(
            self,
            Self::List
                | Self::Regexp
                | Self::NamedRegexp
                | Self::Dict
                | Self::RegexpDict
                | Self::Ip
                | Self::Socket
                | Self::Cron
                | Self::Route
                | Self::Hook
                | Self::Env
                | Self::Plugins
                | Self::Config
                | Self::Placeholder
                | Self::Custom
                | Self::Logic
        )
    }

    /// A whole number.
    #[must_use]
    pub const fn numeric(self) -> bool {
        matches!(self, Self::Int | Self::RawInt | Self::U16 | Self::U64 | Self::Megabytes)
    }
}

impl Arg {
    /// `none`, `required` or `optional`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Required => "required",
            Self::Optional => "optional",
        }
    }
}

impl Row {
    /// What the value is and what limits it, in one phrase.
    #[must_use]
    pub fn value_words(&self) -> String {
        let mut parts = vec![self.kind.words().to_owned()];
        parts.extend((!self.unit.is_empty()).then(|| self.unit.to_owned()));
        parts.extend(self.limits().map(range));
        parts.extend((self.kind.repeatable()).then(|| "repeatable".to_owned()));
        parts.join(", ")
    }

    /// `works`, `pending`, or `accepted` for what never had an effect here.
    #[must_use]
    pub const fn status_word(&self) -> &'static str {
        match (self.status, self.kind) {
            (Status::Works, _) => "works",
            (Status::Pending, Kind::Noop) => "accepted",
            (Status::Pending, _) => "pending",
        }
    }

    /// What mentioning the option switches on.
    #[must_use]
    pub fn switches(&self) -> Vec<String> {
        let set = Flags::NAMES.iter().filter(|(flag, _)| self.flags.contains(*flag));
        let words = set.filter(|(flag, _)| *flag != Flags::IMMEDIATE);
        words.map(|(_, name)| name.to_lowercase().replace('_', "-")).collect()
    }

    /// uWSGI has no such option.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.names().any(table::is_own)
    }
}

/// A range in words; an open end is left out.
pub(super) fn range((least, most): (i64, i64)) -> String {
    match (least, most) {
        (i64::MIN, most) => format!("at most {most}"),
        (least, i64::MAX) => format!("at least {least}"),
        (least, most) => format!("{least} to {most}"),
    }
}
