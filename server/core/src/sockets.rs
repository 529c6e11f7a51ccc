//! Listening sockets of an instance: bound at a first start, found again after a reload.
//!
//! Owns the bind messages users grep for and the rules of replacing and removing UNIX paths.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use uwsgi_sys::socket::{self, ListenOptions};

use crate::activation;
use crate::address::{self, Address};
use crate::kept::{Kept, Table};
use crate::settings::Settings;
use crate::{log, owner};

pub use uwsgi_config::plain;

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    /// Address as shown: what the kernel or the host chose is filled in.
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
    /// Where it comes from.
    pub origin: Origin,
    /// Its key in the table of the next image, where a service manager had opened it.
    pub handed: Option<String>,
}

/// Where a listening socket comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Bound by this process.
    Bound,
    /// Bound by this process to a port of the kernel's choice.
    AutoPort,
    /// Somebody else had bound it: the previous image, or who started us.
    Inherited,
    /// A service manager had bound it and hands it over now.
    Attached,
    /// It is the shared socket with this number.
    Shared(usize),
    /// It is the worker socket with this number once more.
    Again(usize),
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
        let (name, fd) = (&self.name, self.fd.as_raw_fd());
        let how = match self.origin {
            Origin::Bound => format!("bound to {} address {name}", self.family()),
            Origin::AutoPort => {
                format!("bound to {} address {name} (port auto-assigned)", self.family())
            }
            Origin::Inherited => format!("inherited {} address {name}", self.inet()),
            Origin::Attached => format!("attached to {} address {name}", self.inet()),
            Origin::Shared(n) => return self.describe_mapped(index, n),
            Origin::Again(n) => format!("has the address of socket {n} ({name})"),
        };
        format!("uwsgi socket {index} {how} fd {fd}")
    }

    /// The family as lines about sockets of others say it.
    fn inet(&self) -> &'static str {
        match self.family() {
            "TCP" => "INET",
            "TCP6" => "INET6",
            other => other,
        }
    }

    /// The line that tells where a shared socket is bound.
    pub fn describe_shared(&self, index: usize) -> String {
        let how = match self.origin {
            Origin::Inherited => "inherited",
            Origin::Attached => "attached to",
            _ => "bound to",
        };
        let (family, name, fd) = (self.family(), &self.name, self.fd.as_raw_fd());
        format!("uwsgi shared socket {index} {how} {family} address {name} fd {fd}")
    }

    /// The line that tells that worker socket `index` is shared socket `shared`, this one.
    pub fn describe_mapped(&self, index: usize, shared: usize) -> String {
        let (name, fd) = (&self.name, self.fd.as_raw_fd());
        format!("uwsgi socket {index} mapped to shared socket {shared} ({name}) fd {fd}")
    }

    /// The same socket for another purpose: its path and its place in the table of the next image
    /// stay with this one.
    pub fn again(&self, configured: &str, origin: Origin) -> Result<Listener, String> {
        let failed = |e: io::Error| format!("dup(): {}", plain(&e));
        Ok(Listener {
            name: self.name.clone(),
            configured: configured.to_owned(),
            fd: self.fd.try_clone().map_err(failed)?,
            alias: self.alias.as_ref().map(OwnedFd::try_clone).transpose().map_err(failed)?,
            path: None,
            tcp: self.tcp,
            origin,
            handed: None,
        })
    }

    /// Whether it has a place of its own in the table of the next image.
    pub fn is_kept(&self) -> bool {
        !matches!(self.origin, Origin::Shared(_) | Origin::Again(_))
    }

    /// Its descriptors.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.fd.as_fd()).chain(self.alias.iter().map(AsFd::as_fd))
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

/// What sockets are opened by and from.
#[derive(Clone, Copy)]
pub(crate) struct Opener<'a> {
    /// The configuration.
    pub settings: &'a Settings,
    /// What the previous image left.
    pub kept: &'a Table,
    /// What `=N` stands for.
    pub shared: &'a [Listener],
}

/// What a server without anything to serve ends with.
pub(crate) const NOTHING: &str = "The -s/--socket option is missing and stdin is not a socket.";

/// Purposes of listening sockets: a reload may give an address another one.
pub(crate) const KINDS: [&str; 5] = ["shared", "socket", "http", "stats", "prometheus"];

