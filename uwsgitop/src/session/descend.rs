//! From an emperor down to a vassal: its own statistics as one more source.

use std::sync::Arc;

use super::{Opened, Session};
use crate::opening;
use crate::picture::Body;
use crate::source::{Needs, Source};
use crate::state::{Feed, Key};
use crate::vassal;
use crate::views::Id;

impl Session<'_> {
    /// Shows the workers of a vassal as a source of its own; that is open only once.
    ///
    /// # Errors
    /// A sentence that says what was looked at and what would help.
    pub(super) fn descend(&mut self, id: &str) -> Result<(), String> {
        if self.replay.is_some() {
            return Err("a recording has no vassals to look at".to_owned());
        }
        let feed = self.app.feed();
        let picture = feed.state.picture.clone().filter(|_| feed.local);
        let picture =
            picture.ok_or("vassals are looked at on the machine of their emperor only")?;
        let Body::Emperor(emperor) = &picture.body else { return Ok(()) };
        let vassal = emperor.vassals.iter().find(|vassal| vassal.id == id);
        let vassal =
            vassal.ok_or_else(|| format!("{id} does not run: there is nothing to look at"))?;
        let origin = vassal::origin(vassal, picture.pid)?;
        let options = &self.setting.options;
        let source = Source::of(&origin, &Arc::new(options.access.clone()));
        let name = source.to_string();
        let known = self.app.feeds.iter().position(|feed| feed.name == name);
        let place = match known {
            Some(place) => place,
            None => {
                let opened = opening::start(source, options.interval(&origin), Needs::default())?;
                self.admit(Opened { feed: Feed { found: true, ..opened.feed }, ..opened })
            }
        };
        self.app.press(Key::Tab(Some(place)));
        self.app.press(Key::View(Id::Workers));
        Ok(())
    }
}
