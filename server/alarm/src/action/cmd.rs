//! `cmd:<command>`: a shell command with the message on its standard input.
//!
//! The command runs in a session of its own, keeps no descriptor of the server beyond the standard
//! ones, and reads a pipe that blocks: it sees the whole message, however long, and then its end.
//! Nobody waits for it in the way of other messages; how many may run at the same time is bounded,
//! and what comes beyond that waits in the alarm's queue.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use std::os::unix::process::ExitStatusExt;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Action, Delivery, Failure, Parsed};
use crate::{Event, Facts};

/// Commands of one alarm that run at the same time: a mail command that hangs for ever must not
/// fill the table of processes.
const RUNNING: usize = 32;

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
            let child = self.start().map_err(|e| Failure { text: e.to_string(), again: true })?;
            let (text, log) = (event.text.clone(), self.log);
            tokio::spawn(async move {
                run(child, &text, log).await;
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

/// Gives the command its message and buries it.
async fn run(mut child: Child, text: &[u8], log: Option<fn(&str)>) {
    let pid = child.id().unwrap_or_default();
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads only a part of its message, or nothing of it, is in its right.
        let _ = timeout(READING, stdin.write_all(text)).await;
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