impl Opener<'_> {
    /// Binds `configured`, or takes it from the table of the previous image under `kind`.
    ///
    /// The error is one or more lines for the log.
    pub(crate) fn open(
        &self,
        kind: &str,
        configured: &str,
        defer: bool,
    ) -> Result<Listener, String> {
        if let Some(name) = activation::name(configured) {
            let missing = || format!("no socket called \"{name}\" was handed over");
            return Ok(self.attached(activation::named(self.kept, name).ok_or_else(missing)?));
        }
        let parsed = address::parse(configured, self.settings.abstract_socket)?;
        if let Address::Shared(n) = parsed {
            let missing = || format!("unable to use shared socket {n}");
            return self.shared.get(n).ok_or_else(missing)?.again(configured, Origin::Shared(n));
        }
        if let Some(handed) = activation::matching(self.kept, &parsed) {
            return Ok(self.attached(handed));
        }
        match self.find(kind, configured, &parsed) {
            Some(listener) => Ok(listener),
            None => bind(configured, &parsed, self.settings, defer),
        }
    }

    /// A socket of a service manager, which keeps its file and its place in the table of the next
    /// image whatever it is used for.
    pub(crate) fn attached(&self, (key, fd): (String, OwnedFd)) -> Listener {
        let name = activation::shown(&fd);
        Listener {
            configured: name.clone(),
            name,
            tcp: socket::local_address(&fd).is_some(),
            fd,
            alias: None,
            path: None,
            origin: if activation::is_reload() { Origin::Inherited } else { Origin::Attached },
            handed: Some(key),
        }
    }

    /// What the last image had at this address, whatever for. A port of the kernel's choice is
    /// found by its purpose alone.
    fn find(&self, kind: &str, configured: &str, parsed: &Address) -> Option<Listener> {
        let fixed = !matches!(
            parsed,
            Address::Tcp { port: 0, .. } | Address::Auto { port: 0, .. } | Address::Fd(_)
        );
        let others = KINDS.into_iter().filter(|other| fixed && *other != kind);
        let same = std::iter::once(kind).chain(others).find_map(|kind| {
            let old = self.kept.take(&key(kind, configured))?;
            let alias = self.kept.take(&alias_key(kind, configured)).map(|k| k.fd);
            Some(adopted(configured, parsed, old.fd, old.inode, alias))
        });
        let found = same.or_else(|| self.otherwise_written(configured, parsed));
        found.filter(|listener| !is_lost(listener))
    }

    /// The same place in other words: `:80` and `0.0.0.0:80`, a relative path and a whole one.
    fn otherwise_written(&self, configured: &str, parsed: &Address) -> Option<Listener> {
        let place = Place::of(parsed)?;
        let fits = |key: &str, one: &Kept| {
            let kind = key.split_once(':').map(|(kind, _)| kind);
            kind.is_some_and(|kind| KINDS.contains(&kind)) && place.is(&one.fd)
        };
        let (_, old) = self.kept.take_first(fits)?;
        Some(adopted(configured, parsed, old.fd, old.inode, None))
    }
}

/// Whether nobody can connect to an inherited socket any more, because its path is gone. One whose
/// path somebody else has taken stays as it is: the path is not ours to take back.
fn is_lost(listener: &Listener) -> bool {
    let Some((path, inode)) = listener.path.as_ref().filter(|(_, inode)| *inode > 0) else {
        return false;
    };
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.ino() == *inode => false,
        Ok(_) => {
            let path = path.display();
            log!("*** WARNING: {path} is not our socket any more: nobody reaches us there ***");
            false
        }
        Err(e) => {
            let gone = e.kind() == io::ErrorKind::NotFound;
            if gone {
                log!("{} was removed: binding it again", path.display());
            }
            gone
        }
    }
}

/// Where a socket with a name of its own lies, however it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A TCP address with a fixed port.
    Tcp(SocketAddr),
    /// A whole path.
    Path(PathBuf),
}

impl Place {
    /// Where `parsed` lies; nothing for ports of the kernel's choice and names without a place.
    pub(crate) fn of(parsed: &Address) -> Option<Place> {
        match parsed {
            Address::Tcp { port: 0, .. } => None,
            Address::Tcp { host, port } => address::resolve(host, *port).ok().map(Place::Tcp),
            Address::Unix(path) => std::path::absolute(path).ok().map(Place::Path),
            _ => None,
        }
    }

    /// Where a bound socket lies.
    pub(crate) fn bound(fd: impl AsFd) -> Option<Place> {
        let path = || std::path::absolute(socket::unix_path(fd.as_fd())?).ok();
        let tcp = socket::local_address(fd.as_fd()).map(Place::Tcp);
        tcp.or_else(|| path().map(Place::Path))
    }

    fn is(&self, fd: &OwnedFd) -> bool {
        Place::bound(fd).as_ref() == Some(self)
    }

    /// As text in a list of keys.
    pub(crate) fn key(&self) -> String {
        match self {
            Place::Tcp(address) => format!("tcp:{address}"),
            Place::Path(path) => format!("path:{}", path.display()),
        }
    }
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
    let path = match parsed {
        Address::Unix(path) => Some((path.clone(), inode)),
        _ => None,
    };
    Listener {
        name: shown_name(configured, parsed, &fd),
        configured: configured.into(),
        tcp: socket::local_address(&fd).is_some(),
        fd,
        alias,
        path,
        origin: Origin::Inherited,
        handed: None,
    }
}

