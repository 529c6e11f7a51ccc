//! The choice, over a [`World`] that tests can fake.
//!
//! It owns the order and the error texts. It refuses to run or read anything itself.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::{Found, Wish};

/// What an interpreter said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// `sysconfig` `LIBDIR`.
    pub libdir: PathBuf,
    /// `sysconfig` `INSTSONAME`, the versioned library name (or the static archive).
    pub instsoname: String,
    /// `sysconfig` `Py_ENABLE_SHARED`.
    pub shared: bool,
    /// Major and minor version.
    pub version: (u8, u8),
    /// `sys.executable` of the base installation.
    pub executable: PathBuf,
    /// `sysconfig` `Py_GIL_DISABLED`.
    pub free_threaded: bool,
}

/// A shared library as its file name describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Where it is.
    pub path: PathBuf,
    /// Major and minor version.
    pub version: (u8, u8),
    /// The name says free-threaded (`t`).
    pub free_threaded: bool,
}

/// What the choice needs to see of the machine.
pub(crate) trait World {
    /// Whether a file exists.
    fn is_file(&self, path: &Path) -> bool;
    /// The text of `pyvenv.cfg` in a home.
    fn pyvenv(&self, home: &Path) -> Option<String>;
    /// Runs an interpreter and asks what it is.
    fn probe(&self, program: &Path) -> Option<Probe>;
    /// Every libpython in the usual library directories.
    fn libraries(&self) -> Vec<Library>;
}

/// Oldest version the plugin serves.
const OLDEST: (u8, u8) = (3, 9);

/// See [`crate::find`].
pub(crate) fn choose(wish: &Wish<'_>, world: &dyn World) -> Result<Found, String> {
    if let Some(lib) = wish.python_lib {
        return given(lib, wish, world);
    }
    if let Some(version) = wish.plugin_names.iter().find_map(|n| version_in_plugin_name(n)) {
        return by_version(version, wish, world);
    }
    if let Some(home) = wish.home {
        return by_home(home, wish, world);
    }
    by_path(wish, world)
}

fn given(lib: &Path, wish: &Wish<'_>, world: &dyn World) -> Result<Found, String> {
    let shown = lib.display();
    if !world.is_file(lib) {
        return Err(format!("option \"python-lib\": {shown} is not a file"));
    }
    let library = library_at(lib).ok_or_else(|| {
        format!("option \"python-lib\": {shown} is not named like libpython3.N.so.1.0")
    })?;
    supported(library.version)?;
    Ok(with_program(library, wish, world))
}

fn by_version(version: (u8, u8), wish: &Wish<'_>, world: &dyn World) -> Result<Found, String> {
    supported(version)?;
    let name = format!("python{}.{}", version.0, version.1);
    let probe = on_path(&name, wish.path, world);
    let probe =
        probe.or_else(|| on_path("python3", wish.path, world).filter(|p| p.version == version));
    if let Some(found) = probe.as_ref().and_then(|p| from_probe(p, world)) {
        return Ok(found);
    }
    shared_of(version, wish, world).ok_or_else(|| missing(version, None))
}

fn by_home(home: &Path, wish: &Wish<'_>, world: &dyn World) -> Result<Found, String> {
    let config = world.pyvenv(home).map(|text| venv(&text)).unwrap_or_default();
    let base = config.base.as_deref();
    let bin = home.join("bin/python");
    let probe = [base.map(|b| b.join("python3")), Some(bin), Some(home.join("bin/python3"))]
        .into_iter()
        .flatten()
        .filter(|program| world.is_file(program))
        .filter_map(|program| world.probe(&program))
        .find(|probe| config.version.is_none_or(|v| v == probe.version));
    if let Some(found) = probe.as_ref().and_then(|p| from_probe(p, world)) {
        return supported(found.version).map(|()| found);
    }
    let Some(version) = config.version.or(probe.as_ref().map(|p| p.version)) else {
        return by_path(wish, world); // a home that tells nothing: the plugin says what is wrong
    };
    supported(version)?;
    let program = probe.map(|p| p.executable);
    shared_of(version, wish, world).ok_or_else(|| missing(version, program.as_deref()))
}

fn by_path(wish: &Wish<'_>, world: &dyn World) -> Result<Found, String> {
    let probe = on_path("python3", wish.path, world).filter(|p| p.version >= OLDEST);
    let Some(probe) = probe else {
        let newest = newest(world.libraries().into_iter().filter(|l| l.version >= OLDEST));
        return newest.map(|l| with_program(l, wish, world)).ok_or_else(|| {
            "no libpython found: install one (for example the package libpython3.11) or name it \
             with option \"python-lib\""
                .into()
        });
    };
    if let Some(found) = from_probe(&probe, world) {
        return Ok(found);
    }
    shared_of(probe.version, wish, world)
        .ok_or_else(|| missing(probe.version, Some(&probe.executable)))
}

