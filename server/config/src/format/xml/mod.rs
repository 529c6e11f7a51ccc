//! The XML reader: the elements of one `<uwsgi>`, each an option.
//!
//! The meaning of the tree: which `<uwsgi>` counts, which elements `id` and `mode` leave out,
//! what an element's value is. The tree itself is made by [`tree`].

mod tree;

use super::{Asked, Document, Line, Malformed};
use tree::{Element, Node};

/// Reads the wanted `<uwsgi>` element: the root, or a child of the root.
pub(super) fn read(content: &[u8], asked: &Asked<'_>) -> Result<Document, Malformed> {
    let root = tree::parse(content).map_err(|fault| {
        let (path, line, reason) = (asked.path, fault.line, fault.reason);
        let text =
            format!("{path}:{line}: parser error : {reason}\n[uWSGI] could not parse file {path}.");
        Malformed { text, line: Some(line) }
    })?;
    let Some(chosen) = choose(&root, asked.section) else {
        let text = "[uWSGI] invalid xml root element, <uwsgi> expected.".into();
        return Err(Malformed { text, line: Some(root.line) });
    };
    let mut document = Document::default();
    for node in &chosen.children {
        match node {
            Node::Element(element) if counts(element, asked) => {
                options(element, &mut document.lines)?;
            }
            Node::Data(text, number) => {
                document.lines.push(line("eval", text, *number));
            }
            Node::Element(_) | Node::Text(_) => {}
        }
    }
    Ok(document)
}

/// The root when it is `<uwsgi>`, else its first such child; one with another id does not count.
fn choose<'a>(root: &'a Element, id: &str) -> Option<&'a Element> {
    if root.name == "uwsgi" {
        return Some(root);
    }
    let mut blocks = root.elements().filter(|element| element.name == "uwsgi");
    blocks.find(|element| id.is_empty() || element.attribute("id").is_none_or(|own| own == id))
}

/// False for an element that is meant for another id or another mode.
fn counts(element: &Element, asked: &Asked<'_>) -> bool {
    let other = |attribute: &str, wanted: &str| {
        !wanted.is_empty() && element.attribute(attribute).is_some_and(|own| own != wanted)
    };
    !other("id", asked.section) && !other("mode", asked.mode.unwrap_or_default())
}

fn line(key: &str, value: &str, number: u32) -> Line {
    Line { key: key.to_owned(), value: value.to_owned(), number }
}

fn options(element: &Element, lines: &mut Vec<Line>) -> Result<(), Malformed> {
    if element.name == "app" {
        lines.extend(mount(element).map(|value| line("mount", &value, element.line)));
        lines.push(line("app", "", element.line));
        return Ok(());
    }
    let value = match element.text() {
        Some(text) => text,
        None if element.elements().next().is_none() => "1",
        None => {
            let text = format!(
                "[uWSGI] invalid xml config file.\nelement <{}> holds elements instead of a value",
                element.name
            );
            return Err(Malformed { text, line: Some(element.line) });
        }
    };
    lines.push(line(&element.name, value, element.line));
    Ok(())
}

