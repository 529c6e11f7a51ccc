//! `build-plugin = directory [name]`: builds a plugin crate with cargo.
//!
//! Owns where the result goes: `NAME_plugin.so` in the current directory, where `plugin = ./NAME`
//! and `plugins-dir` find it. It refuses everything that is no crate, with a line that says what
//! a plugin is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::log;
use crate::sockets::plain;

/// Where cargo works.
const WORK: &str = ".uwsgi_plugins_builder";

/// Builds it; the answer is the exit code.
pub(crate) fn build_plugin(text: &str) -> i32 {
    let mut words = text.split_whitespace();
    let directory = words.next().unwrap_or_default();
    log!("*** uWSGI building and linking plugin from {directory} ***");
    match build(Path::new(directory), words.next()) {
        Ok(name) => {
            log!("*** {name} plugin built and available in {name}_plugin.so ***");
            0
        }
        Err(Failed { text, code }) => {
            log!("{text}");
            code
        }
    }
}

struct Failed {
    text: String,
    code: i32,
}

fn failed(text: impl Into<String>) -> Failed {
    Failed { text: text.into(), code: 1 }
}

fn build(directory: &Path, name: Option<&str>) -> Result<String, Failed> {
    let shown = directory.display();
    if !directory.is_dir() {
        return Err(failed(format!("Error: unable to find directory '{shown}'")));
    }
    let manifest = directory.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(failed(format!(
            "Error: '{shown}' is no plugin of this server: it has no Cargo.toml. C plugins cannot be \
             loaded; a plugin is a Rust crate with crate-type \"cdylib\" that uses the crate uwsgi-abi"
        )));
    }
    let base = directory.canonicalize().map_err(|e| failed(plain(&e)))?;
    let target = Path::new(WORK).join(base.file_name().unwrap_or_default());
    cargo(&manifest, &target)?;
    let library = library(&target.join("release"))?;
    let name = name.map_or_else(|| name_of(&library), str::to_owned);
    let to = format!("{name}_plugin.so");
    fs::copy(&library, &to).map_err(|e| failed(format!("open(\"{to}\"): {}", plain(&e))))?;
    Ok(name)
}

fn cargo(manifest: &Path, target: &Path) -> Result<(), Failed> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.args(["build", "--release", "--manifest-path"]).arg(manifest);
    command.arg("--target-dir").arg(target);
    let status = command.status().map_err(|e| {
        failed(format!("Error: unable to run {}: {}", Path::new(&cargo).display(), plain(&e)))
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(Failed {
            text: format!("Error: unable to build plugin ({status})"),
            code: status.code().unwrap_or(1),
        }),
    }
}

/// The one shared object among the results.
fn library(release: &Path) -> Result<PathBuf, Failed> {
    let entries = fs::read_dir(release).map_err(|e| failed(plain(&e)))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut libraries = paths.filter(|path| path.extension().is_some_and(|ext| ext == "so"));
    match (libraries.next(), libraries.next()) {
        (Some(library), None) => Ok(library),
        (None, _) => Err(failed(
            "Error: the crate makes no shared object: it needs crate-type = [\"cdylib\"] under [lib]",
        )),
        (Some(_), Some(_)) => {
            Err(failed(format!("Error: several shared objects in {}", release.display())))
        }
    }
}

/// `libuwsgi_hello.so` and `libhello_plugin.so` are both called `hello`.
fn name_of(library: &Path) -> String {
    let stem = library.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.strip_prefix("lib").unwrap_or(&stem);
    let name = name.strip_prefix("uwsgi_").unwrap_or(name);
    name.strip_suffix("_plugin").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_called_by_its_crate_without_our_marks() {
        for (file, name) in [
            ("libhello.so", "hello"),
            ("libuwsgi_hello.so", "hello"),
            ("libhello_plugin.so", "hello"),
            ("x.so", "x"),
        ] {
            assert_eq!(name_of(Path::new(file)), name);
        }
    }
}
