//! What the death of a child means: the line to log and what to do next. Pure.
//!
//! ```text
//! worker ended ─┬─ instance is ending ────▶ Buried
//!               ├─ exit 22, need-app lazy ─▶ Destroy(22)
//!               ├─ exit 15 ───────────────▶ Cheap
//!               ├─ exit 31 ───────────────▶ BrutalReload
//!               └─ everything else ───────▶ Respawn
//! ```

use uwsgi_metrics::EXITS;
use uwsgi_sys::process::Ended;

/// What to do after a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start it again.
    Respawn,
    /// It is not wanted any more.
    Buried,
    /// It asked not to be started until needed.
    Cheap,
    /// Its state cannot be trusted: brutal reload of the instance.
    BrutalReload,
    /// End the instance with this code.
    Destroy(i32),
}

/// Why the master kills a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shot {
    /// Its request took too long.
    Harakiri,
    /// It was asked to go and did not.
    NoMercy,
    /// Not killed but asked to end, because its request took too long.
    Asked,
    /// It was too large.
    Evil,
}

/// A worker's death and the circumstances that matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Death {
    /// Worker number.
    pub id: u32,
    /// Its pid.
    pub pid: i32,
    /// How it ended.
    pub ended: Ended,
    /// The instance is stopping or reloading.
    pub instance_ending: bool,
    /// Seconds since that began.
    pub ending_for: u64,
    /// It had been asked to finish (reload of workers, recycling, harakiri of its own).
    pub retiring: bool,
    /// It had done enough: a limit of requests, time or memory, or its own wish.
    pub recycled: bool,
    /// It is not needed now.
    pub cheap: bool,
    /// The master killed it.
    pub shot: Option<Shot>,
    /// `need-app` with apps loaded per worker, and nobody else goes on serving on purpose.
    pub need_app_lazy: bool,
}

impl Death {
    /// Somebody had asked it to go, or it went in good order by itself. Not so when harakiri had
    /// asked it, which it may answer in just that way.
    fn was_wanted(&self) -> bool {
        let orderly = matches!(self.ended, Ended::Code(17 | 30));
        self.retiring || (orderly && self.shot != Some(Shot::Asked))
    }
}

/// The lines to log, in order, and the action.
pub(crate) fn judge(death: &Death) -> (Vec<String>, Action) {
    let Death { id, pid, .. } = *death;
    if death.instance_ending {
        let line = format!("worker {id} buried after {} seconds", death.ending_for);
        return (vec![line], Action::Buried);
    }
    let line = |text: String| (vec![text], Action::Respawn);
    match death.ended {
        Ended::Code(22) if death.need_app_lazy => (
            vec![
                format!("OOPS ! failed loading app in worker {id} (pid {pid})"),
                "need-app requested, destroying the instance...".into(),
            ],
            Action::Destroy(22),
        ),
        Ended::Code(22) => {
            line(format!("OOPS ! failed loading app in worker {id} (pid {pid}) :( trying again..."))
        }
        Ended::Code(173) => line(format!("...restoring worker {id} (pid: {pid})...")),
        Ended::Code(5) => line(format!(
            "... monitored exception detected, respawning worker {id} (pid: {pid})..."
        )),
        Ended::Code(29) => (Vec::new(), Action::Respawn),
        Ended::Code(31) => (
            vec![format!("!!! inconsistent state reported by worker {id} (pid: {pid}) !!!")],
            Action::BrutalReload,
        ),
        Ended::Code(15) => (
            vec![
                format!("worker {id} asked for cheap mode (pid: {pid})..."),
                format!("uWSGI worker {id} cheaped."),
            ],
            Action::Cheap,
        ),
        _ if death.was_wanted() => line(format!("worker {id} killed successfully (pid: {pid})")),
        Ended::Signal(signal) => line(format!(
            "DAMN ! worker {id} (pid: {pid}) died, killed by signal {signal} :( trying respawn ..."
        )),
        Ended::Code(_) => {
            line(format!("DAMN ! worker {id} (pid: {pid}) died :( trying respawn ..."))
        }
    }
}