/// The mount that an `<app>` stands for: its module is its text, or that of its first element.
fn mount(element: &Element) -> Option<String> {
    let inner = element.elements().next().and_then(Element::text);
    let module = inner.or_else(|| element.text())?;
    Some(match (element.attribute("mountpoint"), element.attribute("domain")) {
        (Some(point), _) => format!("{point}={module}"),
        (None, Some(domain)) => format!("{domain}|={module}"),
        (None, None) => module.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(content: &[u8], section: &str, mode: Option<&str>) -> Result<Document, Malformed> {
        read(content, &Asked { path: "x.xml", section, mode })
    }

    fn pairs(content: &[u8], section: &str, mode: Option<&str>) -> Vec<String> {
        let lines = document(content, section, mode).expect("reads").lines;
        lines.into_iter().map(|line| format!("{}={}", line.key, line.value)).collect()
    }

    #[test]
    fn elements_become_options() {
        for (inside, expected) in [
            ("<master/><threads></threads>", &["master=1", "threads=1"][..]),
            ("<k>a &amp; b<!-- x -->c</k>", &["k=a & b"]),
            ("<k><!-- x -->c</k>", &["k=c"]),
            ("<k><!-- x --></k>", &["k=1"]),
            ("<k>  a \r\n b </k>", &["k=  a \n b "]),
            ("<k>&#65;&lt;&quot;&#x42;</k>", &["k=A<\"B"]),
            ("<k><![CDATA[ a < b ]]></k>", &["k= a < b "]),
            ("<k>x<![CDATA[y]]>z</k>", &["k=x"]),
            ("<k> t <a>1</a> u</k>", &["k= t "]),
            ("<p:k xmlns:p=\"q\">1</p:k>", &["k=1"]),
            ("stray<?pi x?><k>1</k>", &["k=1"]),
            ("<![CDATA[\nimport x\n]]>", &["eval=\nimport x\n"]),
            ("<k>1</k><j>2</j><k>3</k>", &["k=1", "j=2", "k=3"]),
            ("<app mountpoint=\"/m\">a</app>", &["mount=/m=a", "app="]),
            ("<app domain=\"d\">a</app>", &["mount=d|=a", "app="]),
            ("<app mountpoint=\"/n\">\n<module>a</module></app>", &["mount=/n=a", "app="]),
            ("<app>a</app>", &["mount=a", "app="]),
            ("<app/>", &["app="]),
        ] {
            let got = pairs(format!("<uwsgi>{inside}</uwsgi>").as_bytes(), "", None);
            assert_eq!(got, expected, "{inside}");
        }
    }

    #[test]
    fn the_wanted_block_counts() {
        let two = "<c><uwsgi id=\"a\"><k>1</k></uwsgi><x/><uwsgi><k>2</k></uwsgi></c>";
        for (text, section, expected) in [
            (two, "", &["k=1"][..]),
            (two, "a", &["k=1"]),
            (two, "b", &["k=2"]),
            ("<uwsgi id=\"a\"><k>1</k></uwsgi>", "b", &["k=1"]),
            ("<uwsgi><k id=\"a\">1</k><j id=\"b\">2</j></uwsgi>", "a", &["k=1"]),
            ("<uwsgi><k id=\"a\">1</k><j id=\"b\">2</j></uwsgi>", "", &["k=1", "j=2"]),
        ] {
            assert_eq!(pairs(text.as_bytes(), section, None), expected, "{text} {section}");
        }
    }

    #[test]
    fn elements_of_another_mode_are_left_out_once_a_mode_is_set() {
        let text = b"<uwsgi><k mode=\"a\">1</k><j mode=\"b\">2</j><i>3</i></uwsgi>";
        assert_eq!(pairs(text, "", None), ["k=1", "j=2", "i=3"]);
        assert_eq!(pairs(text, "", Some("b")), ["j=2", "i=3"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let parse = "[uWSGI] could not parse file x.xml.";
        let root = "[uWSGI] invalid xml root element, <uwsgi> expected.";
        for (text, expected, line) in [
            ("<uwsgi>\n<a", parse, 2),
            ("<uwsgi>\n<a></b></uwsgi>", parse, 2),
            ("<uwsgi>", parse, 1),
            ("", parse, 1),
            ("text", parse, 1),
            ("<uwsgi/>\n<uwsgi/>", parse, 2),
            ("<uwsgi/>\nx", parse, 2),
            ("<uwsgi>\n<k>&nope;</k></uwsgi>", parse, 2),
            ("<uwsgi>\n<k>a & b</k></uwsgi>", parse, 2),
            ("<uwsgi>\n<k a=1/></uwsgi>", parse, 2),
            ("<uwsgi>\n<k>&#0;</k></uwsgi>", parse, 2),
            ("\n<?xml version=\"1.0\"?><uwsgi/>", parse, 2),
            ("<!DOCTYPE u [<!ENTITY e \"v\">]>\n<uwsgi><k>&e;</k></uwsgi>", parse, 2),
            ("<foo><a/></foo>", root, 1),
            ("<foo/>", root, 1),
            ("<uwsgi>\n<k><a>1</a></k></uwsgi>", "[uWSGI] invalid xml config file.", 2),
        ] {
            let malformed = document(text.as_bytes(), "", None).expect_err(text);
            assert!(malformed.text.lines().any(|line| line == expected), "{text}: {malformed:?}");
            assert_eq!(malformed.line, Some(line), "{text}");
        }
        let other = "<c><uwsgi id=\"a\"/></c>".as_bytes();
        assert_eq!(document(other, "b", None).expect_err("other id").text, root);
    }

    #[test]
    fn encodings_are_utf8_and_latin1() {
        let latin1 = b"<?xml version='1.0' encoding='ISO-8859-1'?><uwsgi><k>caf\xe9</k></uwsgi>";
        assert_eq!(pairs(latin1, "", None), ["k=caf\u{e9}"]);
        let utf8 = "<?xml version=\"1.0\" encoding=\"utf-8\"?><uwsgi><k>caf\u{e9}</k></uwsgi>";
        assert_eq!(pairs(utf8.as_bytes(), "", None), ["k=caf\u{e9}"]);
        let undeclared = document(b"<uwsgi><k>caf\xe9</k></uwsgi>", "", None);
        assert!(undeclared.expect_err("no UTF-8").text.contains("UTF-8"));
        let other = document(b"<?xml version='1.0' encoding='utf-16'?><uwsgi/>", "", None);
        assert!(other.expect_err("unknown").text.contains("encoding \"utf-16\" is not supported"));
    }

    #[test]
    fn lines_are_those_of_the_tags() {
        let text = b"<!-- a\n -->\n<uwsgi>\n<k>\n1</k><j\n/>\n<![CDATA[x]]></uwsgi>";
        let numbers: Vec<u32> =
            document(text, "", None).expect("reads").lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [4, 5, 7]);
    }
}
