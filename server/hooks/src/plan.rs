//! All options of phases together: what runs when, in which order.

use std::collections::BTreeSet;

use crate::hook::{Hook, PRIVATE};
use crate::phase::{Hand, ROWS, Row};
use crate::prefixed::{Setns, Touch};
use crate::{Failure, Phase};

/// One thing that runs; the text is the value of its option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An action by name.
    Hook(String),
    /// A mount.
    Mount(String),
    /// An unmount.
    Umount(String),
    /// A command.
    Exec(String),
    /// A function.
    Call(Hand, String),
}

/// The options of all phases.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    items: Vec<Planned>,
    registered: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Planned {
    phase: Phase,
    option: &'static str,
    /// Place of the option within its phase.
    turn: usize,
    item: Item,
}

impl Plan {
    /// Takes options, by their own names, in the order of the configuration. Those of no phase are
    /// left out.
    pub fn read<'a>(options: impl IntoIterator<Item = (&'a str, &'a str)>) -> Plan {
        let planned = options.into_iter().filter_map(|(name, value)| plan_one(name, value));
        let mut items: Vec<_> = planned.collect();
        // Stable: values of one option keep their order.
        items.sort_by_key(|planned| (planned.phase, planned.turn));
        Plan { items, registered: BTreeSet::new() }
    }

    /// Makes an action of a plugin known; it goes before one of ours.
    pub fn register(&mut self, action: &str) {
        self.registered.insert(action.to_owned());
    }

    /// Whether a plugin has registered an action of this name.
    pub fn is_registered(&self, action: &str) -> bool {
        self.registered.contains(action)
    }

    /// What a phase runs, in order: hooks, mounts, unmounts, commands, functions. Phases whose
    /// hooks have something in front run nothing by themselves.
    pub fn items(&self, phase: Phase) -> impl Iterator<Item = &Item> {
        let prefixed = matches!(phase, Phase::Touch | Phase::AsEmperorSetns);
        self.all(phase).filter(move |_| !prefixed).map(|planned| &planned.item)
    }

    /// The values of `hook-touch`; an error is the line for the log.
    pub fn touches(&self) -> impl Iterator<Item = Result<Touch, String>> {
        self.values(Phase::Touch).map(Touch::parse)
    }

    /// The values of `hook-as-emperor-setns`; an error is the line for the log.
    pub fn setns(&self) -> impl Iterator<Item = Result<Setns, String>> {
        self.values(Phase::AsEmperorSetns).map(Setns::parse)
    }

    /// What a start without root leaves out, as one line; nothing where nothing is.
    pub fn skipped(&self) -> Option<String> {
        let mut names: Vec<_> = [Phase::AsRoot, Phase::AsUser]
            .into_iter()
            .flat_map(|phase| self.all(phase))
            .map(|planned| planned.option)
            .collect();
        names.dedup();
        let text = format!("not started as root, these are skipped: {}", names.join(", "));
        (!names.is_empty()).then_some(text)
    }

    /// Everything that is going to fail whatever the system says, each with its option: syntax,
    /// unknown actions, arguments. A reload that finds something here keeps the old generation.
    pub fn faults(&self) -> Vec<String> {
        let wrong = |planned: &Planned| {
            let (value, text) = self.fault(planned)?;
            Some(format!("{text}, in {} = {value}", planned.option))
        };
        self.items.iter().filter_map(wrong).collect()
    }

    /// What is wrong with a value of an option of a phase: the value as it may be shown, and the
    /// text of [`Plan::faults`].
    pub fn wrong(&self, option: &str, value: &str) -> Option<(String, String)> {
        self.fault(&plan_one(option, value)?)
    }

    /// The value as it may be shown, and what is wrong with it.
    fn fault(&self, planned: &Planned) -> Option<(String, String)> {
        let (value, failure) = match &planned.item {
            Item::Hook(value) => return self.hook_fault(planned.phase, value),
            Item::Mount(value) => (value, crate::action::kind("mount")?.read(value).err()?),
            Item::Umount(value) => (value, crate::action::kind("umount")?.read(value).err()?),
            Item::Exec(_) | Item::Call(..) => return None,
        };
        Some((value.clone(), text_of(failure)))
    }

    fn hook_fault(&self, phase: Phase, value: &str) -> Option<(String, String)> {
        let inner = match phase {
            Phase::Touch => Touch::parse(value).map(|touch| touch.hook),
            Phase::AsEmperorSetns => Setns::parse(value).map(|setns| setns.hook),
            _ => Ok(value.to_owned()),
        };
        let inner = match inner {
            Ok(inner) => inner,
            Err(text) => return Some((value.to_owned(), text)),
        };
        match Hook::parse(&inner, |name| self.is_registered(name)) {
            Err(text) if inner.starts_with('!') => Some((PRIVATE.into(), text)),
            Err(text) => Some((value.to_owned(), text)),
            Ok(hook) => {
                let failure = hook.action().err()?;
                let shown = if hook.private { PRIVATE } else { value };
                Some((shown.to_owned(), hook.told(&failure)))
            }
        }
    }

    fn all(&self, phase: Phase) -> impl Iterator<Item = &Planned> {
        self.items.iter().filter(move |planned| planned.phase == phase)
    }

    fn values(&self, phase: Phase) -> impl Iterator<Item = &str> {
        self.all(phase).filter_map(|planned| match &planned.item {
            Item::Hook(value) => Some(value.as_str()),
            _ => None,
        })
    }
}

fn text_of(failure: Failure) -> String {
    match failure {
        Failure::Told(text) | Failure::Stop(text) => text,
        Failure::Exited(code) => format!("exited with {code}"),
        Failure::Killed(signal) => format!("killed by signal {signal}"),
    }
}

