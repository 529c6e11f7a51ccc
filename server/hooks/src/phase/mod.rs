//! Phases: when something runs, in which process, and what its failure means.

mod context;
mod table;

pub use context::{Context, Outcome, Place, Vassal};
pub use table::ROWS;

/// A moment in the life of an instance. The order is that of a start, then of what happens later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The configuration is read; nothing else has been done.
    Asap,
    /// Before the jail, only in the first life of an instance.
    PreJail,
    /// The jail was entered.
    PostJail,
    /// The first thing that the instance inside the jail does.
    InJail,
    /// The last thing before group and user change.
    AsRoot,
    /// Group and user have changed.
    AsUser,
    /// Before the applications are loaded.
    PreApp,
    /// The applications are loaded.
    PostApp,
    /// A worker was forked.
    PostFork,
    /// A worker accepts from now on.
    Accepting,
    /// The same, in the first life of a worker.
    AcceptingOnce,
    /// Worker 1 accepts from now on.
    Accepting1,
    /// The same, in its first life.
    Accepting1Once,
    /// The master has started everything and begins its loop.
    MasterStart,
    /// A file was touched.
    Touch,
    /// The master ends or starts anew.
    AsUserAtexit,
    /// A mule was forked.
    AsMule,
    /// A gateway was forked.
    AsGateway,
    /// The Emperor starts.
    EmperorStart,
    /// A vassal is about to be started.
    AsEmperorBeforeVassal,
    /// In a vassal, before its user changes.
    AsVassalBeforeDrop,
    /// In a vassal, before its binary is executed.
    AsVassal,
    /// A vassal was started.
    AsEmperor,
    /// The same, inside namespaces of the vassal.
    AsEmperorSetns,
    /// A vassal waits for its first connection.
    AsOnDemandVassal,
    /// The configuration of a waiting vassal has changed.
    AsOnConfigVassal,
    /// The Emperor stops this vassal.
    EmperorStop,
    /// The Emperor reloads this vassal.
    EmperorReload,
    /// The Emperor of this vassal is gone.
    EmperorLost,
}

/// The process in which a phase runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// What was started, before there is a master.
    Launcher,
    /// The parent of a jail, from outside of it where the jail forks.
    Jailer,
    /// The master, or each worker where applications are loaded there.
    Loader,
    /// Master.
    Master,
    /// Worker.
    Worker,
    /// Mule.
    Mule,
    /// Gateway.
    Gateway,
    /// Emperor.
    Emperor,
    /// A child of the Emperor inside namespaces of a vassal.
    EmperorChild,
    /// A vassal that has not executed its binary yet.
    Vassal,
}

/// What the failure of one item means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// The instance ends, and nothing after the item runs.
    Instance,
    /// This process ends with 1, and nothing after the item runs.
    Process,
    /// All items run; then there is this effect.
    Soft(Effect),
    /// All items run; the failure is logged and counted.
    No,
}

/// What a failure in the Emperor leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The vassal is not started this time.
    CancelSpawn,
    /// The vassal is removed.
    RemoveVassal,
    /// The vassal is cursed.
    CurseVassal,
}

/// Which runs of its process a phase belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// All but those after a reload.
    FirstStart,
    /// Only with root at the start.
    Root,
    /// Only with root at the start and inside a jail.
    Jailed,
    /// Only the first life of a worker.
    FirstLife,
    /// Only worker 1.
    Worker1,
    /// Only the first life of worker 1.
    Worker1FirstLife,
}

/// What a function of a `call-` option gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// Nothing.
    Nothing,
    /// Name of the vassal.
    Name,
    /// Name and pid of the vassal.
    NamePid,
    /// Name, user and group of the vassal.
    NameIds,
    /// Name, pid, user and group of the vassal.
    NamePidIds,
}

/// What is known of a phase.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which one.
    pub phase: Phase,
    /// Its name in lines of the log.
    pub label: &'static str,
    /// Option of its hooks.
    pub hook: &'static str,
    /// Option of its mounts.
    pub mount: Option<&'static str>,
    /// Option of its unmounts.
    pub umount: Option<&'static str>,
    /// Option of its commands.
    pub exec: Option<&'static str>,
    /// Options of its functions, in the order in which they run.
    pub calls: &'static [(&'static str, Hand)],
    /// Where it runs.
    pub process: Process,
    /// When it runs.
    pub when: When,
    /// What a failure means.
    pub fatal: Fatal,
    /// A function that is missing means the same; elsewhere it is only logged.
    pub call_fatal: bool,
}

