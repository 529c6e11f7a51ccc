//! Configuration files: sections, circles, magic variables, from bytes to entries.

use super::inject::Whole;
use super::name::{split, suffix};
use super::{INCLUDED, Loader, Mode, Step, Stop};
use crate::config::Origin;
use crate::finding::Finding;
use crate::format::{Asked, Format};
use crate::source::{self, Content, Source, SourceError, plain};

/// How many files may be open inside each other. A circle whose names grow is one all the same.
const DEEPEST: usize = 64;
/// What reading a file counts in the growth of the list, beside its bytes: a loop that reads
/// files without options must end too.
pub(super) const FILE: usize = 8192;

impl Loader<'_> {
    /// Reads a file in the format that its suffix names.
    pub(super) fn load_by_suffix(&mut self, text: &str, mode: Mode, origin: &Origin) -> Step {
        match suffix(text) {
            Some(format) => self.load(format, text, mode, origin),
            None => {
                let fault = Finding::fault(format!("unable to load configuration from {text}"));
                Err(fault.origin(origin).into())
            }
        }
    }

    /// Reads `file`, `file:section` or, from the last file of that format, `:section`.
    pub(super) fn load(&mut self, format: Format, text: &str, mode: Mode, origin: &Origin) -> Step {
        let (path, section) = split(text);
        let again = path.is_empty() && !text.is_empty();
        let path = match (again, self.last.get(&format)) {
            (false, _) => path.to_owned(),
            (true, Some(last)) => last.clone(),
            (true, None) => {
                let fault = Finding::fault(format!("\"{text}\" names a section of no file"));
                return Err(fault.origin(origin).into());
            }
        };
        let place = self.enter(&path, section, mode, origin)?;
        let identity = format!("{}:{section}", place.unwrap_or_else(|| path.clone()));
        let circle = self.open.contains(&identity).then(|| "includes itself".to_owned());
        let deep = || format!("is inside {DEEPEST} other files");
        if let Some(why) = circle.or_else(|| (self.open.len() == DEEPEST).then(deep)) {
            let fault = Finding::fault(format!("config include loop: {path} {why}"));
            return Err(fault.origin(origin).into());
        }
        self.last.insert(format, path.clone());
        self.newest = Some(format);
        if !self.config.files.contains(&path) {
            self.config.files.push(path.clone());
        }
        if !again {
            self.config.messages.extend(format.announcement(&path, section));
        }
        let whole = self.whole(&path, origin)?;
        self.spend(FILE + whole.bytes.len(), origin)?;
        self.open.push(identity);
        let result = self.lines(format, &path, section, &whole, mode);
        self.open.pop();
        result
    }

    /// Reads the configuration inside the binary, which comes before everything else.
    pub(super) fn embedded(&mut self) -> Step {
        let Some(text) = self.source.embedded() else { return Ok(()) };
        self.config.messages.push("[uWSGI] using embedded config data".to_owned());
        let whole = Whole::new("embedded", text.as_bytes().to_vec());
        self.lines(Format::Ini, "embedded", "", &whole, INCLUDED)
    }

    /// Takes the magic variables of a file; the answer is its absolute path, if it is a file.
    fn enter(
        &mut self,
        path: &str,
        section: &str,
        mode: Mode,
        origin: &Origin,
    ) -> Result<Option<String>, Stop> {
        if source::is_scheme(path) {
            self.magic.enter(path, section, None, mode.first);
            return Ok(None);
        }
        let place = self.source.locate(path).map_err(|error| {
            let reason = plain(&error);
            let text = format!("realpath() of {path} failed: {reason} [config line {}]", line!());
            Finding::fault(text).origin(origin)
        })?;
        self.magic.enter(path, section, Some(&place), mode.first);
        Ok(Some(place.path))
    }

    /// The content of a source, its log lines said.
    pub(super) fn read(&mut self, what: &str, origin: &Origin) -> Result<Vec<u8>, Stop> {
        match self.source.read(what) {
            Ok(content) => {
                self.config.messages.extend(content.log);
                Ok(content.bytes)
            }
            Err(error) => {
                self.config.messages.extend(error.log);
                self.config.code = error.code;
                Err(Finding::fault(error.text).origin(origin).into())
            }
        }
    }

    fn lines(
        &mut self,
        format: Format,
        path: &str,
        section: &str,
        whole: &Whole,
        mode: Mode,
    ) -> Step {
        let at = |line| whole.origin(line);
        let content = self.magic.substitute(&whole.bytes);
        for (letter, line) in content.unknown {
            let origin = at(line);
            let text = format!("unknown magic variable \"%{letter}\" {origin} is empty");
            self.config.findings.push(Finding::warning(text).origin(&origin));
        }
        if content.more > 0 {
            let text = format!("{} more unknown magic variables in {path} are empty", content.more);
            self.config.findings.push(Finding::warning(text));
        }
        self.spend(content.bytes.len().saturating_sub(whole.bytes.len()), &at(1))?;
        let asked = Asked { path, section, mode: self.config.last("mode") };
        let document = format.read(&content.bytes, &asked).map_err(|malformed| {
            let fault = Finding::fault(malformed.text);
            malformed.line.map_or(fault.clone(), |line| fault.origin(&at(line)))
        })?;
        self.config.messages.extend(document.log);
        for (line, text) in document.warnings {
            self.config.findings.push(Finding::warning(text).origin(&at(line)));
        }
        let outer = self.fixed;
        self.fixed = outer || mode.fixed;
        let mut lines = document.lines.into_iter();
        let result =
            lines.try_for_each(|line| self.append(&line.key, Some(line.value), at(line.number)));
        self.fixed = outer;
        if result.is_ok() {
            self.warn_open_block(path);
        }
        result
    }
}

/// The content for `@(what)`: one trailing line end goes.
pub(super) fn content(
    source: &dyn Source,
    what: &str,
) -> Result<(String, Vec<String>), SourceError> {
    let Content { bytes, log } = source.read(what)?;
    let trimmed = bytes.strip_suffix(b"\n").or_else(|| bytes.strip_suffix(b"\r"));
    match std::str::from_utf8(trimmed.unwrap_or(&bytes)) {
        Ok(text) => Ok((text.to_owned(), log)),
        Err(_) => Err(SourceError::new(format!("content of \"{what}\" is not valid UTF-8"))),
    }
}
