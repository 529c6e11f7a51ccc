//! `exec://`: what a command prints.

use std::process::{Command, Stdio};

use uwsgi_config::{Content, SourceError};

/// Standard output of `command`, run by the shell. A command that fails is named in the log, and
/// what it printed counts all the same, as it always did.
pub(super) fn output(command: &str) -> Result<Content, SourceError> {
    let what = format!("exec://{command}");
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| SourceError::open(&what, &error))?;
    let failed = (!output.status.success())
        .then(|| format!("*** WARNING: the command of {what} ended with {} ***", output.status));
    Ok(Content { bytes: output.stdout, log: failed.into_iter().collect() })
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
}
