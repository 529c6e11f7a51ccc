//! Attached daemons at work. Part of the master.
//!
//! What is to be done and when is decided in `uwsgi_duties::daemons`; here are the moments at which
//! it is asked, and the doing: [`launch`] starts a command, [`look`] reads a pidfile. The master
//! waits for none of them: an end comes as any child's end, or as a pidfile that names nobody.

mod launch;
mod look;
mod rows;

use std::time::Instant;

use uwsgi_duties::Steps;
use uwsgi_duties::daemons::{Daemons, End, Ending, Order};
use uwsgi_duties::touch::{self, Touches, Watch};
use uwsgi_sys::process::Ended;

use self::launch::Person;
use self::rows::Rows;
use super::{Goal, Master, Phase, edge, triggers};
use crate::instance::Instance;
use crate::{log, sockets};

pub(crate) use launch::people;

/// The daemons of the instance, and what the master needs to serve them.
pub(super) struct Attached {
    courses: Daemons,
    /// Who each of them runs as.
    people: Vec<Person>,
    touches: Touches,
    rows: Rows,
}

impl Attached {
    /// Nobody is started yet.
    pub(super) fn new(instance: &Instance) -> Attached {
        let policy = &instance.settings.policy;
        let people = people(&instance.settings).unwrap_or_default();
        let pairs = policy.daemons.specs.iter().cloned().zip(people.iter().map(|one| one.ids));
        Attached {
            courses: Daemons::new(pairs, policy.mercy.general_s.unwrap_or(0)),
            touches: Touches::default(),
            rows: Rows::new(instance),
            people,
        }
    }

    /// When something is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.courses.due().map(edge::instant)
    }

    /// The pidfiles, each with the command of its daemon.
    fn pidfiles(&self) -> Vec<(String, String)> {
        let specs = (0..self.people.len()).filter_map(|id| self.courses.spec(id));
        specs.filter_map(|spec| Some((spec.pidfile.clone()?, spec.command.clone()))).collect()
    }
}

impl Master<'_> {
    /// The start of all daemons, once the others run.
    pub(super) fn start_daemons(&mut self) {
        let policy = &self.instance.settings.policy.daemons;
        policy.notes.iter().for_each(|note| log!("{note}"));
        let watches = self.daemons.courses.touches();
        let watches = watches.map(|(id, path)| Watch::of_daemon(id, path));
        let (touches, steps) = Touches::new(watches.collect(), triggers::look);
        edge::carry_out(steps, drop);
        self.daemons.touches = touches;
        let steps = self.with_a_look(|courses, look| courses.start(edge::now(), look));
        self.follow_daemons(steps);
    }

    /// What is due now: delayed starts, repeated signals, ends of mercies.
    pub(super) fn tick_daemons(&mut self) {
        if self.daemons.courses.due().is_some_and(|us| us <= edge::now().us) {
            let steps = self.daemons.courses.tick(edge::now());
            self.follow_daemons(steps);
        }
    }

    /// The duties of a second: pidfiles and touched files.
    pub(super) fn look_after_daemons(&mut self) {
        if self.daemons.people.is_empty() {
            return;
        }
        let steps = self.with_a_look(|courses, look| courses.second(edge::now(), look));
        self.follow_daemons(steps);
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let mut touched = Vec::new();
        edge::carry_out(self.daemons.touches.look(false, triggers::look), |order| {
            if let touch::Order::Daemon { id, file } = order {
                touched.push((id, file));
            }
        });
        for (id, file) in touched {
            let steps = self.daemons.courses.touched(id, &file);
            self.follow_daemons(steps);
        }
    }

    /// The end of a child; false when it was no daemon.
    pub(super) fn daemon_ended(&mut self, pid: i32, ended: Ended) -> bool {
        let end = match ended {
            Ended::Code(code) => End::Code(code),
            Ended::Signal(signal) => End::Signal(signal),
        };
        let Some(steps) = self.daemons.courses.exited(pid, end, edge::now()) else { return false };
        self.follow_daemons(steps);
        true
    }

    /// Asks everybody to end; asking again changes nothing.
    pub(super) fn stop_daemons(&mut self, goal: Goal) {
        let why = match goal {
            Goal::Stop(_) => Ending::Stop,
            Goal::Reload => Ending::Reload,
        };
        let steps = self.daemons.courses.stop(why, edge::now());
        self.follow_daemons(steps);
    }

    /// Nobody is waited for any more; who was not asked to end is asked now.
    pub(super) fn daemons_are_gone(&mut self, goal: Goal) -> bool {
        self.stop_daemons(goal);
        self.daemons.courses.all_gone()
    }

    /// Asks the courses something for which they may have to look at pidfiles.
    fn with_a_look(
        &mut self,
        ask: impl FnOnce(&mut Daemons, uwsgi_duties::daemons::Look) -> Steps<Order>,
    ) -> Steps<Order> {
        let children = &self.children;
        let files = self.daemons.pidfiles();
        let mut look = |path: &str| {
            let command = files.iter().find(|(file, _)| file == path).map(|(_, command)| command);
            let is_ours = |pid| children.iter().any(|child| child.pid == Some(pid));
            look::pidfile(path, command.map_or("", String::as_str), &is_ours)
        };
        ask(&mut self.daemons.courses, &mut look)
    }

    fn follow_daemons(&mut self, steps: Steps<Order>) {
        edge::carry_out(steps, |order| self.do_for_daemon(order));
        self.daemons.rows.show(self.instance, &self.daemons.courses);
    }

    fn do_for_daemon(&mut self, order: Order) {
        match order {
            Order::Spawn { id, detach } => self.launch_daemon(id, detach),
            Order::Signal { pid, group, signal } => {
                debug_assert!(pid > 1, "no daemon has such a pid");
                // It may have ended a moment ago; its burial tells.
                let _ = uwsgi_sys::launch::send(pid, group, signal);
            }
            Order::WritePidfile { path, pid } => {
                if let Err(e) = look::write(&path, pid) {
                    log!("[uwsgi-daemons] unable to write {path}: {}", sockets::plain(&e));
                }
            }
            Order::LookAtGroup { id, group } => {
                let lives = uwsgi_sys::launch::group_lives(group);
                let steps = self.daemons.courses.group_seen(id, lives, edge::now());
                self.follow_daemons(steps);
            }
            Order::ShutDown => self.shut_down(),
        }
    }

    fn launch_daemon(&mut self, id: usize, detach: bool) {
        let (Some(spec), Some(person)) =
            (self.daemons.courses.spec(id).cloned(), self.daemons.people.get(id).cloned())
        else {
            return;
        };
        let pid = launch::start(self.instance, &spec, &person, detach);
        let steps = self.daemons.courses.spawned(id, pid, edge::now());
        self.follow_daemons(steps);
    }
}
