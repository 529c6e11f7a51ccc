//! XML text as a small tree: elements, their text, where they stand.
//!
//! Comments and processing instructions leave nothing but the border between two texts.
//! Entities are the five that XML itself knows and characters by number: a document type is
//! skipped, so nothing it declares is ever expanded or fetched. Text is UTF-8 or, when the XML
//! declaration says so, ISO-8859-1.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use crate::format::text::{Lines, utf8};

/// Elements inside each other. The format needs four; the bound keeps a hostile file from
/// exhausting the stack when its tree is dropped.
const MAX_DEPTH: usize = 64;

/// An element with what it holds.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Without namespace prefix.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
    /// Of the opening tag, counted from 1.
    pub(super) line: u32,
}

/// What an element holds.
#[derive(Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
    /// A CDATA section and its line.
    Data(String, u32),
}

impl Element {
    /// Its elements, in order.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Data(..) => None,
        })
    }

    /// Its first piece of text, if that comes before any element.
    pub(super) fn text(&self) -> Option<&str> {
        match self.children.first()? {
            Node::Text(text) | Node::Data(text, _) => Some(text),
            Node::Element(_) => None,
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Why a text is no XML document.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: u32,
    pub(super) reason: String,
}

/// The root element of a document.
pub(super) fn parse(content: &[u8]) -> Result<Element, Fault> {
    let text = decode(content)?;
    let mut lines = Lines::new(text.as_bytes());
    let mut reader = Reader::from_str(&text);
    let mut builder = Builder::default();
    loop {
        let before = offset(reader.buffer_position());
        // A text that follows a tag starts on the line of its first visible character.
        let rest = text[before..].trim_ascii_start();
        let line = lines.at(text.len() - rest.len());
        let step = match reader.read_event() {
            Ok(Event::Eof) => builder.end(),
            Ok(event) => builder.take(event, line, before == 0).map(|()| None),
            Err(error) => {
                let line = lines.at(offset(reader.error_position()));
                return Err(Fault { line, reason: error.to_string() });
            }
        };
        match step {
            Ok(Some(root)) => return Ok(root),
            Ok(None) => {}
            Err(reason) => return Err(Fault { line, reason }),
        }
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// The text in the encoding that its declaration names.
fn decode(content: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let encoding = declared(content).unwrap_or_default().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" => {
            let text = utf8(content).map(Cow::Borrowed);
            text.map_err(|bad| Fault { line: bad.line.unwrap_or(1), reason: bad.text })
        }
        // The bytes of ISO-8859-1 are the first 256 characters of Unicode.
        "iso-8859-1" | "latin1" | "latin-1" => {
            Ok(content.iter().map(|byte| char::from(*byte)).collect())
        }
        other => {
            let reason =
                format!("encoding \"{other}\" is not supported, only UTF-8 and ISO-8859-1 are");
            Err(Fault { line: 1, reason })
        }
    }
}

/// The encoding of the XML declaration, which is ASCII in every encoding read here.
fn declared(content: &[u8]) -> Option<String> {
    let declaration = content.strip_prefix(b"<?")?;
    let end = declaration.windows(2).position(|pair| pair == b"?>")?;
    let text = std::str::from_utf8(&declaration[..end]).ok()?;
    text.starts_with("xml").then_some(())?;
    let declaration = BytesDecl::from_start(BytesStart::from_content(text, 3));
    declaration.encoding()?.ok().map(Cow::into_owned)
}

/// Elements that are still open, outermost first, and the root once it is closed.
#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    /// The next piece of text belongs to the last one.
    joined: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32, first: bool) -> Result<(), String> {
        let joined = std::mem::take(&mut self.joined);
        match event {
            Event::Start(tag) => self.start(&tag, line),
            Event::Empty(tag) => self.start(&tag, line).and_then(|()| self.close()),
            Event::End(_) => self.close(),
            Event::Text(text) => self.text(&text.xml10_content(), joined),
            Event::GeneralRef(reference) => self.text(&resolve(&reference)?, joined),
            Event::CData(data) => match self.open.last_mut() {
                Some(parent) => {
                    parent.children.push(Node::Data(data.xml10_content().into_owned(), line));
                    Ok(())
                }
                None => Err("text outside of the root element".into()),
            },
            Event::Decl(_) if !first => {
                Err("XML declaration allowed only at the start of the document".into())
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => Ok(()),
            Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, line: u32) -> Result<(), String> {
        if self.root.is_some() {
            return Err("more than one root element".into());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} elements inside each other"));
        }
        let name = tag.local_name().as_ref().to_owned();
        if name.is_empty() {
            return Err("a tag without name".into());
        }
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| error.to_string())?;
            attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
        }
        self.open.push(Element { name, attributes, children: Vec::new(), line });
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let element = self.open.pop().ok_or("a closing tag that closes nothing")?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, joined: bool) -> Result<(), String> {
        let Some(parent) = self.open.last_mut() else {
            let blank = text.chars().all(|c| c.is_ascii_whitespace());
            return blank.then_some(()).ok_or_else(|| "text outside of the root element".into());
        };
        match parent.children.last_mut() {
            Some(Node::Text(before)) if joined => before.push_str(text),
            _ => parent.children.push(Node::Text(text.to_owned())),
        }
        self.joined = true;
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Element>, String> {
        if let Some(open) = self.open.last() {
            return Err(format!("element <{}> of line {} is not closed", open.name, open.line));
        }
        self.root.take().map(Some).ok_or_else(|| "no root element".into())
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.into());
    }
    let known = resolve_predefined_entity(reference).map(str::to_owned);
    known.ok_or_else(|| format!("Entity '{}' not defined", reference.as_ref()))
}
