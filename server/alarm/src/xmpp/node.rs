//! Elements of an XMPP stream out of the bytes that have arrived so far.
//!
//! Pure. Namespaces are not resolved: names are compared without their prefix, which tells apart
//! everything a client meets here.

use quick_xml::XmlVersion;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// Elements inside each other that anybody may send.
const DEPTH: usize = 32;

/// One element with all it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// Without prefix.
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
    pub(crate) text: String,
}

impl Node {
    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The name of the condition inside an error, with its text when there is one.
    pub(crate) fn condition(&self) -> String {
        let condition = self.children.iter().find(|child| child.name != "text");
        let condition = condition.map_or("no reason given", |child| &child.name);
        match self.child("text").map(|text| text.text.trim()).filter(|text| !text.is_empty()) {
            Some(text) => format!("{condition}: {text}"),
            None => condition.to_owned(),
        }
    }
}

/// What the bytes so far come to, and how many of them that took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The stream begins.
    Begin(usize),
    /// One whole element.
    Element(Node, usize),
    /// The stream ends.
    End,
    /// Not yet anything whole.
    More,
    /// This is no XMPP.
    Broken(String),
}

/// Looks for the opening tag of the stream (`begun` is false) or its next element.
pub(crate) fn next(bytes: &[u8], begun: bool) -> Next {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // A character may still be on its way.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Next::Broken("the text is not UTF-8".to_owned()),
    };
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_unmatched_ends = true;
    let mut open: Vec<Node> = Vec::new();
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            // The end of what has arrived, in the middle of something.
            Err(Error::Syntax(_)) => return Next::More,
            Err(Error::IllFormed(IllFormedError::UnclosedReference)) if ends_in_reference(text) => {
                return Next::More;
            }
            Err(error) => return Next::Broken(error.to_string()),
        };
        let position = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let closed = match event {
            Event::Eof => return Next::More,
            Event::Start(tag) if !begun && tag.local_name().as_ref() == "stream" => {
                return Next::Begin(position);
            }
            Event::Start(_) | Event::Empty(_) if !begun => {
                return Next::Broken("the stream does not begin with one".to_owned());
            }
            Event::Start(tag) => match element(&tag) {
                Ok(_) if open.len() == DEPTH => return Next::Broken("too deep".to_owned()),
                Ok(node) => {
                    open.push(node);
                    continue;
                }
                Err(why) => return Next::Broken(why),
            },
            Event::Empty(tag) => match element(&tag) {
                Ok(node) => node,
                Err(why) => return Next::Broken(why),
            },
            Event::End(_) => match open.pop() {
                Some(node) => node,
                None => return Next::End,
            },
            other => {
                if let (Some(node), Some(text)) = (open.last_mut(), piece(&other)) {
                    node.text.push_str(&text);
                }
                continue;
            }
        };
        match open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => return Next::Element(closed, position),
        }
    }
}

/// True when nothing but the beginning of `&name;` has arrived behind the last `&`.
fn ends_in_reference(text: &str) -> bool {
    let rest = text.rsplit_once('&').map(|(_, rest)| rest);
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '#'))
}

fn element(tag: &BytesStart<'_>) -> Result<Node, String> {
    let mut node = Node { name: tag.local_name().as_ref().to_owned(), ..Node::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_err(|error| error.to_string())?.into_owned();
        node.attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Ok(node)
}

/// Text of an event that is text.
fn piece(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Text(text) => Some(text.xml10_content().into_owned()),
        Event::CData(data) => Some(data.xml10_content().into_owned()),
        Event::GeneralRef(reference) => entity(reference),
        _ => None,
    }
}

fn entity(reference: &BytesRef<'_>) -> Option<String> {
    match reference.resolve_char_ref() {
        Ok(Some(c)) => Some(c.to_string()),
        _ => resolve_predefined_entity(&reference.xml10_content()).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_begins_with_its_tag() {
        let head = "<?xml version='1.0'?><stream:stream id='1' xmlns='jabber:client'>";
        for (text, expected) in [
            (head.to_owned(), Next::Begin(head.len())),
            (format!("{head}<stream:features/>"), Next::Begin(head.len())),
            (head[..head.len() - 1].to_owned(), Next::More),
            (String::new(), Next::More),
            ("<html>".to_owned(), Next::Broken("the stream does not begin with one".to_owned())),
        ] {
            assert_eq!(next(text.as_bytes(), false), expected, "{text}");
        }
    }

    #[test]
    fn an_element_is_taken_when_it_is_whole() {
        let whole = "<a:iq id='&lt;1' type=\"x\"><b/><c>t&amp;&#233;<![CDATA[<]]></c></a:iq>";
        for cut in 0..whole.len() {
            assert_eq!(next(&whole.as_bytes()[..cut], true), Next::More, "{}", &whole[..cut]);
        }
        let Next::Element(node, size) = next(format!("{whole}<d>").as_bytes(), true) else {
            panic!("no element");
        };
        assert_eq!((size, node.name.as_str()), (whole.len(), "iq"));
        assert_eq!((node.attribute("id"), node.attribute("type")), (Some("<1"), Some("x")));
        assert_eq!(node.child("c").map(|c| c.text.as_str()), Some("t&é<"));
        assert_eq!(node.child("b"), Some(&Node { name: "b".to_owned(), ..Node::default() }));
    }

    #[test]
    fn what_is_no_stream_is_told() {
        assert_eq!(next(b" </stream:stream>", true), Next::End);
        for text in
            [&b"<a>\xff"[..], b"<a>b & c</a>", b"<a b=c/>", b"<a></b>", "<a>".repeat(40).as_bytes()]
        {
            assert!(matches!(next(text, true), Next::Broken(_)), "{text:?}");
        }
        assert_eq!(next("<a>é".as_bytes().split_last().unwrap().1, true), Next::More);
    }

    #[test]
    fn a_condition_is_named_with_its_text() {
        for (text, expected) in [
            ("<e><not-authorized/></e>", "not-authorized"),
            ("<e><text>no way </text><x/></e>", "x: no way"),
            ("<e/>", "no reason given"),
        ] {
            let Next::Element(node, _) = next(text.as_bytes(), true) else { panic!("{text}") };
            assert_eq!(node.condition(), expected);
        }
    }
}
