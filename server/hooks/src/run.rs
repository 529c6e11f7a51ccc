//! Running a phase: what is said, what is done, what a failure leads to.

use crate::action::{self, Args, Call};
use crate::hook::Hook;
use crate::phase::{Context, Fatal, Hand, Outcome, Place, Row};
use crate::{Action, Doer, Failure, Item, Line, Phase, Plan, Tally};

/// Runs everything of a phase, in the order of [`Plan::items`], and tells what is due then.
///
/// Whether the phase is due at all is for [`Phase::due`] and [`crate::Once`] to say.
pub fn run(
    phase: Phase,
    plan: &Plan,
    context: &Context,
    doer: &mut impl Doer,
    tally: &mut Tally,
) -> Outcome {
    let mut run = Run::new(phase, plan, context, doer, tally);
    let end = plan.items(phase).find_map(|item| run.item(item));
    end.unwrap_or_else(|| run.end())
}

/// Runs one hook of a phase: that of a file that was touched, or inside of namespaces.
pub fn run_one(
    phase: Phase,
    hook: &str,
    plan: &Plan,
    context: &Context,
    doer: &mut impl Doer,
    tally: &mut Tally,
) -> Outcome {
    let mut run = Run::new(phase, plan, context, doer, tally);
    run.hook(hook).unwrap_or_else(|| run.end())
}

/// Writes the values of `file-write`, `path=content`, with a newline behind each. It has its place
/// after the hooks inside the jail and before the user changes; the first failure ends the process.
pub fn file_write<'a>(values: impl IntoIterator<Item = &'a str>, doer: &mut impl Doer) -> Outcome {
    for value in values {
        let Some((path, content)) = value.split_once('=').filter(|(path, _)| !path.is_empty())
        else {
            doer.log(Line::plain(format!(
                "invalid file-write syntax, must be file=value: {value}"
            )));
            return Outcome::Exit(1);
        };
        doer.log(Line::plain(format!("writing \"{content}\" to \"{path}\" ...")));
        let text = format!("{content}\n");
        let write = Action::Write { path: path.to_owned(), text, append: false };
        if let Err(failure) = doer.act(&write, &[]) {
            doer.log(Line::plain(told(&failure, path)));
            return Outcome::Exit(1);
        }
    }
    Outcome::Done
}

struct Run<'a, D> {
    row: &'static Row,
    plan: &'a Plan,
    context: &'a Context,
    env: Vec<(String, String)>,
    doer: &'a mut D,
    tally: &'a mut Tally,
    failed: bool,
}

