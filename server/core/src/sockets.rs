//! Listening sockets of an instance: bound at a first start, found again after a reload.
//!
//! Owns the bind messages users grep for and the rules of replacing and removing UNIX paths.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uwsgi_sys::socket::{self, ListenOptions};

use crate::address::{self, Address};
use crate::kept::Table;
use crate::log;
use crate::settings::Settings;

pub use uwsgi_config::plain;

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    /// Address as shown: kernel-chosen ports are filled in.
    pub name: String,
    /// Address as configured: the key under which a reload finds it.
    pub configured: String,
    /// The descriptor.
    pub fd: OwnedFd,
    /// Abstract names are also bound in their exact form.
    pub alias: Option<OwnedFd>,
    /// Path to remove at exit, with the inode it had when we made it.
    pub path: Option<(PathBuf, u64)>,
    /// Whether it is a TCP socket.
    pub tcp: bool,
    /// Whether it came from the previous image.
    pub inherited: bool,
    /// Whether the kernel chose the port.
    pub auto_port: bool,
}

impl Listener {
    /// `TCP`, `TCP6` or `UNIX`, as the bind lines say it.
    pub fn family(&self) -> &'static str {
        match socket::local_address(&self.fd) {
            Some(SocketAddr::V4(_)) => "TCP",
            Some(SocketAddr::V6(_)) => "TCP6",
            None => "UNIX",
        }
    }

    /// Text after the last colon of the name; `80` for UNIX sockets.
    pub fn port(&self) -> &str {
        if !self.tcp {
            return "80";
        }
        self.name.rsplit_once(':').map_or("80", |(_, port)| port)
    }

    /// The line that tells where a worker socket is bound.
    pub fn describe(&self, index: usize) -> String {
        let fd = self.fd.as_raw_fd();
        let name = &self.name;
        let family = self.family();
        if self.inherited {
            let family = match family {
                "TCP" => "INET",
                "TCP6" => "INET6",
                other => other,
            };
            return format!("uwsgi socket {index} inherited {family} address {name} fd {fd}");
        }
        let auto = if self.auto_port { " (port auto-assigned)" } else { "" };
        format!("uwsgi socket {index} bound to {family} address {name}{auto} fd {fd}")
    }

    /// Removes the path of a UNIX socket, unless somebody replaced it. True if it went.
    pub fn remove_path(&self) -> Option<(&Path, Result<bool, io::Error>)> {
        let (path, inode) = self.path.as_ref()?;
        let gone = match std::fs::symlink_metadata(path) {
            Ok(meta) if meta.ino() == *inode => std::fs::remove_file(path).map(|()| true),
            Ok(_) => Ok(false),
            Err(e) => Err(e),
        };
        Some((path, gone))
    }
}

/// Binds `configured`, or takes it from the table of the previous image under `kind`.
///
/// The error is one or more lines for the log.
pub(crate) fn open(
    kind: &str,
    configured: &str,
    settings: &Settings,
    kept: &Table,
    defer: bool,
) -> Result<Listener, String> {
    let parsed = address::parse(configured, settings.abstract_socket)?;
    if let Some(old) = kept.take(&key(kind, configured)) {
        let alias = kept.take(&alias_key(kind, configured)).map(|k| k.fd);
        return Ok(adopted(configured, &parsed, old.fd, old.inode, alias));
    }
    bind(configured, &parsed, settings, defer)
}

/// Key of a socket in the table that crosses an exec.
pub fn key(kind: &str, configured: &str) -> String {
    format!("{kind}:{configured}")
}

/// Key of the second form of an abstract socket.
pub fn alias_key(kind: &str, configured: &str) -> String {
    format!("{kind}-alias:{configured}")
}

fn adopted(
    configured: &str,
    parsed: &Address,
    fd: OwnedFd,
    inode: u64,
    alias: Option<OwnedFd>,
) -> Listener {
    let tcp = matches!(parsed, Address::Tcp { .. }) || socket::local_address(&fd).is_some();
    let path = match parsed {
        Address::Unix(path) => Some((path.clone(), inode)),
        _ => None,
    };
    let name = shown_name(configured, parsed, &fd);
    Listener {
        name,
        configured: configured.into(),
        fd,
        alias,
        path,
        tcp,
        inherited: true,
        auto_port: false,
    }
}