/// What a phase needs to know of its process to tell whether it is due.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start {
    /// The image was executed anew by a reload.
    pub reload: bool,
    /// Its user was root when it started.
    pub root: bool,
    /// A jail was entered, or `jailed` says so.
    pub jailed: bool,
    /// Number of the worker, from 1.
    pub worker: u32,
    /// This slot had no worker before, in this life of the master.
    pub first_life: bool,
}

impl Phase {
    /// All phases, in their order.
    pub const ALL: [Phase; ROWS.len()] = {
        let mut all = [Phase::Asap; ROWS.len()];
        let mut at = 0;
        while at < ROWS.len() {
            all[at] = ROWS[at].phase;
            at += 1;
        }
        all
    };

    /// What is known of it.
    pub fn row(self) -> &'static Row {
        // Each phase stands in the table at its own number; a test holds that.
        ROWS.get(self as usize).unwrap_or(&ROWS[0])
    }

    /// Whether a process of this kind of start runs it.
    pub fn due(self, start: &Start) -> bool {
        match self.row().when {
            When::Always => true,
            When::FirstStart => !start.reload,
            When::Root => start.root,
            When::Jailed => start.root && start.jailed,
            When::FirstLife => start.first_life,
            When::Worker1 => start.worker == 1,
            When::Worker1FirstLife => start.worker == 1 && start.first_life,
        }
    }
}

/// Keeps the phases around the change of the user to one run for each process and start, however
/// many points of that change it passes. Workers that change their user themselves have a copy
/// from before, and so run them once each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Once(u64);

impl Once {
    /// True at the first time of a phase.
    pub fn first(&mut self, phase: Phase) -> bool {
        let bit = 1 << (phase as u32);
        let first = self.0 & bit == 0;
        self.0 |= bit;
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_stands_at_its_own_number() {
        for (at, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!((phase as usize, phase.row().phase), (at, phase));
        }
    }

    #[test]
    fn phases_are_due_where_they_belong() {
        let start = |reload, root, jailed| Start { reload, root, jailed, ..Start::default() };
        for (phase, start, due) in [
            (Phase::Asap, start(true, false, false), true),
            (Phase::PreJail, start(false, false, false), true),
            (Phase::PreJail, start(true, true, false), false),
            (Phase::PostJail, start(false, true, false), false),
            (Phase::PostJail, start(false, true, true), true),
            (Phase::PostJail, start(false, false, true), false),
            (Phase::InJail, start(true, false, false), true),
            (Phase::AsRoot, start(true, true, false), true),
            (Phase::AsRoot, start(false, false, false), false),
            (Phase::AsUser, start(false, false, false), false),
            (Phase::AsUser, start(false, true, false), true),
            (Phase::PreApp, start(true, false, false), true),
        ] {
            assert_eq!(phase.due(&start), due, "{phase:?} {start:?}");
        }
    }

    #[test]
    fn accepting_tells_workers_and_lives_apart() {
        let due = |worker, first_life| {
            let start = Start { worker, first_life, ..Start::default() };
            let phases = [Phase::Accepting, Phase::AcceptingOnce];
            let phases = phases.into_iter().chain([Phase::Accepting1, Phase::Accepting1Once]);
            phases.map(|phase| phase.due(&start)).collect::<Vec<_>>()
        };
        assert_eq!(due(1, true), [true, true, true, true]);
        assert_eq!(due(1, false), [true, false, true, false]);
        assert_eq!(due(2, true), [true, true, false, false]);
        assert_eq!(due(2, false), [true, false, false, false]);
    }

    #[test]
    fn the_points_of_the_drop_run_their_phases_once_for_each_process() {
        let mut master = Once::default();
        let mut worker = master;
        assert!(master.first(Phase::AsRoot) && master.first(Phase::AsUser));
        assert!(!master.first(Phase::AsRoot) && !master.first(Phase::AsUser));
        assert!(worker.first(Phase::AsRoot), "a worker of a master that stays root");
    }
}
