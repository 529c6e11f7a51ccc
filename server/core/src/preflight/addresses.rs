//! The addresses of a new configuration: whether the next image could bind what this one does not
//! hold. Part of the trial.
//!
//! The master tells under which keys it holds sockets ([`VARIABLE`]); those are found again and are
//! no question. For the others the trial binds, without listening, and lets go: a port that somebody
//! else has, a name that does not resolve, a directory that is not there would end the next image
//! after this one has gone. No file is made, and nobody can connect.

use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{Access, access};
use uwsgi_sys::socket;

use crate::address::{self, Address};
use crate::settings::Settings;
use crate::sockets::{self, KINDS, Place};
use crate::{activation, bound, kept, owner};

/// The keys of held sockets. It does not begin with `UWSGI_`, which would make it an option.
pub(crate) const VARIABLE: &str = "_UWSGI_HELD";

/// The value of [`VARIABLE`] for the sockets under these keys.
pub(crate) fn list<'a>(held: impl Iterator<Item = (String, BorrowedFd<'a>)>) -> String {
    let names = held.flat_map(|(key, fd)| [Some(key), Place::bound(fd).map(|place| place.key())]);
    names.flatten().map(|name| kept::escape(&name)).collect::<Vec<_>>().join(";")
}

/// What the generation that serves holds.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<String>);

impl Held {
    /// As the master told; nothing reaches what the trial loads.
    pub(crate) fn from_env() -> Held {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        uwsgi_sys::env::set(VARIABLE, None);
        Held::read(&text)
    }

    fn read(text: &str) -> Held {
        Held(text.split(';').filter(|key| !key.is_empty()).map(kept::unescape).collect())
    }

    /// The next image finds a socket under this address.
    fn has(&self, configured: &str, parsed: &Address) -> bool {
        let place = || Place::of(parsed).is_some_and(|place| self.0.contains(&place.key()));
        KINDS.iter().any(|kind| self.0.contains(&sockets::key(kind, configured))) || place()
    }

    /// Somebody else opened sockets for this server; which address they stand for is seen only
    /// with the sockets at hand.
    fn handed(&self) -> bool {
        self.0.iter().any(|key| key.starts_with(activation::KEY) || key.contains(":fd://"))
    }
}

/// The error is the text for the log, as the next image would write it.
pub(crate) fn try_out(settings: &Settings, held: &Held) -> Result<(), String> {
    sockets::check_backlog(settings.listen)?;
    if settings.no_server {
        return Ok(());
    }
    if serves_nothing(settings) && !held.handed() {
        return Err(sockets::NOTHING.into());
    }
    let workers = settings.sockets.iter().map(|spec| &spec.address);
    let others = settings.http.iter().chain(&settings.stats).chain(&settings.prometheus.listen);
    workers.chain(others).try_for_each(|configured| look(configured, settings, held))?;
    let sockets = settings.sockets.len().max(usize::from(!settings.http.is_empty()));
    if held.handed() { Ok(()) } else { bound::check_map(settings, sockets) }
}

/// The same for those that are bound first, where the server was started.
pub(crate) fn try_shared(settings: &Settings, held: &Held) -> Result<(), String> {
    let mut shared = settings.policy.sockets.shared.iter().filter(|_| !settings.no_server);
    shared.try_for_each(|spec| look(&spec.address, settings, held))
}

fn serves_nothing(settings: &Settings) -> bool {
    let sockets = !settings.sockets.is_empty() || !settings.http.is_empty();
    !sockets && !settings.command_mode && settings.policy.daemons.specs.is_empty()
}

fn look(configured: &str, settings: &Settings, held: &Held) -> Result<(), String> {
    if held.handed() || activation::name(configured).is_some() {
        return Ok(());
    }
    let parsed = address::parse(configured, settings.abstract_socket)?;
    if held.has(configured, &parsed) {
        return Ok(());
    }
    let failed = |e: std::io::Error| sockets::bind_failure(configured, &e);
    let options = sockets::options(settings, false);
    match &parsed {
        Address::Tcp { host, port } => {
            socket::try_tcp(address::resolve(host, *port)?, &options).map_err(failed)
        }
        Address::Auto { prefix, port } => {
            let (host, _) = address::of_this_host(prefix)?;
            socket::try_tcp((host, *port).into(), &options).map_err(failed)
        }
        Address::Unix(path) => {
            owner::wanted(settings)?;
            room_for(path).map_err(failed)
        }
        Address::Abstract { name, padded } => {
            socket::try_abstract(&sockets::abstract_bytes(name, *padded)).map_err(failed)
        }
        Address::Shared(n) if *n >= settings.policy.sockets.shared.len() => {
            Err(format!("unable to use shared socket {n}"))
        }
        // A descriptor is not ours to look at.
        Address::Shared(_) | Address::Fd(_) => Ok(()),
    }
}

/// Whether a socket can be made at `path`.
fn room_for(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    access(directory.unwrap_or(Path::new(".")), Access::WRITE_OK | Access::EXEC_OK)?;
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => Err(rustix::io::Errno::ADDRINUSE.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn keys_come_back_as_they_were_told() {
        let keys = ["socket:/tmp/a;b=c", "http:localhost:8080", "activated:0:web"];
        let file = std::fs::File::open("/dev/null").unwrap();
        let held = Held::read(&list(keys.iter().map(|&key| (key.to_owned(), file.as_fd()))));
        assert_eq!(held.0, keys);
        let has = |text: &str| held.has(text, &address::parse(text, false).unwrap());
        assert!(has("/tmp/a;b=c") && has("localhost:8080"));
        assert!(!has("localhost:8081"));
        assert!(held.handed());
    }

    #[test]
    fn a_place_is_found_in_other_words() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let key = format!("socket:127.0.0.1:{port}");
        let held = Held::read(&list(std::iter::once((key, listener.as_fd()))));
        let text = format!("localhost:{port}");
        assert!(held.has(&text, &address::parse(&text, false).unwrap()));
        let text = format!("[::1]:{port}");
        assert!(!held.has(&text, &address::parse(&text, false).unwrap()));
    }

    #[test]
    fn nothing_told_is_nothing_held() {
        let held = Held::read("");
        assert!(held.0.is_empty() && !held.handed());
    }

    #[test]
    fn a_socket_needs_a_directory_and_no_directory_in_its_place() {
        let directory = std::env::temp_dir();
        assert!(room_for(&directory.join("uwsgi-none.sock")).is_ok());
        assert!(room_for(&directory.join("uwsgi-none/x.sock")).is_err());
        assert!(room_for(&directory).is_err());
    }
}
