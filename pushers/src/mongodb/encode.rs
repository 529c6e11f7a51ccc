//! The stats document, with numbers as small as they fit and names in their order.

use std::fmt;

use mongodb::bson::{Bson, DateTime, Document};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::instance::{Encoder, Load};
use crate::tick::Tick;

/// See the module.
pub(super) struct Encode {
    pub(super) dots: Option<String>,
    /// The host's name, when time and host are wanted.
    pub(super) host: Option<String>,
}

impl Encoder for Encode {
    type Payload = Document;

    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Document>> {
        let json = (tick.document)();
        let Ok(Value(Bson::Document(stats))) = serde_json::from_slice(&json) else { return None };
        let mut payload = Document::new();
        if let Some(host) = &self.host {
            let at = i64::try_from(tick.at_us / 1000).unwrap_or(i64::MAX);
            payload.insert("ts", DateTime::from_millis(at));
            payload.insert("host", host.clone());
        }
        match &self.dots {
            Some(dots) => payload.extend(renamed(stats, dots)),
            None => payload.extend(stats),
        }
        Some(Load { payload, values: 1, bytes: json.len() })
    }
}

/// A document without dots in names.
fn renamed(document: Document, dots: &str) -> Document {
    document
        .into_iter()
        .map(|(name, value)| (name.replace('.', dots), renamed_within(value, dots)))
        .collect()
}

fn renamed_within(value: Bson, dots: &str) -> Bson {
    match value {
        Bson::Document(document) => Bson::Document(renamed(document, dots)),
        Bson::Array(values) => {
            Bson::Array(values.into_iter().map(|value| renamed_within(value, dots)).collect())
        }
        other => other,
    }
}

/// Any value of JSON. The reader that BSON has of its own takes some names for types.
struct Value(Bson);

struct AnyValue;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        from.deserialize_any(AnyValue).map(Value)
    }
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Bson;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Bson, E> {
        Ok(Bson::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Bson, E> {
        Ok(Bson::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Bson, E> {
        Ok(i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Bson, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Ok(Bson::Double(value as f64)),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<Bson, E> {
        Ok(Bson::Double(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Bson, E> {
        Ok(Bson::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Bson, A::Error> {
        let mut values = Vec::new();
        while let Some(Value(value)) = from.next_element()? {
            values.push(value);
        }
        Ok(Bson::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Bson, A::Error> {
        let mut document = Document::new();
        while let Some((name, Value(value))) = from.next_entry::<String, Value>()? {
            document.insert(name, value);
        }
        Ok(Bson::Document(document))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::doc;

    fn read(json: &str) -> Bson {
        serde_json::from_str::<Value>(json).unwrap().0
    }

    #[test]
    fn numbers_are_as_small_as_they_fit_and_names_keep_their_order() {
        let seen = read(
            r#"{"z":1,"a":[-2147483648,2147483648,-5000000000,1.5],"$oid":"x","n":null,"b":true,"u":18446744073709551615}"#,
        );
        let wanted = doc! {
            "z": 1_i32,
            "a": [i32::MIN, 2_147_483_648_i64, -5_000_000_000_i64, 1.5],
            "$oid": "x",
            "n": Bson::Null,
            "b": true,
            "u": 18_446_744_073_709_551_615.0,
        };
        assert_eq!(seen, Bson::Document(wanted));
    }

    #[test]
    fn dots_are_rewritten_everywhere() {
        let Bson::Document(document) = read(r#"{"metrics":{"a.b.c":[{"d.e":1}]},"x":"f.g"}"#)
        else {
            panic!()
        };
        let wanted = doc! { "metrics": { "a_b_c": [{ "d_e": 1 }] }, "x": "f.g" };
        assert_eq!(renamed(document, "_"), wanted);
    }

    #[test]
    fn time_and_host_stand_in_front() {
        let mut encode = Encode { dots: None, host: Some("vm".into()) };
        let document = crate::tick::tests::with_list(&[], |tick| encode.encode(tick)).unwrap();
        let at = DateTime::from_millis(1_795_162_676_000);
        assert_eq!(document.payload, doc! { "ts": at, "host": "vm" });
    }
}
