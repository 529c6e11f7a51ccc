//! The table of phases.

use super::{Effect, Fatal, Hand, Phase, Process, Row, When};

/// A row with the names that its options have by rule.
macro_rules! row {
    ($phase:ident, $name:literal, $label:literal, $process:ident, $when:ident, $fatal:expr) => {
        Row {
            phase: Phase::$phase,
            label: $label,
            hook: concat!("hook-", $name),
            mount: None,
            umount: None,
            exec: None,
            calls: &[],
            process: Process::$process,
            when: When::$when,
            fatal: $fatal,
            call_fatal: true,
        }
    };
}

/// A row with commands and functions too.
macro_rules! run {
    ($phase:ident, $name:literal, $($rest:tt)*) => {
        Row {
            exec: Some(concat!("exec-", $name)),
            calls: &[(concat!("call-", $name), Hand::Nothing)],
            ..row!($phase, $name, $($rest)*)
        }
    };
}

/// A row with mounts as well.
macro_rules! all {
    ($phase:ident, $name:literal, $($rest:tt)*) => {
        Row {
            mount: Some(concat!("mount-", $name)),
            umount: Some(concat!("umount-", $name)),
            ..run!($phase, $name, $($rest)*)
        }
    };
}

const INSTANCE: Fatal = Fatal::Instance;

