//! The trial of a new configuration before a reload: what its end means.
//!
//! A child reads the configuration and loads the applications as the next image would, and says
//! what it found on its output. Here that output and the way the child ended become a [`Verdict`]
//! and, when it is no, one line with the reason.
//!
//! It refuses to start or watch that child.

use std::time::Duration;

/// In front of the reason, where the child knows it itself.
pub const REASON: &str = "[preflight] refused: ";

/// In front of the number of applications that were loaded.
pub const LOADED: &str = "[preflight] applications: ";

/// The configuration alone is good; written before applications are loaded.
pub const READ: &str = "[preflight] configuration: good";

/// What the log of a server says of an application that is not there.
const UNABLE: &str = "unable to load app ";

/// The least that loading may take.
const LEAST: Duration = Duration::from_secs(60);

/// How the child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Code(i32),
    /// A signal that nobody here sent killed it.
    Signal(i32),
    /// It took longer than so many seconds and was killed for it.
    Late(u64),
}

/// What is to become of the reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Good,
    /// It goes on, though the trial did not come to its end; the reason.
    Unknown(String),
    /// What runs keeps running; the reason, one line.
    Refused(String),
}

/// What the trial says. `apps`: applications of the running generation, whose number a new one may
/// only go below when each of the new ones is there.
///
/// A trial that the kernel killed for want of memory proves nothing: at the reload itself the old
/// generation makes room first.
pub fn judge(end: End, output: &str, apps: u32) -> Verdict {
    let kill = crate::signal::KILL;
    match end {
        End::Code(0) if lost(output, apps) => Verdict::Refused(reason(end, output)),
        End::Code(0) => Verdict::Good,
        End::Signal(signal) if signal == kill && output.lines().any(|line| line == READ) => {
            Verdict::Unknown("the trial was killed, perhaps for want of memory".into())
        }
        _ => Verdict::Refused(reason(end, output)),
    }
}

/// How long a trial may take, when a whole start took `boot_us` and an option says nothing: apps
/// that load long at the start load long again, and now beside those that serve.
pub fn patience(option_s: Option<u64>, boot_us: u64) -> Duration {
    let measured = Duration::from_micros(boot_us.saturating_mul(4)).max(LEAST);
    option_s.map_or(measured, |seconds| Duration::from_secs(seconds.max(1)))
}

/// An application is not there, and they are fewer than those that run.
fn lost(output: &str, apps: u32) -> bool {
    let loaded = output.lines().filter_map(|line| line.strip_prefix(LOADED)).next_back();
    let loaded = loaded.and_then(|number| number.trim().parse::<u32>().ok());
    loaded.is_some_and(|loaded| loaded < apps) && output.contains(UNABLE)
}

/// The first error in one line.
fn reason(end: End, output: &str) -> String {
    let own = output.lines().find_map(|line| line.strip_prefix(REASON));
    let missing = || output.lines().find(|line| line.contains(UNABLE));
    let text = own.or_else(|| exception(output)).or_else(missing).map_or("", str::trim);
    match (end, text) {
        (End::Late(seconds), _) => format!("it did not load within {seconds} seconds"),
        (End::Signal(signal), _) => format!("it was killed by signal {signal} while it loaded"),
        (End::Code(code), "") => match last_word(output) {
            Some(word) => format!("it ended with code {code}, its last words: {word}"),
            None => format!("it ended with code {code}"),
        },
        (End::Code(_), text) => text.to_owned(),
    }
}

/// The exception of the last Python traceback: the first line behind its head that is not indented.
/// A syntax error has no head.
fn exception(output: &str) -> Option<&str> {
    let trace = output.rsplit_once("Traceback (most recent call last):");
    let mut lines = trace.map_or("", |(_, behind)| behind).lines().skip(1);
    let headed = lines.find(|line| !line.is_empty() && !line.starts_with([' ', '\t']));
    headed.or_else(|| output.lines().rev().find(|line| is_exception(line)))
}

