//! The argument of `systemd`, and the socket from the environment.

use std::time::Duration;

use super::encode::Encode;
use crate::address::Address;
use crate::datagrams::{POLICY, Sender};
use crate::instance::{Fan, Instance, Receiver};
use crate::keyval::{self, period};
use crate::kinds::Read;
use crate::{Facts, Plan, Work};

/// See the module.
#[derive(Debug)]
struct Systemd {
    /// Nothing when systemd does not listen.
    address: Option<Address>,
    every: Duration,
}

/// Reads the argument.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let socket = std::env::var("NOTIFY_SOCKET").unwrap_or_default();
    plan(argument, &socket, facts.every)
        .map(|systemd| Box::new(systemd) as Box<dyn Plan>)
        .map_err(|why| format!("invalid systemd stats pusher syntax: {why}"))
}

fn plan(argument: Option<&str>, socket: &str, default: Duration) -> Result<Systemd, String> {
    let pairs = keyval::read(argument.unwrap_or_default(), &["freq"])?;
    let every = period(&pairs, "freq", default)?;
    let local = socket.starts_with(['/', '@']);
    Ok(Systemd { address: local.then(|| Address::parse(socket)).flatten(), every })
}

impl Plan for Systemd {
    fn kind(&self) -> &'static str {
        "systemd"
    }

    fn receivers(&self) -> Vec<String> {
        self.address.iter().map(Address::to_string).collect()
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn lines(&self) -> Vec<String> {
        let line = "[systemd] NOTIFY_SOCKET is not set: there is nobody to tell the status to";
        if self.address.is_none() { vec![line.to_owned()] } else { Vec::new() }
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let receivers = self.address.iter().map(|address| {
            let transport = Sender::new(address.clone(), "sd_notify()/sendto()");
            Receiver { transport: Box::new(transport), policy: POLICY }
        });
        Box::new(Fan::start(self.kind(), Encode::default(), receivers.collect(), work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_systemd_there_is_nobody_to_tell() {
        let second = Duration::from_secs(1);
        for (socket, shown) in
            [("/run/notify", Some("/run/notify")), ("@notify", Some("@notify")), ("", None)]
        {
            let systemd = plan(None, socket, second).unwrap();
            assert_eq!(systemd.receivers().first().map(String::as_str), shown);
            assert_eq!(systemd.lines().is_empty(), shown.is_some());
        }
        assert_eq!(plan(Some("freq=9"), "", second).unwrap().every.as_secs(), 9);
        assert!(plan(Some("frequency=9"), "", second).is_err());
    }
}
