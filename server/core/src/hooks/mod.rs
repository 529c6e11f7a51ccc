//! What the configuration runs at the phases of an instance: `hook-`, `mount-`, `umount-`, `exec-`,
//! `call-`, and what it waits for.
//!
//! The rules live in `uwsgi_hooks`; this module knows the server around them: which process it is,
//! where lines, counts and alarms go, and what the end of an instance means here. Whoever reaches a
//! phase calls [`run`] and ends with the code it answers. It refuses to run anything in the loop of
//! the master: that is `master/hooks.rs`.

pub(crate) mod after_request;
mod instead;
mod server;

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use uwsgi_hooks::phase::Phase;
use uwsgi_hooks::real::{self, Real};
use uwsgi_hooks::wait::Stage;
use uwsgi_hooks::{Context, Doer, Once, Outcome, Place, Start, Tally};
use uwsgi_sys::{process, signal, user};

pub(crate) use self::instead::become_other;
use self::server::Here;
use crate::instance::Instance;
use crate::policy::Hooks;
use crate::settings::Settings;
use crate::{log, master, notices, sockets};

/// Which process runs a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// What was started, before there is a master.
    Launcher,
    /// A child of the master that is no worker; without a master, the same process of its own.
    Child,
    /// A worker.
    Worker(u32),
}

/// Phases around the change of the user.
const AROUND_DROP: [Phase; 3] = [Phase::PostJail, Phase::AsRoot, Phase::AsUser];

/// What this process knows of its phases.
struct Known {
    /// What ran before there was an arena.
    early: Tally,
    once: Once,
    reload: bool,
    root: bool,
}

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

/// The instance, once there is one.
static INSTANCE: OnceLock<&'static Instance> = OnceLock::new();

/// The start of an instance; the first thing that is said to this module.
pub(crate) fn start(reload: bool) {
    let root = user::effective().0 == 0;
    let known = Known { early: Tally::default(), once: Once::default(), reload, root };
    *KNOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
}

/// From now on there are alarms, and an arena for the counts.
pub(crate) fn enter(instance: &'static Instance) {
    instance.arena.globals().hook_fatal.set(0);
    if INSTANCE.set(instance).is_ok()
        && let Some(early) = known(|known| std::mem::take(&mut known.early))
    {
        count(instance, &early);
    }
}

fn known<T>(look: impl FnOnce(&mut Known) -> T) -> Option<T> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(look)
}

/// Runs a phase if it is due in this process. The error is the code with which the process ends;
/// the log has the reason.
pub(crate) fn run(settings: &Settings, who: Who, phase: Phase) -> Result<(), i32> {
    let nothing = settings.policy.hooks.plan.items(phase).next().is_none();
    if nothing || !due(settings, who, phase) {
        return Ok(());
    }
    let place = if who == Who::Launcher || !settings.master { Place::Alone } else { Place::Child };
    let guard = Foreign::enter(who);
    let outcome = run_as(&settings.policy.hooks, place, phase);
    drop(guard);
    end(outcome)
}

/// Runs a phase whatever the process, and counts it.
pub(crate) fn run_as(hooks: &Hooks, place: Place, phase: Phase) -> Outcome {
    with(hooks, place, |context, doer, tally| {
        uwsgi_hooks::run(phase, &hooks.plan, context, doer, tally)
    })
}

/// Runs one hook of a phase, and counts it.
pub(crate) fn run_one(hooks: &Hooks, place: Place, phase: Phase, hook: &str) -> Outcome {
    with(hooks, place, |context, doer, tally| {
        uwsgi_hooks::run_one(phase, hook, &hooks.plan, context, doer, tally)
    })
}

fn with<T>(
    hooks: &Hooks,
    place: Place,
    run: impl FnOnce(&Context, &mut Real<Here>, &mut Tally) -> T,
) -> T {
    let (uid, gid) = user::effective();
    let context = Context { place, uid, gid, vassal: None };
    let mut tally = Tally::default();
    let outcome = run(&context, &mut doer(hooks), &mut tally);
    match INSTANCE.get() {
        Some(instance) => count(instance, &tally),
        None => _ = known(|known| known.early.merge(&tally)),
    }
    outcome
}

fn doer(hooks: &Hooks) -> Real<Here> {
    let settings = real::Settings {
        shells: hooks.shells.clone(),
        limits: hooks.limits,
        prepare: process::with_parent,
    };
    Real::new(settings, Here { instance: INSTANCE.get().copied() })
}

