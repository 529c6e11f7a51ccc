//! The name of a metric, taken apart: `worker.1.core.0.requests` is `worker.core.requests` with the
//! tags `worker` = 1 and `core` = 0.
//!
//! A segment that begins with a number is the value of a tag whose key is the segment of the name
//! in front of it; everything else is the name.

/// A name without the numbers, and what they say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// The segments of the name with dots between them.
    pub(super) plain: Vec<u8>,
    /// Key and value of each tag.
    pub(super) tags: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Name<'a> {
    /// Takes a name apart.
    pub(super) fn split(name: &'a [u8]) -> Name<'a> {
        let mut split = Name { plain: Vec::with_capacity(name.len()), tags: Vec::new() };
        let mut key: Option<&[u8]> = None;
        for segment in name.split(|byte| *byte == b'.').filter(|segment| !segment.is_empty()) {
            match key {
                Some(key) if is_number(segment) => split.tags.push((key, segment)),
                _ => {
                    if key.is_some() {
                        split.plain.push(b'.');
                    }
                    split.plain.extend_from_slice(segment);
                    key = Some(segment);
                }
            }
        }
        split
    }
}

fn is_number(segment: &[u8]) -> bool {
    let digits = segment.strip_prefix(b"-").unwrap_or(segment);
    digits.first().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_tags_of_the_segment_in_front() {
        for (name, plain, tags) in [
            ("worker.1.core.0.requests", "worker.core.requests", "worker:1 core:0 "),
            ("core.busy_workers", "core.busy_workers", ""),
            ("socket.0.listen_queue", "socket.listen_queue", "socket:0 "),
            ("a.1.2", "a", "a:1 a:2 "),
            ("a.1st.b", "a.b", "a:1st "),
            ("a.-4", "a", "a:-4 "),
            ("1.a", "1.a", ""),
            ("a..b", "a.b", ""),
            ("mym", "mym", ""),
        ] {
            let split = Name::split(name.as_bytes());
            assert_eq!(String::from_utf8_lossy(&split.plain), plain, "{name}");
            let text = String::from_utf8_lossy;
            let shown: String =
                split.tags.iter().map(|(k, v)| format!("{}:{} ", text(k), text(v))).collect();
            assert_eq!(shown, tags, "{name}");
        }
    }
}
