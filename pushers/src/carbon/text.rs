//! The two languages of carbon: lines of text, and pickles.
//!
//! A pickle is a list of `(path, (time, value))` in version 2 of Python's protocol, with its length
//! in front. carbon refuses what is longer than 1 MiB, so a push is as many pickles as it takes.

use super::names::Names;

/// Values in one pickle.
const BATCH: usize = 500;

/// Bytes after which a pickle ends early: ids may be long.
const BATCH_BYTES: usize = 512 << 10;

/// What is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Language {
    /// `PATH VALUE TIME` and a newline.
    #[default]
    Lines,
    /// Pickles.
    Pickles,
}

/// Writes one push.
pub(super) struct Writer<'a> {
    out: Vec<u8>,
    names: &'a Names,
    language: Language,
    /// The time as every value has it.
    time: Vec<u8>,
    values: u64,
    /// Where the present pickle began, and the values in it.
    pickle: Option<(usize, usize)>,
}

impl<'a> Writer<'a> {
    /// A push of this moment, epoch seconds, that will be about as long as the last one.
    pub(super) fn new(names: &'a Names, language: Language, at_s: u64, room: usize) -> Self {
        let mut time = Vec::with_capacity(24);
        match language {
            Language::Lines => {
                time.push(b' ');
                decimal(&mut time, at_s.cast_signed());
                time.push(b'\n');
            }
            Language::Pickles => integer(&mut time, at_s.cast_signed()),
        }
        let out = Vec::with_capacity(room);
        Writer { out, names, language, time, values: 0, pickle: None }
    }

    /// One value.
    pub(super) fn put(&mut self, key: &[u8], value: i64) {
        self.values += 1;
        match self.language {
            Language::Lines => {
                self.names.write(&mut self.out, key);
                self.out.push(b' ');
                decimal(&mut self.out, value);
                self.out.extend_from_slice(&self.time);
            }
            Language::Pickles => self.pickle(key, value),
        }
    }

    /// The bytes, and how many values are in them.
    pub(super) fn end(mut self) -> (Vec<u8>, u64) {
        self.end_pickle();
        (self.out, self.values)
    }

    fn pickle(&mut self, key: &[u8], value: i64) {
        let (start, values) = self.pickle.unwrap_or_else(|| {
            let start = self.out.len();
            // Length, protocol 2, an empty list, a mark.
            self.out.extend_from_slice(b"\0\0\0\0\x80\x02](");
            (start, 0)
        });
        self.out.extend_from_slice(b"X\0\0\0\0");
        let path = self.out.len();
        self.names.write(&mut self.out, key);
        let length = u32::try_from(self.out.len() - path).unwrap_or(u32::MAX);
        self.out[path - 4..path].copy_from_slice(&length.to_le_bytes());
        self.out.extend_from_slice(&self.time);
        integer(&mut self.out, value);
        // Two pairs: time and value, then path and that.
        self.out.extend_from_slice(b"\x86\x86");
        self.pickle = Some((start, values + 1));
        if values + 1 == BATCH || self.out.len() - start > BATCH_BYTES {
            self.end_pickle();
        }
    }

    fn end_pickle(&mut self) {
        let Some((start, _)) = self.pickle.take() else { return };
        // What is behind the mark is appended to the list, which is the result.
        self.out.extend_from_slice(b"e.");
        let length = u32::try_from(self.out.len() - start - 4).unwrap_or(u32::MAX);
        self.out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// A pickled integer: four bytes where they suffice.
fn integer(out: &mut Vec<u8>, value: i64) {
    match i32::try_from(value) {
        Ok(value) => {
            out.push(b'J');
            out.extend_from_slice(&value.to_le_bytes());
        }
        Err(_) => {
            out.extend_from_slice(b"\x8a\x08");
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// A number in decimal digits, without the machinery of formatting.
fn decimal(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::super::names::Parts;
    use super::*;

    fn names() -> Names {
        let parts = Parts { root: "uwsgi", host: "vm", id: "app", tags: false, sanitize: false };
        Names::new(&parts)
    }

    #[test]
    fn numbers_are_written_in_full() {
        for value in [0, 7, -4, 1_795_162_676, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            decimal(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    #[test]
    fn a_line_is_path_value_and_time() {
        let names = names();
        let mut writer = Writer::new(&names, Language::Lines, 1_795_162_676, 0);
        writer.put(b"worker.1.requests", 8);
        writer.put(b"g", -4);
        let (bytes, values) = writer.end();
        assert_eq!(values, 2);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "uwsgi.vm.app.worker.1.requests 8 1795162676\nuwsgi.vm.app.g -4 1795162676\n"
        );
    }

    #[test]
    fn a_pickle_is_written_byte_for_byte() {
        let names = names();
        let mut writer = Writer::new(&names, Language::Pickles, 1_795_162_676, 0);
        writer.put(b"g", -4);
        writer.put(b"h", 1 << 32);
        let mut expected = b"\0\0\0\x49\x80\x02](".to_vec();
        for (path, value) in [
            (b"uwsgi.vm.app.g", &b"J\xfc\xff\xff\xff"[..]),
            (b"uwsgi.vm.app.h", &b"\x8a\x08\0\0\0\0\x01\0\0\0"[..]),
        ] {
            expected.extend_from_slice(b"X\x0e\0\0\0");
            expected.extend_from_slice(path);
            expected.push(b'J');
            expected.extend_from_slice(&1_795_162_676_i32.to_le_bytes());
            expected.extend_from_slice(value);
            expected.extend_from_slice(b"\x86\x86");
        }
        expected.extend_from_slice(b"e.");
        assert_eq!(writer.end().0, expected);
    }

    #[test]
    fn a_long_push_is_several_pickles_below_the_limit() {
        let long = "x".repeat(5000);
        let parts = Parts { root: &long, host: "vm", id: "app", tags: false, sanitize: false };
        for (names, count, pickles) in [(names(), 1001, 3), (Names::new(&parts), 400, 4)] {
            let mut writer = Writer::new(&names, Language::Pickles, 1, 0);
            (0..count).for_each(|n| writer.put(b"key", n));
            let (bytes, _) = writer.end();
            let (mut rest, mut found) = (&bytes[..], 0);
            while !rest.is_empty() {
                let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
                assert!(length < 1 << 20);
                assert!(
                    rest[4..].starts_with(b"\x80\x02](") && rest[..4 + length].ends_with(b"e.")
                );
                rest = &rest[4 + length..];
                found += 1;
            }
            assert_eq!(found, pickles);
        }
    }

    #[test]
    fn nothing_is_written_of_nothing() {
        let names = names();
        assert_eq!(Writer::new(&names, Language::Pickles, 1, 0).end(), (Vec::new(), 0));
    }
}
