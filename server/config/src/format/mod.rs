//! The configuration formats: bytes in, ordered lines of one section out.
//!
//! A reader is a pure function. Order and duplicates are kept in every format, because a
//! configuration is a list and never a map. It refuses to expand, to judge or to print.

mod ini;
mod json;
mod text;
mod xml;
mod yaml;

/// A format with a reader of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// `key = value` lines in sections.
    Ini,
    /// `<uwsgi>` elements.
    Xml,
    /// Block mappings.
    Yaml,
    /// Objects.
    Json,
}

/// One option of the wanted section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The name.
    pub(crate) key: String,
    /// The value; empty when the format has none here.
    pub(crate) value: String,
    /// Counted from 1.
    pub(crate) number: u32,
}

/// What a file holds for the wanted section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// Its options, in order.
    pub(crate) lines: Vec<Line>,
    /// Log lines of the reader.
    pub(crate) log: Vec<String>,
    /// Oddities, each with its line.
    pub(crate) warnings: Vec<(u32, String)>,
}

/// Why a file cannot be read: the exact text, and the line when it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The text.
    pub(crate) text: String,
    /// Counted from 1.
    pub(crate) line: Option<u32>,
}

/// What a reader needs to know beside the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The file as it was named, for texts.
    pub(crate) path: &'a str,
    /// The section; empty when none was named.
    pub(crate) section: &'a str,
    /// The value of `mode` given so far.
    pub(crate) mode: Option<&'a str>,
}

impl Asked<'_> {
    /// The section that counts when none is named.
    fn section(&self) -> &str {
        if self.section.is_empty() { "uwsgi" } else { self.section }
    }
}

impl Format {
    /// The format that a file suffix means.
    pub(crate) fn of_suffix(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "ini" => Self::Ini,
            "xml" => Self::Xml,
            "yaml" | "yml" => Self::Yaml,
            "json" | "js" => Self::Json,
            _ => return None,
        })
    }

    /// The log lines before a section of a file is read.
    pub(crate) fn announcement(self, path: &str, section: &str) -> Vec<String> {
        let line = match self {
            Self::Ini => format!("[uWSGI] getting INI configuration from {path}"),
            Self::Xml => format!("[uWSGI] parsing config file {path}"),
            Self::Yaml => format!("[uWSGI] getting YAML configuration from {path}"),
            Self::Json => format!("[uWSGI] getting JSON configuration from {path}"),
        };
        let id = (self == Self::Xml && !section.is_empty())
            .then(|| format!("[uWSGI] using xml uwsgi id: {section}"));
        id.into_iter().chain([line]).collect()
    }

    /// Reads the wanted section of a whole file, after magic variables were substituted. A byte
    /// order mark in front is no part of the file, nor is the line that names the interpreter of
    /// a configuration that is executed.
    pub(crate) fn read(self, content: &[u8], asked: &Asked<'_>) -> Result<Document, Malformed> {
        let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
        let content = without_interpreter(content);
        let document = match self {
            Self::Ini => ini::read(content, asked),
            Self::Xml => xml::read(content, asked),
            Self::Yaml => yaml::read(content, asked),
            Self::Json => json::read(content, asked),
        }?;
        let cut = |line: &&Line| line.key.contains('\0') || line.value.contains('\0');
        match document.lines.iter().find(cut) {
            // Paths and names end at such a byte in every interface of the system.
            Some(line) => {
                Err(Malformed { text: "text holds a NUL byte".into(), line: Some(line.number) })
            }
            None => Ok(document),
        }
    }
}

/// The content behind a `#!` line, its end kept so that lines keep their numbers.
fn without_interpreter(content: &[u8]) -> &[u8] {
    if !content.starts_with(b"#!") {
        return content;
    }
    let end = content.iter().position(|byte| *byte == b'\n').unwrap_or(content.len());
    &content[end..]
}
