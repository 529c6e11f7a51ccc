//! The machine behind [`uwsgi_config::Source`]: files, pipes, schemes, facts.
//!
//! Owns how each scheme is read and the texts of its failures. It refuses to know what a
//! configuration does with the bytes.

mod deeds;
mod directory;
mod facts;

use std::fs;
use std::io::{self, Read};
use std::net::ToSocketAddrs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{Access, access};
use uwsgi_config::{
    Content, Deed, Facts, Look, Place, PluginAnswer, PluginUse, Source, SourceError,
};

use crate::plugin;

/// The real machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct System;

impl Source for System {
    fn read(&self, what: &str) -> Result<Content, SourceError> {
        let bytes = match what.split_once("://") {
            Some(("fd", number)) => descriptor(number),
            Some(("exec", command)) => run(command),
            Some((scheme, _)) => Err(unsupported(scheme)),
            None if what == "-" => standard_input(),
            None => fs::read(what),
        };
        let bytes = bytes.map_err(|error| SourceError::open(what, &error))?;
        Ok(Content { bytes, log: Vec::new() })
    }

    fn locate(&self, path: &str) -> io::Result<Place> {
        let meta = fs::symlink_metadata(path)?;
        let absolute = if meta.is_symlink() { link_path(path)? } else { fs::canonicalize(path)? };
        Ok(Place { path: absolute.to_string_lossy().into_owned(), inode: meta.ino() })
    }

    fn look(&self, path: &str) -> Look {
        let meta = fs::metadata(path);
        Look {
            readable: access(path, Access::READ_OK).is_ok(),
            file: meta.as_ref().is_ok_and(fs::Metadata::is_file),
            directory: meta.is_ok_and(|meta| meta.is_dir()),
        }
    }

    fn glob(&self, pattern: &str) -> Vec<String> {
        uwsgi_sys::glob::glob(pattern)
    }

    fn variables(&self, directory: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
        directory::variables(directory)
    }

    fn resolve(&self, host: &str) -> Option<String> {
        let mut found = (host, 0).to_socket_addrs().ok()?;
        found.find_map(|address| address.is_ipv4().then(|| address.ip().to_string()))
    }

    fn plugin(&self, wish: &PluginUse, directories: &[String]) -> PluginAnswer {
        plugin::load(wish, directories)
    }

    fn plugin_with(&self, option: &str, directories: &[String]) -> Option<String> {
        plugin::with_option(option, directories)
    }

    fn built_in(&self, plugin: &str) -> bool {
        plugin::shipped::is_built_in(plugin)
    }

    fn open_library(&self, path: &str) -> Result<(), String> {
        uwsgi_abi::host::open_global(Path::new(path))
    }

    fn export(&self, name: &str, value: Option<&str>) {
        uwsgi_sys::env::set(name, value);
    }

    fn perform(&self, deed: Deed<'_>) -> Result<Vec<String>, SourceError> {
        deeds::perform(deed)
    }

    fn facts(&self) -> Facts {
        facts::now()
    }
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unsupported(scheme: &str) -> io::Error {
    let text = format!("scheme \"{scheme}://\" is not supported yet");
    io::Error::new(io::ErrorKind::Unsupported, text)
}

fn descriptor(number: &str) -> io::Result<Vec<u8>> {
    let bad = |_| io::Error::new(io::ErrorKind::InvalidInput, "fd:// wants a number");
    let number: u32 = number.parse().map_err(bad)?;
    fs::read(format!("/dev/fd/{number}"))
}

fn run(command: &str) -> io::Result<Vec<u8>> {
    let output = Command::new("/bin/sh").args(["-c", command]).stderr(Stdio::inherit()).output()?;
    Ok(output.stdout)
}

/// The absolute path of a symbolic link itself: its directory resolved, its own name kept.
fn link_path(path: &str) -> io::Result<PathBuf> {
    let path = Path::new(path);
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(fs::canonicalize(parent)?.join(path.file_name().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exec_yields_standard_output() {
        assert_eq!(System.read("exec://printf a%s b").expect("sh runs").bytes, b"ab");
    }

    #[test]
    fn a_scheme_that_is_not_built_is_named() {
        let error = System.read("gopher://host/x.ini").expect_err("not built");
        assert!(error.text.contains("\"gopher://\""), "{error:?}");
    }

    #[test]
    fn a_host_is_its_first_ipv4_address() {
        for (host, expected) in
            [("localhost", Some("127.0.0.1")), ("10.1.2.3", Some("10.1.2.3")), ("::1", None)]
        {
            assert_eq!(System.resolve(host).as_deref(), expected, "{host}");
        }
        assert_eq!(System.resolve("no host at all"), None);
    }

    #[test]
    fn a_missing_file_cannot_be_located() {
        let error = System.locate("/nonexistent/x.ini").expect_err("missing");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
