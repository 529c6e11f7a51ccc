//! Phases run against a world of one line per action.

use super::*;
use crate::phase::{Effect, Vassal};

/// Fails where told to, and remembers everything.
#[derive(Default)]
struct World {
    said: Vec<String>,
    done: Vec<Action>,
    env: Vec<(String, String)>,
    clock_us: u64,
}

impl Doer for World {
    fn act(&mut self, action: &Action, env: &crate::Env) -> Result<(), Failure> {
        self.done.push(action.clone());
        self.env = env.to_vec();
        self.clock_us += 10;
        match action {
            Action::Exec(command) if command.starts_with("false") => Err(Failure::Exited(1)),
            Action::Exec(command) if command.starts_with("crash") => Err(Failure::Killed(11)),
            Action::Mount(_) => Err(Failure::Told("uwsgi_mount(): Operation not permitted".into())),
            Action::Call(call) => {
                Err(Failure::Told(format!("unable to call function \"{}\"", call.symbol)))
            }
            Action::Other { name, .. } if name == "bad" => Err(Failure::Told("bad: no".into())),
            _ => Ok(()),
        }
    }

    fn log(&mut self, line: Line) {
        let date = if line.dated { "DATE " } else { "" };
        self.said.push(format!("{date}{}", line.text));
    }

    fn now_us(&mut self) -> u64 {
        self.clock_us
    }
}

const FATAL: &str = "DATE FATAL hook failed, destroying instance";

fn within(context: &Context, phase: Phase, options: &[(&str, &str)]) -> (Outcome, World, Tally) {
    let (mut world, mut tally) = (World::default(), Tally::default());
    let mut plan = Plan::read(options.iter().copied());
    plan.register("bad");
    let outcome = run(phase, &plan, context, &mut world, &mut tally);
    (outcome, world, tally)
}

fn at(place: Place, phase: Phase, options: &[(&str, &str)]) -> (Outcome, Vec<String>) {
    let context = Context { place, uid: 33, gid: 34, vassal: None };
    let (outcome, world, _) = within(&context, phase, options);
    (outcome, world.said)
}

#[test]
fn hooks_are_announced_with_their_whole_value() {
    let (outcome, said) = at(
        Place::Alone,
        Phase::AsRoot,
        &[
            ("hook-as-root", "chdir:/ a"),
            ("hook-as-root", "!putenv:SECRET=x"),
            ("hook-as-root", "print:100% %s"),
        ],
    );
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(
        said,
        [
            "running \"chdir:/ a\" (as root)...",
            "running --- PRIVATE HOOK --- (as root)...",
            "running \"print:100% %s\" (as root)...",
            "100% %s",
        ]
    );
}

#[test]
fn every_phase_has_its_label() {
    let context = Context::default();
    for row in crate::phase::ROWS {
        let (mut world, mut tally) = (World::default(), Tally::default());
        let plan = Plan::default();
        let ran = run_one(row.phase, "chdir:/", &plan, &context, &mut world, &mut tally);
        assert_eq!(ran, Outcome::Done);
        assert_eq!(world.said, [format!("running \"chdir:/\" ({})...", row.label)]);
        assert_eq!(tally.of(row.phase).run, 1);
    }
}

#[test]
fn a_fatal_hook_destroys_the_instance_as_its_process_can() {
    for (place, end) in [
        (Place::Alone, Outcome::Exit(1)),
        (Place::Master, Outcome::DestroyAll),
        (Place::Child, Outcome::AskMaster),
    ] {
        let options = [("hook-post-app", "exec:false"), ("hook-post-app", "exec:never")];
        let (outcome, said) = at(place, Phase::PostApp, &options);
        assert_eq!(outcome, end);
        let command = "command \"false\" exited with non-zero code: 1";
        assert_eq!(said, ["running \"exec:false\" (post app)...", command, FATAL]);
    }
    let (outcome, said) = at(Place::Master, Phase::AsVassal, &[("hook-as-vassal", "bad:x")]);
    assert_eq!((outcome, said.last().unwrap().as_str()), (Outcome::Exit(1), FATAL), "its own");
}

#[test]
fn a_command_that_a_signal_killed_has_failed() {
    let (outcome, said) = at(Place::Child, Phase::Accepting, &[("hook-accepting", "exec:crash")]);
    assert_eq!(outcome, Outcome::AskMaster);
    assert_eq!(said[1..], ["command \"crash\" killed by signal 11", FATAL]);
}

