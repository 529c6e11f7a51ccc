//! Sockets that a service manager opened before us: systemd, the socket bridge of Upstart.
//!
//! They lie in the table of what is kept, under keys of their own, at a first start and after each
//! reload alike: whoever opens an address asks here first, and what nobody asked for is served by
//! the workers. It owns which one stands for which address. What the environment says is read by
//! `uwsgi_duties::notify::activation`.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use uwsgi_duties::notify::activation::{self, Environment};
use uwsgi_sys::{env, process, socket};

use crate::address::{self, Address};
use crate::kept::{Kept, Table};
use crate::log;
use crate::sockets::plain;

/// How their keys in the table begin: then number and name follow.
pub(crate) const KEY: &str = "activated:";

/// Puts what the environment hands over into the table; to be called before anything is read or
/// run. The error is the line for the log.
pub(crate) fn receive(kept: &Table) -> Result<(), String> {
    let variable = |name: &str| std::env::var(name).ok();
    let environment = Environment {
        listen_pid: variable("LISTEN_PID"),
        listen_fds: variable("LISTEN_FDS"),
        listen_fdnames: variable("LISTEN_FDNAMES"),
        upstart_events: variable("UPSTART_EVENTS"),
        upstart_fds: variable("UPSTART_FDS"),
        upstart_job: variable("UPSTART_JOB"),
    };
    let plan = activation::plan(&environment, process::pid(), is_reload())?;
    plan.unset.iter().for_each(|name| env::set(name, None));
    if let Some(line) = &plan.line {
        log::say(line);
    }
    HAPPENED.store(plan.skip_zero || any(kept), Ordering::Relaxed);
    for (at, one) in plan.fds.iter().enumerate() {
        match take_over(one.fd) {
            Ok(fd) => kept.put(format!("{KEY}{at}:{}", one.name), Kept { fd, inode: 0 }),
            Err(why) => log!(
                "descriptor {} of the service manager is left alone, it is no listening stream \
                 socket: {why}",
                one.fd
            ),
        }
    }
    Ok(())
}

/// Whether this image is not the first of its process.
pub(crate) fn is_reload() -> bool {
    std::env::var("UWSGI_RELOADS").is_ok_and(|count| count.trim() != "0")
}

fn take_over(raw: RawFd) -> Result<OwnedFd, String> {
    if !socket::listens(raw) {
        return Err("connections cannot be accepted on it".to_owned());
    }
    // The queue is as long as the manager made it.
    let fd = socket::adopt(raw, &socket::ListenOptions::default());
    let fd = fd.map_err(|e| plain(&e).to_string())?;
    uwsgi_sys::fd::close_on_exec(&fd).map_err(|e| plain(&e).to_string())?;
    Ok(fd)
}

/// Whether this process was started with such sockets.
pub(crate) fn happened() -> bool {
    HAPPENED.load(Ordering::Relaxed)
}

static HAPPENED: AtomicBool = AtomicBool::new(false);

/// Whether some wait for somebody who opens them.
pub(crate) fn any(kept: &Table) -> bool {
    kept.any(KEY)
}

/// The one that stands for the address `parsed`, with its key.
pub(crate) fn matching(kept: &Table, parsed: &Address) -> Option<(String, OwnedFd)> {
    if !any(kept) {
        return None;
    }
    let wanted = match parsed {
        Address::Tcp { host, port } => address::resolve(host, *port).ok(),
        _ => None,
    };
    take(kept, |_, fd| match parsed {
        Address::Tcp { .. } => wanted.is_some() && socket::inet_address(fd) == wanted,
        Address::Unix(path) => same_file(fd, path),
        Address::Abstract { name, padded } => same_name(fd, name, *padded),
        Address::Fd(number) => fd.as_raw_fd() == *number,
        Address::Auto { .. } | Address::Shared(_) => false,
    })
}

/// The name in `fd://name`; numbers are none.
pub(crate) fn name(configured: &str) -> Option<&str> {
    configured.strip_prefix("fd://").filter(|name| name.parse::<i32>().is_err())
}

/// The one that is called `name`, as in `fd://name`, with its key.
pub(crate) fn named(kept: &Table, name: &str) -> Option<(String, OwnedFd)> {
    take(kept, |key, _| key.split_once(':').is_some_and(|(_, own)| own == name))
}

/// One that nobody asked for, with its key; in the order in which they were handed over.
pub(crate) fn next(kept: &Table) -> Option<(String, OwnedFd)> {
    take(kept, |_, _| true)
}

fn take(kept: &Table, fits: impl Fn(&str, &OwnedFd) -> bool) -> Option<(String, OwnedFd)> {
    let fits =
        |key: &str, one: &Kept| key.strip_prefix(KEY).is_some_and(|rest| fits(rest, &one.fd));
    kept.take_first(fits).map(|(key, one)| (key, one.fd))
}

fn same_file(fd: &OwnedFd, path: &Path) -> bool {
    let whole = |path: &Path| std::path::absolute(path).ok();
    socket::unix_path(fd).is_some_and(|own| whole(&own) == whole(path))
}

fn same_name(fd: &OwnedFd, name: &[u8], padded: bool) -> bool {
    let own = socket::abstract_name(fd);
    own.is_some_and(|own| own == name || (padded && own.strip_suffix(&[0]) == Some(name)))
}

/// What it is bound to, as the log shows it.
pub(crate) fn shown(fd: &OwnedFd) -> String {
    let inet = |address: SocketAddr| address.to_string();
    let path = || socket::unix_path(fd).map(|path| path.to_string_lossy().into_owned());
    let name = || socket::abstract_name(fd).map(|n| format!("@{}", n.escape_ascii()));
    socket::inet_address(fd).map(inet).or_else(path).or_else(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    fn table(all: Vec<(&str, OwnedFd)>) -> Table {
        let table = Table::default();
        for (at, (name, fd)) in all.into_iter().enumerate() {
            table.put(format!("{KEY}{at}:{name}"), Kept { fd, inode: 0 });
        }
        table
    }

    #[test]
    fn an_address_finds_its_socket_once() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let path = std::env::temp_dir().join(format!("uwsgi-activation-{}", process::pid()));
        let unix = UnixListener::bind(&path).unwrap();
        let kept = table(vec![("web", tcp.into()), ("local", unix.into())]);
        let host = "127.0.0.1".to_owned();
        assert!(matching(&kept, &Address::Tcp { host: host.clone(), port: 1 }).is_none());
        let wanted = Address::Tcp { host, port };
        let (key, fd) = matching(&kept, &wanted).unwrap();
        assert_eq!((key.as_str(), shown(&fd)), ("activated:0:web", format!("127.0.0.1:{port}")));
        assert!(matching(&kept, &wanted).is_none(), "it is given away once");
        assert!(any(&kept) && named(&kept, "web").is_none());
        let (key, fd) = matching(&kept, &Address::Unix(path.clone())).unwrap();
        assert_eq!((key.as_str(), shown(&fd)), ("activated:1:local", path.display().to_string()));
        assert!(!any(&kept) && next(&kept).is_none());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn names_may_hold_colons_of_nobody_elses() {
        let fds = || TcpListener::bind("127.0.0.1:0").unwrap().into();
        let kept = table(vec![("", fds()), ("b", fds()), ("b", fds())]);
        assert_eq!(named(&kept, "b").unwrap().0, "activated:1:b");
        assert_eq!(named(&kept, "b").unwrap().0, "activated:2:b", "each once");
        assert!(named(&kept, "b").is_none());
        assert_eq!(next(&kept).unwrap().0, "activated:0:");
    }
}
