//! Values of SMIv2, and the three that say why there is none.

use crate::ber::{Error, Reader, Writer, read, tag};
use crate::oid::Oid;

/// What a name is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// INTEGER, Integer32.
    Integer(i32),
    /// OCTET STRING.
    Octets(Vec<u8>),
    /// No value: in requests.
    Null,
    /// OBJECT IDENTIFIER.
    Oid(Oid),
    /// IpAddress.
    IpAddress([u8; 4]),
    /// Counter32.
    Counter32(u32),
    /// Gauge32, Unsigned32.
    Gauge32(u32),
    /// TimeTicks: hundredths of a second.
    TimeTicks(u32),
    /// Opaque.
    Opaque(Vec<u8>),
    /// Counter64.
    Counter64(u64),
    /// The view has no such object.
    NoSuchObject,
    /// The object has no such instance.
    NoSuchInstance,
    /// A walk has come to its end.
    EndOfMibView,
}

impl Value {
    /// Its tag.
    pub fn tag(&self) -> u8 {
        match self {
            Value::Integer(_) => tag::INTEGER,
            Value::Octets(_) => tag::OCTETS,
            Value::Null => tag::NULL,
            Value::Oid(_) => tag::OID,
            Value::IpAddress(_) => 0x40,
            Value::Counter32(_) => 0x41,
            Value::Gauge32(_) => 0x42,
            Value::TimeTicks(_) => 0x43,
            Value::Opaque(_) => 0x44,
            Value::Counter64(_) => 0x46,
            Value::NoSuchObject => 0x80,
            Value::NoSuchInstance => 0x81,
            Value::EndOfMibView => 0x82,
        }
    }

    /// True for those that stand where there is no value.
    pub fn is_exception(&self) -> bool {
        matches!(self, Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView)
    }

    /// Takes the next element.
    pub fn read(from: &mut Reader<'_>) -> Result<Value, Error> {
        let (tag, content) = from.any()?;
        let narrow = |content| read::unsigned(content, 4).map(|value| value as u32);
        Ok(match tag {
            tag::INTEGER => Value::Integer(read::signed(content)?),
            tag::OCTETS => Value::Octets(content.to_vec()),
            tag::OID => Value::Oid(Oid::decode(content)?),
            0x40 => Value::IpAddress(content.try_into().map_err(|_| Error::Number)?),
            0x41 => Value::Counter32(narrow(content)?),
            0x42 => Value::Gauge32(narrow(content)?),
            0x43 => Value::TimeTicks(narrow(content)?),
            0x44 => Value::Opaque(content.to_vec()),
            0x46 => Value::Counter64(read::unsigned(content, 8)?),
            tag::NULL | 0x80..=0x82 if !content.is_empty() => return Err(Error::Surplus),
            tag::NULL => Value::Null,
            0x80 => Value::NoSuchObject,
            0x81 => Value::NoSuchInstance,
            0x82 => Value::EndOfMibView,
            other => return Err(Error::Tag(other)),
        })
    }

    /// Appends it.
    pub fn write(&self, out: &mut Writer) {
        match self {
            Value::Integer(value) => out.integer(*value),
            Value::Octets(content) | Value::Opaque(content) => out.element(self.tag(), content),
            Value::Oid(oid) => out.oid(oid),
            Value::IpAddress(address) => out.element(self.tag(), address),
            Value::Counter32(value) | Value::Gauge32(value) | Value::TimeTicks(value) => {
                out.unsigned(self.tag(), (*value).into());
            }
            Value::Counter64(value) => out.unsigned(self.tag(), *value),
            Value::Null | Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => {
                out.element(self.tag(), &[]);
            }
        }
    }
}
