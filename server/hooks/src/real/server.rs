//! What only a server can do. Each method has an answer for a process that cannot.

use std::net::{TcpStream, ToSocketAddrs};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

use crate::action::{Call, Rpc};
use crate::{Failure, Line};

/// What a wait says that was broken off.
pub(super) const GIVEN_UP: &str = "given up waiting: this process is about to end";

/// How long a look at a socket may take.
const LOOK: Duration = Duration::from_secs(1);

/// What an action needs of the server around it.
pub trait Server {
    /// Takes a line for the log.
    fn log(&mut self, line: Line);

    /// Waits so long. False when the process is about to end: whatever waits gives up.
    fn pause(&mut self, time: Duration) -> bool {
        std::thread::sleep(time);
        true
    }

    /// Sets or removes a variable of this process; one with threads must refuse.
    fn putenv(&mut self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        let _ = (name, value);
        missing("putenv", "this process has threads")
    }

    /// Number of a user.
    fn user(&self, name: &str) -> Option<u32> {
        let _ = name;
        None
    }

    /// Number of a group.
    fn group(&self, name: &str) -> Option<u32> {
        let _ = name;
        None
    }

    /// Raises an alarm.
    fn alarm(&mut self, alarm: &str, text: &str) -> Result<(), Failure> {
        let _ = (alarm, text);
        missing("alarm", "this process has no alarms")
    }

    /// Calls a function of the RPC table; no answer is an empty one.
    fn rpc(&mut self, rpc: &Rpc) -> Result<String, Failure> {
        let _ = rpc;
        missing("rpc", "this process has no rpc functions")
    }

    /// Makes a symbol the handler of a signal.
    fn unix_signal(&mut self, signal: i32, symbol: &str) -> Result<(), Failure> {
        let _ = (signal, symbol);
        missing("unix_signal", "this server installs no handlers by symbol")
    }

    /// Calls a symbol; nothing when there is none. Where [`Call::checked`] is not set the number is
    /// nobody's.
    fn call(&mut self, call: &Call) -> Option<i32> {
        let _ = call;
        None
    }

    /// An action that somebody registered.
    fn other(&mut self, name: &str, argument: &str) -> Result<(), Failure> {
        let _ = argument;
        missing(name, "nobody here knows this action")
    }

    /// Whether an address accepts a connection: `/path`, `@abstract`, `host:port`.
    fn accepts(&mut self, address: &str) -> bool {
        accepts(address)
    }
}

/// No server: everything that needs one says so, and lines go nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoServer;

impl Server for NoServer {
    fn log(&mut self, _: Line) {}
}

fn missing<T>(action: &str, why: &str) -> Result<T, Failure> {
    Err(Failure::Told(format!("hook {action}: {why}")))
}

/// A call with its texts.
pub(super) fn call(server: &mut impl Server, call: &Call) -> Result<(), Failure> {
    let symbol = &call.symbol;
    match server.call(call) {
        None => Err(Failure::Told(format!("unable to call function \"{symbol}\""))),
        Some(code) if call.checked && code != 0 => {
            Err(Failure::Told(format!("function \"{symbol}\" returned {code}")))
        }
        Some(_) => Ok(()),
    }
}

fn accepts(address: &str) -> bool {
    if let Some(name) = address.strip_prefix('@') {
        let address = SocketAddr::from_abstract_name(name);
        return address.is_ok_and(|address| UnixStream::connect_addr(&address).is_ok());
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return UnixStream::connect(address).is_ok();
    };
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let Ok(port) = port.parse::<u16>() else { return false };
    let Ok(mut found) = (host, port).to_socket_addrs() else { return false };
    found.any(|address| TcpStream::connect_timeout(&address, LOOK).is_ok())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn an_address_accepts_once_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(accepts(&format!("127.0.0.1:{port}")) && accepts(&format!(":{port}")));
        drop(listener);
        assert!(!accepts(&format!("127.0.0.1:{port}")));
        let name = format!("uwsgi-hooks-test-{}", std::process::id());
        assert!(!accepts(&format!("@{name}")));
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        assert!(accepts(&format!("@{name}")));
        for address in ["/no/such/socket", "127.0.0.1:x", ""] {
            assert!(!accepts(address), "{address}");
        }
    }

    #[test]
    fn what_is_not_there_says_so() {
        let told = |failure: Result<(), Failure>| match failure {
            Err(Failure::Told(text)) => text,
            other => panic!("{other:?}"),
        };
        let mut none = NoServer;
        assert_eq!(told(none.alarm("a", "b")), "hook alarm: this process has no alarms");
        let text = "hook unix_signal: this server installs no handlers by symbol";
        assert_eq!(told(none.unix_signal(1, "f")), text);
        assert_eq!(told(none.putenv("K", None)), "hook putenv: this process has threads");
        assert_eq!(told(none.other("wall", "x")), "hook wall: nobody here knows this action");
    }
}
