//! Between the rules and the system: one typed action goes out, its success or failure comes back.

use crate::{Action, Line};

/// Variables of the environment that the commands of a phase get beside their own.
pub type Env = [(String, String)];

/// Does actions, and what else a run asks of the world.
pub trait Doer {
    /// Does one action and waits for its end. [`Action::Exit`] and [`Action::Print`] never come
    /// here: a run answers them itself.
    fn act(&mut self, action: &Action, env: &Env) -> Result<(), Failure>;

    /// Takes a line for the log.
    fn log(&mut self, line: Line);

    /// Microseconds of a clock that never goes back.
    fn now_us(&mut self) -> u64;
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A command ended with this code.
    Exited(i32),
    /// This signal killed a command. Where only the code counts, that passes for success.
    Killed(i32),
    /// The text for the log.
    Told(String),
    /// The text for the log; the process ends with 1 where a failure is fatal at all.
    Stop(String),
}

impl Failure {
    /// An error of the system, with the name of what failed.
    pub fn system(what: &str, error: &std::io::Error) -> Failure {
        Failure::Told(format!("{what}: {}", plain(error)))
    }
}

/// The text of an error as the C library has it, without its number.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text.get(..at).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_error_is_left_out() {
        let error = std::io::Error::from_raw_os_error(2);
        let told = Failure::Told("uwsgi_mount(): No such file or directory".into());
        assert_eq!(Failure::system("uwsgi_mount()", &error), told);
        assert_eq!(plain(&std::io::Error::other("own")), "own");
    }
}
