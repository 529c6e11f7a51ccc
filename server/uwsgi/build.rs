//! Puts what the environment of the build names into the binary.
//!
//! `UWSGI_EMBED_CONFIG` is an ini file that is read before everything else. `UWSGI_EMBED_FILES`
//! is a comma list of files and directories, `path` or `name=path`, for `sym://`. Relative paths
//! start at the workspace. Without them nothing is put in.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let mut files = Vec::new();
    for item in variable("UWSGI_EMBED_FILES").split(',').map(str::trim).filter(|i| !i.is_empty()) {
        let (name, path) = item.split_once('=').unwrap_or((item, item));
        collect(&workspace.join(path), &symbol(name), &mut files)?;
    }
    let config = Some(variable("UWSGI_EMBED_CONFIG")).filter(|path| !path.is_empty());
    let config = config.map(|path| real(&workspace.join(path))).transpose()?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("embedded.rs");
    fs::write(out, code(config.as_deref(), &files))?;
    Ok(())
}

fn variable(name: &str) -> String {
    println!("cargo:rerun-if-env-changed={name}");
    std::env::var(name).unwrap_or_default()
}

/// A name as a symbol spells it.
pub(crate) fn symbol(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

/// A file under its name, or every file of a directory under its own name behind that.
pub(crate) fn collect(
    path: &Path,
    name: &str,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), Box<dyn Error>> {
    let path = real(path)?;
    if !path.is_dir() {
        files.push((name.to_owned(), path));
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{name}_{}", symbol(&entry.file_name().to_string_lossy()));
        collect(&entry.path(), &name, files)?;
    }
    Ok(())
}

/// The absolute path, watched for changes.
fn real(path: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let real = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("cargo:rerun-if-changed={}", real.display());
    Ok(real)
}

/// The value of `Embedded` as Rust.
pub(crate) fn code(config: Option<&Path>, files: &[(String, PathBuf)]) -> String {
    let config = config.map(|path| format!("include_str!({path:?})"));
    let config = config.map_or("None".to_owned(), |text| format!("Some({text})"));
    let mut list = String::new();
    for (name, path) in files {
        // Writing to a string cannot fail.
        let _ = write!(list, "({name:?}, include_bytes!({path:?}).as_slice()), ");
    }
    format!("Embedded {{ config: {config}, files: &[{list}] }}\n")
}