/// All phases, each at its own number.
pub const ROWS: &[Row] = &[
    all!(Asap, "asap", "asap", Launcher, Always, INSTANCE),
    all!(PreJail, "pre-jail", "pre-jail", Launcher, FirstStart, INSTANCE),
    all!(PostJail, "post-jail", "post-jail", Jailer, Jailed, INSTANCE),
    all!(InJail, "in-jail", "in-jail", Launcher, Always, INSTANCE),
    Row { call_fatal: false, ..all!(AsRoot, "as-root", "as root", Launcher, Root, INSTANCE) },
    run!(AsUser, "as-user", "as user", Launcher, Root, INSTANCE),
    run!(PreApp, "pre-app", "pre app", Loader, Always, INSTANCE),
    Row { call_fatal: false, ..run!(PostApp, "post-app", "post app", Loader, Always, INSTANCE) },
    row!(PostFork, "post-fork", "post-fork", Worker, Always, INSTANCE),
    row!(Accepting, "accepting", "accepting", Worker, Always, INSTANCE),
    row!(AcceptingOnce, "accepting-once", "accepting-once", Worker, FirstLife, INSTANCE),
    row!(Accepting1, "accepting1", "accepting1", Worker, Worker1, INSTANCE),
    row!(Accepting1Once, "accepting1-once", "accepting1-once", Worker, Worker1FirstLife, INSTANCE),
    row!(MasterStart, "master-start", "master-start", Master, Always, INSTANCE),
    row!(Touch, "touch", "touch", Master, Always, Fatal::No),
    run!(AsUserAtexit, "as-user-atexit", "atexit", Master, Always, Fatal::No),
    row!(AsMule, "as-mule", "as-mule", Mule, Always, INSTANCE),
    row!(AsGateway, "as-gateway", "as-gateway", Gateway, Always, INSTANCE),
    row!(EmperorStart, "emperor-start", "emperor-start", Emperor, Always, INSTANCE),
    row!(
        AsEmperorBeforeVassal,
        "as-emperor-before-vassal",
        "as-emperor-before-vassal",
        Emperor,
        Always,
        Fatal::Soft(Effect::CancelSpawn)
    ),
    row!(
        AsVassalBeforeDrop,
        "as-vassal-before-drop",
        "as-vassal-before-drop",
        Vassal,
        Always,
        Fatal::Process
    ),
    Row {
        calls: &[
            ("call-as-vassal", Hand::Nothing),
            ("call-as-vassal1", Hand::Name),
            ("call-as-vassal3", Hand::NameIds),
        ],
        ..all!(AsVassal, "as-vassal", "as-vassal", Vassal, Always, Fatal::Process)
    },
    Row {
        calls: &[
            ("call-as-emperor", Hand::Nothing),
            ("call-as-emperor1", Hand::Name),
            ("call-as-emperor2", Hand::NamePid),
            ("call-as-emperor4", Hand::NamePidIds),
        ],
        ..all!(AsEmperor, "as-emperor", "as-emperor", Emperor, Always, Fatal::No)
    },
    row!(AsEmperorSetns, "as-emperor-setns", "setns", EmperorChild, Always, Fatal::No),
    row!(
        AsOnDemandVassal,
        "as-on-demand-vassal",
        "as-on-demand-vassal",
        Emperor,
        Always,
        Fatal::Soft(Effect::RemoveVassal)
    ),
    row!(
        AsOnConfigVassal,
        "as-on-config-vassal",
        "as-on-config-vassal",
        Emperor,
        Always,
        Fatal::Soft(Effect::CurseVassal)
    ),
    row!(EmperorStop, "emperor-stop", "emperor-stop", Master, Always, Fatal::No),
    row!(EmperorReload, "emperor-reload", "emperor-reload", Master, Always, Fatal::No),
    row!(EmperorLost, "emperor-lost", "emperor-lost", Master, Always, Fatal::No),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn options(row: &Row) -> impl Iterator<Item = &'static str> {
        let calls = row.calls.iter().map(|(name, _)| *name);
        [Some(row.hook), row.mount, row.umount, row.exec].into_iter().flatten().chain(calls)
    }

    #[test]
    fn the_options_of_the_phases_are_those_of_the_configuration() {
        let registry = uwsgi_config::Registry::default();
        let of_a_phase = |name: &str, row: &uwsgi_config::Row| {
            let families = ["hook-", "mount-", "umount-", "exec-", "call-"];
            let at =
                ["asap", "pre-", "post-", "in-jail", "as-", "emperor-", "accepting", "master-"];
            let at = at.iter().chain(&["touch"]);
            name == row.name
                && families.iter().any(|family| {
                    name.strip_prefix(family).is_some_and(|n| at.clone().any(|a| n.starts_with(a)))
                })
        };
        let theirs = registry.names().filter(|(name, row)| of_a_phase(name, row));
        let theirs: BTreeSet<_> = theirs.map(|(name, _)| name.to_owned()).collect();
        let ours: BTreeSet<_> = ROWS.iter().flat_map(options).map(str::to_owned).collect();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn labels_and_failures_are_what_the_log_and_the_manual_say() {
        let of = |fatal: fn(Fatal) -> bool| {
            let rows = ROWS.iter().filter(|row| fatal(row.fatal));
            rows.map(|row| format!("{}={}", row.hook, row.label)).collect::<Vec<_>>()
        };
        assert_eq!(
            of(|fatal| fatal == Fatal::Instance),
            [
                "hook-asap=asap",
                "hook-pre-jail=pre-jail",
                "hook-post-jail=post-jail",
                "hook-in-jail=in-jail",
                "hook-as-root=as root",
                "hook-as-user=as user",
                "hook-pre-app=pre app",
                "hook-post-app=post app",
                "hook-post-fork=post-fork",
                "hook-accepting=accepting",
                "hook-accepting-once=accepting-once",
                "hook-accepting1=accepting1",
                "hook-accepting1-once=accepting1-once",
                "hook-master-start=master-start",
                "hook-as-mule=as-mule",
                "hook-as-gateway=as-gateway",
                "hook-emperor-start=emperor-start",
            ]
        );
        assert_eq!(
            of(|fatal| fatal == Fatal::Process),
            ["hook-as-vassal-before-drop=as-vassal-before-drop", "hook-as-vassal=as-vassal",]
        );
        assert_eq!(
            of(|fatal| matches!(fatal, Fatal::Soft(_))),
            [
                "hook-as-emperor-before-vassal=as-emperor-before-vassal",
                "hook-as-on-demand-vassal=as-on-demand-vassal",
                "hook-as-on-config-vassal=as-on-config-vassal",
            ]
        );
        assert_eq!(
            of(|fatal| fatal == Fatal::No),
            [
                "hook-touch=touch",
                "hook-as-user-atexit=atexit",
                "hook-as-emperor=as-emperor",
                "hook-as-emperor-setns=setns",
                "hook-emperor-stop=emperor-stop",
                "hook-emperor-reload=emperor-reload",
                "hook-emperor-lost=emperor-lost",
            ]
        );
    }

    #[test]
    fn a_function_that_is_missing_is_only_logged_in_two_fatal_phases() {
        let soft: Vec<_> = ROWS.iter().filter(|row| !row.call_fatal).map(|row| row.label).collect();
        assert_eq!(soft, ["as root", "post app"]);
    }
}
