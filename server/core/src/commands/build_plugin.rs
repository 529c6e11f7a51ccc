//! `build-plugin = source [name]`: builds a plugin from a crate's directory or from one C file.
//!
//! Owns where the result goes: `NAME_plugin.so` in the current directory, where `plugin = ./NAME`
//! finds it. It refuses everything else, in particular plugins of the C server, with a line that
//! says what a plugin is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::log;
use crate::sockets::plain;

/// Where compilers work.
const WORK: &str = ".uwsgi_plugins_builder";

/// Builds it; the answer is the exit code.
pub(crate) fn build_plugin(text: &str) -> i32 {
    let mut words = text.split_whitespace();
    let source = words.next().unwrap_or_default();
    log!("*** uWSGI building and linking plugin from {source} ***");
    match build(Path::new(source), words.next()) {
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

fn build(source: &Path, name: Option<&str>) -> Result<String, Failed> {
    let shown = source.display();
    let c_file = source.extension().is_some_and(|extension| extension == "c");
    if c_file && source.is_file() {
        return build_c(source, name);
    }
    if source.join("Cargo.toml").is_file() {
        return build_crate(source, name);
    }
    Err(failed(match source.exists() {
        false => format!("Error: unable to find directory '{shown}'"),
        true => format!(
            "Error: '{shown}' is no plugin of this server: that is a crate of type cdylib that uses \
             the crate uwsgi-abi, or one C file that includes uwsgi_plugin.h (--dot-h prints it)"
        ),
    }))
}

fn build_crate(directory: &Path, name: Option<&str>) -> Result<String, Failed> {
    let base = directory.canonicalize().map_err(|e| failed(plain(&e)))?;
    let target = Path::new(WORK).join(base.file_name().unwrap_or_default());
    cargo(&directory.join("Cargo.toml"), &target)?;
    let library = library(&target.join("release"))?;
    let name = name.map_or_else(|| name_of(&library), str::to_owned);
    let to = format!("{name}_plugin.so");
    // The old file may be open in a server: it keeps its content.
    let _ = fs::remove_file(&to);
    fs::copy(&library, &to).map_err(|e| failed(format!("open(\"{to}\"): {}", plain(&e))))?;
    Ok(name)
}

/// `CC` and `CFLAGS` of the environment count, as they do elsewhere.
fn build_c(file: &Path, name: Option<&str>) -> Result<String, Failed> {
    let header = Path::new(WORK).join("uwsgi_plugin.h");
    let written = fs::create_dir_all(WORK).and_then(|()| fs::write(&header, uwsgi_abi::C_HEADER));
    written.map_err(|e| failed(format!("open(\"{}\"): {}", header.display(), plain(&e))))?;
    let name = name.map_or_else(|| name_of(file), str::to_owned);
    let to = format!("{name}_plugin.so");
    let _ = fs::remove_file(&to);
    let flags = std::env::var("CFLAGS").unwrap_or_default();
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.args(["-O2", "-fPIC", "-shared", "-I", WORK]).args(flags.split_whitespace());
    run(command.arg(file).args(["-o", &to]))?;
    Ok(name)
}

fn cargo(manifest: &Path, target: &Path) -> Result<(), Failed> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--release", "--manifest-path"]).arg(manifest);
    run(command.arg("--target-dir").arg(target))
}

fn run(command: &mut Command) -> Result<(), Failed> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status();
    let status =
        status.map_err(|e| failed(format!("Error: unable to run {program}: {}", plain(&e))))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failed {
            text: format!("Error: unable to build plugin ({program}: {status})"),
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
            ("hello.c", "hello"),
        ] {
            assert_eq!(name_of(Path::new(file)), name);
        }
    }
}
