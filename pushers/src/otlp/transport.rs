//! Calls of gRPC; what goes over HTTP is the business of `web`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use uwsgi_metrics::PusherRow;
use uwsgi_net::Failure;
use uwsgi_net::grpc::{Caller, Reply};
use uwsgi_net::http::header::{AUTHORIZATION, HeaderMap};

use super::answer::{of_proto, retry_delay};
use crate::Log;
use crate::instance::{Sending, Transport};
use crate::lane::Told;
use crate::web;

/// The method.
pub(super) const EXPORT: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Statuses after which another attempt may help.
const CANCELLED: u32 = 1;
const DEADLINE_EXCEEDED: u32 = 4;
const RESOURCE_EXHAUSTED: u32 = 8;
const ABORTED: u32 = 10;
const OUT_OF_RANGE: u32 = 11;
const UNAVAILABLE: u32 = 14;
const DATA_LOSS: u32 = 15;

/// See the module.
pub(super) struct Grpc {
    pub(super) caller: Caller,
    pub(super) token_file: Option<PathBuf>,
    pub(super) log: Log,
    pub(super) row: Option<&'static PusherRow>,
    pub(super) wish: Option<Duration>,
    pub(super) told: Told,
    pub(super) begun: Instant,
}

impl Grpc {
    async fn push(&mut self, message: &[u8]) -> Result<(), Failure> {
        self.wish = None;
        let named =
            |failure: Failure| Failure { text: format!("[otlp] {}", failure.text), ..failure };
        let mut extra = HeaderMap::new();
        if let Some(file) = &self.token_file {
            let token = web::authorization(file, "Bearer").await.map_err(named)?;
            extra.insert(AUTHORIZATION, token);
        }
        let reply = self.caller.call(message, &extra).await.map_err(named)?;
        if reply.status != 0 {
            return Err(self.refused(&reply));
        }
        match of_proto(&reply.body) {
            None => self.told = Told::default(),
            Some((lost, text)) => {
                self.row.inspect(|row| row.dropped_values.add(lost));
                let line = format!("[otlp] {} {text}", self.caller.target.place());
                if let Some(line) = self.told.failed(&line, self.begun.elapsed()) {
                    (self.log)(&line);
                }
            }
        }
        Ok(())
    }

    fn refused(&mut self, reply: &Reply) -> Failure {
        self.wish = reply.details.as_deref().and_then(retry_delay);
        let again = match reply.status {
            // Without a word about when, the quota is used up for good.
            RESOURCE_EXHAUSTED => self.wish.is_some(),
            status => [CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS]
                .contains(&status),
        };
        let said: String = reply.message.chars().filter(|c| !c.is_control()).take(200).collect();
        let place = self.caller.target.place();
        let text = format!("[otlp] {place} answered gRPC status {}: {said}", reply.status);
        Failure { text, again }
    }
}

impl Transport<Vec<u8>> for Grpc {
    fn send<'a>(&'a mut self, message: &'a Vec<u8>) -> Sending<'a> {
        Box::pin(self.push(message))
    }

    fn wish(&mut self) -> Option<Duration> {
        self.wish.take()
    }
}