#[test]
fn safeexec_tells_and_goes_on() {
    let options = [("hook-asap", "safeexec:false"), ("hook-asap", "exec:true")];
    let (outcome, world, tally) = within(&Context::default(), Phase::Asap, &options);
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(
        world.said,
        [
            "running \"safeexec:false\" (asap)...",
            "command \"false\" exited with non-zero code: 1",
            "running \"exec:true\" (asap)...",
        ]
    );
    assert_eq!((tally.of(Phase::Asap).run, tally.of(Phase::Asap).failed), (2, 0));
}

#[test]
fn what_cannot_be_read_ends_a_process_without_an_announcement() {
    for (value, line) in [
        ("exec", "invalid hook syntax, must be hook:args"),
        ("nope:x", "hook action not found: nope"),
        ("!nope:x", "hook action not found: nope"),
    ] {
        let (outcome, said) = at(Place::Child, Phase::Accepting, &[("hook-accepting", value)]);
        assert_eq!((outcome, said), (Outcome::Exit(1), vec![line.to_owned()]), "{value}");
    }
    let (outcome, said) = at(Place::Alone, Phase::Asap, &[("hook-asap", "mount:a b /c foo")]);
    assert_eq!(outcome, Outcome::Exit(1));
    let line = "running \"mount:a b /c foo\" (asap)...";
    assert_eq!(said, [line, "unknown mount flag \"foo\""]);
}

#[test]
fn arguments_that_cannot_be_read_fail_their_action() {
    let (outcome, said) =
        at(Place::Master, Phase::MasterStart, &[("hook-master-start", "mount:a")]);
    assert_eq!(outcome, Outcome::DestroyAll);
    assert_eq!(said[1..], ["uwsgi_mount_hook() invalid syntax", FATAL]);
}

#[test]
fn a_phase_that_is_not_fatal_runs_everything() {
    let options = [
        ("hook-as-user-atexit", "nope:x"),
        ("hook-as-user-atexit", "bad:x"),
        ("exec-as-user-atexit", "false"),
        ("call-as-user-atexit", "f"),
        ("call-as-user-atexit", "g"),
    ];
    let context = Context { place: Place::Master, uid: 33, gid: 34, vassal: None };
    let (outcome, world, tally) = within(&context, Phase::AsUserAtexit, &options);
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(
        world.said,
        [
            "hook action not found: nope",
            "running \"bad:x\" (atexit)...",
            "bad: no",
            "running \"false\" (as uid: 33 gid: 34) ...",
            "command \"false\" exited with non-zero code: 1",
            "running \"f\" (as uid: 33 gid: 34) ...",
            "unable to call function \"f\"",
            "running \"g\" (as uid: 33 gid: 34) ...",
            "unable to call function \"g\"",
        ]
    );
    let count = tally.of(Phase::AsUserAtexit);
    assert_eq!((count.run, count.failed, count.last_us), (5, 5, 10));
}

#[test]
fn soft_phases_have_an_effect_on_the_vassal() {
    for (phase, option, effect) in [
        (Phase::AsEmperorBeforeVassal, "hook-as-emperor-before-vassal", Effect::CancelSpawn),
        (Phase::AsOnDemandVassal, "hook-as-on-demand-vassal", Effect::RemoveVassal),
        (Phase::AsOnConfigVassal, "hook-as-on-config-vassal", Effect::CurseVassal),
    ] {
        let options = [(option, "bad:x"), (option, "chdir:/")];
        let (outcome, said) = at(Place::Alone, phase, &options);
        assert_eq!(outcome, Outcome::Soft(effect));
        assert_eq!(said.len(), 3, "all run: {said:?}");
        assert_eq!(at(Place::Alone, phase, &options[1..]).0, Outcome::Done);
        assert_eq!(at(Place::Alone, phase, &[(option, "x")]).0, Outcome::Soft(effect));
    }
}

