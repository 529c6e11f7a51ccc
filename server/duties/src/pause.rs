//! Pause and resume: SIGTSTP to the master, or `p` through its FIFO.
//!
//! A paused worker finishes its request and takes no other; connections wait in the queues. The
//! flag outlives respawns of workers, but not a new image. Cheaper makes no decisions meanwhile,
//! and subscriptions are taken back.

use crate::{Line, Steps};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Set this mark in the rows of all workers and wake them; they say the rest.
    Suspend {
        /// They pause; else they go on.
        on: bool,
    },
    /// Take subscriptions back.
    Unsubscribe,
    /// Subscribe again.
    Subscribe,
}

/// Whether the instance pauses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pause {
    on: bool,
}

impl Pause {
    /// The instance pauses.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// Pauses, or goes on.
    pub fn toggle(&mut self) -> Steps<Order> {
        self.on = !self.on;
        let mut steps = Steps::new();
        steps.say_dated(match self.on {
            true => {
                "*** PAUSE (press start to resume, if you do not have a joypad send SIGTSTP) ***"
            }
            false => "*** (SIGTSTP received) resuming workers ***",
        });
        if self.on {
            steps.order(Order::Unsubscribe);
        }
        steps.order(Order::Suspend { on: self.on });
        if !self.on {
            steps.order(Order::Subscribe);
        }
        steps
    }
}

/// What worker `id` says when it has noticed.
pub fn noticed(id: u32, on: bool) -> Line {
    let what = if on { "suspended" } else { "resumed" };
    Line::dated(format!("*** worker {id} {what} ***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_time_undoes_the_first() {
        let mut pause = Pause::default();
        let steps = pause.toggle();
        assert_eq!(
            steps.texts(),
            ["V *** PAUSE (press start to resume, if you do not have a joypad send SIGTSTP) ***"]
        );
        assert_eq!(steps.given(), [Order::Unsubscribe, Order::Suspend { on: true }]);
        assert!(pause.is_on());
        let steps = pause.toggle();
        assert_eq!(steps.texts(), ["V *** (SIGTSTP received) resuming workers ***"]);
        assert_eq!(steps.given(), [Order::Suspend { on: false }, Order::Subscribe]);
        assert!(!pause.is_on());
    }

    #[test]
    fn workers_tell_that_they_noticed() {
        assert_eq!(noticed(2, true), Line::dated("*** worker 2 suspended ***"));
        assert_eq!(noticed(2, false), Line::dated("*** worker 2 resumed ***"));
    }
}
