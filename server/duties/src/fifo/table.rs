//! What each byte means.

/// The meaning of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Another slot.
    Slot(u8),
    /// So many workers more, or fewer below zero.
    Workers(i8),
    /// Reinforcement from the Emperor.
    Reinforcement,
    /// Chain reload.
    ReloadChain,
    /// Cheap mode.
    GoCheap,
    /// A look of the Emperor.
    Rescan,
    /// A new master.
    Fork,
    /// The log file again.
    ReopenLog,
    /// A new log file.
    RotateLog,
    /// Pause or go on.
    Pause,
    /// The pidfiles again.
    WritePidfiles,
    /// Graceful stop.
    StopGracefully,
    /// Brutal stop.
    Stop,
    /// Graceful reload.
    Reload,
    /// Brutal reload.
    ReloadBrutally,
    /// Counters in the log.
    Report,
    /// Subscriptions on or off.
    Subscriptions,
    /// Graceful reload of the workers.
    ReloadWorkers,
    /// Brutal reload of the workers.
    KillWorkers,
    /// What a plugin has put there, by a number of its own.
    Plugin(u32),
}

impl Command {
    /// Whether twice is something else than once.
    pub fn adds_up(self) -> bool {
        matches!(
            self,
            Command::Workers(_) | Command::Pause | Command::Subscriptions | Command::Plugin(_)
        )
    }
}

/// The meaning of all bytes; plugins may add and replace.
#[derive(Clone, Debug)]
pub struct Table([Option<Command>; 256]);

impl Default for Table {
    fn default() -> Table {
        let mut table = Table([None; 256]);
        (0..10).for_each(|slot| table.set(b'0' + slot, Some(Command::Slot(slot))));
        for (byte, command) in LETTERS {
            table.set(*byte, Some(*command));
        }
        table
    }
}

const LETTERS: &[(u8, Command)] = &[
    (b'+', Command::Workers(1)),
    (b'-', Command::Workers(-1)),
    (b'B', Command::Reinforcement),
    (b'c', Command::ReloadChain),
    (b'C', Command::GoCheap),
    (b'E', Command::Rescan),
    (b'f', Command::Fork),
    (b'l', Command::ReopenLog),
    (b'L', Command::RotateLog),
    (b'p', Command::Pause),
    (b'P', Command::WritePidfiles),
    (b'q', Command::StopGracefully),
    (b'Q', Command::Stop),
    (b'r', Command::Reload),
    (b'R', Command::ReloadBrutally),
    (b's', Command::Report),
    (b'S', Command::Subscriptions),
    (b'w', Command::ReloadWorkers),
    (b'W', Command::KillWorkers),
];

impl Table {
    /// What `byte` means.
    pub fn get(&self, byte: u8) -> Option<Command> {
        self.0.get(usize::from(byte)).copied().flatten()
    }

    /// Gives `byte` another meaning, or none.
    pub fn set(&mut self, byte: u8, command: Option<Command>) {
        if let Some(place) = self.0.get_mut(usize::from(byte)) {
            *place = command;
        }
    }
}
