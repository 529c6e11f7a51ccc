//! Finding and loading the Python plugin.
//!
//! Owns where the plugin is looked for and what is said when it, or a libpython, is missing.
//! libpython is opened first, with its symbols visible to all, then the plugin that resolves
//! against it: one build of the plugin serves every CPython it meets.

use std::path::{Path, PathBuf};

use uwsgi_abi::host::{self, Loaded};
use uwsgi_config::Config;

use crate::{log, plugin};

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

/// Whether the plugin's file is there.
pub(crate) fn is_there(config: &Config, binary: &Path) -> bool {
    find_plugin(config, binary).is_ok()
}

/// In each `plugins-dir`, beside the binary, then in the library directory of its prefix.
fn find_plugin(config: &Config, binary: &Path) -> Result<PathBuf, String> {
    let given = config.values("plugins-dir").map(PathBuf::from);
    let dirs: Vec<PathBuf> = given.chain(plugin::own_directories(binary)).collect();
    dirs.iter().map(|d| d.join(PLUGIN)).find(|p| p.is_file()).ok_or_else(|| {
        let shown: Vec<String> = dirs.iter().map(|d| d.display().to_string()).collect();
        format!("{PLUGIN} not found in {} (option \"plugins-dir\" adds a place)", shown.join(", "))
    })
}
