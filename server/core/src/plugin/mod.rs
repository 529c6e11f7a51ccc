//! Plugins: which names mean what, finding and opening their libraries, and the set that serves.
//!
//! It refuses to know what a plugin does with a request, and everything about Python except that
//! it comes first; `language` finds libpython.

mod find;
mod list;
mod modifiers;
mod rows;
mod set;
pub(crate) mod shipped;

pub(crate) use find::{load, own_directories, with_option};
pub use list::list;
pub use modifiers::Modifiers;
pub use set::Set;
