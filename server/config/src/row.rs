//! The shape of one option: what the parser, `--help`, the checks and the documentation read.
//!
//! A row is data. It refuses behaviour: what an option does lives with the code that uses it.

/// Whether an option takes an argument, in the sense of `getopt_long`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// Never: `--master`.
    None,
    /// Always: `--socket :3031`, `--socket=:3031`.
    Required,
    /// Only glued to the name: `--logdate=%Y`, `-C664`.
    Optional,
}

/// How the text of a value is read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Boolean: mentioned means on, unless the value is `false`, `off`, `no` or `0`.
    Flag,
    /// Boolean turned round: mentioned means off (`disable-logging`).
    InverseFlag,
    /// Leading digits, 0 for anything else, negative values refused.
    Int,
    /// Leading digits with a sign (`prio`).
    RawInt,
    /// Like `Int`, clamped to 65535.
    U16,
    /// Unsigned 64 bits.
    U64,
    /// Whole or decimal number of MiB.
    Megabytes,
    /// Any text; the last one counts.
    Str,
    /// Any text, followed by one space when used.
    Spaced,
    /// Any text; every mention counts, in order.
    List,
    /// Three or four octal digits; alone it means 666.
    Chmod,
    /// Three or four octal digits of a umask.
    Umask,
    /// Numeric or named user.
    User,
    /// Numeric or named group.
    Group,
    /// A regular expression; every mention counts.
    Regexp,
    /// `<name> <regexp>`; every mention counts.
    NamedRegexp,
    /// `key=value`; every mention counts.
    Dict,
    /// `<regexp> <value>` or `<regexp>=<value>`; every mention counts.
    RegexpDict,
    /// `host:port` or the path of a UNIX socket.
    Address,
    /// An IPv4 or IPv6 address; every mention counts.
    Ip,
    /// A socket specification; every mention counts.
    Socket,
    /// Words with commas between them, or numbers.
    Words,
    /// Five fields of a time table and a command; every mention counts.
    Cron,
    /// A rule of a request route; every mention counts.
    Route,
    /// `action:arguments` at a phase of the instance; every mention counts.
    Hook,
    /// `NAME=value` for the environment; every mention counts.
    Env,
    /// Comma list of plugin names.
    Plugins,
    /// A configuration file that is read in place.
    Config,
    /// `key=value` that becomes an entry of its own.
    Placeholder,
    /// Opens or closes a block of configuration logic.
    Logic,
    /// An option that the configuration declared itself.
    Custom,
    /// Does one thing at once and ends the process.
    Action,
    /// Accepted for old configurations, without any effect.
    Noop,
}

/// Whether this build acts on an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The option does what its help says.
    Works,
    /// The option is known, checked and named in a warning, and has no effect yet.
    Pending,
}

