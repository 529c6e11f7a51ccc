//! Configuration files: which reader a name asks for, sections, circles, magic variables.

use super::{Loader, Mode, Step, Stop};
use crate::config::Origin;
use crate::source::Source;
use crate::{ini, source};

/// The section that counts when none is named.
const DEFAULT_SECTION: &str = "uwsgi";

impl Loader<'_> {
    pub(super) fn load_by_suffix(&mut self, text: &str, mode: Mode) -> Step {
        match suffix(text) {
            Some("ini") => self.load_ini(text, mode),
            Some(format) => Err(Stop::Failed(format!(
                "configuration format \"{format}\" of {text} is not supported yet, only ini is"
            ))),
            None => Err(Stop::Failed(format!("unable to load configuration from {text}"))),
        }
    }

    pub(super) fn load_ini(&mut self, text: &str, mode: Mode) -> Step {
        let (path, section) = split_section(text);
        let again = path.is_empty();
        let path = match (again, &self.last_ini) {
            (false, _) => path.to_owned(),
            (true, Some(last)) => last.clone(),
            (true, None) => {
                return Err(Stop::Failed(format!("\"{text}\" names a section of no file")));
            }
        };
        let place = self.enter(&path, section, mode)?;
        let identity = format!("{}:{section}", place.unwrap_or_else(|| path.clone()));
        if self.open.contains(&identity) {
            return Err(Stop::Failed(format!("config include loop: {path} includes itself")));
        }
        self.last_ini = Some(path.clone());
        if !again {
            self.config.messages.push(format!("[uWSGI] getting INI configuration from {path}"));
        }
        let content = self.read(&path)?;
        self.open.push(identity);
        let result = self.ini_lines(&path, section, &content, mode);
        self.open.pop();
        result
    }

    /// Takes the magic variables of a file; the answer is its absolute path, if it is a file.
    fn enter(&mut self, path: &str, section: &str, mode: Mode) -> Result<Option<String>, Stop> {
        let asked = if section == DEFAULT_SECTION { "" } else { section };
        if source::is_scheme(path) {
            self.magic.enter(path, asked, None, mode.first);
            return Ok(None);
        }
        let place = self.source.locate(path).map_err(|error| {
            let reason = reason(&error);
            Stop::Failed(format!("realpath() of {path} failed: {reason} [config line {}]", line!()))
        })?;
        self.magic.enter(path, asked, Some(&place), mode.first);
        Ok(Some(place.path))
    }

    fn read(&self, what: &str) -> Result<Vec<u8>, Stop> {
        self.source.read(what).map_err(|error| Stop::Failed(cannot_open(what, &error)))
    }

    fn ini_lines(&mut self, path: &str, section: &str, content: &[u8], mode: Mode) -> Step {
        let content = self.magic.substitute(content);
        for (letter, line) in content.unknown {
            let text = format!("unknown magic variable \"%{letter}\" at {path}:{line} is empty");
            self.config.messages.push(text);
        }
        let found = ini::read(&content.bytes, section);
        if !found.found {
            self.config.messages.push(format!(
                "*** WARNING: Can't find section \"{section}\" in INI configuration file {path} ***"
            ));
        }
        let outer = self.fixed;
        self.fixed = outer || mode.fixed;
        let result = found.lines.iter().try_for_each(|line| {
            let origin = Origin::File { path: path.to_owned(), line: line.number };
            let text = |bytes: &[u8]| {
                let text = std::str::from_utf8(bytes).map(str::to_owned);
                text.map_err(|_| Stop::Failed(format!("text {origin} is not valid UTF-8")))
            };
            let (key, value) = (text(line.key)?, text(line.value)?);
            self.append(&key, Some(value), origin)
        });
        self.fixed = outer;
        if result.is_ok() {
            self.warn_open_block(path);
        }
        result
    }
}

/// The configuration format that a path names by its suffix, section ignored.
pub(super) fn suffix(text: &str) -> Option<&'static str> {
    const FORMATS: [&str; 6] = ["ini", "xml", "yaml", "yml", "json", "js"];
    let (path, _) = split_section(text);
    let (_, extension) = path.rsplit_once('.')?;
    FORMATS.into_iter().find(|format| *format == extension)
}

/// Splits `file:section`. In a scheme only a colon after the last slash counts.
fn split_section(text: &str) -> (&str, &str) {
    let from = if text.contains("://") { text.rfind('/').map_or(0, |at| at + 1) } else { 0 };
    match text[from..].rfind(':') {
        Some(at) => {
            let section = &text[from + at + 1..];
            let section = if section.is_empty() { DEFAULT_SECTION } else { section };
            (&text[..from + at], section)
        }
        None => (text, DEFAULT_SECTION),
    }
}

/// The content for `@(what)`: one trailing line end goes.
pub(super) fn content(source: &dyn Source, what: &str) -> Result<String, String> {
    let bytes = source.read(what).map_err(|error| cannot_open(what, &error))?;
    let trimmed = bytes.strip_suffix(b"\n").or_else(|| bytes.strip_suffix(b"\r"));
    let text = std::str::from_utf8(trimmed.unwrap_or(&bytes)).map(str::to_owned);
    text.map_err(|_| format!("content of \"{what}\" is not valid UTF-8"))
}

pub(super) fn cannot_open(what: &str, error: &std::io::Error) -> String {
    format!("open(\"{what}\"): {} [config line {}]", reason(error), line!())
}

/// The text of an error without the number that the standard library appends.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map(|(text, _)| text.to_owned()).unwrap_or(text)
}
