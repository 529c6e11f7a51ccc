//! Finding and loading the Python plugin.
//!
//! Owns where the plugin is looked for and what is said when it, or a libpython, is missing.
//! libpython is opened first, with its symbols visible to all, then the plugin that resolves
//! against it: one build of the plugin serves every CPython it meets.

use std::path::{Path, PathBuf};

use uwsgi_abi::host::{self, Loaded};
use uwsgi_config::{Config, PluginAnswer};

use crate::log;

/// File name of the plugin.
const PLUGIN: &str = "libuwsgi_python.so";

/// Options that cannot be honoured without Python.
const NEEDS_PYTHON: &[&str] =
    &["module", "wsgi-file", "mount", "import", "shared-import", "eval", "pyrun", "paste"];

/// A loaded plugin and the program path its interpreter is to assume.
pub(crate) struct Language {
    /// The plugin.
    pub plugin: Loaded,
    /// Path of the `python` that belongs to the library.
    pub program: String,
}

/// Whether a plugin of that name is part of this build: `name`, with a modifier in front
/// (`0:python`), an initialiser behind (`name|init`), or a version (`python311`).
fn built_in(name: &str) -> bool {
    let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
    let name = name.split('|').next().unwrap_or_default();
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit());
    matches!(plain, "python" | "pyuwsgi" | "http" | "corerouter")
}

/// What a configuration hears about the plugin called `name`.
pub(crate) fn answer(name: &str) -> PluginAnswer {
    if built_in(name) {
        return PluginAnswer::BuiltIn;
    }
    let line = format!("!!! UNABLE to load uWSGI plugin: {name} is not part of this build !!!");
    PluginAnswer::Missing(vec![line])
}

/// Loads Python. `Ok(None)` when nobody asked for it and it is not there.
pub(crate) fn load(config: &Config, binary: &Path) -> Result<Option<Language>, String> {
    let wanted = NEEDS_PYTHON.iter().find(|name| config.has(name));
    match try_load(config, binary) {
        Ok(language) => Ok(Some(language)),
        Err(why) => match wanted {
            Some(option) => {
                Err(format!("unable to load plugin \"python\" for option \"{option}\": {why}"))
            }
            None => {
                log!("python is not available: {why}");
                Ok(None)
            }
        },
    }
}

fn try_load(config: &Config, binary: &Path) -> Result<Language, String> {
    let plugin = find_plugin(config, binary)?;
    let home = config.last("home").map(PathBuf::from);
    let python_lib = config.last("python-lib").map(PathBuf::from);
    let names: Vec<String> = config.plugins.iter().map(|plugin| plugin.name.clone()).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = uwsgi_pyfind::find(&uwsgi_pyfind::Wish {
        home: home.as_deref(),
        python_lib: python_lib.as_deref(),
        plugin_names: &names,
        path: &path,
    })?;
    host::open_global(&found.lib)?;
    let plugin = host::load(&plugin)?;
    Ok(Language { plugin, program: found.program.to_string_lossy().into_owned() })
}

/// Beside the binary, in the library directory of its prefix, then in each `plugins-dir`.
fn find_plugin(config: &Config, binary: &Path) -> Result<PathBuf, String> {
    let beside = binary.parent().unwrap_or(Path::new("."));
    let own = [beside.to_owned(), beside.join("../lib/uwsgi/plugins"), beside.join("../lib/uwsgi")];
    let given = config.all("plugins-dir").filter_map(|e| e.value.as_ref().map(PathBuf::from));
    let dirs: Vec<PathBuf> = given.chain(own).collect();
    dirs.iter().map(|d| d.join(PLUGIN)).find(|p| p.is_file()).ok_or_else(|| {
        let shown: Vec<String> = dirs.iter().map(|d| d.display().to_string()).collect();
        format!("{PLUGIN} not found in {} (option \"plugins-dir\" adds a place)", shown.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::built_in;

    #[test]
    fn names_of_packages_stand_for_what_is_built_in() {
        for (name, expected) in [
            ("python", true),
            ("python3", true),
            ("python311", true),
            ("0:python3", true),
            ("python3|init", true),
            ("http", true),
            ("psgi", false),
            ("./own_plugin.so", false),
            ("pythonic", false),
        ] {
            assert_eq!(built_in(name), expected, "{name}");
        }
    }
}
