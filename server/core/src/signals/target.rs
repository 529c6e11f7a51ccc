//! Who a signal goes to: the words of users, and what the shared table keeps of them. Pure.

/// Receiver of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Whichever worker comes first.
    AnyWorker,
    /// Every worker, also one that does not run now.
    Workers,
    /// Every worker that runs and is neither cheaped nor suspended.
    Active,
    /// One worker, from 1.
    Worker(u16),
    /// Whichever mule comes first.
    AnyMule,
    /// Every mule.
    Mules,
    /// One mule, from 1.
    Mule(u16),
    /// Taken and dropped.
    Nobody,
}

/// Why a name is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such worker or mule.
    Absent,
    /// A kind of process that this server does not start.
    Unknown,
}

impl Target {
    /// Reads a name, where so many workers and mules are configured.
    pub(crate) fn parse(name: &str, workers: u32, mules: u32) -> Result<Target, Refusal> {
        match name {
            "" => return Ok(Target::AnyWorker),
            "workers" => return Ok(Target::Workers),
            "active-workers" => return Ok(Target::Active),
            "mules" if mules > 0 => return Ok(Target::Mules),
            "mules" => return Err(Refusal::Absent),
            "subscribed" => return Ok(Target::Nobody),
            _ => {}
        }
        if let Some(id) = name.strip_prefix("worker") {
            return Ok(number(id, workers)?.map_or(Target::AnyWorker, Target::Worker));
        }
        let id = name.strip_prefix("mule").ok_or(Refusal::Unknown)?;
        match number(id, mules)? {
            None if mules == 0 => Err(Refusal::Absent),
            id => Ok(id.map_or(Target::AnyMule, Target::Mule)),
        }
    }

    fn code(self) -> (u8, u16) {
        match self {
            Target::AnyWorker => (0, 0),
            Target::Workers => (1, 0),
            Target::Active => (2, 0),
            Target::Worker(id) => (3, id),
            Target::AnyMule => (4, 0),
            Target::Mules => (5, 0),
            Target::Mule(id) => (6, id),
            Target::Nobody => (7, 0),
        }
    }

    fn decode(kind: u8, id: u16) -> Target {
        match kind {
            1 => Target::Workers,
            2 => Target::Active,
            3 => Target::Worker(id),
            4 => Target::AnyMule,
            5 => Target::Mules,
            6 => Target::Mule(id),
            7 => Target::Nobody,
            _ => Target::AnyWorker,
        }
    }
}

/// The number behind `worker` or `mule`; none, or 0, means any.
fn number(text: &str, highest: u32) -> Result<Option<u16>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let id: u16 = text.parse().map_err(|_| Refusal::Unknown)?;
    match id {
        0 => Ok(None),
        id if u32::from(id) <= highest => Ok(Some(id)),
        _ => Err(Refusal::Absent),
    }
}

/// One registration, as a word of the shared table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it goes.
    pub target: Target,
    /// The worker that registered it, 0 for the master.
    pub worker: u16,
    /// Modifier of the plugin that holds the handler.
    pub modifier1: u8,
}

/// Set in the word of every registration.
const REGISTERED: u64 = 1 << 63;

impl Entry {
    /// The word.
    pub(crate) fn word(self) -> u64 {
        let (kind, id) = self.target.code();
        let (id, worker) = (u64::from(id) << 8, u64::from(self.worker) << 24);
        REGISTERED | u64::from(kind) | id | worker | u64::from(self.modifier1) << 40
    }

    /// What a word says; zero is no registration.
    pub(crate) fn from_word(word: u64) -> Option<Entry> {
        (word & REGISTERED != 0).then(|| Entry {
            target: Target::decode(word as u8, (word >> 8) as u16),
            worker: (word >> 24) as u16,
            modifier1: (word >> 40) as u8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_receivers_mean_what_users_expect() {
        let table = [
            ("", Ok(Target::AnyWorker)),
            ("worker", Ok(Target::AnyWorker)),
            ("worker0", Ok(Target::AnyWorker)),
            ("workers", Ok(Target::Workers)),
            ("active-workers", Ok(Target::Active)),
            ("worker3", Ok(Target::Worker(3))),
            ("worker4", Err(Refusal::Absent)),
            ("worker-1", Err(Refusal::Unknown)),
            ("mule", Ok(Target::AnyMule)),
            ("mule0", Ok(Target::AnyMule)),
            ("mule2", Ok(Target::Mule(2))),
            ("mule9", Err(Refusal::Absent)),
            ("mules", Ok(Target::Mules)),
            ("subscribed", Ok(Target::Nobody)),
            ("spooler", Err(Refusal::Unknown)),
            ("farm_x", Err(Refusal::Unknown)),
            ("cluster", Err(Refusal::Unknown)),
        ];
        for (name, wanted) in table {
            assert_eq!(Target::parse(name, 3, 2), wanted, "{name:?}");
        }
        for name in ["mule", "mule0", "mules", "mule1"] {
            assert_eq!(Target::parse(name, 3, 0), Err(Refusal::Absent), "{name} without mules");
        }
    }

    #[test]
    fn a_word_gives_back_what_it_was_made_of() {
        let targets = [
            Target::AnyWorker,
            Target::Workers,
            Target::Active,
            Target::Worker(u16::MAX),
            Target::AnyMule,
            Target::Mules,
            Target::Mule(7),
            Target::Nobody,
        ];
        for target in targets {
            let entry = Entry { target, worker: 65_000, modifier1: 255 };
            assert_eq!(Entry::from_word(entry.word()), Some(entry));
        }
        assert_eq!(Entry::from_word(0), None, "fresh memory holds no registration");
    }
}
