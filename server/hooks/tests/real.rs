//! Actions done for real, in directories of their own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing helper is a failing test"
)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use uwsgi_hooks::action::{Call, Rpc};
use uwsgi_hooks::real::{Limits, Real, Server, Settings};
use uwsgi_hooks::{Context, Failure, Line, Outcome, Phase, Plan, Tally, run};

/// A directory that goes when it is dropped.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("uwsgi-hooks-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Dir(path)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.0.join(name)).unwrap().permissions().mode() & 0o7777
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What happens at a pause: with the count of those before; false ends the process.
type Pause = Box<dyn FnMut(u32) -> bool>;

/// A server that has a little of everything.
struct Lab {
    said: Vec<String>,
    pauses: u32,
    at_pause: Pause,
    rpc: Vec<Result<String, Failure>>,
}

impl Default for Lab {
    fn default() -> Lab {
        Lab { said: Vec::new(), pauses: 0, at_pause: Box::new(|_| true), rpc: Vec::new() }
    }
}

impl Server for Lab {
    fn log(&mut self, line: Line) {
        self.said.push(line.text);
    }

    fn pause(&mut self, _: Duration) -> bool {
        let go_on = (self.at_pause)(self.pauses);
        self.pauses += 1;
        go_on
    }

    fn user(&self, name: &str) -> Option<u32> {
        (name == "me").then(|| rustix_uid().0)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "us").then(|| rustix_uid().1)
    }

    fn rpc(&mut self, _: &Rpc) -> Result<String, Failure> {
        if self.rpc.is_empty() { Ok("late".into()) } else { self.rpc.remove(0) }
    }

    fn call(&mut self, call: &Call) -> Option<i32> {
        match call.symbol.as_str() {
            "zero" => Some(0),
            "three" => Some(3),
            _ => None,
        }
    }
}

/// User and group that files of this process have.
fn rustix_uid() -> (u32, u32) {
    let data = fs::metadata("/proc/self").unwrap();
    (data.uid(), data.gid())
}

/// Runs hooks at the very start; the lines without their announcements.
fn hooks(lab: Lab, hooks: &[String]) -> (Outcome, Vec<String>, Lab) {
    let plan = Plan::read(hooks.iter().map(|hook| ("hook-asap", hook.as_str())));
    let limits = Limits { interface: 0, fs: 0, socket: 0 };
    let mut real = Real::new(Settings { limits, ..Settings::default() }, lab);
    let outcome = run(Phase::Asap, &plan, &Context::default(), &mut real, &mut Tally::default());
    let lab = std::mem::take(real.server());
    let told = lab.said.iter().filter(|line| !line.starts_with("running ")).cloned();
    (outcome, told.collect(), lab)
}

fn fine(hook: String) {
    let (outcome, told, _) = hooks(Lab::default(), std::slice::from_ref(&hook));
    assert_eq!((outcome, told), (Outcome::Done, vec![]), "{hook}");
}

fn fails(hook: String, line: &str) {
    let (outcome, told, _) = hooks(Lab::default(), std::slice::from_ref(&hook));
    assert_eq!(outcome, Outcome::Exit(1), "{hook}");
    assert_eq!(told, [line, "FATAL hook failed, destroying instance"], "{hook}");
}

#[test]
fn files_are_made_written_and_removed() {
    let dir = Dir::new();
    let file = dir.at("f");
    fine(format!("create:{file}"));
    assert_eq!(dir.read("f"), "");
    fine(format!("write:{file} long text"));
    fine(format!("writen:{file} a"));
    fine(format!("append:{file} b"));
    fine(format!("appendn:{file}"));
    fine(format!("appendn:{file} c "));
    assert_eq!(dir.read("f"), "a\nb\nc \n");
    fine(format!("creat:{file}"));
    assert_eq!(dir.read("f"), "");
    fine(format!("unlink:{file}"));
    fails(format!("unlink:{file}"), "hook unlink: No such file or directory");
    let inner = dir.at("no/f");
    fails(format!("write:{inner} a"), "hook write: No such file or directory");
    fails(format!("append:{inner} a"), "hook append: No such file or directory");
    fails(format!("create:{inner}"), "hook create: No such file or directory");
}

