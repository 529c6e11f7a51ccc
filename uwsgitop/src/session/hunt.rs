//! Servers that are started while the screen is open join it.
//!
//! Owns what was found last and how newcomers are opened. A server that has ended stays, as all
//! sources do; what it was is still on the screen.

use std::sync::Arc;
use std::time::Duration;

use crate::args::Options;
use crate::discovery::{Seen, watch::Watch};
use crate::opening;
use crate::session::Opened;
use crate::source::access::Access;
use crate::source::{Needs, Source};
use crate::state::Feed;

/// The search for servers of this machine.
pub(crate) struct Hunt {
    watch: Watch,
    frequency: Option<Duration>,
    /// What cannot be shown.
    pub(crate) remarks: Vec<String>,
}

impl Hunt {
    /// Goes on after the first look.
    ///
    /// # Errors
    /// A sentence when no thread can be made.
    pub(crate) fn start(seen: Seen, options: &Options) -> Result<Self, String> {
        let remarks = seen.remarks.clone();
        Ok(Self { watch: Watch::start(seen)?, frequency: options.frequency, remarks })
    }

    /// What is new since the last time: servers that are none of the feeds, opened, with a first
    /// picture. Nothing when all is as it was.
    ///
    /// # Errors
    /// A sentence when no thread can be made.
    pub(crate) fn fresh(&mut self, feeds: &[Feed]) -> Result<Option<Vec<Opened>>, String> {
        let Some(seen) = self.watch.take() else { return Ok(None) };
        self.remarks = seen.remarks;
        let mut all = Vec::new();
        for master in seen.masters {
            let origin = opening::found(master);
            let mut source = Source::of(&origin, &Arc::new(Access::default()));
            let name = source.to_string();
            // One that answers again is read already.
            if feeds.iter().any(|feed| feed.name == name) {
                continue;
            }
            // Copied from memory: it takes no time, and tells whose successor it is.
            let Ok(first) = source.picture(Needs::default()) else { continue };
            let interval = self.frequency.unwrap_or(crate::args::FAST);
            let mut opened = opening::start(source, interval, Needs::default())?;
            opened.feed.found = true;
            opened.feed.state.ingest(Ok(first.clone()), Duration::ZERO);
            opened.first = Some(Ok(first));
            all.push(opened);
        }
        Ok(Some(all))
    }
}
