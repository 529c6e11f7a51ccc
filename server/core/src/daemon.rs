//! Leaving the terminal, and where the log goes.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use uwsgi_sys::process::{self, Fork};

use crate::sockets::plain;

/// Opens a log file for appending (mode 0640) and leads descriptors 1 and 2 there.
pub(crate) fn log_to(path: &str) -> Result<(), String> {
    if path.contains(':') {
        return Err(format!("logging to the udp address \"{path}\" is not implemented yet"));
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
    let file = file.map_err(|e| {
        format!("open(\"{path}\"): {} [core/logging.c line {}]", plain(&e), line!())
    })?;
    for target in [1, 2] {
        uwsgi_sys::fd::redirect(&file, target).map_err(|e| format!("dup2(): {}", plain(&e)))?;
    }
    Ok(())
}

/// Detaches from the terminal: the calling process exits, its grandchild goes on in a session of
/// its own, with nothing on descriptor 0.
///
/// Files it makes are open to what their creators ask for, unless a mask was configured.
pub(crate) fn detach(umask: Option<u32>) -> Result<(), String> {
    let fork = || process::fork().map_err(|e| format!("fork(): {}", plain(&e)));
    if let Fork::Parent(_) = fork()? {
        process::exit_now(0);
    }
    process::new_session().map_err(|e| format!("setsid(): {}", plain(&e)))?;
    if let Fork::Parent(_) = fork()? {
        process::exit_now(0);
    }
    set_umask(umask.unwrap_or(0));
    no_stdin()
}

/// Sets the file mode creation mask.
pub(crate) fn set_umask(mask: u32) {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
}

/// Whether descriptor 0 is a socket, which somebody may want to serve.
pub(crate) fn stdin_is_socket() -> bool {
    use rustix::fs::FileType;
    rustix::fs::fstat(std::io::stdin())
        .is_ok_and(|s| FileType::from_raw_mode(s.st_mode).is_socket())
}

/// Descriptor 0 reads nothing from now on.
pub(crate) fn no_stdin() -> Result<(), String> {
    let null =
        File::open("/dev/null").map_err(|e| format!("open(\"/dev/null\"): {}", plain(&e)))?;
    uwsgi_sys::fd::redirect(&null, 0).map_err(|e| format!("dup2(): {}", plain(&e)))
}
