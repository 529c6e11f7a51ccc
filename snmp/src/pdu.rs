//! Protocol data units of SNMPv2: one shape for requests, answers, notifications and reports.
//!
//! The trap of SNMPv1, the only one with a shape of its own, is not among them.

use crate::ber::{Error, Reader, Writer, tag};
use crate::oid::Oid;
use crate::value::Value;

/// What a PDU asks or says; its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Values of these names.
    Get = 0xa0,
    /// Values of the names after these.
    GetNext = 0xa1,
    /// The answer.
    Response = 0xa2,
    /// New values.
    Set = 0xa3,
    /// Many names after these.
    GetBulk = 0xa5,
    /// A notification that wants an answer.
    Inform = 0xa6,
    /// A notification.
    Trap = 0xa7,
    /// What an SNMPv3 engine says about a message it did not accept.
    Report = 0xa8,
}

impl Kind {
    /// The kind of this tag.
    pub fn from_tag(tag: u8) -> Option<Kind> {
        let all = [
            Kind::Get,
            Kind::GetNext,
            Kind::Response,
            Kind::Set,
            Kind::GetBulk,
            Kind::Inform,
            Kind::Trap,
            Kind::Report,
        ];
        all.into_iter().find(|kind| *kind as u8 == tag)
    }

    /// True for those that an agent answers. A report never answers a report.
    pub fn wants_answer(self) -> bool {
        !matches!(self, Kind::Response | Kind::Trap | Kind::Report)
    }
}

/// Codes of `error_status`.
pub mod status {
    /// No error.
    pub const NO_ERROR: i32 = 0;
    /// The answer does not fit into a datagram.
    pub const TOO_BIG: i32 = 1;
    /// v1: there is no such name.
    pub const NO_SUCH_NAME: i32 = 2;
    /// v1: not to be written.
    pub const READ_ONLY: i32 = 4;
    /// Something else went wrong.
    pub const GEN_ERR: i32 = 5;
    /// Not to be written.
    pub const NOT_WRITABLE: i32 = 17;
}

/// A name and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VarBind {
    /// The name.
    pub name: Oid,
    /// The value.
    pub value: Value,
}

impl VarBind {
    /// Takes the next element.
    pub fn read(from: &mut Reader<'_>) -> Result<VarBind, Error> {
        let mut inside = from.inside(tag::SEQUENCE)?;
        let bind = VarBind { name: inside.oid()?, value: Value::read(&mut inside)? };
        inside.end()?;
        Ok(bind)
    }

    /// Appends it.
    pub fn write(&self, out: &mut Writer) {
        out.around(tag::SEQUENCE, |out| {
            out.oid(&self.name);
            self.value.write(out);
        });
    }
}

/// A protocol data unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// What it is.
    pub kind: Kind,
    /// The number that joins request and answer.
    pub request_id: i32,
    /// What went wrong, see [`status`]; of a [`Kind::GetBulk`] the names asked for once.
    pub error_status: i32,
    /// The name that was wrong, from 1; of a [`Kind::GetBulk`] how often to repeat the others.
    pub error_index: i32,
    /// Names and values.
    pub binds: Vec<VarBind>,
}

impl Pdu {
    /// One without an error.
    pub fn new(kind: Kind, request_id: i32, binds: Vec<VarBind>) -> Pdu {
        Pdu { kind, request_id, error_status: status::NO_ERROR, error_index: 0, binds }
    }

    /// Takes the next element.
    pub fn read(from: &mut Reader<'_>) -> Result<Pdu, Error> {
        let (tag, content) = from.any()?;
        let kind = Kind::from_tag(tag).ok_or(Error::Tag(tag))?;
        let mut inside = Reader::new(content);
        let [request_id, error_status, error_index] =
            [inside.integer()?, inside.integer()?, inside.integer()?];
        let mut list = inside.inside(tag::SEQUENCE)?;
        inside.end()?;
        let mut binds = Vec::new();
        while !list.is_empty() {
            binds.push(VarBind::read(&mut list)?);
        }
        Ok(Pdu { kind, request_id, error_status, error_index, binds })
    }

    /// Appends it.
    pub fn write(&self, out: &mut Writer) {
        out.around(self.kind as u8, |out| {
            out.integer(self.request_id);
            out.integer(self.error_status);
            out.integer(self.error_index);
            out.around(tag::SEQUENCE, |out| self.binds.iter().for_each(|bind| bind.write(out)));
        });
    }
}