fn plan_one(name: &str, value: &str) -> Option<Planned> {
    ROWS.iter().find_map(|row| {
        let (turn, option, item) = family(row, name, value)?;
        Some(Planned { phase: row.phase, option, turn, item })
    })
}

fn family(row: &'static Row, name: &str, value: &str) -> Option<(usize, &'static str, Item)> {
    let value = || value.to_owned();
    if row.hook == name {
        return Some((0, row.hook, Item::Hook(value())));
    }
    if let Some(option) = row.mount.filter(|option| *option == name) {
        return Some((1, option, Item::Mount(value())));
    }
    if let Some(option) = row.umount.filter(|option| *option == name) {
        return Some((2, option, Item::Umount(value())));
    }
    if let Some(option) = row.exec.filter(|option| *option == name) {
        return Some((3, option, Item::Exec(value())));
    }
    let mut calls = row.calls.iter().enumerate();
    let (at, (option, hand)) = calls.find(|(_, (option, _))| *option == name)?;
    Some((4 + at, option, Item::Call(*hand, value())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_runs_hooks_then_mounts_unmounts_commands_and_functions() {
        let plan = Plan::read([
            ("call-asap", "f"),
            ("exec-asap", "b"),
            ("exec-asap", "a"),
            ("umount-asap", "/u"),
            ("socket", ":1"),
            ("mount-asap", "m"),
            ("hook-pre-jail", "other"),
            ("hook-asap", "2"),
            ("hook-asap", "1"),
        ]);
        let s = str::to_owned;
        let items: Vec<_> = plan.items(Phase::Asap).cloned().collect();
        assert_eq!(
            items,
            [
                Item::Hook(s("2")),
                Item::Hook(s("1")),
                Item::Mount(s("m")),
                Item::Umount(s("/u")),
                Item::Exec(s("b")),
                Item::Exec(s("a")),
                Item::Call(Hand::Nothing, s("f")),
            ]
        );
    }

    #[test]
    fn functions_of_vassals_run_by_what_they_get() {
        let plan = Plan::read([
            ("call-as-emperor4", "d"),
            ("call-as-emperor2", "c"),
            ("call-as-emperor", "a"),
            ("call-as-emperor1", "b"),
            ("call-as-vassal3", "z"),
        ]);
        let of = |phase| {
            plan.items(phase)
                .map(|item| match item {
                    Item::Call(hand, symbol) => (*hand, symbol.as_str()),
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        let all = [Hand::Nothing, Hand::Name, Hand::NamePid, Hand::NamePidIds];
        let expected: Vec<_> = all.into_iter().zip(["a", "b", "c", "d"]).collect();
        assert_eq!(of(Phase::AsEmperor), expected);
        assert_eq!(of(Phase::AsVassal), [(Hand::NameIds, "z")]);
    }

    #[test]
    fn hooks_with_something_in_front_do_not_run_by_themselves() {
        let plan = Plan::read([
            ("hook-touch", "/f exec:a"),
            ("hook-touch", "bad"),
            ("hook-as-emperor-setns", "net exec:b"),
        ]);
        assert_eq!(plan.items(Phase::Touch).count() + plan.items(Phase::AsEmperorSetns).count(), 0);
        let touches: Vec<_> = plan.touches().map(|t| t.map(|t| t.hook)).collect();
        let syntax = "invalid hook syntax, must be hook:args".to_owned();
        assert_eq!(touches, [Ok("exec:a".to_owned()), Err(syntax)]);
        assert_eq!(plan.setns().map(|s| s.unwrap().hook).collect::<Vec<_>>(), ["exec:b"]);
    }

    #[test]
    fn what_a_start_without_root_leaves_out_has_one_line() {
        let plan = Plan::read([
            ("exec-as-user", "a"),
            ("exec-as-user", "b"),
            ("hook-as-root", "c"),
            ("exec-asap", "d"),
        ]);
        let line = "not started as root, these are skipped: hook-as-root, exec-as-user";
        assert_eq!(plan.skipped().as_deref(), Some(line));
        assert_eq!(Plan::read([("exec-asap", "d")]).skipped(), None);
    }

    #[test]
    fn what_is_going_to_fail_is_known_before() {
        let mut plan = Plan::read([
            ("hook-asap", "exec"),
            ("hook-asap", "exec:ok"),
            ("hook-post-fork", "mine:x"),
            ("hook-accepting", "nope:x"),
            ("hook-accepting", "!chmod:/secret 9"),
            ("hook-touch", "/f nope:x"),
            ("mount-as-root", "proc none /p foo"),
            ("umount-as-root", ""),
            ("exec-as-root", "x"),
        ]);
        plan.register("mine");
        assert_eq!(
            plan.faults(),
            [
                "invalid hook syntax, must be hook:args, in hook-asap = exec",
                "unknown mount flag \"foo\", in mount-as-root = proc none /p foo",
                "uwsgi_umount_hook() invalid syntax, in umount-as-root = ",
                "hook action not found: nope, in hook-accepting = nope:x",
                "hook chmod: invalid argument, must be <file> <3 or 4 octal digits>, \
             in hook-accepting = --- PRIVATE HOOK ---",
                "hook action not found: nope, in hook-touch = /f nope:x",
            ]
        );
        let wrong = plan.wrong("hook-asap", "!nope:x").unwrap();
        assert_eq!(wrong, (PRIVATE.to_owned(), "hook action not found: nope".to_owned()));
        assert_eq!(plan.wrong("hook-asap", "mine:x"), None);
        assert_eq!(plan.wrong("socket", "nope"), None);
    }
}