#[test]
fn directories_are_made_once() {
    let dir = Dir::new();
    fine(format!("mkdir:{}", dir.at("d e")));
    fails(format!("mkdir:{}", dir.at("d e")), "hook mkdir: File exists");
    fine(format!("cd:{}", std::env::current_dir().unwrap().display()));
    fails(format!("chdir:{}", dir.at("x")), "hook chdir: No such file or directory");
}

#[test]
fn modes_have_all_their_bits() {
    let dir = Dir::new();
    fs::write(dir.at("f g"), "").unwrap();
    let file = dir.at("f g");
    for (mode, bits) in [("600", 0o600), ("4755", 0o4755), ("1777", 0o1777)] {
        fine(format!("chmod:{file} {mode}"));
        assert_eq!(dir.mode("f g"), bits);
    }
    fine(format!("chmod:{file} 2750"));
    fine(format!("sticky:{file}"));
    assert_eq!(dir.mode("f g"), 0o3750);
    fails(format!("chmod:{} 600", dir.at("x")), "hook chmod: No such file or directory");
    fails(format!("sticky:{}", dir.at("x")), "hook sticky: No such file or directory");
}

#[test]
fn owners_are_found_by_name() {
    let dir = Dir::new();
    fs::write(dir.at("f"), "").unwrap();
    let file = dir.at("f");
    fine(format!("chown:{file} me us"));
    fine(format!("chown2:{file} -1 -1"));
    fails(format!("chown:{file} you us"), "unable to find uid you");
    fails(format!("chown:{file} me 1000"), "unable to find gid 1000");
    fails(format!("chown:{} me us", dir.at("x")), "hook chown: No such file or directory");
}

fn make_fifo(path: &str) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_without_a_reader_is_no_failure() {
    let dir = Dir::new();
    let pipe = dir.at("p");
    make_fifo(&pipe);
    fine(format!("writefifo:{pipe} Q"));
    let mut open = fs::OpenOptions::new();
    let mut reader = open.read(true).custom_flags(0o4000).open(&pipe).unwrap();
    fine(format!("writefifo:{pipe} 2p"));
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "2p", "as it stands, without a newline");
    fails(format!("writefifo:{} x", dir.at("x")), "hook writefifo: No such file or directory");
}

#[test]
fn a_spinning_pipe_waits_for_its_reader() {
    let dir = Dir::new();
    let pipe = dir.at("p");
    make_fifo(&pipe);
    let path = pipe.clone();
    let mut readers = Vec::new();
    let at_pause = Box::new(move |before| {
        if before == 1 {
            let mut open = fs::OpenOptions::new();
            readers.push(open.read(true).custom_flags(0o4000).open(&path).unwrap());
        }
        true
    });
    let lab = Lab { at_pause, ..Lab::default() };
    let (outcome, told, _) = hooks(lab, &[format!("spinningfifo:{pipe} x")]);
    assert_eq!(outcome, Outcome::Done);
    let line = format!("waiting for {pipe} ...");
    assert_eq!(told, [line.clone(), line]);
    let lab = Lab { at_pause: Box::new(|before| before < 1), ..Lab::default() };
    let (outcome, told, _) = hooks(lab, &[format!("spinningfifo:{} x", pipe)]);
    assert_eq!(outcome, Outcome::Exit(1));
    assert_eq!(told[2], "given up waiting: this process is about to end");
}

