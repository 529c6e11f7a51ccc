//! `worker-exec`, `worker-exec2`: another program in place of a worker.
//!
//! It finds the first socket of the instance on descriptor 0, blocking, and is supervised like the
//! worker it replaces.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use uwsgi_hooks::action::words;
use uwsgi_sys::{fd, process, signal};

use crate::instance::Instance;
use crate::sockets::plain;
use crate::{clock, log};

/// Executes `program`, if there is one. The error is the exit code; the log has the reason.
pub(crate) fn become_other(instance: &Instance, program: Option<&str>) -> Result<(), i32> {
    let Some(program) = program else { return Ok(()) };
    if let Err(e) = hand_socket(instance) {
        log!("dup2(): {} [core/uwsgi.c line {}]", plain(&e), line!());
        return Err(1);
    }
    // Nobody can tell when it accepts: from now on.
    let row = instance.arena.worker(instance.worker_id());
    row.ready_us.set(clock::epoch_us());
    row.accepting.set(1);
    let argv = arguments(program);
    let env: Vec<_> = std::env::vars_os().collect();
    signal::reset(&[
        signal::SIGHUP,
        signal::SIGINT,
        signal::SIGTERM,
        signal::SIGUSR1,
        signal::SIGUSR2,
        signal::SIGTSTP,
        signal::SIGPIPE,
    ]);
    let name = argv.first().map(OsString::as_os_str).unwrap_or_default();
    let error = process::exec(name, &argv, &env);
    row.accepting.set(0);
    log!("execvp(): {} [core/uwsgi.c line {}] (\"{program}\")", plain(&error), line!());
    Err(1)
}

/// The whole text is one program; where there is none of that name its words are arguments.
fn arguments(program: &str) -> Vec<OsString> {
    let words = words::split(program);
    if Path::new(program).exists() || words.len() < 2 {
        return vec![OsStr::new(program).to_owned()];
    }
    words.into_iter().map(OsString::from).collect()
}

fn hand_socket(instance: &Instance) -> std::io::Result<()> {
    let first = instance.sockets.first().filter(|_| !instance.settings.honour_stdin);
    let Some((listener, _)) = first else { return Ok(()) };
    rustix::io::ioctl_fionbio(&listener.fd, false)?;
    fd::redirect(&listener.fd, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_one_file_or_words() {
        assert_eq!(arguments("/bin/cat"), ["/bin/cat"]);
        assert_eq!(arguments("cat"), ["cat"]);
        assert_eq!(arguments("/bin/no such 'a b'"), ["/bin/no", "such", "a b"]);
        assert_eq!(arguments("/"), ["/"], "what is there is meant");
    }
}
