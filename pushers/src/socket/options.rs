//! The argument of `socket`.

use std::time::Duration;

use super::encode::Encode;
use crate::address::Address;
use crate::datagrams::{POLICY, Sender};
use crate::instance::{Fan, Instance, Receiver};
use crate::kinds::Read;
use crate::{Facts, Plan, Work};

/// See the module.
#[derive(Debug)]
struct Socket {
    address: Address,
    prefix: String,
    every: Duration,
}

/// Reads `ADDR[,PREFIX]`.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let argument = argument.unwrap_or_default();
    let (address, prefix) = argument.split_once(',').unwrap_or((argument, "uwsgi"));
    let address = Address::parse(address).ok_or_else(|| {
        format!("invalid socket address {address} (stats-push = socket:HOST:PORT[,PREFIX])")
    })?;
    Ok(Box::new(Socket { address, prefix: prefix.to_owned(), every: facts.every }))
}

impl Plan for Socket {
    fn kind(&self) -> &'static str {
        "socket"
    }

    fn receivers(&self) -> Vec<String> {
        vec![self.address.to_string()]
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn takes_list(&self) -> bool {
        true
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let transport = Sender::new(self.address.clone(), "stats_pusher_socket()/sendto()");
        let receiver = Receiver { transport: Box::new(transport), policy: POLICY };
        let encoder = Encode { prefix: self.prefix.clone() };
        Box::new(Fan::start(self.kind(), encoder, vec![receiver], work))
    }
}