#[test]
fn waits_see_what_is_there_and_of_which_kind() {
    let dir = Dir::new();
    fs::write(dir.at("f"), "").unwrap();
    let (file, here, none) = (dir.at("f"), dir.at(""), dir.at("x"));
    let gone = |name: &str| format!("{name} unavailable after 0 seconds");
    for (hook, ok, last) in [
        (format!("wait_for_fs:{file}"), true, format!("{file} found")),
        (format!("wait_for_fs:{here}"), true, format!("{here} found")),
        (format!("wait_for_file:{file}"), true, format!("{file} found")),
        (format!("wait_for_file:{here}"), false, gone(&here) + ": it is a directory"),
        (format!("wait_for_dir:{here}"), true, format!("{here} found")),
        (format!("wait_for_dir:{file}"), false, gone(&file) + ": it is no directory"),
        (format!("wait_for_dir:{none}"), false, gone(&none)),
        (format!("wait_for_socket:{none}"), false, gone(&none)),
    ] {
        let (outcome, told, _) = hooks(Lab::default(), std::slice::from_ref(&hook));
        assert_eq!(outcome == Outcome::Done, ok, "{hook}");
        let name = hook.split_once(':').unwrap().1;
        assert_eq!(told[..2], [format!("waiting for {name} (max 0 seconds) ..."), last]);
    }
}

#[test]
fn interfaces_and_mount_points_are_seen() {
    use uwsgi_hooks::real::see;
    use uwsgi_hooks::wait::{Seen, Target};
    let dir = Dir::new();
    let lab = &mut Lab::default();
    assert!(matches!(see(Target::Interface, "lo", lab), Seen::Index(1..)));
    assert_eq!(see(Target::Interface, "no-such-iface", lab), Seen::Nothing);
    assert_eq!(see(Target::Mountpoint, "/proc", lab), Seen::There);
    assert_eq!(see(Target::Mountpoint, "/", lab), Seen::There);
    assert_eq!(see(Target::Mountpoint, &dir.at(""), lab), Seen::Other("no mount point"));
    assert_eq!(see(Target::Mountpoint, &dir.at("x"), lab), Seen::Nothing);
}

#[test]
fn what_comes_late_is_still_found() {
    let dir = Dir::new();
    let path = dir.at("late");
    let at_pause = {
        let path = path.clone();
        Box::new(move |before| before < 2 || fs::write(&path, "").is_ok())
    };
    let limits = Limits::default();
    let lab = Lab { at_pause, ..Lab::default() };
    let mut real = Real::new(Settings { limits, ..Settings::default() }, lab);
    assert_eq!(real.wait(uwsgi_hooks::wait::Target::File, &path), Ok(()));
    let said = &real.server().said;
    assert_eq!(
        said[..],
        [format!("waiting for {path} (max 60 seconds) ..."), format!("{path} found")]
    );
    assert_eq!(real.server().pauses, 3);
}

#[test]
fn an_rpc_shows_its_answer_and_none_is_a_failure() {
    let told = |text: &str| Err(Failure::Told(text.to_owned()));
    let lab = |rpc| Lab { rpc, ..Lab::default() };
    let (outcome, said, _) = hooks(lab(vec![Ok("hi".into())]), &["rpc:f@a:1 x".into()]);
    assert_eq!((outcome, said), (Outcome::Done, vec!["[rpc result from \"f@a:1\"] hi".into()]));
    let (outcome, said, _) = hooks(lab(vec![Ok(String::new())]), &["rpc:f".into()]);
    assert_eq!((outcome, said[0].as_str()), (Outcome::Exit(1), "hook rpc: no answer"));
    let (_, said, _) = hooks(lab(vec![told("no node")]), &["rpc:f".into()]);
    assert_eq!(said[0], "no node");
    let twice = lab(vec![Ok(String::new()), told("no")]);
    let (outcome, said, lab) = hooks(twice, &["retryrpc:f".into()]);
    assert_eq!((outcome, lab.pauses), (Outcome::Done, 2));
    assert_eq!(said, ["[rpc result from \"f\"] late"]);
}

#[test]
fn calls_answer_by_their_kind() {
    for hook in
        ["call:zero", "call:three a", "callint:three 1", "callret:zero", "callintret:zero 1"]
    {
        fine(hook.into());
    }
    fails("callret:three".into(), "function \"three\" returned 3");
    fails("callintret:three 1".into(), "function \"three\" returned 3");
    for hook in ["call:none", "callret:none x", "callint:none", "callintret:none"] {
        fails(hook.into(), "unable to call function \"none\"");
    }
    fails("alarm:a b".into(), "hook alarm: this process has no alarms");
    fails("putenv:A=b".into(), "hook putenv: this process has threads");
}
