//! The targets by name, each a function of its bytes.

mod drive;
#[path = "../../tests/support/mod.rs"]
mod support;

/// Runs the target called `name`.
///
/// # Panics
/// What the target promises does not hold, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let target = drive::TARGETS.iter().find(|(own, _)| *own == name);
    target.expect("a target of this name").1(data);
}