impl<'a, D: Doer> Run<'a, D> {
    fn new(
        phase: Phase,
        plan: &'a Plan,
        context: &'a Context,
        doer: &'a mut D,
        tally: &'a mut Tally,
    ) -> Run<'a, D> {
        let env = context.env(phase);
        Run { row: phase.row(), plan, context, env, doer, tally, failed: false }
    }

    /// The outcome after all items ran.
    fn end(&self) -> Outcome {
        match self.row.fatal {
            Fatal::Soft(effect) if self.failed => Outcome::Soft(effect),
            _ => Outcome::Done,
        }
    }

    /// Runs one item; an outcome means that no other does.
    fn item(&mut self, item: &Item) -> Option<Outcome> {
        match item {
            Item::Hook(value) => self.hook(value),
            Item::Mount(value) => self.mount("mount", "mounting", value),
            Item::Umount(value) => self.mount("umount", "un-mounting", value),
            Item::Exec(command) => self.exec(command),
            Item::Call(hand, symbol) => self.call(*hand, symbol),
        }
    }

    fn hook(&mut self, value: &str) -> Option<Outcome> {
        let plan = self.plan;
        let hook = match Hook::parse(value, |name| plan.is_registered(name)) {
            Ok(hook) => hook,
            Err(text) => {
                self.tally.add(self.row.phase, false, 0);
                self.say(text);
                return self.stop();
            }
        };
        self.say(format!("{} ({})...", hook.announced(), self.row.label));
        let action = match hook.action() {
            Ok(Action::Exit(code)) => {
                self.tally.add(self.row.phase, true, 0);
                return Some(Outcome::Exit(code));
            }
            action => action,
        };
        let Err(failure) = self.act(action, hook.forgiving()) else { return None };
        self.say(hook.told(&failure));
        match failure {
            _ if hook.forgiving() => None,
            Failure::Stop(_) => self.stop(),
            _ => self.destroy(),
        }
    }

    fn mount(&mut self, name: &str, verb: &str, value: &str) -> Option<Outcome> {
        self.say(format!("{verb} \"{value}\" {}", self.context.tail(self.row, false)));
        let action =
            action::kind(name).map_or(Err(Failure::Told(String::new())), |k| k.read(value));
        let failure = self.act(action, false).err()?;
        self.say(told(&failure, value));
        if self.row.phase == Phase::AsEmperor {
            self.say(format!("unable to {name} {value}"));
        }
        self.stop()
    }

    fn exec(&mut self, command: &str) -> Option<Outcome> {
        self.say(format!("running \"{command}\" {}", self.context.tail(self.row, true)));
        let failure = self.act(Ok(Action::Exec(command.to_owned())), false).err()?;
        self.say(match failure {
            Failure::Exited(code) if self.row.phase == Phase::AsEmperor => {
                format!("command \"{command}\" exited with code: {code}")
            }
            failure => told(&failure, command),
        });
        self.stop()
    }

    fn call(&mut self, hand: Hand, symbol: &str) -> Option<Outcome> {
        self.say(format!("running \"{symbol}\" {}", self.context.tail(self.row, true)));
        let args = Args::handed(hand, &self.context.vassal.clone().unwrap_or_default());
        let call = Call { symbol: symbol.to_owned(), args, checked: false };
        let failure = self.act(Ok(Action::Call(call)), false).err()?;
        self.say(told(&failure, symbol));
        if self.row.call_fatal { self.stop() } else { None }
    }

    /// Does an action and counts it.
    fn act(&mut self, action: Result<Action, Failure>, forgiving: bool) -> Result<(), Failure> {
        let since = self.doer.now_us();
        let result = match action {
            Ok(Action::Print(text)) => {
                self.say(text);
                Ok(())
            }
            Ok(action) => self.doer.act(&action, &self.env),
            Err(failure) => Err(failure),
        };
        let us = self.doer.now_us().saturating_sub(since);
        let ok = result.is_ok() || forgiving;
        self.tally.add(self.row.phase, ok, us);
        self.failed |= !ok;
        result
    }

    /// A hook failed.
    fn destroy(&mut self) -> Option<Outcome> {
        let end = match (self.row.fatal, self.context.place) {
            (Fatal::Soft(_) | Fatal::No, _) => return self.stop(),
            (Fatal::Process, _) | (Fatal::Instance, Place::Alone) => Outcome::Exit(1),
            (Fatal::Instance, Place::Master) => Outcome::DestroyAll,
            (Fatal::Instance, Place::Child) => Outcome::AskMaster,
        };
        self.doer.log(Line::dated("FATAL hook failed, destroying instance"));
        Some(end)
    }

    /// Something failed in a way that ends the process, where a failure is fatal at all.
    fn stop(&mut self) -> Option<Outcome> {
        self.failed = true;
        match self.row.fatal {
            Fatal::Instance | Fatal::Process => Some(Outcome::Exit(1)),
            Fatal::Soft(_) | Fatal::No => None,
        }
    }

    fn say(&mut self, text: String) {
        self.doer.log(Line::plain(text));
    }
}

/// The line of a failure outside of hooks.
fn told(failure: &Failure, command: &str) -> String {
    match failure {
        Failure::Exited(code) => format!("command \"{command}\" exited with non-zero code: {code}"),
        Failure::Killed(signal) => format!("command \"{command}\" killed by signal {signal}"),
        Failure::Told(text) | Failure::Stop(text) => text.clone(),
    }
}

#[cfg(test)]
#[path = "run_test.rs"]
mod tests;
