//! JSON objects whose fields keep their order, and times as JSON has them.
//!
//! The bytes are an interface of their receivers; strings are escaped by serde_json.

/// An object under construction.
pub(crate) struct Object(String);

impl Object {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a string.
    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, &quoted(value))
    }

    /// Adds a string that may be missing.
    pub(crate) fn maybe(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds a number; JSON has no word for one that is not finite.
    pub(crate) fn number(self, key: &str, value: f64) -> Self {
        match value.is_finite() {
            true => self.raw(key, &value.to_string()),
            false => self.raw(key, "null"),
        }
    }

    /// Adds a truth value.
    pub(crate) fn flag(self, key: &str, value: bool) -> Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    /// Adds what is JSON already.
    pub(crate) fn raw(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(key));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// The object's text.
    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Epoch microseconds as RFC 3339 has them, in UTC.
pub(crate) fn stamp(at_us: u64) -> String {
    let stamp = i64::try_from(at_us).ok().and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    stamp.unwrap_or_default().to_string()
}

/// Epoch seconds as RFC 3339 has them.
pub(crate) fn stamp_of_seconds(at: u64) -> String {
    stamp(at.saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_order() {
        let object = Object::new()
            .text("z", "a\"b\n\u{1}é")
            .maybe("missing", None)
            .maybe("y", Some("1"))
            .number("x", 1.5)
            .number("w", 3.0)
            .number("v", f64::NAN)
            .flag("u", true)
            .raw("t", "[]");
        let expected = r#"{"z":"a\"b\n\u0001é","y":"1","x":1.5,"w":3,"v":null,"u":true,"t":[]}"#;
        assert_eq!(object.end(), expected);
        assert_eq!(Object::new().end(), "{}");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(stamp(1_700_000_000_250_000), "2023-11-14T22:13:20.25Z");
        assert_eq!(stamp_of_seconds(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(stamp(u64::MAX), "1970-01-01T00:00:00Z");
    }
}
