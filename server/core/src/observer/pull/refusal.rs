//! Clients that are refused: each is counted, few are named.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::instance::Instance;
use crate::log;

/// A line for each reason at most this often: whoever tries passwords must not fill the log.
const EVERY: Duration = Duration::from_secs(60);

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Reason {
    /// It comes from elsewhere.
    Address = 0,
    /// It does not know the words.
    Credentials = 1,
    /// The handshake failed.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "there are none"))]
    Tls = 2,
    /// What it sent is no request that is served.
    Request = 3,
    /// There are too many.
    Room = 4,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Reason::Address => "its address is not allowed",
            Reason::Credentials => "wrong or no credentials",
            Reason::Tls => "the TLS handshake failed",
            Reason::Request => "its request is malformed or too large",
            Reason::Room => "too many clients",
        }
    }
}

/// When each reason was told last.
#[derive(Default)]
pub(super) struct Refusals(Mutex<[Option<Instant>; 5]>);

impl Refusals {
    /// Counts one, and says so if that was not said lately.
    pub(super) fn note(&self, instance: &Instance, reason: Reason, peer: Option<IpAddr>) {
        if let Some(count) = instance.arena.globals().scrape_refusals.get(reason as usize) {
            count.add(1);
        }
        if self.is_news(reason, Instant::now()) {
            let peer = peer.map_or("a local client".to_owned(), |ip| ip.to_canonical().to_string());
            log!("prometheus: {peer} was refused: {}", reason.text());
        }
    }

    fn is_news(&self, reason: Reason, now: Instant) -> bool {
        let Ok(mut told) = self.0.lock() else { return false };
        let Some(last) = told.get_mut(reason as usize) else { return false };
        let news = last.is_none_or(|last| now.saturating_duration_since(last) >= EVERY);
        if news {
            *last = Some(now);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once_a_minute() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        assert!(refusals.is_news(Reason::Tls, now));
        assert!(!refusals.is_news(Reason::Tls, now + EVERY / 2));
        assert!(refusals.is_news(Reason::Room, now + EVERY / 2), "another reason");
        assert!(refusals.is_news(Reason::Tls, now + EVERY));
    }
}
