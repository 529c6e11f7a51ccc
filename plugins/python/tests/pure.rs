//! Runs the unit tests of the modules that need no interpreter: the library itself cannot be
//! linked into a test, because libpython is resolved only when the server loads it.
#![allow(dead_code, reason = "only the parts under test are used here")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../src/home.rs"]
mod home;
#[path = "../src/settings.rs"]
mod settings;
#[path = "../src/wanted.rs"]
mod wanted;
