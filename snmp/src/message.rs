//! Messages of SNMPv1 and v2c: a version, a community, a PDU.

use crate::ber::{Error, Reader, Writer, tag};
use crate::pdu::Pdu;

/// Numbers of the versions on the wire.
pub mod version {
    /// SNMPv1.
    pub const V1: i32 = 0;
    /// SNMPv2c.
    pub const V2C: i32 = 1;
    /// SNMPv3.
    pub const V3: i32 = 3;
}

/// A message that carries its community in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// See [`version`].
    pub version: i32,
    /// The community.
    pub community: Vec<u8>,
    /// What it carries.
    pub pdu: Pdu,
}

impl Message {
    /// The version of a datagram, whatever follows it.
    pub fn version_of(datagram: &[u8]) -> Result<i32, Error> {
        Reader::new(datagram).inside(tag::SEQUENCE)?.integer()
    }

    /// Reads a datagram. What stands behind the message is left alone, as padding.
    pub fn decode(datagram: &[u8]) -> Result<Message, Error> {
        let mut inside = Reader::new(datagram).inside(tag::SEQUENCE)?;
        let version = inside.integer()?;
        if version == version::V3 {
            return Err(Error::Number);
        }
        let community = inside.octets()?.to_vec();
        let pdu = Pdu::read(&mut inside)?;
        inside.end()?;
        Ok(Message { version, community, pdu })
    }

    /// The datagram.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.around(tag::SEQUENCE, |out| {
            out.integer(self.version);
            out.octets(&self.community);
            self.pdu.write(out);
        });
        out.finish()
    }
}