/// `Name: text`, where the name is that of an exception.
fn is_exception(line: &str) -> bool {
    let name = line.split_once(": ").map_or("", |(name, _)| name);
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    name.chars().all(word) && ["Error", "Exception"].iter().any(|end| name.ends_with(end))
}

/// The last line that says something.
fn last_word(output: &str) -> Option<&str> {
    let dull = |line: &&str| line.trim().is_empty() || line.starts_with("[preflight]");
    output.lines().rev().find(|line| !dull(line)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "Traceback (most recent call last):\n  File \"a.py\", line 1\n    import x\n\
                         ModuleNotFoundError: No module named 'x'\nunable to load app 0 \
                         (mountpoint='') (callable not found or import error)\n";

    fn refused(text: &str) -> Verdict {
        Verdict::Refused(text.into())
    }

    #[test]
    fn a_good_trial_lets_the_reload_go_on() {
        assert_eq!(judge(End::Code(0), &format!("{READ}\n{LOADED}1\n"), 1), Verdict::Good);
        assert_eq!(judge(End::Code(0), "", 3), Verdict::Good, "the configuration alone was tried");
    }

    #[test]
    fn an_application_that_is_lost_refuses_it_with_its_exception() {
        let output = format!("{READ}\n{TRACE}*** no app loaded. going in\n{LOADED}0\n");
        assert_eq!(
            judge(End::Code(0), &output, 1),
            refused("ModuleNotFoundError: No module named 'x'")
        );
        assert_eq!(judge(End::Code(22), &output, 0), judge(End::Code(0), &output, 1));
    }

    #[test]
    fn what_the_running_generation_lives_with_refuses_nothing() {
        let one_broken = format!("{TRACE}{LOADED}4\n");
        assert_eq!(judge(End::Code(0), &one_broken, 4), Verdict::Good, "it was broken before");
        assert_eq!(judge(End::Code(0), &format!("{TRACE}{LOADED}0\n"), 0), Verdict::Good);
        assert_eq!(judge(End::Code(0), &format!("{LOADED}2\n"), 5), Verdict::Good, "removed");
        assert_ne!(judge(End::Code(0), &one_broken, 5), Verdict::Good);
    }

    #[test]
    fn the_reason_is_the_first_thing_that_is_wrong() {
        for (end, output, want) in [
            (
                End::Code(1),
                format!("{TRACE}{REASON}unknown option \"x\" at a.ini:3\n"),
                "unknown option \"x\" at a.ini:3",
            ),
            (
                End::Code(7),
                "starting\nsetting up\n\n".into(),
                "it ended with code 7, its last words: setting up",
            ),
            (
                End::Code(1),
                "  File \"a.py\", line 1\n    def (\nSyntaxError: invalid syntax\nunable to load app 0\n".into(),
                "SyntaxError: invalid syntax",
            ),
            (End::Code(1), String::new(), "it ended with code 1"),
            (End::Late(60), TRACE.into(), "it did not load within 60 seconds"),
            (End::Signal(11), String::new(), "it was killed by signal 11 while it loaded"),
            (End::Signal(9), String::new(), "it was killed by signal 9 while it loaded"),
        ] {
            assert_eq!(judge(end, &output, 1), refused(want));
        }
    }

    #[test]
    fn a_trial_without_memory_proves_nothing() {
        assert!(matches!(judge(End::Signal(9), &format!("{READ}\n"), 1), Verdict::Unknown(_)));
    }

    #[test]
    fn slow_starts_get_more_time() {
        assert_eq!(patience(None, 0), LEAST);
        assert_eq!(patience(None, 100_000_000), Duration::from_secs(400));
        assert_eq!(patience(Some(5), 100_000_000), Duration::from_secs(5));
        assert_eq!(patience(Some(0), 0), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn a_reason_is_one_line_that_says_something(code in 1..256i32, output in "(?s).{0,200}") {
            let Verdict::Refused(text) = judge(End::Code(code), &output, 1) else {
                return Err(TestCaseError::fail("it failed"));
            };
            prop_assert!(!text.trim().is_empty() && !text.contains('\n'));
        }
    }
}
