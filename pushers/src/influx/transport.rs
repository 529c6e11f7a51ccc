//! Datagrams, or one request.

use std::time::Duration;

use crate::datagrams::{self, Datagrams};
use crate::instance::{Sending, Transport};
use crate::web;
use uwsgi_net::http::Method;

/// See the module.
pub(super) enum Sender {
    Udp(datagrams::Sender),
    Http(Box<web::Sender>),
}

impl Transport<Datagrams> for Sender {
    fn send<'a>(&'a mut self, messages: &'a Datagrams) -> Sending<'a> {
        Box::pin(async move {
            match self {
                Sender::Http(sender) => sender.request(Method::POST, &messages.bytes).await,
                Sender::Udp(sender) => sender.send(messages).await,
            }
        })
    }

    fn wish(&mut self) -> Option<Duration> {
        match self {
            Sender::Udp(_) => None,
            Sender::Http(sender) => Transport::<Vec<u8>>::wish(&mut **sender),
        }
    }
}