#[test]
fn mounts_commands_and_functions_have_their_lines() {
    let (outcome, said) = at(
        Place::Alone,
        Phase::PreJail,
        &[
            ("umount-pre-jail", "/old rec,detach"),
            ("exec-pre-jail", "true"),
            ("call-pre-jail", "f"),
            ("exec-pre-jail", "false x"),
        ],
    );
    assert_eq!(outcome, Outcome::Exit(1));
    assert_eq!(
        said,
        [
            "un-mounting \"/old rec,detach\" (pre-jail)...",
            "running \"true\" (pre-jail)...",
            "running \"false x\" (pre-jail)...",
            "command \"false x\" exited with non-zero code: 1",
        ]
    );
    let mount = [("mount-as-root", "proc none /proc"), ("exec-as-root", "never")];
    let (outcome, said) = at(Place::Child, Phase::AsRoot, &mount);
    assert_eq!(outcome, Outcome::Exit(1));
    let told = "uwsgi_mount(): Operation not permitted";
    assert_eq!(said, ["mounting \"proc none /proc\" (as root)...", told]);
}

#[test]
fn a_missing_function_is_fatal_but_in_two_phases() {
    for (phase, option, end) in [
        (Phase::Asap, "call-asap", Outcome::Exit(1)),
        (Phase::AsUser, "call-as-user", Outcome::Exit(1)),
        (Phase::PreApp, "call-pre-app", Outcome::Exit(1)),
        (Phase::AsRoot, "call-as-root", Outcome::Done),
        (Phase::PostApp, "call-post-app", Outcome::Done),
        (Phase::AsVassal, "call-as-vassal", Outcome::Exit(1)),
        (Phase::AsEmperor, "call-as-emperor", Outcome::Done),
    ] {
        let (outcome, said) = at(Place::Child, phase, &[(option, "f")]);
        assert_eq!(outcome, end, "{option}");
        assert_eq!(said[1], "unable to call function \"f\"");
    }
}

#[test]
fn commands_after_the_drop_name_user_and_group() {
    let (_, said) = at(Place::Alone, Phase::AsUser, &[("exec-as-user", "id")]);
    assert_eq!(said, ["running \"id\" (as uid: 33 gid: 34) ..."]);
}

#[test]
fn the_emperor_names_the_vassal() {
    let vassal = Vassal { name: "a.ini".into(), pid: 7, uid: 8, gid: 9 };
    let context = Context { vassal: Some(vassal), ..Context::default() };
    let options = [
        ("mount-as-emperor", "proc none /p"),
        ("exec-as-emperor", "false"),
        ("call-as-emperor2", "f"),
    ];
    let (outcome, world, _) = within(&context, Phase::AsEmperor, &options);
    assert_eq!(outcome, Outcome::Done);
    let tail = "(as-emperor for vassal \"a.ini\" pid: 7 uid: 8 gid: 9)...";
    assert_eq!(
        world.said,
        [
            format!("mounting \"proc none /p\" {tail}"),
            "uwsgi_mount(): Operation not permitted".into(),
            "unable to mount proc none /p".into(),
            format!("running \"false\" {tail}"),
            "command \"false\" exited with code: 1".into(),
            format!("running \"f\" {tail}"),
            "unable to call function \"f\"".into(),
        ]
    );
    let args = Args::TextNumbers("a.ini".into(), vec![7]);
    let call = Call { symbol: "f".into(), args, checked: false };
    assert_eq!(world.done.last(), Some(&Action::Call(call)));
    assert_eq!(world.env.len(), 4);
}

#[test]
fn exit_ends_everything_with_its_code() {
    let options = [("hook-asap", "exit:42"), ("hook-asap", "exec:never")];
    let (outcome, world, tally) = within(&Context::default(), Phase::Asap, &options);
    assert_eq!(outcome, Outcome::Exit(42));
    assert!(world.done.is_empty());
    assert_eq!(tally.of(Phase::Asap).run, 1);
}

#[test]
fn file_write_tells_and_writes_with_a_newline() {
    let mut world = World::default();
    assert_eq!(file_write(["/a=b=c", "/d="], &mut world), Outcome::Done);
    assert_eq!(world.said, ["writing \"b=c\" to \"/a\" ...", "writing \"\" to \"/d\" ..."]);
    let text = "b=c\n".to_owned();
    assert_eq!(world.done[0], Action::Write { path: "/a".into(), text, append: false });
    assert_eq!(file_write(["x"], &mut world), Outcome::Exit(1));
    assert_eq!(world.said[2], "invalid file-write syntax, must be file=value: x");
}
