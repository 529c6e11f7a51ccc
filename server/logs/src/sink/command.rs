//! The standard input of a command, which is started again when it has ended.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Stdio};

use super::stream::Begun;
use super::{Message, Sink};

/// See the module.
pub(super) struct Command {
    line: String,
    child: Option<(Child, ChildStdin)>,
    begun: Begun,
    /// They have read the end of their input, or closed it, and may take their time.
    leaving: Vec<Child>,
}

impl Command {
    pub(super) fn new(line: &str) -> Command {
        Command { line: line.to_owned(), child: None, begun: Begun::default(), leaving: Vec::new() }
    }

    fn start(line: &str) -> io::Result<(Child, ChildStdin)> {
        let mut command = std::process::Command::new("/bin/sh");
        command.arg("-c").arg(line).stdin(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((child, stdin))
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let (_, stdin) = match &mut self.child {
            Some(child) => child,
            none => none.insert(Command::start(&self.line)?),
        };
        self.begun.write(stdin.as_fd(), message)
    }

    /// It reads the end of its input and goes.
    fn end(&mut self) {
        self.leaving.extend(self.child.take().map(|(child, _)| child));
        self.leaving.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        self.begun = Begun::default();
    }
}

impl Sink for Command {
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        for (done, Message { text, .. }) in messages.iter().enumerate() {
            if let Err(e) = self.send(text) {
                self.end();
                return (done, Err(e));
            }
        }
        (messages.len(), Ok(()))
    }

    fn reopen(&mut self) {
        self.end();
    }
}
