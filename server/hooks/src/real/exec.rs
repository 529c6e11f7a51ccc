//! Commands.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use rustix::fs::{Access, access};

use super::Settings;
use crate::{Env, Failure};

/// Runs a command in the shell and waits for its end.
pub(super) fn run(settings: &Settings, command: &str, env: &Env) -> Result<(), Failure> {
    let shell = shell(&settings.shells);
    let mut shelled = Command::new(shell);
    shelled.arg("-c").arg(command).envs(env.iter().map(|(name, value)| (name, value)));
    (settings.prepare)(&mut shelled);
    let status =
        shelled.status().map_err(|e| Failure::system(&format!("unable to run {shell}"), &e))?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(Failure::Exited(code)),
        (None, signal) => Err(Failure::Killed(signal.unwrap_or_default())),
    }
}

/// The first that can be executed, or the shell of the system.
fn shell(candidates: &[String]) -> &str {
    let runs = |path: &&String| access(path.as_str(), Access::EXEC_OK).is_ok();
    candidates.iter().find(runs).map_or("/bin/sh", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_shell_that_runs_is_taken() {
        let shell = |candidates: &[&str]| {
            let owned: Vec<_> = candidates.iter().map(|&c| c.to_owned()).collect();
            super::shell(&owned).to_owned()
        };
        assert_eq!(shell(&[]), "/bin/sh");
        assert_eq!(shell(&["/no/such", "/bin/bash", "/bin/sh"]), "/bin/bash");
        assert_eq!(shell(&["/no/such"]), "/bin/sh");
    }

    #[test]
    fn a_command_ends_as_its_process_does() {
        let run = |command: &str| run(&Settings::default(), command, &[("K".into(), "v w".into())]);
        assert_eq!(run("test \"$K\" = 'v w'"), Ok(()));
        assert_eq!(run("exit 3"), Err(Failure::Exited(3)));
        assert_eq!(run("kill -9 $$"), Err(Failure::Killed(9)));
        assert_eq!(run(""), Ok(()));
        assert!(matches!(run("a\0b"), Err(Failure::Told(_))));
    }

    #[test]
    fn commands_are_prepared() {
        let prepare = |command: &mut Command| {
            command.env("PREPARED", "1");
        };
        let settings = Settings { prepare, ..Settings::default() };
        assert_eq!(super::run(&settings, "test \"$PREPARED\" = 1", &[]), Ok(()));
    }
}
