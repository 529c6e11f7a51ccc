//! Commands with some work of their own: asking an instance how it is, raising a signal there,
//! building a plugin, replaying a recorded load.

mod build_plugin;
mod cheaper;
mod health;
mod nagios;
mod pidfile;
mod signal;

pub(crate) use build_plugin::build_plugin;
pub(crate) use cheaper::cheaper_replay;
pub(crate) use health::ping;
pub(crate) use nagios::nagios;
pub(crate) use pidfile::signal_pid;
pub(crate) use signal::{exchange as raise_at, signal};

/// What a compiler needs for a plugin in C.
pub(crate) const C_FLAGS: &str = "-fPIC -shared\n";

/// Beside the flags, where no makefile pastes it.
pub(crate) const C_FLAGS_HINT: &str =
    "the header is what --dot-h prints; --build-plugin file.c needs neither";

/// Stands where the build script stood, in its syntax.
pub(crate) const NO_SCRIPT: &str = "# There is no build script: this server is a Cargo workspace, built with `cargo build --release`.\n";
