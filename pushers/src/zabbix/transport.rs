//! Gets pushes of values to a server, message by message, and looks at what it says to each.

use tokio::time::Instant;
use uwsgi_metrics::PusherRow;
use uwsgi_net::Failure;

use super::answer::{self, Answer};
use super::encode::Push;
use super::link::Link;
use super::refusals::Refusals;
use crate::Log;
use crate::instance::{Sending, Transport};

/// Counts and tells what a server refuses.
pub(super) struct Verdict {
    pub(super) place: String,
    pub(super) row: &'static PusherRow,
    pub(super) log: Log,
    pub(super) refusals: Refusals,
    pub(super) begun: Instant,
}

impl Verdict {
    /// A push of `total` values is over. Some of them refused is no failure; all of them is one.
    pub(super) fn on(&mut self, failed: u64, total: u64) -> Result<(), Failure> {
        let place = &self.place;
        if failed >= total && total > 0 {
            return Err(Failure::lasting(format!(
                "[zabbix] {place} refused all {total} values: is there a host of that name with these items?"
            )));
        }
        self.row.dropped_values.add(failed);
        if let Some(line) = self.refusals.note(failed, total, self.begun.elapsed()) {
            (self.log)(&format!("[zabbix] {place}: {line}"));
        }
        Ok(())
    }
}

/// How far a push has come; another attempt goes on from there.
#[derive(Default)]
struct Progress {
    serial: u64,
    messages: usize,
    failed: u64,
    total: u64,
}

/// See the module.
pub(super) struct Sender {
    link: Link,
    verdict: Verdict,
    progress: Progress,
}

impl Sender {
    pub(super) fn new(link: Link, verdict: Verdict) -> Sender {
        Sender { link, verdict, progress: Progress::default() }
    }

    async fn push(&mut self, push: &Push) -> Result<(), Failure> {
        if self.progress.serial != push.serial {
            self.progress = Progress { serial: push.serial, ..Progress::default() };
        }
        let progress = &mut self.progress;
        for (message, values) in push.messages.iter().skip(progress.messages) {
            let text = self.link.exchange(message).await?;
            if let Ok(Answer::Taken { failed, .. }) = answer::read(&text) {
                progress.failed += failed;
            }
            progress.total += values;
            progress.messages += 1;
        }
        self.verdict.on(progress.failed, progress.total)
    }
}

impl Transport<Push> for Sender {
    fn send<'a>(&'a mut self, push: &'a Push) -> Sending<'a> {
        Box::pin(self.push(push))
    }
}
