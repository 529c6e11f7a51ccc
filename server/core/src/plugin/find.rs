//! From the name of a plugin to its open library.
//!
//! Owns where is looked, in which order, and the lines that are said when nothing fits. A library
//! is opened once per process and kept; its options become rows that live as long.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use uwsgi_abi::host::{self, Loaded};
use uwsgi_config::{PluginAnswer, PluginUse, Row};

use super::rows;
use super::shipped::{self, Shipped};

/// How the file of a plugin may be called, before and behind its name.
const SHAPES: [(&str, &str); 2] = [("", "_plugin.so"), ("libuwsgi_", ".so")];
/// The plugin that only opens when libpython is there.
const PYTHON: &str = "libuwsgi_python.so";

/// An open library.
#[derive(Clone)]
struct Opened {
    plugin: Loaded,
    rows: Vec<&'static Row>,
}

/// Every file that was tried, with the reason of a refusal.
type Tried = BTreeMap<PathBuf, Result<Opened, String>>;

static TRIED: LazyLock<Mutex<Tried>> = LazyLock::new(Mutex::default);

/// What a configuration hears about a plugin it asks for.
pub(crate) fn load(wish: &PluginUse, directories: &[String]) -> PluginAnswer {
    if shipped::is_built_in(&wish.name) {
        return PluginAnswer::BuiltIn;
    }
    let Some(path) = locate(&wish.name, directories) else {
        return PluginAnswer::Missing(missing(&wish.name, directories));
    };
    let opened = open(&path).and_then(|opened| {
        wish.initialiser.as_deref().map_or(Ok(()), |symbol| opened.plugin.call(symbol))?;
        Ok(opened)
    });
    match opened {
        Ok(Opened { plugin, rows }) => PluginAnswer::Loaded {
            path: path.to_string_lossy().into_owned(),
            name: plugin.name().to_owned(),
            rows,
        },
        Err(why) => PluginAnswer::Missing(vec![unable(&format!("{}: {why}", path.display()))]),
    }
}

/// The first plugin in the search path that declares `option`.
pub(crate) fn with_option(option: &str, directories: &[String]) -> Option<String> {
    let files = search_path(directories).into_iter().flat_map(|directory| plugins_in(&directory));
    let declares = |path: &PathBuf| {
        let opened = fs::canonicalize(path).ok().and_then(|path| open(&path).ok());
        opened.is_some_and(|opened| opened.rows.iter().any(|row| row.name == option))
    };
    files.into_iter().find(declares).map(|path| path.to_string_lossy().into_owned())
}

/// The plugin in a file that [`load`] has opened.
pub(super) fn opened(path: &str) -> Option<Loaded> {
    let tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    Some(tried.get(Path::new(path))?.as_ref().ok()?.plugin)
}

/// Opens a file once. `path` is canonical, so that a link to it is no second plugin.
fn open(path: &Path) -> Result<Opened, String> {
    let known = TRIED.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
    if let Some(known) = known {
        return known;
    }
    // Initialisers of the library run here; no lock is held over them.
    let opened = host::load(path).and_then(|plugin| {
        let options = plugin.options()?;
        Ok(Opened {
            plugin,
            rows: options.into_iter().map(|o| rows::row(plugin.name(), o)).collect(),
        })
    });
    TRIED.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), opened.clone());
    opened
}

/// The file that a name or path means, without links.
fn locate(name: &str, directories: &[String]) -> Option<PathBuf> {
    let candidates: Vec<PathBuf> = match name.contains('/') {
        true => vec![name.into(), with_suffix(name).into()],
        false => {
            let files = |directory: PathBuf| {
                SHAPES.map(|(before, after)| directory.join(format!("{before}{name}{after}")))
            };
            search_path(directories).into_iter().flat_map(files).collect()
        }
    };
    let file = candidates.into_iter().find(|path| path.is_file())?;
    fs::canonicalize(file).ok()
}

fn with_suffix(name: &str) -> String {
    if name.ends_with("_plugin.so") { name.to_owned() } else { format!("{name}_plugin.so") }
}

/// Each `plugins-dir`, the places that belong to the binary, the working directory.
fn search_path(directories: &[String]) -> Vec<PathBuf> {
    let binary = std::env::current_exe().unwrap_or_default();
    let given = directories.iter().map(PathBuf::from);
    given.chain(own_directories(&binary)).chain([PathBuf::from(".")]).collect()
}

/// Beside the binary, and in the library directory of its prefix.
pub(crate) fn own_directories(binary: &Path) -> [PathBuf; 3] {
    let beside = binary.parent().unwrap_or(Path::new("."));
    [beside.to_owned(), beside.join("../lib/uwsgi/plugins"), beside.join("../lib/uwsgi")]
}

/// Files of a directory that are called like plugins, sorted.
fn plugins_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let fits =
            |(before, after): &(&str, &str)| name.starts_with(before) && name.ends_with(after);
        name != PYTHON && SHAPES.iter().any(fits)
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(named).collect();
    files.sort();
    files
}

/// What is said about a plugin that is nowhere.
fn missing(name: &str, directories: &[String]) -> Vec<String> {
    if let Some(Shipped::Absent(what)) = shipped::find(name) {
        return vec![unable(&format!("{name} is not part of this build ({what})"))];
    }
    let paths: Vec<String> = match name.contains('/') {
        true => vec![with_suffix(name)],
        false => {
            let given = directories.iter().map(String::as_str).chain(["."]);
            given.map(|directory| format!("{directory}/{name}_plugin.so")).collect()
        }
    };
    let open = |path: &String| {
        format!("open(\"{path}\"): No such file or directory [core/utils.c line {}]", line!())
    };
    let mut lines: Vec<String> = paths.iter().map(open).collect();
    let last = paths.last().map(String::as_str).unwrap_or_default();
    lines.push(unable(&format!(
        "{last}: cannot open shared object file: No such file or directory"
    )));
    lines
}

fn unable(why: &str) -> String {
    format!("!!! UNABLE to load uWSGI plugin: {why} !!!")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_plugin_is_named_with_every_place() {
        let said = |name, directories: &[&str]| {
            let directories: Vec<String> = directories.iter().map(ToString::to_string).collect();
            missing(name, &directories).join("\n").replace(char::is_numeric, "")
        };
        let open =
            |path| format!("open(\"{path}\"): No such file or directory [core/utils.c line ]\n");
        let end = "cannot open shared object file: No such file or directory !!!";
        let unable = "!!! UNABLE to load uWSGI plugin:";
        let both = open("/p/nope_plugin.so") + &open("./nope_plugin.so");
        assert_eq!(said("nope", &["/p"]), format!("{both}{unable} ./nope_plugin.so: {end}"));
        for name in ["./x/nope", "./x/nope_plugin.so"] {
            let line = open("./x/nope_plugin.so");
            assert_eq!(said(name, &["/p"]), format!("{line}{unable} ./x/nope_plugin.so: {end}"));
        }
        let line = format!("{unable} psgi is not part of this build (applications in Perl) !!!");
        assert_eq!(said("psgi", &["/p"]), line);
    }
}