/// Whether a process has this phase now. Those around the change of the user run once, however
/// many points of that change a start passes.
fn due(settings: &Settings, who: Who, phase: Phase) -> bool {
    let (worker, first_life) = match who {
        Who::Worker(id) => (id, INSTANCE.get().is_none_or(|i| i.is_first_life())),
        Who::Launcher | Who::Child => (0, false),
    };
    let jailed = settings.policy.hooks.jailed;
    let around = AROUND_DROP.contains(&phase);
    known(|known| {
        let Known { reload, root, .. } = *known;
        let start = Start { reload, root, jailed, worker, first_life };
        phase.due(&start) && (!around || known.once.first(phase))
    })
    .unwrap_or(false)
}

/// A process that is none of the configuration's changes its user without hooks.
pub(crate) fn leave_out_drop() {
    for phase in AROUND_DROP {
        known(|known| known.once.first(phase));
    }
}

/// What a start without root leaves out, in one line of the log.
pub(crate) fn tell_skipped(settings: &Settings) {
    let told = known(|known| known.root || known.reload).unwrap_or(true);
    if let Some(line) = settings.policy.hooks.plan.skipped().filter(|_| !told) {
        log!("{line}");
    }
}

/// Waits for what is awaited at this stage of the start. The error is the exit code.
pub(crate) fn wait(settings: &Settings, here: Stage) -> Result<(), i32> {
    let hooks = &settings.policy.hooks;
    let mut doer = doer(hooks);
    for (_, target, name) in hooks.waits.iter().filter(|(stage, ..)| *stage == here) {
        if let Err(line) = doer.wait(*target, name) {
            doer.log(line);
            return Err(1);
        }
    }
    Ok(())
}

/// What an outcome means for a process that is not the master.
fn end(outcome: Outcome) -> Result<(), i32> {
    match outcome {
        Outcome::Done | Outcome::Soft(_) => Ok(()),
        Outcome::Exit(code) => Err(code),
        Outcome::DestroyAll => Err(1),
        Outcome::AskMaster => ask_master(),
    }
}

/// What runs when the master ends or starts anew. A helper does it, so that nothing that hangs keeps
/// a reload from being one.
pub(crate) fn at_exit(instance: &Instance) {
    let hooks = &instance.settings.policy.hooks;
    if hooks.plan.items(Phase::AsUserAtexit).next().is_none() {
        return;
    }
    let limit = Duration::from_secs(instance.settings.policy.mercy.worker_s);
    // The master waits for it, and feeds no watchdog meanwhile.
    let us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    notices::tell(|manager| manager.standing_still(us));
    let body = || {
        // Nothing here ends anything: it ends already.
        let _ = run_as(hooks, Place::Master, Phase::AsUserAtexit);
        0
    };
    if let Err(e) = master::helper::within(instance, limit, body) {
        log!("fork(): {}", sockets::plain(&e));
    }
}

/// Lets the master end the instance, this process with it: it does nothing more.
fn ask_master() -> ! {
    if let Some(instance) = INSTANCE.get() {
        instance.arena.globals().hook_fatal.set(1);
        // A master that is gone has told everybody already.
        let _ = process::kill_parent(instance.master_pid(), signal::SIGINT);
    }
    // A worker's handler ends it at once then.
    signal::enter_busy();
    while process::parent_pid() == INSTANCE.get().map_or(0, |instance| instance.master_pid()) {
        std::thread::sleep(Duration::from_millis(100));
    }
    process::exit_now(1)
}

/// While foreign things run in a worker, INT and TERM end it at once.
struct Foreign(bool);

impl Foreign {
    fn enter(who: Who) -> Foreign {
        let worker = matches!(who, Who::Worker(_));
        if worker {
            signal::enter_busy();
        }
        Foreign(worker)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if self.0 {
            signal::leave_busy();
        }
    }
}

/// Adds what ran to the counts of the instance.
fn count(instance: &Instance, tally: &Tally) {
    let globals = instance.arena.globals();
    for (phase, count) in tally.ran() {
        globals.hooks_run.add_shared(count.run);
        globals.hooks_failed.add_shared(count.failed);
        let cells = (globals.hook_runs.get(phase as usize))
            .zip(globals.hook_failures.get(phase as usize))
            .zip(globals.hook_last_us.get(phase as usize));
        if let Some(((runs, failures), last)) = cells {
            runs.add_shared(count.run);
            failures.add_shared(count.failed);
            last.set(count.last_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use uwsgi_hooks::phase::ROWS;

    #[test]
    fn the_arena_has_a_place_for_each_phase() {
        let labels: Vec<_> = ROWS.iter().map(|row| row.label).collect();
        assert_eq!(&uwsgi_metrics::HOOK_PHASES[..], labels);
    }
}
