//! A command whose output is a number: run with a deadline, in a process group of its own, which
//! is killed when it is over time or when the observer ends. What an observer that was killed left
//! running is found by a mark in its environment and killed by the next one.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group};

/// Output that is kept; a number is in front.
const OUTPUT_MAX: usize = 4096;

/// Groups that run now.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Variable that tells whose a command is; its children have it too.
const MARK: &str = "METRICS_COLLECTED_FOR";

static OWNER: OnceLock<String> = OnceLock::new();

/// From now on commands are those of `owner`, and none that it started before goes on.
pub fn take_over(owner: &str) {
    let owner = OWNER.get_or_init(|| owner.to_owned());
    let mark = format!("{MARK}={owner}");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for pid in pids.filter_map(Pid::from_raw) {
        // Of processes of others nothing can be read, and they are none of ours.
        let path = format!("/proc/{}/environ", pid.as_raw_nonzero());
        let environment = std::fs::read(path).unwrap_or_default();
        if environment.split(|b| *b == 0).any(|variable| variable == mark.as_bytes()) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Kills every command that still runs.
pub fn end_all() {
    for pid in std::mem::take(&mut *running()) {
        kill(pid);
    }
}

fn running() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It may have ended by itself.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// What the command prints in the given time. What it started and left behind ends with it.
pub(super) fn run(command: &str, limit: Duration) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + limit;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    if let Some(owner) = OWNER.get() {
        shell.env(MARK, owner);
    }
    let mut child = shell.spawn().map_err(|e| format!("unable to run \"{command}\": {e}"))?;
    let pid = i32::try_from(child.id()).unwrap_or(0);
    running().insert(pid);
    let output = follow(&mut child, deadline).map_err(|e| format!("\"{command}\": {e}"));
    // Until it is buried, its number names no other group.
    kill(pid);
    running().remove(&pid);
    let status = child.wait().map_err(|e| format!("\"{command}\": {e}"))?;
    match output? {
        None => Err(format!("\"{command}\" took longer than {} ms", limit.as_millis())),
        Some(_) if !status.success() => Err(format!("\"{command}\" ended with {status}")),
        Some(text) => Ok(text),
    }
}

/// Reads until the command has ended; nothing when it is late.
fn follow(child: &mut Child, deadline: Instant) -> std::io::Result<Option<Vec<u8>>> {
    let Some(mut pipe) = child.stdout.take() else { return Ok(None) };
    let own = Pid::from_child(child);
    let end = rustix::process::pidfd_open(own, PidfdFlags::empty())?;
    let (mut text, mut open) = (Vec::new(), true);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else { return Ok(None) };
        let output = if open { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = [PollFd::new(&end, PollFlags::IN), PollFd::new(&pipe, output)];
        match poll(&mut fds, Some(&left)) {
            Ok(0) => return Ok(None),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let (ended, readable) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if open && readable {
            open = take(&mut pipe, &mut text)?;
        } else if ended {
            return Ok(Some(text));
        }
    }
}

/// Takes what is in the pipe; false at its end. What nobody looks at is let go.
fn take(pipe: &mut ChildStdout, text: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut chunk = [0; 1024];
    let count = pipe.read(&mut chunk)?;
    let room = OUTPUT_MAX.saturating_sub(text.len()).min(count);
    text.extend_from_slice(&chunk[..room]);
    Ok(count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, ms: u64) -> Result<Vec<u8>, String> {
        super::run(command, Duration::from_millis(ms))
    }

    #[test]
    fn output_is_read_and_bounded() {
        assert_eq!(run("echo 42; echo 7", 10_000).unwrap(), b"42\n7\n");
        assert_eq!(run("printf 5; exec >&-; true", 10_000).unwrap(), b"5", "closed before the end");
        let much = run("head -c 300000 /dev/zero", 10_000).unwrap();
        assert_eq!(much.len(), OUTPUT_MAX);
    }

    #[test]
    fn a_command_that_is_late_is_ended_with_all_it_started() {
        let start = Instant::now();
        let text = run("sleep 600 & echo $!; sleep 600", 50).unwrap_err();
        assert!(text.ends_with("took longer than 50 ms"), "{text}");
        assert!(start.elapsed() < Duration::from_secs(60));
        assert!(running().is_empty());
    }

    #[test]
    fn what_a_command_leaves_behind_does_not_hold_it_up() {
        assert_eq!(run("sleep 600 & echo 3", 30_000).unwrap(), b"3\n");
    }

    #[test]
    fn failures_are_told() {
        let table =
            [("exit 3", "\"exit 3\" ended with exit status: 3"), ("kill -9 $$", "signal: 9")];
        for (command, text) in table {
            let said = run(command, 10_000).unwrap_err();
            assert!(said.contains(text), "{said}");
        }
    }
}
