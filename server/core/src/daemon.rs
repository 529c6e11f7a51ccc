//! Leaving the terminal, and where the log goes.
//!
//! Owns the descriptors 0, 1 and 2 of the start. `daemonize` leaves at once. `daemonize2` leaves
//! when the applications are loaded, and until then the process that was started waits in
//! [`foreground`]: so that pids do not change and threads of an application live on, the fork comes
//! before anything is loaded.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use uwsgi_sys::process::{self, Fork};

use crate::policy::Output;
use crate::sockets::plain;
use crate::{early, foreground, log, logfile};

/// The first steps: the terminal is left now or will be, and the log goes where it shall.
pub(crate) fn begin(output: &Output, reload: bool) -> Result<(), String> {
    if let Some(target) = output.daemonize.as_ref() {
        if !reload && !output.vassal {
            detach(output.umask)?;
        }
        return log_to(target, output, reload);
    }
    if output.daemonize2.is_some() && !reload && !output.vassal {
        foreground::stay()?;
    }
    output.logto.as_ref().map_or(Ok(()), |target| log_to(target, output, reload))
}

/// With the final user: `logto2`.
pub(crate) fn after_drop(output: &Output, reload: bool) -> Result<(), String> {
    output.logto2.as_ref().map_or(Ok(()), |target| log_to(target, output, reload))
}

/// With everything loaded: `daemonize2`.
pub(crate) fn leave_terminal(output: &Output, reload: bool) -> Result<(), String> {
    let Some(target) = &output.daemonize2 else { return Ok(()) };
    if !reload {
        log!("*** daemonizing uWSGI ***");
    }
    log_to(target, output, reload)?;
    if !reload && !output.vassal && output.daemonize.is_none() {
        process::new_session().map_err(|e| format!("setsid(): {}", plain(&e)))?;
        set_umask(output.umask.unwrap_or(0));
        no_stdin()?;
        foreground::let_go();
    }
    Ok(())
}

/// Leads the log to `target`. At a reload it stays where it is, unless it is to be opened again;
/// an instance that serves does not end because that fails.
fn log_to(target: &str, output: &Output, reload: bool) -> Result<(), String> {
    match (reload, output.reopen) {
        (false, _) => open(target, output, output.truncate),
        (true, true) => {
            if let Err(text) = open(target, output, false) {
                log!("{text}");
            }
            Ok(())
        }
        (true, false) => Ok(()),
    }
}

/// Leads descriptors 1 and 2 to a file, appended to and made with mode 0640, or to a UDP address.
fn open(target: &str, output: &Output, truncate: bool) -> Result<(), String> {
    if let Some(address) = datagrams(target)? {
        return lead(connected(&address).map_err(|e| format!("connect(): {}", plain(&e)))?);
    }
    let failed = |e: std::io::Error| {
        format!("open(\"{target}\"): {} [core/logging.c line {}]", plain(&e), line!())
    };
    let file = OpenOptions::new().append(true).create(true).mode(logfile::MODE).open(target);
    let file = file.map_err(failed)?;
    if truncate {
        file.set_len(0).map_err(failed)?;
    }
    if let Some(mode) = output.mode {
        let mode = std::fs::Permissions::from_mode(mode);
        file.set_permissions(mode).map_err(|e| format!("fchmod(\"{target}\"): {}", plain(&e)))?;
    }
    lead(file)
}

/// Both standard outputs lead there from now on.
pub(crate) fn lead(log: impl AsFd) -> Result<(), String> {
    for target in early::outputs() {
        uwsgi_sys::fd::redirect(&log, target).map_err(|e| format!("dup2(): {}", plain(&e)))?;
    }
    Ok(())
}

/// The address, if `target` is no path. Paths with a colon have a slash in front of it.
fn datagrams(target: &str) -> Result<Option<SocketAddr>, String> {
    let Some((host, _)) = target.rsplit_once(':').filter(|(host, _)| !host.contains('/')) else {
        return Ok(None);
    };
    let address = match host {
        "" => format!("127.0.0.1{target}").to_socket_addrs(),
        _ => target.to_socket_addrs(),
    };
    let first = address.ok().and_then(|mut all| all.next());
    first.map(Some).ok_or_else(|| {
        format!("invalid udp address \"{target}\": it is no host:port that resolves")
    })
}

fn connected(address: &SocketAddr) -> std::io::Result<UdpSocket> {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    Ok(socket)
}

/// Detaches from the terminal: the calling process exits, its grandchild goes on in a session of
/// its own, with nothing on descriptor 0.
///
/// Files it makes are open to what their creators ask for, unless a mask was configured.
fn detach(umask: Option<u32>) -> Result<(), String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_address() {
        for (target, expected) in [
            ("/var/log/a:b.log", Ok(None)),
            ("./a:1", Ok(None)),
            ("uwsgi.log", Ok(None)),
            ("127.0.0.1:5000", Ok(Some("127.0.0.1:5000"))),
            (":5000", Ok(Some("127.0.0.1:5000"))),
            ("[::1]:5000", Ok(Some("[::1]:5000"))),
            ("127.0.0.1:port", Err(())),
        ] {
            let got = datagrams(target).map(|a| a.map(|a| a.to_string())).map_err(drop);
            assert_eq!(got, expected.map(|a| a.map(str::to_owned)), "{target}");
        }
    }
}
