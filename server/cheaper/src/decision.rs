//! What one cycle decides, for the master to carry out and for everybody to see.

use uwsgi_duties::Line;

/// Why the number of workers changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The algorithm saw too much work for them.
    Load,
    /// Too many connections waited, or too long.
    Emergency,
    /// The operator asked for more.
    More,
    /// The algorithm saw too little work for them.
    Idle,
    /// They took more memory than they may.
    Memory,
    /// The operator asked for fewer.
    Fewer,
}

impl Reason {
    /// Every reason, those to start workers first.
    pub const ALL: [Self; 6] =
        [Self::Load, Self::Emergency, Self::More, Self::Idle, Self::Memory, Self::Fewer];

    /// Its place in [`Reason::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What is to be done now. One of the two lists is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Workers to fork, by number, lowest first.
    pub spawn: Vec<usize>,
    /// Workers to stop once they are done with what they serve, by number, first first.
    pub cheap: Vec<usize>,
    /// Why; nothing when there is nothing to do.
    pub reason: Option<Reason>,
    /// Lines for the log, in order.
    pub log: Vec<Line>,
    /// Numbers for the arena.
    pub gauges: Gauges,
}

/// Numbers after a cycle, with the decision carried out.
///
/// Totals count from the start of the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Workers that ran when the cycle began.
    pub active: u64,
    /// Those of them that were at work.
    pub busy: u64,
    /// Workers there should be.
    pub target: u64,
    /// Workers that are to stop as soon as one is without work.
    pub owed: u64,
    /// Workers started.
    pub spawned_total: u64,
    /// Workers stopped.
    pub cheaped_total: u64,
    /// Workers started because connections waited.
    pub emergency_total: u64,
    /// Cycles over the soft limit of memory but not over the hard one.
    pub rss_soft_hits: u64,
    /// Cycles over the hard limit of memory.
    pub rss_hard_hits: u64,
    /// Busyness, when that is the algorithm.
    pub busyness: Option<BusynessGauges>,
}

/// What only busyness knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BusynessGauges {
    /// Percent of the last window per worker, in order; 0 where none runs.
    pub workers: Vec<u64>,
    /// Percent of the last window over all active workers.
    pub average: u64,
    /// Windows of idleness before a worker is stopped.
    pub multiplier: u64,
    /// Emergency workers that count as running.
    pub emergency: u64,
}
