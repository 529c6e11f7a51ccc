//! What was being sent when a response broke off: log lines name it by the functions that people who
//! have run uWSGI search their logs for.

use super::Reply;
use crate::worker::io;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The head, nothing behind it.
    Head,
    /// The head and the first bytes of the body.
    HeadAndBody,
    #[default]
    Body,
    File,
}

impl Stage {
    /// The name in the log.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Stage::Head => "uwsgi_response_write_headers_do()",
            Stage::HeadAndBody => "uwsgi_response_writev_headers_and_body_do()",
            Stage::Body => "uwsgi_response_write_body_do()",
            Stage::File => "uwsgi_response_sendfile_do()",
        }
    }
}

impl Reply {
    /// Bytes that went to the client since the response was begun.
    pub(crate) fn gone(&self) -> u64 {
        io::moved().1.saturating_sub(self.moved_at)
    }

    /// Bytes of the body leave next, behind the head if that was not sent yet.
    pub(super) fn stage_body(&mut self, empty: bool) {
        self.stage = match (self.sent, empty) {
            (true, _) => Stage::Body,
            (false, true) => Stage::Head,
            (false, false) => Stage::HeadAndBody,
        };
    }

    /// The same of a file: its head goes by itself.
    pub(super) fn stage_file(&mut self) {
        self.stage = if self.sent { Stage::File } else { Stage::Head };
    }

    /// A write has failed: where the head had left, it was one of the body.
    pub(super) fn settle_stage(&mut self) {
        if self.stage == Stage::HeadAndBody && self.head_bytes > 0 && self.gone() >= self.head_bytes
        {
            self.stage = Stage::Body;
        }
    }
}
