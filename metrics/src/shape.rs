//! How many rows of each kind an arena has: decided once, from the final configuration.

/// The counts an arena is sized from. Indices beyond them land in a spare row that nobody reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Worker processes; their rows are 1 to `workers`, row 0 is the totals slot.
    pub workers: u32,
    /// Cores (threads) of each worker.
    pub cores: u32,
    /// Applications each worker can hold.
    pub apps: u32,
    /// Listening sockets.
    pub sockets: u32,
    /// Gateway processes (routers).
    pub gateways: u32,
    /// Slots for user metrics.
    pub metrics: u32,
    /// Bytes of request variables kept in each in-flight record.
    pub vars: u32,
    /// Alarms.
    pub alarms: u32,
    /// Thresholds on metrics.
    pub thresholds: u32,
    /// Labelled series of applications; families and words of text are in proportion.
    pub series: u32,
    /// Mules.
    pub mules: u32,
    /// Receivers of pushers.
    pub pushers: u32,
    /// 1 with probes in the kernel, 0 without.
    pub probes: u32,
    /// Listening TCP sockets that those look at: of workers, then of routers.
    pub listeners: u32,
    /// Attached daemons.
    pub daemons: u32,
    /// Receivers of lines of the log.
    pub loggers: u32,
    /// Words of the ring that each worker has for the lines of its requests; 0 without such rings.
    pub lines: u32,
}

/// Counts of a shape.
pub(crate) const SHAPE_WORDS: usize = 17;

/// No count of an attached arena may be larger.
const MAX_COUNT: u32 = 1 << 18;

impl Shape {
    /// The counts in header order.
    pub(crate) fn to_words(self) -> [u64; SHAPE_WORDS] {
        let Shape { workers, cores, apps, sockets, gateways, metrics, vars, .. } = self;
        let Shape { alarms, thresholds, series, mules, pushers, probes, listeners, .. } = self;
        let Shape { daemons, loggers, lines, .. } = self;
        let first = [workers, cores, apps, sockets, gateways, metrics, vars];
        let rest = [alarms, thresholds, series, mules, pushers, probes, listeners];
        let last = [daemons, loggers, lines];
        let mut words = [0; SHAPE_WORDS];
        let counts = first.into_iter().chain(rest).chain(last).map(u64::from);
        words.iter_mut().zip(counts).for_each(|(word, count)| *word = count);
        words
    }

    /// The counts of a header; `None` when one of them cannot be a count. The bound keeps every
    /// product of counts and element sizes far below 64 bits, whatever a foreign file says.
    pub(crate) fn from_words(words: [u64; SHAPE_WORDS]) -> Option<Shape> {
        let mut counts = [0; SHAPE_WORDS];
        for (count, word) in counts.iter_mut().zip(words) {
            *count = u32::try_from(word).ok().filter(|count| *count <= MAX_COUNT)?;
        }
        let [workers, cores, apps, sockets, gateways, metrics, vars, rest @ ..] = counts;
        let [alarms, thresholds, series, mules, pushers, probes, listeners, last @ ..] = rest;
        let [daemons, loggers, lines] = last;
        let most =
            Shape { workers, cores, apps, sockets, gateways, metrics, vars, ..Shape::default() };
        let most = Shape { daemons, loggers, lines, ..most };
        Some(Shape { alarms, thresholds, series, mules, pushers, probes, listeners, ..most })
    }
}
