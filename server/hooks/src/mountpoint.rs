//! `mountpoint-check`: mount points that must stay.
//!
//! Asking a filesystem that hangs hangs the one who asks, so somebody else asks and this only
//! keeps the time: an answer that does not come is one that failed.

use crate::Line;

/// How long an answer may take, in microseconds.
pub const TIMEOUT_US: u64 = 5_000_000;

/// The mount points and the questions that are open.
#[derive(Clone, Debug)]
pub struct Watch {
    paths: Vec<Watched>,
    timeout_us: u64,
}

#[derive(Clone, Debug)]
struct Watched {
    path: String,
    /// When it was asked for, until an answer comes.
    asked_us: Option<u64>,
}

/// What a cycle of the master orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask for the mount point of this number.
    Ask(usize),
    /// The instance ends at once, with 1, after this line.
    Detonate(Line),
}

impl Watch {
    /// Watches these, and waits so many microseconds for an answer.
    pub fn new(paths: impl IntoIterator<Item = String>, timeout_us: u64) -> Watch {
        let watched = |path| Watched { path, asked_us: None };
        Watch { paths: paths.into_iter().map(watched).collect(), timeout_us }
    }

    /// The mount point of a number.
    pub fn path(&self, number: usize) -> Option<&str> {
        self.paths.get(number).map(|watched| watched.path.as_str())
    }

    /// Once per cycle of the master. A mount point whose answer is open is not asked for again.
    pub fn cycle(&mut self, now_us: u64) -> Vec<Order> {
        let mut orders = Vec::new();
        for (number, watched) in self.paths.iter_mut().enumerate() {
            match watched.asked_us {
                None => {
                    watched.asked_us = Some(now_us);
                    orders.push(Order::Ask(number));
                }
                Some(asked) if now_us.saturating_sub(asked) >= self.timeout_us => {
                    watched.asked_us = Some(now_us);
                    orders.push(Order::Detonate(failed(&watched.path)));
                }
                Some(_) => {}
            }
        }
        orders
    }

    /// An answer came; the line ends the instance as [`Order::Detonate`] does.
    pub fn answered(&mut self, number: usize, ok: bool) -> Option<Line> {
        let watched = self.paths.get_mut(number)?;
        watched.asked_us = None;
        (!ok).then(|| failed(&watched.path))
    }
}

fn failed(path: &str) -> Line {
    Line::dated(format!("mountpoint {path} failed, triggering detonation..."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch::new(["/a".to_owned(), "/b".to_owned()], TIMEOUT_US)
    }

    #[test]
    fn a_failure_ends_the_instance() {
        let mut watch = watch();
        assert_eq!(watch.cycle(0), [Order::Ask(0), Order::Ask(1)]);
        assert_eq!(watch.path(1), Some("/b"));
        assert_eq!(watch.answered(0, true), None);
        let line = Line::dated("mountpoint /b failed, triggering detonation...");
        assert_eq!(watch.answered(1, false), Some(line));
        assert_eq!(watch.answered(2, false), None);
    }

    #[test]
    fn a_mount_point_that_hangs_has_failed_and_is_asked_for_once() {
        let mut watch = watch();
        assert_eq!(watch.cycle(0).len(), 2);
        assert_eq!(watch.answered(0, true), None);
        assert_eq!(watch.cycle(1_000_000), [Order::Ask(0)]);
        assert_eq!(watch.answered(0, true), None);
        assert_eq!(watch.cycle(TIMEOUT_US - 1), [Order::Ask(0)]);
        let line = Line::dated("mountpoint /b failed, triggering detonation...");
        assert_eq!(watch.cycle(TIMEOUT_US), [Order::Detonate(line)]);
    }
}