fn supported(version: (u8, u8)) -> Result<(), String> {
    match version >= OLDEST {
        true => Ok(()),
        false => {
            Err(format!("python {}.{} is too old, 3.9 is the oldest served", version.0, version.1))
        }
    }
}

/// The library an interpreter says it runs from.
fn from_probe(probe: &Probe, world: &dyn World) -> Option<Found> {
    let lib = probe.libdir.join(&probe.instsoname);
    let usable = probe.shared && probe.instsoname.contains(".so") && world.is_file(&lib);
    usable.then(|| Found {
        lib,
        version: probe.version,
        program: probe.executable.clone(),
        free_threaded: probe.free_threaded,
    })
}

/// Another shared library of the same version.
fn shared_of(version: (u8, u8), wish: &Wish<'_>, world: &dyn World) -> Option<Found> {
    let same = world.libraries().into_iter().filter(|l| l.version == version);
    newest(same).map(|library| with_program(library, wish, world))
}

/// The newest version; builds with a global lock before free-threaded ones.
fn newest(libraries: impl Iterator<Item = Library>) -> Option<Library> {
    libraries.reduce(|best, l| {
        let rank = |l: &Library| (l.version, !l.free_threaded);
        if rank(&l) > rank(&best) { l } else { best }
    })
}

/// Adds the program that belongs to a library: the one of its prefix, or the one on the path.
fn with_program(library: Library, wish: &Wish<'_>, world: &dyn World) -> Found {
    let (major, minor) = library.version;
    let t = if library.free_threaded { "t" } else { "" };
    let name = format!("python{major}.{minor}{t}");
    // <prefix>/lib/libpython..., or <prefix>/lib/<multiarch>/libpython...
    let prefixes = library.path.ancestors().skip(2).take(2);
    let beside = prefixes.map(|prefix| prefix.join("bin").join(&name));
    let program = beside
        .chain(std::env::split_paths(wish.path).map(|dir| dir.join(&name)))
        .find(|program| world.is_file(program))
        .unwrap_or_else(|| PathBuf::from(name.clone()));
    Found {
        lib: library.path,
        version: library.version,
        program,
        free_threaded: library.free_threaded,
    }
}

fn missing(version: (u8, u8), program: Option<&Path>) -> String {
    let (major, minor) = version;
    let who = program.map(|p| format!("{} has no shared library (built static)", p.display()));
    format!(
        "{}: install the package libpython{major}.{minor}, or name a libpython{major}.{minor}.so.1.0 \
         with option \"python-lib\"",
        who.unwrap_or_else(|| format!("no shared library of python {major}.{minor} found"))
    )
}

/// The first interpreter of that name on the path that runs.
fn on_path(name: &str, path: &OsStr, world: &dyn World) -> Option<Probe> {
    std::env::split_paths(path)
        .map(|dir| dir.join(name))
        .filter(|program| world.is_file(program))
        .find_map(|program| world.probe(&program))
}

/// The version in names like `python39`, `python3.11`, `py312`, `gevent_python311`.
fn version_in_plugin_name(name: &str) -> Option<(u8, u8)> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let at = name.rfind("python").map(|i| i + 6).or_else(|| name.strip_prefix("py").map(|_| 2))?;
    let digits: String = name.get(at..)?.chars().filter(|&c| c != '.').collect();
    let digits = digits.strip_suffix("_plugin").unwrap_or(&digits);
    let digits = digits.strip_suffix("_pluginso").unwrap_or(digits);
    let minor = digits.strip_prefix('3')?;
    Some((3, minor.parse().ok()?))
}

/// What `pyvenv.cfg` records.
#[derive(Debug, Default, PartialEq, Eq)]
struct Venv {
    /// Directory of the base interpreter.
    base: Option<PathBuf>,
    version: Option<(u8, u8)>,
}

fn venv(text: &str) -> Venv {
    let mut venv = Venv::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        match key.trim() {
            "home" => venv.base = Some(PathBuf::from(value.trim())),
            "version" | "version_info" => venv.version = venv.version.or(dotted(value.trim())),
            _ => {}
        }
    }
    venv
}

/// `3.11.2` as major and minor.
pub(crate) fn dotted(text: &str) -> Option<(u8, u8)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Reads a library's file name: `libpython3.13t.so.1.0`, also without the `.1.0`.
pub(crate) fn library_at(path: &Path) -> Option<Library> {
    let rest = path.file_name()?.to_str()?.strip_prefix("libpython")?;
    let (version, _) = rest.split_once(".so")?;
    let plain = version.strip_suffix('t').unwrap_or(version);
    let free_threaded = plain.len() != version.len();
    Some(Library { path: path.to_path_buf(), version: dotted(plain)?, free_threaded })
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
