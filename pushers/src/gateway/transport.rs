//! PUT and DELETE.

use std::time::Duration;

use uwsgi_net::http::Method;

use super::encode::Page;
use crate::instance::{Sending, Transport};
use crate::web;

/// See the module.
pub(super) struct Gateway(pub(super) web::Sender);

impl Transport<Page> for Gateway {
    fn send<'a>(&'a mut self, page: &'a Page) -> Sending<'a> {
        Box::pin(async move {
            match page {
                Page::Put(text) => self.0.request(Method::PUT, text).await,
                Page::Delete => self.0.request(Method::DELETE, b"").await,
            }
        })
    }

    fn wish(&mut self) -> Option<Duration> {
        Transport::<Vec<u8>>::wish(&mut self.0)
    }
}
