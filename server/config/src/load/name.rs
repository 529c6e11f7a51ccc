//! The name of a configuration: which part is the source, which the section.
//!
//! The last colon parts them, with exceptions where it cannot mean a section: the port of a URL
//! or of a command's argument, the letter of a drive, a colon inside a directory.

use crate::format::Format;

/// Splits `source:section`; the section is empty when none is named.
pub(super) fn split(text: &str) -> (&str, &str) {
    let Some((source, section)) = text.rsplit_once(':') else { return (text, "") };
    let parts = match text.split_once("://") {
        Some((scheme, rest)) => names_section_of_scheme(scheme, rest, section),
        None => names_section_of_path(source, section),
    };
    if parts { (source, section) } else { (text, "") }
}

/// In a scheme only a colon behind the last slash counts; for a URL that slash is part of the
/// path, and a command may end with a port.
fn names_section_of_scheme(scheme: &str, rest: &str, section: &str) -> bool {
    if section.contains('/') || !rest.contains(':') {
        return false;
    }
    let number = !section.is_empty() && section.bytes().all(|byte| byte.is_ascii_digit());
    match scheme {
        "http" | "https" => rest.contains('/'),
        "exec" => !number,
        _ => true,
    }
}

fn names_section_of_path(source: &str, section: &str) -> bool {
    let odd = section.contains(['/', '\\']) || format(section).is_some();
    format(source).is_some() || !odd
}

/// The configuration format that a name asks for by its suffix, section ignored.
pub(super) fn suffix(text: &str) -> Option<Format> {
    format(split(text).0)
}

fn format(path: &str) -> Option<Format> {
    Format::of_suffix(path.rsplit_once('.')?.1)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn only_a_section_is_parted_from_its_source() {
        for (text, source, section) in [
            ("x.ini", "x.ini", ""),
            ("x.ini:app", "x.ini", "app"),
            ("x.ini:", "x.ini", ""),
            (":app", "", "app"),
            ("conf:app", "conf", "app"),
            ("-:app", "-", "app"),
            ("x.ini:a/b", "x.ini", "a/b"),
            ("a:b.ini:c", "a:b.ini", "c"),
            ("./a:b/x.ini", "./a:b/x.ini", ""),
            ("b:c.ini", "b:c.ini", ""),
            ("C:\\conf\\x.ini", "C:\\conf\\x.ini", ""),
            ("C:\\conf\\x.ini:app", "C:\\conf\\x.ini", "app"),
            ("/run/[::1]/x.ini", "/run/[::1]/x.ini", ""),
            ("http://host:80/x.ini", "http://host:80/x.ini", ""),
            ("http://host:80/x.ini:app", "http://host:80/x.ini", "app"),
            ("http://[::1]:80", "http://[::1]:80", ""),
            ("fd://3:app", "fd://3", "app"),
            ("data://0", "data://0", ""),
            ("exec://nc 192.168.11.2:33000", "exec://nc 192.168.11.2:33000", ""),
            ("exec://cat x.ini:app", "exec://cat x.ini", "app"),
            ("exec://a:b/c", "exec://a:b/c", ""),
            ("sym://name:app", "sym://name", "app"),
        ] {
            assert_eq!(split(text), (source, section), "{text}");
        }
    }
}
