//! Hooks of a process that must not wait: one after the other within a phase, phases side by side.
//!
//! Pure: somebody takes what is [`Queue::due`], does it here or in a helper process, and says when
//! that has ended.

use std::collections::VecDeque;

use crate::hook::Hook;
use crate::{Phase, Plan};

/// What waits for its turn.
#[derive(Debug, Default)]
pub struct Queue {
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    phase: Phase,
    waiting: VecDeque<String>,
    /// The first one is under way in a helper.
    busy: bool,
}

/// One hook whose turn has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its phase.
    pub phase: Phase,
    /// The value, as [`crate::run_one`] takes it.
    pub hook: String,
    /// It may wait, so a helper does it; [`Queue::ended`] tells of its end.
    pub apart: bool,
}

impl Queue {
    /// Adds a hook. One that waits already with the same text is not added again.
    pub fn push(&mut self, phase: Phase, hook: &str) {
        let at = self.lanes.iter().position(|lane| lane.phase == phase).unwrap_or_else(|| {
            self.lanes.push(Lane { phase, waiting: VecDeque::new(), busy: false });
            self.lanes.len() - 1
        });
        let Some(lane) = self.lanes.get_mut(at) else { return };
        let begun = usize::from(lane.busy);
        let again = phase == Phase::Touch && lane.waiting.iter().skip(begun).any(|h| h == hook);
        if !again {
            lane.waiting.push_back(hook.to_owned());
        }
    }

    /// The next hook whose turn has come; one that is to be done here counts as done.
    pub fn due(&mut self, plan: &Plan) -> Option<Due> {
        let lane = self.lanes.iter_mut().find(|lane| !lane.busy && !lane.waiting.is_empty())?;
        let hook = lane.waiting.front()?.clone();
        let apart = waits(&hook, plan);
        if apart {
            lane.busy = true;
        } else {
            lane.waiting.pop_front();
        }
        Some(Due { phase: lane.phase, hook, apart })
    }

    /// The helper of a phase has ended.
    pub fn ended(&mut self, phase: Phase) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.phase == phase && lane.busy) {
            lane.busy = false;
            lane.waiting.pop_front();
        }
    }

    /// Nothing that has not begun is done any more.
    pub fn clear(&mut self) {
        for lane in &mut self.lanes {
            lane.waiting.truncate(usize::from(lane.busy));
        }
    }

    /// Nothing waits and nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.waiting.is_empty())
    }
}

fn waits(hook: &str, plan: &Plan) -> bool {
    let hook = Hook::parse(hook, |name| plan.is_registered(name)).ok();
    hook.and_then(|hook| hook.action().ok()).is_some_and(|action| action.waits())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(queue: &mut Queue) -> Option<(Phase, String, bool)> {
        queue.due(&Plan::default()).map(|due| (due.phase, due.hook, due.apart))
    }

    fn is(phase: Phase, hook: &str, apart: bool) -> Option<(Phase, String, bool)> {
        Some((phase, hook.to_owned(), apart))
    }

    #[test]
    fn hooks_of_a_phase_run_one_after_the_other() {
        let mut queue = Queue::default();
        for hook in ["print:1", "exec:2", "chdir:/3", "exec:4"] {
            queue.push(Phase::MasterStart, hook);
        }
        assert_eq!(due(&mut queue), is(Phase::MasterStart, "print:1", false));
        assert_eq!(due(&mut queue), is(Phase::MasterStart, "exec:2", true));
        assert_eq!(due(&mut queue), None, "the helper is at it");
        queue.push(Phase::Touch, "unlink:/5");
        assert_eq!(due(&mut queue), is(Phase::Touch, "unlink:/5", false), "another phase");
        queue.ended(Phase::Touch);
        assert_eq!(due(&mut queue), None, "not of this phase");
        queue.ended(Phase::MasterStart);
        assert_eq!(due(&mut queue), is(Phase::MasterStart, "chdir:/3", false));
        assert_eq!(due(&mut queue), is(Phase::MasterStart, "exec:4", true));
        assert!(!queue.is_empty());
        queue.ended(Phase::MasterStart);
        assert!(queue.is_empty() && due(&mut queue).is_none());
    }

    #[test]
    fn a_touch_that_waits_already_is_one() {
        let mut queue = Queue::default();
        queue.push(Phase::Touch, "exec:a");
        assert!(queue.due(&Plan::default()).is_some());
        for hook in ["exec:a", "exec:a", "exec:b", "exec:a"] {
            queue.push(Phase::Touch, hook);
        }
        queue.ended(Phase::Touch);
        assert_eq!(due(&mut queue), is(Phase::Touch, "exec:a", true), "it was touched since");
        queue.ended(Phase::Touch);
        assert_eq!(due(&mut queue), is(Phase::Touch, "exec:b", true));
        queue.ended(Phase::Touch);
        assert!(queue.is_empty());
        for _ in 0..2 {
            queue.push(Phase::MasterStart, "print:twice");
        }
        assert!(due(&mut queue).is_some() && due(&mut queue).is_some(), "both were configured");
    }

    #[test]
    fn what_has_not_begun_can_be_given_up() {
        let mut queue = Queue::default();
        for hook in ["exec:a", "exec:b"] {
            queue.push(Phase::MasterStart, hook);
        }
        assert!(queue.due(&Plan::default()).is_some());
        queue.clear();
        assert!(!queue.is_empty());
        queue.ended(Phase::MasterStart);
        assert!(queue.is_empty() && due(&mut queue).is_none());
    }

    #[test]
    fn what_cannot_be_read_fails_here() {
        let mut queue = Queue::default();
        queue.push(Phase::Touch, "nope");
        assert_eq!(due(&mut queue), is(Phase::Touch, "nope", false));
    }
}