/// The configured text; with the real port where the kernel chose it.
fn shown_name(configured: &str, parsed: &Address, fd: &OwnedFd) -> String {
    match parsed {
        Address::Tcp { port: 0, .. } => {
            socket::local_address(fd).map_or_else(|| configured.to_owned(), |a| a.to_string())
        }
        Address::Fd(_) => bound_name(fd).unwrap_or_else(|| configured.to_owned()),
        _ => configured.to_owned(),
    }
}

/// What a socket that came from elsewhere is bound to.
fn bound_name(fd: &OwnedFd) -> Option<String> {
    let path = || Some(socket::unix_path(fd)?.to_string_lossy().into_owned());
    socket::local_address(fd).map(|address| address.to_string()).or_else(path)
}

fn bind(
    configured: &str,
    parsed: &Address,
    settings: &Settings,
    defer: bool,
) -> Result<Listener, String> {
    let options = ListenOptions {
        backlog: i32::try_from(settings.listen).unwrap_or(i32::MAX),
        reuse_port: settings.reuse_port,
        keepalive: settings.so_keepalive,
        defer_accept: if defer && settings.defer_accept {
            settings.socket_timeout as u32
        } else {
            0
        },
    };
    let failed = |e: io::Error| bind_failure(configured, &e);
    if let Address::Abstract { .. } = parsed {
        log!("setting abstract socket mode (warning: only Linux supports this)");
    }
    let mut listener = Listener {
        name: configured.to_owned(),
        configured: configured.to_owned(),
        fd: match parsed {
            Address::Tcp { host, port } => {
                socket::listen_tcp(address::resolve(host, *port)?, &options).map_err(failed)?
            }
            Address::Unix(path) => bind_unix(path, &options).map_err(failed)?,
            Address::Abstract { name, padded } => {
                socket::listen_abstract(&abstract_bytes(name, *padded), &options).map_err(failed)?
            }
            Address::Fd(n) => socket::adopt(*n, &options).map_err(failed)?,
        },
        alias: None,
        path: None,
        tcp: false,
        inherited: matches!(parsed, Address::Fd(_)),
        auto_port: matches!(parsed, Address::Tcp { port: 0, .. }),
    };
    listener.tcp = socket::local_address(&listener.fd).is_some();
    listener.name = shown_name(configured, parsed, &listener.fd);
    match parsed {
        Address::Unix(path) => {
            set_mode(path, settings)?;
            let inode = std::fs::symlink_metadata(path).map_or(0, |m| m.ino());
            listener.path = Some((path.clone(), inode));
        }
        Address::Abstract { name, padded: true } => {
            // Ordinary tools dial the exact form; somebody else may own it, then they keep it.
            listener.alias = socket::listen_abstract(name, &options).ok();
        }
        _ => {}
    }
    Ok(listener)
}

fn abstract_bytes(name: &[u8], padded: bool) -> Vec<u8> {
    let mut bytes = name.to_vec();
    if padded {
        bytes.push(0);
    }
    bytes
}

/// Binds a path. A path on which somebody still answers is taken over with a warning.
fn bind_unix(path: &Path, options: &ListenOptions) -> io::Result<OwnedFd> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        log!(
            "*** WARNING: another process answers on {}: taking its path over ***",
            path.display()
        );
    }
    socket::listen_unix(path, options)
}

fn set_mode(path: &Path, settings: &Settings) -> Result<(), String> {
    let Some(mode) = settings.chmod_socket else { return Ok(()) };
    if mode == 0o666 {
        log!("chmod() socket to 666 for lazy and brave users");
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|e| format!("chmod(): {} [{}]", plain(&e), path.display()))
}

fn bind_failure(name: &str, e: &io::Error) -> String {
    let mut text = String::new();
    if e.kind() == io::ErrorKind::AddrInUse {
        text = format!(
            "probably another instance of uWSGI is running on the same address ({name}).\n"
        );
    }
    text + &format!("bind(): {} [core/socket.c line {}]", plain(e), line!())
}

/// Checks the wanted queue length against the system's bound.
pub fn check_backlog(listen: i64) -> Result<(), String> {
    match socket::somaxconn() {
        Some(max) if listen > max => Err(format!(
            "Listen queue size is greater than the system max net.core.somaxconn ({max})."
        )),
        _ => Ok(()),
    }
}