/// Index of the reason in [`uwsgi_metrics::EXITS`].
pub(crate) fn reason(death: &Death) -> usize {
    let word = match (death.shot, death.ended) {
        (Some(Shot::Harakiri), Ended::Signal(_)) | (Some(Shot::Asked), _) => "harakiri",
        (Some(Shot::Evil), Ended::Signal(_)) => "memory",
        (Some(Shot::NoMercy), Ended::Signal(_)) => "no_mercy",
        (_, Ended::Code(_)) if death.recycled && !death.instance_ending => "recycled",
        _ if death.cheap && !death.instance_ending => "cheap",
        _ if death.instance_ending || death.retiring => "asked",
        (_, Ended::Signal(_)) => "signal",
        (_, Ended::Code(17)) => "asked",
        (_, Ended::Code(0 | 30)) => "recycled",
        (_, Ended::Code(22)) => "no_app",
        (_, Ended::Code(15)) => "cheap",
        (_, Ended::Code(_)) => "exit",
    };
    EXITS.iter().position(|reason| *reason == word).unwrap_or(EXITS.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn death(ended: Ended) -> Death {
        Death {
            id: 2,
            pid: 7,
            ended,
            instance_ending: false,
            ending_for: 3,
            retiring: false,
            recycled: false,
            cheap: false,
            shot: None,
            need_app_lazy: false,
        }
    }

    #[test]
    fn every_end_has_its_reason() {
        let shot = |shot| Death { shot: Some(shot), ..death(Ended::Signal(9)) };
        let retiring = Death { retiring: true, ..death(Ended::Signal(9)) };
        let table = [
            (shot(Shot::Harakiri), "harakiri"),
            (shot(Shot::NoMercy), "no_mercy"),
            // Killed too late: it had ended by itself.
            (Death { ended: Ended::Code(30), ..shot(Shot::Harakiri) }, "recycled"),
            // Asked to end it may end as it likes.
            (Death { shot: Some(Shot::Asked), ..death(Ended::Code(30)) }, "harakiri"),
            (shot(Shot::Evil), "memory"),
            (Death { recycled: true, retiring: true, ..death(Ended::Code(30)) }, "recycled"),
            (Death { recycled: true, ..death(Ended::Code(5)) }, "recycled"),
            (retiring, "asked"),
            (Death { cheap: true, ..retiring }, "cheap"),
            (death(Ended::Signal(11)), "signal"),
            (death(Ended::Code(17)), "asked"),
            (death(Ended::Code(30)), "recycled"),
            (death(Ended::Code(22)), "no_app"),
            (death(Ended::Code(15)), "cheap"),
            (death(Ended::Code(1)), "exit"),
        ];
        for (death, want) in table {
            assert_eq!(EXITS[reason(&death)], want, "{death:?}");
        }
    }

    #[test]
    fn every_death_has_its_line_and_its_consequence() {
        let killed = "DAMN ! worker 2 (pid: 7) died, killed by signal 9 :( trying respawn ...";
        let died = "DAMN ! worker 2 (pid: 7) died :( trying respawn ...";
        let table = [
            (Ended::Signal(9), killed, Action::Respawn),
            (Ended::Code(1), died, Action::Respawn),
            (Ended::Code(173), "...restoring worker 2 (pid: 7)...", Action::Respawn),
            (Ended::Code(30), "worker 2 killed successfully (pid: 7)", Action::Respawn),
            (Ended::Code(31), "!!! inconsistent state", Action::BrutalReload),
            (Ended::Code(15), "worker 2 asked for cheap mode", Action::Cheap),
            (Ended::Code(22), "OOPS ! failed loading app", Action::Respawn),
        ];
        for (ended, text, action) in table {
            let (lines, got) = judge(&death(ended));
            assert!(lines[0].starts_with(text), "{lines:?}");
            assert_eq!(got, action, "{ended:?}");
        }
    }

    #[test]
    fn a_worker_that_was_asked_to_go_is_not_mourned() {
        let (lines, _) = judge(&Death { retiring: true, ..death(Ended::Code(30)) });
        assert_eq!(lines, ["worker 2 killed successfully (pid: 7)"]);
    }

    #[test]
    fn a_worker_that_harakiri_asked_to_go_is_mourned() {
        let asked = Death { shot: Some(Shot::Asked), ..death(Ended::Code(30)) };
        assert_eq!(judge(&asked).0, ["DAMN ! worker 2 (pid: 7) died :( trying respawn ..."]);
        let (lines, _) = judge(&Death { retiring: true, ..asked });
        assert_eq!(lines, ["worker 2 killed successfully (pid: 7)"]);
    }

    #[test]
    fn need_app_ends_the_instance_only_when_apps_load_per_worker() {
        let lazy = Death { need_app_lazy: true, ..death(Ended::Code(22)) };
        assert_eq!(judge(&lazy).1, Action::Destroy(22));
    }

    #[test]
    fn an_ending_instance_respawns_nobody() {
        let ending = Death { instance_ending: true, ..death(Ended::Signal(9)) };
        assert_eq!(
            judge(&ending),
            (vec!["worker 2 buried after 3 seconds".into()], Action::Buried)
        );
    }
}
