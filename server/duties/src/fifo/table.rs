//! What each byte means.

/// The meaning of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Another slot.
    Slot(u8),
    /// So many workers more, or fewer below zero.
    Workers(i8),
    /// Subscriptions on or off.
    Subscriptions,
    /// What is handed on as it is.
    Command(Command),
}

/// A command of which the FIFO knows no more than its byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ask the Emperor for reinforcement.
    Reinforcement,
    /// Reload one worker after the other.
    ReloadChain,
    /// End all workers and wait for a connection.
    GoCheap,
    /// Let the Emperor look for changes.
    Rescan,
    /// Fork a new master beside this one.
    Fork,
    /// Open the log file again.
    ReopenLog,
    /// Move the log file away and open a new one.
    RotateLog,
    /// Pause, or go on.
    Pause,
    /// Write all pidfiles again.
    WritePidfiles,
    /// Stop: workers finish their requests.
    StopGracefully,
    /// Stop at once.
    Stop,
    /// Reload: workers finish their requests.
    Reload,
    /// Reload at once.
    ReloadBrutally,
    /// Print the configuration and the counters of requests.
    Report,
    /// Reload the workers alone: they finish their requests.
    ReloadWorkers,
    /// Reload the workers alone, at once.
    KillWorkers,
    /// What a plugin has put into the table, by a number of its own.
    Plugin(u32),
}

impl Meaning {
    /// Whether twice is something else than once.
    pub fn adds_up(self) -> bool {
        match self {
            Meaning::Slot(_) => false,
            Meaning::Workers(_) | Meaning::Subscriptions => true,
            Meaning::Command(command) => matches!(command, Command::Pause | Command::Plugin(_)),
        }
    }
}

/// The meaning of all bytes; plugins may add and replace.
#[derive(Clone, Debug)]
pub struct Table([Option<Meaning>; 256]);

impl Default for Table {
    fn default() -> Table {
        let mut table = Table([None; 256]);
        (0..10).for_each(|slot| table.set(b'0' + slot, Some(Meaning::Slot(slot))));
        for (byte, meaning) in LETTERS {
            table.set(*byte, Some(*meaning));
        }
        table
    }
}

const LETTERS: &[(u8, Meaning)] = &[
    (b'+', Meaning::Workers(1)),
    (b'-', Meaning::Workers(-1)),
    (b'S', Meaning::Subscriptions),
    (b'B', Meaning::Command(Command::Reinforcement)),
    (b'c', Meaning::Command(Command::ReloadChain)),
    (b'C', Meaning::Command(Command::GoCheap)),
    (b'E', Meaning::Command(Command::Rescan)),
    (b'f', Meaning::Command(Command::Fork)),
    (b'l', Meaning::Command(Command::ReopenLog)),
    (b'L', Meaning::Command(Command::RotateLog)),
    (b'p', Meaning::Command(Command::Pause)),
    (b'P', Meaning::Command(Command::WritePidfiles)),
    (b'q', Meaning::Command(Command::StopGracefully)),
    (b'Q', Meaning::Command(Command::Stop)),
    (b'r', Meaning::Command(Command::Reload)),
    (b'R', Meaning::Command(Command::ReloadBrutally)),
    (b's', Meaning::Command(Command::Report)),
    (b'w', Meaning::Command(Command::ReloadWorkers)),
    (b'W', Meaning::Command(Command::KillWorkers)),
];

impl Table {
    /// What `byte` means.
    pub fn get(&self, byte: u8) -> Option<Meaning> {
        self.0.get(usize::from(byte)).copied().flatten()
    }

    /// Gives `byte` another meaning, or none.
    pub fn set(&mut self, byte: u8, meaning: Option<Meaning>) {
        if let Some(place) = self.0.get_mut(usize::from(byte)) {
            *place = meaning;
        }
    }
}
