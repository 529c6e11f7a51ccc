//! `speech:`: a message as spoken words, which uWSGI has on macOS only.
//!
//! Known, so that it can say why it cannot work here instead of being an unknown word.

use super::Parsed;
use crate::Facts;

/// Refuses every argument.
pub(super) fn parse(_: &str, _: &Facts) -> Parsed {
    Err("the speech alarm needs the voice of macOS; on Linux use cmd, as in cmd:espeak-ng --stdin"
        .to_owned())
}
