//! From a key to an action: the menu, the question whether it is meant, and what came of it.
//!
//! Data only; the session carries out what [`Asking::key`] returns.

use super::{Action, Control, Target, menu};
use crate::picture::{Picture, Worker};

/// Where the user stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing is asked.
    #[default]
    Off,
    /// The menu is shown.
    Menu,
    /// Is it meant?
    Sure(Action),
}

/// The permission, and what is being asked.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    permitted: Option<Control>,
    stage: Stage,
    notice: Option<Result<String, String>>,
}

impl Asking {
    /// With this permission, or with none.
    pub(crate) fn new(permitted: Option<Control>) -> Self {
        Self { permitted, ..Self::default() }
    }

    /// Shows the menu, or says that there is none.
    pub(crate) fn open(&mut self) {
        match self.permitted {
            Some(_) => self.stage = Stage::Menu,
            None => {
                let why = "nothing may be asked of servers: start uwsgitop with --control";
                self.notice = Some(Err(why.to_owned()));
            }
        }
    }

    /// Whether keys belong here.
    pub(crate) fn is_open(&self) -> bool {
        self.stage != Stage::Off
    }

    /// A key while it is open; an action that is meant is returned.
    pub(crate) fn key(&mut self, key: Option<char>) -> Option<Action> {
        let action = key.and_then(Action::of);
        let (stage, meant) = match (self.stage, action) {
            (Stage::Menu, Some(action)) if action.disturbs() => (Stage::Sure(action), None),
            (Stage::Menu, action) => (Stage::Off, action),
            (Stage::Sure(action), _) if key == Some('y') => (Stage::Off, Some(action)),
            _ => (Stage::Off, None),
        };
        self.stage = stage;
        meant
    }

    /// Carries an action out and keeps what came of it.
    pub(crate) fn perform(&mut self, action: Action, target: &Target<'_>) {
        self.notice = self.permitted.as_ref().map(|control| control.perform(action, target));
    }

    /// Forgets what came of the last action.
    pub(crate) fn forget(&mut self) {
        self.notice = None;
    }

    /// What the status line says, and whether it is a refusal; nothing most of the time.
    pub(crate) fn line(&self, name: &str) -> Option<(String, bool)> {
        match (self.stage, &self.notice) {
            (Stage::Menu, _) => Some((menu(), false)),
            (Stage::Sure(action), _) => Some((
                format!(" {} {name}? y does it, any other key does not", action.name()),
                false,
            )),
            (Stage::Off, Some(Ok(done))) => Some((format!(" {done}"), false)),
            (Stage::Off, Some(Err(why))) => Some((format!(" ! {why}"), true)),
            (Stage::Off, None) => None,
        }
    }
}

/// The worker that a row's key names: its place from 1, alone or in front of a core.
pub(crate) fn worker_of<'a>(picture: &'a Picture, key: Option<&str>) -> Option<&'a Worker> {
    let place: usize = key?.split(':').next()?.parse().ok()?;
    picture.workers().get(place.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screens::instance;

    #[test]
    fn what_disturbs_is_asked_twice() {
        let mut asking = Asking::new(Some(Control::default()));
        asking.open();
        assert!(asking.is_open() && asking.line("web").unwrap().0.contains("r reload"));
        assert_eq!(asking.key(Some('r')), None);
        assert!(asking.line("web").unwrap().0.contains("reload web? y"));
        assert_eq!(asking.key(Some('y')), Some(Action::Reload));
        assert!(!asking.is_open());
        asking.open();
        asking.key(Some('r'));
        assert_eq!(asking.key(Some('n')), None, "not meant");
        asking.open();
        assert_eq!(asking.key(Some('d')), Some(Action::Stack), "looking disturbs nobody");
        asking.open();
        assert_eq!(asking.key(None), None, "Escape");
        assert!(!asking.is_open());
    }

    #[test]
    fn without_permission_there_is_no_menu() {
        let mut asking = Asking::new(None);
        asking.open();
        assert!(!asking.is_open());
        let (text, refused) = asking.line("web").unwrap();
        assert!(refused && text.contains("--control"), "{text}");
        asking.forget();
        assert_eq!(asking.line("web"), None);
    }

    #[test]
    fn a_rows_key_names_its_worker() {
        let picture = instance(0);
        let id = |key| worker_of(&picture, key).map(|worker| worker.id);
        assert_eq!(
            [id(Some("2")), id(Some("2:1")), id(Some("9")), id(Some("x")), id(None)],
            [Some(2), Some(2), None, None, None]
        );
    }
}
