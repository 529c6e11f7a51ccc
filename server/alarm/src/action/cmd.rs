//! `cmd:<command>`: a shell command with the message on its standard input.
//!
//! The command runs in a session of its own, keeps no descriptor of the server beyond the standard
//! ones, and reads a pipe that blocks: it sees the whole message, however long, and then its end.
//! Nobody waits for it in the way of other messages; how many may run at the same time is bounded,
//! and what comes beyond that waits in the alarm's queue.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Action, Delivery, Failure, Parsed};
use crate::{Event, Facts};

/// Commands of one alarm that run at the same time: a mail command that hangs for ever must not
/// fill the table of processes.
const RUNNING: usize = 32;

/// Room of a pipe as it is made.
const PIPE: usize = 1 << 16;

/// Time a command may take to read its message; the rest of the message is given up then.
const READING: Duration = Duration::from_secs(60);

struct Cmd {
    shell: String,
    command: String,
    log: Option<fn(&str)>,
    room: Arc<Semaphore>,
}

/// Reads the argument.
pub(super) fn parse(argument: &str, facts: &Facts) -> Parsed {
    let shell = facts.shell.first().map_or("/bin/sh", String::as_str).to_owned();
    let room = Arc::new(Semaphore::new(RUNNING));
    Ok(Box::new(Cmd { shell, command: argument.to_owned(), log: facts.log, room }))
}

impl Action for Cmd {
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a> {
        Box::pin(async {
            let permit = Arc::clone(&self.room).acquire_owned().await;
            let failed = |e: std::io::Error| Failure { text: e.to_string(), again: true };
            let mut child = self.start().map_err(failed)?;
            let stdin = child.stdin.take();
            let given = stdin.as_ref().map_or(0, |stdin| give(stdin, &event.text));
            let rest = event.text.get(given..).unwrap_or_default().to_owned();
            // The message ends where nothing is left of it.
            let stdin = stdin.filter(|_| !rest.is_empty());
            let log = self.log;
            tokio::spawn(async move {
                run(child, stdin, &rest, log).await;
                drop(permit);
            });
            Ok(())
        })
    }
}

impl Cmd {
    fn start(&self) -> std::io::Result<Child> {
        let mut command = std::process::Command::new(&self.shell);
        command.args(["-c", &self.command]).stdin(Stdio::piped());
        uwsgi_sys::process::apart(&mut command);
        Command::from(command).spawn()
    }
}

/// Puts what fits of the message into the pipe, which is all of it unless it is very long: what
/// is there the command reads even when this process ends at once. How much that was.
fn give(stdin: &ChildStdin, text: &[u8]) -> usize {
    let fd = stdin.as_fd();
    if text.len() > PIPE {
        // Where the kernel allows no more the rest follows later.
        let _ = rustix::pipe::fcntl_setpipe_size(fd, text.len());
    }
    let mut given = 0;
    while let Some(rest) = text.get(given..).filter(|rest| !rest.is_empty()) {
        match rustix::io::write(fd, rest) {
            Ok(written) => given += written,
            Err(rustix::io::Errno::INTR) => {}
            // No room, or nobody who reads: that shows later.
            Err(_) => break,
        }
    }
    given
}

/// Gives the command the rest of its message and buries it.
async fn run(mut child: Child, stdin: Option<ChildStdin>, rest: &[u8], log: Option<fn(&str)>) {
    let pid = child.id().unwrap_or_default();
    if let Some(mut stdin) = stdin {
        // A command that reads only a part of its message, or nothing of it, is in its right.
        let _ = timeout(READING, stdin.write_all(rest)).await;
    }
    if let (Ok(status), Some(log)) = (child.wait().await, log) {
        log(&told(pid, status));
    }
}

/// The line of a command's end.
fn told(pid: u32, status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("subprocess {pid} exited with code {code}"),
        None => {
            format!("subprocess {pid} exited by signal {}", status.signal().unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn deliver(command: &str, text: &[u8]) -> Result<(), Failure> {
        let event = Event { text: text.to_vec(), ..Event::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let room = Arc::new(Semaphore::new(RUNNING));
            let shell = "/bin/sh".to_owned();
            let mut action =
                Cmd { shell, command: command.to_owned(), log: None, room: Arc::clone(&room) };
            let delivered = action.deliver(&event).await;
            // All permits are back when every command is buried.
            let all = room.acquire_many(RUNNING as u32);
            drop(timeout(Duration::from_secs(20), all).await.unwrap().unwrap());
            delivered
        })
    }

    #[test]
    fn a_command_reads_the_whole_message_in_a_session_of_its_own() {
        let file = std::env::temp_dir().join(format!("alarm-cmd-{}", std::process::id()));
        let path = file.display();
        // More than a pipe holds.
        let long = vec![b'x'; 300_000];
        for text in [&b"a"[..], b"", b"two\nlines", &long] {
            deliver(&format!("cat > {path}"), text).unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), text);
        }
        deliver(
            &format!("ps -o sid= -p $$ > {path}; echo $$ >> {path}; ls /proc/self/fd >> {path}"),
            b"",
        )
        .unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        assert_eq!(words[0], words[1], "leader of its session: {text}");
        // `ls` itself opens the directory.
        assert_eq!(words[2..], ["0", "1", "2", "3"], "{text}");
    }

    #[test]
    fn a_command_has_its_message_even_when_this_process_ends() {
        let file = std::env::temp_dir().join(format!("alarm-end-{}", std::process::id()));
        let path = file.display();
        for len in [0, 1, 70_000, 200_000] {
            let event = Event { text: vec![b'x'; len], ..Event::default() };
            let command = format!("read go < {path}; wc -c > {path}.tmp; mv {path}.tmp {path}.out");
            let log = None;
            let room = Arc::new(Semaphore::new(RUNNING));
            let mut action = Cmd { shell: "/bin/sh".into(), command, log, room };
            let fifo = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
            assert!(fifo.success());
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(action.deliver(&event)).unwrap();
            // Whatever was left for later is never done.
            runtime.shutdown_background();
            std::fs::write(&file, "go\n").unwrap();
            let out = file.with_extension("out");
            let begun = Instant::now();
            while !out.exists() && begun.elapsed() < Duration::from_secs(20) {
                std::thread::yield_now();
            }
            let seen = std::fs::read_to_string(&out).unwrap();
            assert_eq!(seen.trim(), len.to_string());
            std::fs::remove_file(&out).unwrap();
            std::fs::remove_file(&file).unwrap();
        }
    }

    #[test]
    fn nobody_waits_for_a_command_that_does_not_read() {
        let begun = Instant::now();
        deliver("exit 3", &vec![b'x'; 300_000]).unwrap();
        assert!(begun.elapsed() < READING / 2);
    }

    #[test]
    fn the_end_of_a_command_is_told_as_ever() {
        assert_eq!(told(7, ExitStatus::from_raw(3 << 8)), "subprocess 7 exited with code 3");
        assert_eq!(told(7, ExitStatus::from_raw(9)), "subprocess 7 exited by signal 9");
    }
}
