//! `exec://`: what a command prints.

use std::io;
use std::process::{Child, ChildStdout, Command, Stdio};

use uwsgi_config::{Content, SourceError};

use super::stream;

/// Standard output of `command`.
pub(super) fn output(command: &str) -> Result<Content, SourceError> {
    let what = format!("exec://{command}");
    let whole = |out: &mut ChildStdout| {
        stream::whole(out).map_err(|error| SourceError::open(&what, &error))
    };
    run(command, whole).map(|(bytes, log)| Content { bytes, log })
}

/// Has `command` run by the shell, and gives what it prints to `taker`, with the log lines of its
/// end. A command that fails is named, and what it printed counts all the same, as it always did.
/// A command whose output nobody takes to its end is ended.
pub(super) fn run<T>(
    command: &str,
    taker: impl FnOnce(&mut ChildStdout) -> Result<T, SourceError>,
) -> Result<(T, Vec<String>), SourceError> {
    let what = format!("exec://{command}");
    let failed = |error: io::Error| SourceError::open(&what, &error);
    let (mut child, mut out) = start(command).map_err(failed)?;
    let taken = taker(&mut out);
    // The shell goes first, or it would go on with the rest once its pipe is closed.
    if taken.is_err() {
        // It may have ended meanwhile, which is as well.
        let _ = child.kill();
    }
    drop(out);
    let status = child.wait().map_err(failed)?;
    let line = || format!("*** WARNING: the command of {what} ended with {status} ***");
    Ok((taken?, (!status.success()).then(line).into_iter().collect()))
}

fn start(command: &str) -> io::Result<(Child, ChildStdout)> {
    let mut shell = Command::new("/bin/sh");
    let mut child = shell.args(["-c", command]).stdout(Stdio::piped()).spawn()?;
    let out = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((child, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_named_and_its_output_kept() {
        assert_eq!(output("printf a%s b").unwrap(), Content { bytes: b"ab".to_vec(), log: vec![] });
        let half = output("printf half; exit 3").unwrap();
        assert_eq!(half.bytes, b"half");
        let line =
            "*** WARNING: the command of exec://printf half; exit 3 ended with exit status: 3 ***";
        assert_eq!(half.log, [line]);
        assert!(output("kill -9 $$").unwrap().log[0].contains("signal: 9"));
    }

    #[test]
    fn a_command_without_end_is_ended() {
        let error = output("yes; sleep 600").unwrap_err();
        let text = "open(\"exec://yes; sleep 600\"): it holds more than 64 MiB";
        assert!(error.text.starts_with(text), "{error:?}");
    }
}
