//! What numbers are called in Graphite: `ROOT HOST "." ID "." KEY`, or tags behind the key.
//!
//! A path is a line's first word and a file's name, so blanks and control characters always become
//! `_`; slashes and colons, which make directories and awkward files, do with `carbon-sanitize`.

/// How paths are made; all but the key is ready before the first push.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// In front of the key.
    before: Vec<u8>,
    /// Behind it; the tags of every line.
    behind: Vec<u8>,
    tags: bool,
    sanitize: bool,
}

/// What the parts of a path are made from.
pub(super) struct Parts<'a> {
    pub(super) root: &'a str,
    pub(super) host: &'a str,
    pub(super) id: &'a str,
    pub(super) tags: bool,
    pub(super) sanitize: bool,
}

impl Names {
    pub(super) fn new(parts: &Parts<'_>) -> Names {
        let Parts { root, host, id, tags, sanitize } = *parts;
        let mut names = Names { before: Vec::new(), behind: Vec::new(), tags, sanitize };
        let dot = if root.is_empty() || root.ends_with('.') { "" } else { "." };
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        names.clean(&mut before, format!("{root}{dot}").as_bytes());
        if tags {
            names.tag(&mut behind, b"host", host.as_bytes());
            names.tag(&mut behind, b"id", id.as_bytes());
        } else {
            names.clean(&mut before, format!("{host}.{id}.").as_bytes());
        }
        (names.before, names.behind) = (before, behind);
        names
    }

    /// Writes the path of a key such as `worker.1.requests`.
    pub(super) fn write(&self, out: &mut Vec<u8>, key: &[u8]) {
        out.extend_from_slice(&self.before);
        if !self.tags {
            return self.clean(out, key);
        }
        let start = out.len();
        for (name, number) in segments(key) {
            if number.is_none() {
                if out.len() > start {
                    out.push(b'.');
                }
                self.clean_name(out, name);
            }
        }
        out.extend_from_slice(&self.behind);
        for (name, number) in segments(key) {
            if let Some(number) = number {
                self.tag(out, name, number);
            }
        }
    }

    fn tag(&self, out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        out.push(b';');
        self.clean_name(out, name);
        out.push(b'=');
        let start = out.len();
        self.clean(out, value);
        // A value ends at the next semicolon, must not be empty, and a tilde has a meaning of its own.
        out[start..].iter_mut().filter(|byte| **byte == b';').for_each(|byte| *byte = b'_');
        match out.get_mut(start) {
            Some(first) if *first == b'~' => *first = b'_',
            Some(_) => {}
            None => out.push(b'_'),
        }
    }

    /// A part of a name that tags follow, or the name of a tag.
    fn clean_name(&self, out: &mut Vec<u8>, name: &[u8]) {
        let start = out.len();
        self.clean(out, name);
        let special = |byte: &&mut u8| matches!(**byte, b';' | b'!' | b'^' | b'=' | b'~');
        out[start..].iter_mut().filter(special).for_each(|byte| *byte = b'_');
    }

    fn clean(&self, out: &mut Vec<u8>, text: &[u8]) {
        let bad = |byte: u8| {
            byte <= b' ' || byte == 0x7f || (self.sanitize && matches!(byte, b'/' | b':'))
        };
        let start = out.len();
        out.extend_from_slice(text);
        if text.iter().any(|byte| bad(*byte)) {
            out[start..].iter_mut().filter(|byte| bad(**byte)).for_each(|byte| *byte = b'_');
        }
    }
}

/// The segments of a dotted name, each with the number that it is said of: `worker.1.core.0.tx`
/// is `worker`, (`worker`, 1), `core`, (`core`, 0), `tx`. A number with nothing in front of it, and
/// one whose tag would hide another, is part of the name.
fn segments(key: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut before: &[u8] = b"";
    let mut start = 0;
    key.split(|byte| *byte == b'.').map(move |segment| {
        let at = start;
        start += segment.len() + 1;
        let number = !segment.is_empty() && segment.iter().all(u8::is_ascii_digit);
        let known = |name: &[u8]| {
            matches!(name, b"" | b"host" | b"id" | b"name")
                || key[..at].split(|byte| *byte == b'.').filter(|other| *other == name).count() > 1
        };
        if number && !known(before) {
            return (std::mem::take(&mut before), Some(segment));
        }
        before = if number { b"" } else { segment };
        (segment, None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(names: &Names, key: &str) -> String {
        let mut out = Vec::new();
        names.write(&mut out, key.as_bytes());
        String::from_utf8(out).unwrap()
    }

    fn names(root: &str, id: &str, tags: bool, sanitize: bool) -> Names {
        Names::new(&Parts { root, host: "vm", id, tags, sanitize })
    }

    #[test]
    fn a_path_is_root_host_id_and_key() {
        for (root, id, sanitize, expected) in [
            ("uwsgi", "127_0_0_1:18080", false, "uwsgi.vm.127_0_0_1:18080.requests"),
            ("uwsgi.", "my.id", false, "uwsgi.vm.my.id.requests"),
            ("", "app", false, "vm.app.requests"),
            ("a.b", "/run/app sock", false, "a.b.vm./run/app_sock.requests"),
            ("uwsgi", "/run/app:1", true, "uwsgi.vm._run_app_1.requests"),
            ("a\nb", "x\t\u{7f}", false, "a_b.vm.x__.requests"),
        ] {
            assert_eq!(written(&names(root, id, false, sanitize), "requests"), expected);
        }
    }

    #[test]
    fn numbers_become_tags() {
        let tagged = names("uwsgi", "app", true, false);
        for (key, expected) in [
            ("requests", "uwsgi.requests;host=vm;id=app"),
            ("worker.1.requests", "uwsgi.worker.requests;host=vm;id=app;worker=1"),
            ("worker.2.core.0.tx", "uwsgi.worker.core.tx;host=vm;id=app;worker=2;core=0"),
            ("1.x", "uwsgi.1.x;host=vm;id=app"),
            ("a.1.2", "uwsgi.a.2;host=vm;id=app;a=1"),
            ("id.7", "uwsgi.id.7;host=vm;id=app"),
            ("a.1.a.2.x", "uwsgi.a.a.2.x;host=vm;id=app;a=1"),
            ("a=b;c!", "uwsgi.a_b_c_;host=vm;id=app"),
        ] {
            assert_eq!(written(&tagged, key), expected);
        }
        let odd = names("", "~a;b c", true, false);
        assert_eq!(written(&odd, "x"), "x;host=vm;id=_a_b_c");
        assert_eq!(written(&names("", "", true, false), "x"), "x;host=vm;id=_");
    }
}
