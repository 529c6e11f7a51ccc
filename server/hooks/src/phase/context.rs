//! Who runs a phase, and what comes after it.

use super::{Effect, Phase, Row};

/// Who runs a phase, as far as its lines, its environment and its failures need it.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// What an instance that ends means here.
    pub place: Place,
    /// User of this process.
    pub uid: u32,
    /// Group of this process.
    pub gid: u32,
    /// The vassal that an Emperor, or the vassal itself, is busy with.
    pub vassal: Option<Vassal>,
}

/// A vassal.
#[derive(Clone, Debug, Default)]
pub struct Vassal {
    /// Its name, which is its configuration.
    pub name: String,
    /// Its pid.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// Where in the instance a process stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// There is no master, or none yet.
    #[default]
    Alone,
    /// It is the master.
    Master,
    /// It has a master.
    Child,
}

/// What comes after a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Go on.
    Done,
    /// Go on, with this effect on the vassal.
    Soft(Effect),
    /// This process ends with this code; a master ends its children first.
    Exit(i32),
    /// This master ends everything; it exits with 1 after that.
    DestroyAll,
    /// The master gets SIGINT and the process goes on until it is ended; the master exits with 1.
    AskMaster,
}

impl Context {
    /// The label of commands, functions and mounts of a phase, with what follows it.
    pub(crate) fn tail(&self, row: &Row, runs: bool) -> String {
        match row.phase {
            Phase::AsUser | Phase::AsUserAtexit if runs => {
                format!("(as uid: {} gid: {}) ...", self.uid, self.gid)
            }
            Phase::AsEmperor => {
                let Vassal { name, pid, uid, gid } = self.vassal.clone().unwrap_or_default();
                format!("(as-emperor for vassal \"{name}\" pid: {pid} uid: {uid} gid: {gid})...")
            }
            _ => format!("({})...", row.label),
        }
    }

    /// What the commands of a phase get in their environment.
    pub fn env(&self, phase: Phase) -> Vec<(String, String)> {
        let Some(vassal) = &self.vassal else { return Vec::new() };
        let of_vassal = || {
            let ids = [("PID", vassal.pid.to_string()), ("UID", vassal.uid.to_string())];
            let ids = ids.into_iter().chain([("GID", vassal.gid.to_string())]);
            ids.map(|(name, value)| (format!("UWSGI_VASSAL_{name}"), value))
        };
        match phase {
            Phase::AsEmperor => {
                let config = ("UWSGI_VASSAL_CONFIG".to_owned(), vassal.name.clone());
                [config].into_iter().chain(of_vassal()).collect()
            }
            Phase::AsEmperorSetns => of_vassal().collect(),
            Phase::AsOnDemandVassal | Phase::AsOnConfigVassal => {
                vec![("UWSGI_HOOK_CONTEXT".to_owned(), vassal.name.clone())]
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_learn_what_they_are_run_for() {
        let vassal = Vassal { name: "a.ini".into(), pid: 7, uid: 8, gid: 9 };
        let context = Context { vassal: Some(vassal), ..Context::default() };
        let text = |phase| {
            let env = context.env(phase);
            env.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
        };
        let ids = "UWSGI_VASSAL_PID=7 UWSGI_VASSAL_UID=8 UWSGI_VASSAL_GID=9";
        assert_eq!(text(Phase::AsEmperor), format!("UWSGI_VASSAL_CONFIG=a.ini {ids}"));
        assert_eq!(text(Phase::AsEmperorSetns), ids);
        assert_eq!(text(Phase::AsOnDemandVassal), "UWSGI_HOOK_CONTEXT=a.ini");
        assert_eq!(text(Phase::AsOnConfigVassal), "UWSGI_HOOK_CONTEXT=a.ini");
        assert_eq!(text(Phase::AsVassal), "");
        assert!(Context::default().env(Phase::AsEmperor).is_empty());
    }
}
