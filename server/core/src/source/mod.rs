//! The machine behind [`uwsgi_config::Source`]: files, pipes, schemes, facts.
//!
//! Owns how each scheme is read and the texts of its failures. It refuses to know what a
//! configuration does with the bytes.

mod answer;
mod binary;
mod deeds;
mod descriptor;
mod directory;
mod elf;
mod emperor;
mod exec;
mod facts;
mod http;
mod print;
mod stream;
mod symbol;
mod tls;

use std::fs::{self, File};
use std::io;
use std::net::ToSocketAddrs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use uwsgi_config::{
    Content, Deed, Facts, Look, Place, PluginAnswer, PluginUse, Source, SourceError,
};

use crate::kept::Table;
use crate::plugin;

pub(crate) use descriptor::for_next_image;
pub(crate) use print::{append_data, extract, pid, print_symbol};

/// What was built into the binary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Embedded {
    /// A configuration that is read before everything else, in ini form.
    pub config: Option<&'static str>,
    /// Files for `sym://`, by symbol name.
    pub files: &'static [(&'static str, &'static [u8])],
}

/// The real machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System<'a> {
    /// What `sym://` knows before it looks for symbols.
    pub embedded: &'static Embedded,
    /// What the image before this one had read from pipes.
    pub kept: &'a Table,
}

impl Source for System<'_> {
    fn read(&self, what: &str) -> Result<Content, SourceError> {
        let (scheme, rest) = what.split_once("://").unwrap_or(("", what));
        let file =
            |bytes: io::Result<Vec<u8>>| bytes.map_err(|error| SourceError::open(what, &error));
        let bytes = match scheme {
            "http" => return http::fetch(rest, false, number("UWSGI_EMPEROR_FD").is_some()),
            "https" => return http::fetch(rest, true, number("UWSGI_EMPEROR_FD").is_some()),
            "exec" => return exec::output(rest),
            "data" => return binary::data(rest),
            "fd" => file(descriptor::read(rest, self.kept)),
            "sym" => symbol::content(rest, self.embedded),
            "section" => binary::section(rest),
            "call" => symbol::call(rest),
            "callint" => symbol::call_int(rest),
            "emperor" => emperor::receive(rest, config_socket()),
            "" if what == "-" => file(descriptor::read("0", self.kept)),
            _ => file(open(what).and_then(|mut file| stream::whole(&mut file))),
        };
        Ok(Content { bytes: bytes?, log: Vec::new() })
    }

    fn embedded(&self) -> Option<&str> {
        self.embedded.config
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

/// The number in an environment variable of the Emperor.
fn number(variable: &str) -> Option<i32> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The socket on which an Emperor sends configurations; only a vassal has one.
fn config_socket() -> Option<i32> {
    number("UWSGI_EMPEROR_FD").and_then(|_| number("UWSGI_EMPEROR_FD_CONFIG"))
}

/// What looks like a scheme may be a file; when there is none, the schemes are named.
fn open(what: &str) -> io::Result<File> {
    File::open(what).map_err(|error| match what.split_once("://") {
        Some((scheme, _)) if error.kind() == io::ErrorKind::NotFound => unknown(scheme),
        _ => error,
    })
}

fn unknown(scheme: &str) -> io::Error {
    let known = "http, https, exec, fd, data, sym, section, call, callint, emperor";
    let text = format!("no such file, and no scheme \"{scheme}://\" (known: {known})");
    io::Error::new(io::ErrorKind::NotFound, text)
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

    const NOTHING: Embedded = Embedded { config: None, files: &[] };

    fn system() -> System<'static> {
        System { embedded: &NOTHING, kept: Box::leak(Box::default()) }
    }

    #[test]
    fn what_stands_before_the_slashes_decides() {
        for (what, expected) in
            [("exec://printf a%s b", "ab"), ("/dev/null", ""), ("exec://printf %s c://d", "c://d")]
        {
            let content = system().read(what).expect("it can be read");
            assert_eq!(content.bytes, expected.as_bytes(), "{what}");
        }
        let error = system().read("gopher://host/x.ini").expect_err("no such scheme");
        assert!(error.text.starts_with(
            "open(\"gopher://host/x.ini\"): no such file, and no scheme \"gopher://\""
        ));
        let endless = system().read("/dev/zero").expect_err("it has no end");
        let text = "open(\"/dev/zero\"): it holds more than 64 MiB, the most that is read";
        assert!(endless.text.starts_with(text), "{endless:?}");
        assert!(
            system().read("/tmp").expect_err("a directory").text.starts_with("open(\"/tmp\"): ")
        );
    }

    #[test]
    fn a_file_may_be_called_like_a_scheme() {
        let home = std::env::temp_dir().join(format!("uwsgi-scheme-{}:", std::process::id()));
        fs::create_dir_all(&home).expect("a directory");
        fs::write(home.join("a.ini"), "x").expect("a file");
        let path = format!("{}//a.ini", home.display());
        assert!(path.contains("://"));
        assert_eq!(system().read(&path).expect("a file").bytes, b"x");
        fs::remove_dir_all(home).expect("removed");
    }

    #[test]
    fn a_host_is_its_first_ipv4_address() {
        for (host, expected) in
            [("localhost", Some("127.0.0.1")), ("10.1.2.3", Some("10.1.2.3")), ("::1", None)]
        {
            assert_eq!(system().resolve(host).as_deref(), expected, "{host}");
        }
        assert_eq!(system().resolve("no host at all"), None);
    }

    #[test]
    fn a_missing_file_cannot_be_located() {
        let error = system().locate("/nonexistent/x.ini").expect_err("missing");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
