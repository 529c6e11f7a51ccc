//! Datagram sockets of an instance: where the SNMP agent answers, where any datagram may come, and
//! where notifications for the log arrive.
//!
//! They are bound at a first start and found again after a reload, like listening sockets. A UDP socket
//! that cannot be bound is told and done without: numbers are no reason not to serve. That of
//! notifications ends the start, as ever.

use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use uwsgi_sys::datagram;

use crate::address::{self, Address};
use crate::kept::Table;
use crate::log;
use crate::settings::Settings;
use crate::sockets::{self, plain};

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Any datagram; those of SNMP go to the agent when there is one.
    Any,
    /// SNMP alone.
    Snmp,
    /// Notifications: texts of the UNIX socket that `notify-socket` names.
    Notify,
}

impl Purpose {
    /// Kind in the keys of what a reload keeps.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Purpose::Any => "udp",
            Purpose::Snmp => "snmp",
            Purpose::Notify => "notify",
        }
    }
}

/// A bound socket.
#[derive(Debug)]
pub struct Endpoint {
    /// Address as configured: the key under which a reload finds it.
    pub configured: String,
    /// The descriptor.
    pub fd: OwnedFd,
    /// What it is for.
    pub purpose: Purpose,
}

/// Binds what the options name, the `udp` socket first, as ever.
pub(crate) fn open(settings: &Settings, kept: &Table) -> Vec<Endpoint> {
    let mut out = Vec::new();
    for configured in &settings.udp {
        match endpoint(configured, Purpose::Any, kept) {
            Some(socket) => {
                log!("UDP server enabled.{}", port(configured, &socket));
                out.push(socket);
            }
            None => log!("unable to bind to udp socket. SNMP services will be disabled."),
        }
    }
    let Some(snmp) = &settings.snmp else { return out };
    for configured in &snmp.addresses {
        match endpoint(configured, Purpose::Snmp, kept) {
            Some(socket) => {
                log!("SNMP server enabled on {configured}{}", port(configured, &socket));
                out.push(socket);
            }
            None => log!("unable to bind to udp socket. SNMP service will be disabled."),
        }
    }
    if snmp.addresses.is_empty() {
        log!("SNMP agent enabled.");
    }
    out
}

/// Binds the UNIX socket of notifications, or finds it in what the last image kept.
///
/// # Errors
/// The line to end the start with.
pub(crate) fn open_notify(settings: &Settings, kept: &Table) -> Result<Option<Endpoint>, String> {
    let Some(path) = &settings.notify_socket else { return Ok(None) };
    let fd = match kept.take(&sockets::key(Purpose::Notify.kind(), path)) {
        Some(old) => old.fd,
        None => datagram::bind_path(Path::new(path))
            .map_err(|e| format!("unable to bind notify-socket {path}: {}", plain(&e)))?,
    };
    log!("notification socket enabled on {path} (fd: {})", fd.as_raw_fd());
    Ok(Some(Endpoint { configured: path.clone(), fd, purpose: Purpose::Notify }))
}

/// The port that the kernel chose.
fn port(configured: &str, socket: &Endpoint) -> String {
    let chosen = configured.rsplit_once(':').is_some_and(|(_, port)| matches!(port, "" | "0"));
    let bound = || UdpSocket::from(socket.fd.try_clone().ok()?).local_addr().ok();
    match chosen.then(bound).flatten() {
        Some(address) => format!(" (port auto-assigned: {})", address.port()),
        None => String::new(),
    }
}

fn endpoint(configured: &str, purpose: Purpose, kept: &Table) -> Option<Endpoint> {
    if let Some(old) = kept.take(&sockets::key(purpose.kind(), configured)) {
        return Some(Endpoint { configured: configured.into(), fd: old.fd, purpose });
    }
    // Words like `true` are no address: the agent then lives on the `udp` socket alone.
    let Ok(Address::Tcp { host, port }) = address::parse(configured, false) else { return None };
    let address = match address::resolve(&host, port) {
        Ok(address) => address,
        Err(text) => {
            log!("{text}");
            return None;
        }
    };
    if datagram::is_group(&address) {
        log!("[uwsgi-mcast] joining multicast group: {configured}");
    }
    match datagram::bind(address) {
        Ok(fd) => Some(Endpoint { configured: configured.into(), fd, purpose }),
        Err(e) => {
            log!("bind(): {} [core/socket.c line {}]", plain(&e), line!());
            None
        }
    }
}

/// Every descriptor with its key in the table of the next image.
pub(crate) fn entries(
    sockets: &[Endpoint],
) -> impl Iterator<Item = (String, std::os::fd::BorrowedFd<'_>, u64)> {
    let key = |socket: &Endpoint| sockets::key(socket.purpose.kind(), &socket.configured);
    sockets.iter().map(move |socket| (key(socket), socket.fd.as_fd(), 0))
}
