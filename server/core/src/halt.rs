//! Why a start does not go on: with the line for the log, or after the log has it.

use crate::log;

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The log has the reason; the process ends with this code.
    Said(i32),
    /// The reason; the process ends with 1.
    Why(String),
}

impl From<String> for Halt {
    fn from(text: String) -> Halt {
        Halt::Why(text)
    }
}

impl From<&str> for Halt {
    fn from(text: &str) -> Halt {
        Halt::Why(text.to_owned())
    }
}

impl Halt {
    /// The exit code, once the log has the reason.
    pub(crate) fn code(self) -> i32 {
        match self {
            Halt::Said(code) => code,
            Halt::Why(text) => {
                log!("{text}");
                1
            }
        }
    }
}