/// Side effects of merely mentioning an option, as a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// No side effect.
    pub const NONE: Self = Self(0);
    /// Acts while the configuration is being read.
    pub const IMMEDIATE: Self = Self(1);
    /// Starts a master process.
    pub const MASTER: Self = Self(1 << 1);
    /// The master collects the log.
    pub const LOG_MASTER: Self = Self(1 << 2);
    /// The master collects the request log through a pipe of its own.
    pub const REQ_LOG_MASTER: Self = Self(1 << 3);
    /// Thread support on.
    pub const THREADS: Self = Self(1 << 4);
    /// Adaptive worker count on.
    pub const CHEAPER: Self = Self(1 << 5);
    /// Virtual hosting on.
    pub const VHOST: Self = Self(1 << 6);
    /// Memory usage taken after every request.
    pub const MEMORY: Self = Self(1 << 7);
    /// Automatic process names on.
    pub const PROCNAME: Self = Self(1 << 8);
    /// No start-up banner.
    pub const NO_INITIAL: Self = Self(1 << 9);
    /// Everything but serving.
    pub const NO_SERVER: Self = Self(1 << 10);
    /// Post buffering of 4096 bytes when unset.
    pub const POST_BUFFERING: Self = Self(1 << 11);
    /// MIME dictionary built at start.
    pub const MIME: Self = Self(1 << 12);
    /// Metrics subsystem on.
    pub const METRICS: Self = Self(1 << 13);

    /// Every flag with the name the reference list uses for it.
    pub const NAMES: [(Self, &'static str); 14] = [
        (Self::IMMEDIATE, "IMMEDIATE"),
        (Self::MASTER, "MASTER"),
        (Self::LOG_MASTER, "LOG_MASTER"),
        (Self::REQ_LOG_MASTER, "REQ_LOG_MASTER"),
        (Self::THREADS, "THREADS"),
        (Self::CHEAPER, "CHEAPER"),
        (Self::VHOST, "VHOST"),
        (Self::MEMORY, "MEMORY"),
        (Self::PROCNAME, "PROCNAME"),
        (Self::NO_INITIAL, "NO_INITIAL"),
        (Self::NO_SERVER, "NO_SERVER"),
        (Self::POST_BUFFERING, "POST_BUFFERING"),
        (Self::MIME, "MIME"),
        (Self::METRICS, "METRICS"),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True when every bit of `other` is set here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One option under all its names.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The canonical name, without dashes in front.
    pub name: &'static str,
    /// Other names of the same option.
    pub aliases: &'static [&'static str],
    /// The letter of the short form.
    pub short: Option<char>,
    /// Whether an argument follows.
    pub arg: Arg,
    /// How the value is read.
    pub kind: Kind,
    /// Unit of the value: `s`, `bytes`, `MiB`, or empty.
    pub unit: &'static str,
    /// Smallest and largest number; none when only the kind limits it.
    pub range: Option<(i64, i64)>,
    /// The largest number that is used; a larger one is lowered to it, with a warning.
    pub most: Option<i64>,
    /// The words a value may be; none when any text may be.
    pub words: &'static [&'static str],
    /// Another word than those is worth a warning, not a fault.
    pub open: bool,
    /// The keys of a `key=value,key=value` list; none when the value is no such list.
    pub keys: &'static [&'static str],
    /// What mentioning the option switches on.
    pub flags: Flags,
    /// `core`, or the plugin that owns the option.
    pub section: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// The value when the option is absent, as text; empty when there is none.
    pub default: &'static str,
    /// Whether this build acts on it.
    pub status: Status,
}

impl Row {
    /// A row with nothing but its name, argument, kind and help; pending, and of the core.
    #[must_use]
    pub const fn new(name: &'static str, arg: Arg, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            short: None,
            arg,
            kind,
            unit: "",
            range: None,
            most: None,
            words: &[],
            open: false,
            keys: &[],
            flags: Flags::NONE,
            section: "core",
            help,
            default: "",
            status: Status::Pending,
        }
    }

    pub(crate) const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    pub(crate) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    pub(crate) const fn range(mut self, least: i64, most: i64) -> Self {
        self.range = Some((least, most));
        self
    }

    pub(crate) const fn most(mut self, most: i64) -> Self {
        self.most = Some(most);
        self
    }

    /// Smallest and largest number that is used as it is written; none when nothing limits it.
    #[must_use]
    pub fn limits(&self) -> Option<(i64, i64)> {
        self.range.or(self.most.map(|most| (0, most)))
    }

    pub(crate) const fn words(mut self, words: &'static [&'static str]) -> Self {
        self.words = words;
        self
    }

    /// Words that are known, where others have a meaning too.
    pub(crate) const fn hints(mut self, words: &'static [&'static str]) -> Self {
        self.words = words;
        self.open = true;
        self
    }

    pub(crate) const fn keys(mut self, keys: &'static [&'static str]) -> Self {
        self.keys = keys;
        self
    }

    pub(crate) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    pub(crate) const fn on(mut self, flags: Flags) -> Self {
        self.flags = self.flags.with(flags);
        self
    }

    /// The canonical name followed by the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// True when the option acts while the configuration is being read.
    #[must_use]
    pub const fn immediate(&self) -> bool {
        self.flags.contains(Flags::IMMEDIATE)
    }
}

/// An option without argument.
pub(crate) const fn flag(name: &'static str, help: &'static str) -> Row {
    Row::new(name, Arg::None, Kind::Flag, help)
}

/// An option without argument and a reading of its own.
pub(crate) const fn bare(name: &'static str, kind: Kind, help: &'static str) -> Row {
    Row::new(name, Arg::None, kind, help)
}

/// An option with a required argument.
pub(crate) const fn req(name: &'static str, kind: Kind, help: &'static str) -> Row {
    Row::new(name, Arg::Required, kind, help)
}

/// An option with an optional argument.
pub(crate) const fn opt(name: &'static str, kind: Kind, help: &'static str) -> Row {
    Row::new(name, Arg::Optional, kind, help)
}
