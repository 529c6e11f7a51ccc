//! The manual of hooks against the tables it describes.

use std::collections::BTreeSet;

use uwsgi_hooks::action::KINDS;
use uwsgi_hooks::phase::{Effect, Fatal, Process, ROWS, Row, When};

const MANUAL: &str = include_str!("../../../docs/hooks.md");

/// Cells of the rows of the table that begins with `head`.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let lines = MANUAL.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn families(row: &Row) -> String {
    let known = [("mount", row.mount), ("umount", row.umount), ("exec", row.exec)];
    let known = known.into_iter().filter(|(_, option)| option.is_some()).map(|(name, _)| name);
    let calls = (!row.calls.is_empty()).then_some("call");
    known.chain(calls).collect::<Vec<_>>().join(" ")
}

fn process(process: Process) -> &'static str {
    match process {
        Process::Launcher => "launcher",
        Process::Jailer => "jailer",
        Process::Loader => "loader",
        Process::Master => "master",
        Process::Worker => "worker",
        Process::Mule => "mule",
        Process::Gateway => "gateway",
        Process::Emperor => "Emperor",
        Process::EmperorChild => "child of the Emperor",
        Process::Vassal => "vassal",
    }
}

fn failure(fatal: Fatal) -> &'static str {
    match fatal {
        Fatal::Instance => "ends the instance",
        Fatal::Process => "ends the vassal",
        Fatal::Soft(Effect::CancelSpawn) => "cancels that start",
        Fatal::Soft(Effect::RemoveVassal) => "removes the vassal",
        Fatal::Soft(Effect::CurseVassal) => "curses the vassal",
        Fatal::No => "is told",
    }
}

#[test]
fn phases_are_those_of_the_manual() {
    let told = table("| Hook |");
    assert_eq!(told.len(), ROWS.len());
    for (cells, row) in told.iter().zip(ROWS) {
        let [hook, also, label, who, when, fails] = cells[..] else { panic!("{cells:?}") };
        assert_eq!(hook, format!("`{}`", row.hook));
        assert_eq!((also, label), (families(row).as_str(), row.label), "{hook}");
        assert_eq!((who, fails), (process(row.process), failure(row.fatal)), "{hook}");
        let word = match row.when {
            When::Root | When::Jailed => "needs root",
            When::FirstStart | When::FirstLife | When::Worker1FirstLife => "first start",
            When::Worker1 => "worker 1",
            When::Always => "",
        };
        assert!(when.contains(word), "{hook}: {when}");
    }
}

#[test]
fn actions_are_those_of_the_manual() {
    let told = table("| Action |");
    let names = told.iter().flat_map(|cells| cells[0].split(", "));
    let names: BTreeSet<_> = names.map(|name| name.trim_matches('`')).collect();
    assert_eq!(names, KINDS.iter().map(|kind| kind.name).collect::<BTreeSet<_>>());
}

#[test]
fn mount_flags_are_those_of_the_manual() {
    let text = MANUAL.split_whitespace().collect::<Vec<_>>().join(" ");
    let list = |from: &str| {
        let rest = text.split_once(from).unwrap().1;
        let names = rest.split('`').nth(1).unwrap().split(' ');
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let of = |flags: &[(&str, u32)]| flags.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mount: BTreeSet<String> = of(uwsgi_hooks::action::MOUNT_FLAGS);
    assert_eq!(list("Mount flags: "), mount);
    let mut umount: BTreeSet<String> = of(uwsgi_hooks::action::UMOUNT_FLAGS);
    umount.extend(["rec".to_owned(), "recursive".to_owned()]);
    assert_eq!(list("unmount flags: "), umount);
}
