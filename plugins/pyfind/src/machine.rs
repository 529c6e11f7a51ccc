//! Looks at the machine: files, library directories, and interpreters that are run and asked.
//!
//! It owns the question put to an interpreter and the parsing of its answer. It refuses to
//! inherit the environment variables that would make an interpreter lie about itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::choose::{Library, Probe, World, dotted, library_at};

/// Prints one fact per line; the base installation's executable, so that a virtualenv answers
/// for the interpreter behind it.
const QUESTION: &str = "\
import sys, sysconfig as s
v = s.get_config_var
print(v('LIBDIR') or '')
print(v('INSTSONAME') or v('LDLIBRARY') or '')
print(1 if v('Py_ENABLE_SHARED') else 0)
print('%d.%d' % sys.version_info[:2])
print(getattr(sys, '_base_executable', None) or sys.executable)
print(1 if v('Py_GIL_DISABLED') else 0)
";

/// The machine this process runs on.
pub(crate) struct Machine;

impl World for Machine {
    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn pyvenv(&self, home: &Path) -> Option<String> {
        std::fs::read_to_string(home.join("pyvenv.cfg")).ok()
    }

    fn probe(&self, program: &Path) -> Option<Probe> {
        let output = Command::new(program)
            .args(["-c", QUESTION])
            .env_remove("PYTHONHOME")
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONSTARTUP")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        answer(std::str::from_utf8(&output.stdout).ok()?)
    }

    fn libraries(&self) -> Vec<Library> {
        let dirs = library_dirs();
        let files = dirs.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten();
        let mut found: Vec<Library> = files
            .map(|file| file.path())
            .filter(|path| path.to_str().is_some_and(|p| p.ends_with(".so.1.0")))
            .filter_map(|path| library_at(&path))
            .collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }
}

/// Where shared libraries usually are: the system's, and those of pyenv installations.
fn library_dirs() -> Vec<PathBuf> {
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let mut dirs: Vec<PathBuf> = ["/usr/local/lib", "/usr/lib64", "/usr/lib", "/lib"]
        .iter()
        .flat_map(|base| [PathBuf::from(base), Path::new(base).join(&multiarch)])
        .collect();
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home);
    let versions = pyenv.and_then(|root| std::fs::read_dir(root.join("versions")).ok());
    dirs.extend(versions.into_iter().flatten().flatten().map(|v| v.path().join("lib")));
    dirs
}

/// Parses the answer to [`QUESTION`].
fn answer(text: &str) -> Option<Probe> {
    let mut lines = text.lines();
    Some(Probe {
        libdir: PathBuf::from(lines.next()?),
        instsoname: lines.next()?.into(),
        shared: lines.next()? == "1",
        version: dotted(lines.next()?)?,
        executable: PathBuf::from(lines.next()?),
        free_threaded: lines.next()? == "1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_cut_short_is_none() {
        let whole = "/opt/lib\nlibpython3.12.so.1.0\n1\n3.12\n/opt/bin/python3.12\n0\n";
        let probe = answer(whole).unwrap();
        assert_eq!((probe.version, probe.shared, probe.free_threaded), ((3, 12), true, false));
        assert_eq!(answer("/opt/lib\nlibpython3.12.so.1.0\n1\n3.12\n"), None);
        assert_eq!(answer(""), None);
    }
}
