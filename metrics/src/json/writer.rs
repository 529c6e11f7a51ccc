//! The byte format of every JSON document of the server: line oriented, one tab per level.
//!
//! Line-based consumers depend on it, with its two oddities: an object that is the value of a key
//! is indented between colon and brace, and strings inside a list are not indented at all.
//! Nesting is by closures, so a document cannot be left open.

use super::escape::push_string;

/// A document being written.
pub(super) struct Json {
    out: Vec<u8>,
    minified: bool,
    level: usize,
    /// True before the first item of the open list or object.
    first: bool,
}

impl Json {
    /// An empty document.
    pub(super) fn new(minified: bool) -> Json {
        Json { out: Vec::with_capacity(16 * 1024), minified, level: 0, first: true }
    }

    /// The bytes written.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// The outermost object.
    pub(super) fn document(&mut self, body: impl FnOnce(&mut Json)) {
        self.nest(b'{', b'}', body);
    }

    /// A member with an unsigned value.
    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.key(key.as_bytes());
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    /// A member with a signed value.
    pub(super) fn signed(&mut self, key: &str, value: i64) {
        self.key(key.as_bytes());
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    /// A member with a string value.
    pub(super) fn string(&mut self, key: &str, value: &[u8]) {
        self.key(key.as_bytes());
        push_string(&mut self.out, value);
    }

    /// A member that is a list of numbers, on one line.
    pub(super) fn numbers(&mut self, key: &str, values: impl IntoIterator<Item = u64>) {
        self.key(key.as_bytes());
        self.out.push(b'[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(value.to_string().as_bytes());
        }
        self.out.push(b']');
    }

    /// A member that is a list.
    pub(super) fn list(&mut self, key: &str, body: impl FnOnce(&mut Json)) {
        self.key(key.as_bytes());
        self.nest(b'[', b']', body);
    }

    /// A member that is an object.
    pub(super) fn object(&mut self, key: &str, body: impl FnOnce(&mut Json)) {
        self.object_of(key.as_bytes(), body);
    }

    /// A member that is an object, with a key that may be any bytes.
    pub(super) fn object_of(&mut self, key: &[u8], body: impl FnOnce(&mut Json)) {
        self.key(key);
        self.tabs();
        self.nest(b'{', b'}', body);
    }

    /// An object inside a list.
    pub(super) fn entry(&mut self, body: impl FnOnce(&mut Json)) {
        self.separate();
        self.tabs();
        self.nest(b'{', b'}', body);
    }

    /// A string inside a list.
    pub(super) fn text(&mut self, value: &[u8]) {
        self.separate();
        push_string(&mut self.out, value);
    }

    fn key(&mut self, key: &[u8]) {
        self.separate();
        self.tabs();
        push_string(&mut self.out, key);
        self.out.push(b':');
    }

    fn nest(&mut self, open: u8, close: u8, body: impl FnOnce(&mut Json)) {
        self.out.push(open);
        self.newline();
        self.level += 1;
        self.first = true;
        body(self);
        self.level -= 1;
        self.first = false;
        self.newline();
        self.tabs();
        self.out.push(close);
    }

    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
            self.newline();
        }
        self.first = false;
    }

    fn newline(&mut self) {
        if !self.minified {
            self.out.push(b'\n');
        }
    }

    fn tabs(&mut self) {
        if !self.minified {
            self.out.resize(self.out.len() + self.level, b'\t');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(minified: bool) -> String {
        let mut json = Json::new(minified);
        json.document(|j| {
            j.string("version", b"2.0.31");
            j.object("metrics", |j| {
                j.object("a", |j| {
                    j.number("type", 0);
                    j.signed("value", -1);
                });
                j.object("b", |_| {});
            });
            j.list("empty", |_| {});
            j.list("workers", |j| {
                j.entry(|j| {
                    j.list("vars", |j| {
                        j.text(b"K=V");
                        j.text(b"");
                    });
                });
                j.entry(|_| {});
            });
        });
        String::from_utf8(json.into_bytes()).unwrap()
    }

    #[test]
    fn the_long_form_has_one_tab_per_level_and_the_two_oddities() {
        let want = "{\n\t\"version\":\"2.0.31\",\n\t\"metrics\":\t{\n\t\t\"a\":\t\t{\n\t\t\t\"type\":0,\
            \n\t\t\t\"value\":-1\n\t\t},\n\t\t\"b\":\t\t{\n\n\t\t}\n\t},\n\t\"empty\":[\n\n\t],\
            \n\t\"workers\":[\n\t\t{\n\t\t\t\"vars\":[\n\"K=V\",\n\"\"\n\t\t\t]\n\t\t},\n\t\t{\n\n\t\t}\n\t]\n}";
        assert_eq!(sample(false), want);
    }

    #[test]
    fn the_minified_form_is_the_same_without_newlines_and_tabs() {
        let long: String = sample(false).chars().filter(|c| !matches!(c, '\n' | '\t')).collect();
        assert_eq!(sample(true), long);
    }
}