/// The configured text; with the real address where somebody else chose it.
fn shown_name(configured: &str, parsed: &Address, fd: &OwnedFd) -> String {
    let real = match parsed {
        Address::Tcp { port: 0, .. } | Address::Auto { .. } | Address::Fd(_) => bound_name(fd),
        _ => None,
    };
    real.unwrap_or_else(|| configured.to_owned())
}

/// What a socket that came from elsewhere is bound to.
fn bound_name(fd: &OwnedFd) -> Option<String> {
    let path = || Some(socket::unix_path(fd)?.to_string_lossy().into_owned());
    socket::local_address(fd).map(|address| address.to_string()).or_else(path)
}

/// What the kernel is told of a socket; `defer`: connections without data wake nobody.
pub(crate) fn options(settings: &Settings, defer: bool) -> ListenOptions {
    let wait = if defer && settings.defer_accept { settings.socket_timeout } else { 0 };
    ListenOptions {
        backlog: i32::try_from(settings.listen).unwrap_or(i32::MAX),
        reuse_port: settings.reuse_port,
        keepalive: settings.so_keepalive,
        defer_accept: u32::try_from(wait).unwrap_or(u32::MAX),
        freebind: settings.policy.sockets.freebind,
        buffers: settings.policy.sockets.buffers,
    }
}

fn bind(
    configured: &str,
    parsed: &Address,
    settings: &Settings,
    defer: bool,
) -> Result<Listener, String> {
    let options = options(settings, defer);
    let failed = |e: io::Error| bind_failure(configured, &e);
    let (mut alias, mut path, mut origin) = (None, None, Origin::Bound);
    let fd = match parsed {
        Address::Tcp { host, port } => {
            if *port == 0 {
                origin = Origin::AutoPort;
            }
            socket::listen_tcp(address::resolve(host, *port)?, &options).map_err(failed)?
        }
        Address::Auto { prefix, port } => {
            let (host, interface) = address::of_this_host(prefix)?;
            log!("[uwsgi-autoip] found {host}:{port} for {configured} on interface {interface}");
            if *port == 0 {
                origin = Origin::AutoPort;
            }
            socket::listen_tcp((host, *port).into(), &options).map_err(failed)?
        }
        Address::Unix(name) => {
            let owner = owner::wanted(settings)?;
            let fd = bind_unix(name, &options).map_err(failed)?;
            owner::set_mode(name, settings)?;
            owner::give(name, owner)?;
            path = Some((name.clone(), std::fs::symlink_metadata(name).map_or(0, |m| m.ino())));
            fd
        }
        Address::Abstract { name, padded } => {
            // The router's link is nobody's choice.
            if !configured.starts_with("@uwsgi-link-") {
                log!("setting abstract socket mode (warning: only Linux supports this)");
            }
            let fd = socket::listen_abstract(&abstract_bytes(name, *padded), &options);
            // Ordinary tools dial the exact form; somebody else may own it, then they keep it.
            if *padded {
                alias = socket::listen_abstract(name, &options).ok();
            }
            fd.map_err(failed)?
        }
        Address::Fd(n) => {
            origin = Origin::Inherited;
            socket::adopt(*n, &options).map_err(failed)?
        }
        Address::Shared(n) => return Err(format!("unable to use shared socket {n}")),
    };
    let (name, tcp) = (shown_name(configured, parsed, &fd), socket::local_address(&fd).is_some());
    let listener = Listener {
        name,
        configured: configured.into(),
        fd,
        alias,
        path,
        tcp,
        origin,
        handed: None,
    };
    fast_open(&listener, settings);
    Ok(listener)
}

fn fast_open(listener: &Listener, settings: &Settings) {
    let pending = settings.policy.sockets.fast_open;
    if pending == 0 || !listener.tcp {
        return;
    }
    match socket::enable_fast_open(&listener.fd, pending) {
        Ok(()) => log!("TCP_FASTOPEN enabled on {}", listener.name),
        Err(e) => log!("setsockopt(): {} [TCP_FASTOPEN on {}]", plain(&e), listener.name),
    }
}

/// The bytes of an abstract name as they are bound.
pub(crate) fn abstract_bytes(name: &[u8], padded: bool) -> Vec<u8> {
    let mut bytes = name.to_vec();
    if padded {
        bytes.push(0);
    }
    bytes
}

/// Binds a path. A path on which somebody still answers is taken over with a warning.
fn bind_unix(path: &Path, options: &ListenOptions) -> io::Result<OwnedFd> {
    if socket::answers(path) {
        log!(
            "*** WARNING: another process answers on {}: taking its path over ***",
            path.display()
        );
    }
    socket::listen_unix(path, options)
}

/// The lines about a socket that cannot be bound.
pub(crate) fn bind_failure(name: &str, e: &io::Error) -> String {
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
