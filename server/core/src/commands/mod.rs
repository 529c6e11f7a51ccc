//! Commands with some work of their own: raising a signal elsewhere, building a plugin.

mod build_plugin;
mod signal;

pub(crate) use build_plugin::build_plugin;
pub(crate) use signal::signal;

/// Stands where the C flags stood: on standard error, because makefiles paste the output.
pub(crate) const NO_FLAGS: &str =
    "there are no compiler flags: plugins are Rust crates, built with `--build-plugin directory`";

/// Stands where the C header stood, in its syntax.
pub(crate) const NO_HEADER: &str = "/* There is no C header: plugins are Rust crates that use the crate uwsgi-abi, built with --build-plugin. */\n";

/// Stands where the build script stood, in its syntax.
pub(crate) const NO_SCRIPT: &str = "# There is no build script: this server is a Cargo workspace, built with `cargo build --release`.\n";
