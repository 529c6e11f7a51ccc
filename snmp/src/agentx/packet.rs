//! Packets between a subagent and its master.
//!
//! Source: RFC 2741, 6. A packet is 20 bytes of header, which tell how many follow.

use super::bytes::{Malformed, Reader, Writer};
use crate::oid::Oid;
use crate::pdu::VarBind;

/// Bytes of a header.
pub const HEADER: usize = 20;

/// The longest packet that is accepted: thousands of names.
pub const LONGEST: usize = 1 << 20;

/// Flag: a context follows the header.
const CONTEXT: u8 = 0x08;

/// Flag: numbers are in network byte order.
const NETWORK: u8 = 0x10;

/// Where a search begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The name at which it begins.
    pub start: Oid,
    /// Whether that name itself may be found.
    pub include: bool,
    /// The name before which it ends; without arcs it has no end.
    pub end: Oid,
}

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A subagent comes: its timeout in seconds, its name, a description.
    Open(u8, Oid, Vec<u8>),
    /// A session ends, for this reason.
    Close(u8),
    /// A subtree is ours, with this timeout and priority.
    Register(u8, u8, Oid),
    /// Values of these names.
    Get(Vec<Oid>),
    /// The next names of these ranges.
    GetNext(Vec<Range>),
    /// The same, many times for those behind the first `non_repeaters`.
    GetBulk {
        /// Ranges that are asked once.
        non_repeaters: u16,
        /// How often the others are.
        repetitions: u16,
        /// All of them.
        ranges: Vec<Range>,
    },
    /// New values are to be tried.
    TestSet(Vec<VarBind>),
    /// The three that end a try.
    CommitSet,
    /// See [`Body::CommitSet`].
    UndoSet,
    /// See [`Body::CommitSet`].
    CleanupSet,
    /// A notification.
    Notify(Vec<VarBind>),
    /// Is there anybody?
    Ping,
    /// An answer: uptime, error, index of the name that is wrong, values.
    Response(u32, u16, u16, Vec<VarBind>),
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The session, 0 before there is one.
    pub session: u32,
    /// Joins the packets of one request of a manager.
    pub transaction: u32,
    /// Joins a request and its answer.
    pub packet: u32,
    /// The context; nothing for the default one, which is the only one we have.
    pub context: Option<Vec<u8>>,
    /// What it says.
    pub body: Body,
}

/// How long the packet is that begins like this; nothing while the header is not whole.
///
/// # Errors
/// No packet begins like this.
pub fn length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(header) = bytes.get(..HEADER) else { return Ok(None) };
    let mut reader = Reader::new(header, header.get(2).is_some_and(|flags| flags & NETWORK != 0));
    if reader.u8()? != 1 {
        return Err(Malformed::Version);
    }
    for _ in 1..16 {
        reader.u8()?;
    }
    let payload = reader.u32()? as usize;
    if payload > LONGEST - HEADER || !payload.is_multiple_of(4) {
        return Err(Malformed::Length);
    }
    Ok(Some(HEADER + payload))
}

impl Packet {
    /// Reads one whole packet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Packet, Malformed> {
        let total = length(bytes)?.ok_or(Malformed::Truncated)?;
        if bytes.len() != total {
            return Err(if bytes.len() < total {
                Malformed::Truncated
            } else {
                Malformed::Surplus
            });
        }
        let network = bytes.get(2).is_some_and(|flags| flags & NETWORK != 0);
        let mut reader = Reader::new(bytes, network);
        let [_, kind, flags, _] = [reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?];
        let (session, transaction, packet) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let _payload = reader.u32()?;
        let context = match flags & CONTEXT {
            0 => None,
            _ => Some(reader.octets()?.to_vec()),
        };
        let body = body(kind, &mut reader)?;
        reader.end()?;
        Ok(Packet { session, transaction, packet, context, body })
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        let flags = if self.context.is_some() { NETWORK | CONTEXT } else { NETWORK };
        [1, self.body.code(), flags, 0].into_iter().for_each(|byte| out.u8(byte));
        [self.session, self.transaction, self.packet, 0].into_iter().for_each(|n| out.u32(n));
        if let Some(context) = &self.context {
            out.octets(context);
        }
        self.body.write(&mut out);
        let payload = (out.0.len() - HEADER) as u32;
        if let Some(place) = out.0.get_mut(16..HEADER) {
            place.copy_from_slice(&payload.to_be_bytes());
        }
        out.0
    }
}

fn body(kind: u8, from: &mut Reader<'_>) -> Result<Body, Malformed> {
    Ok(match kind {
        1 => {
            let timeout = from.u8()?;
            skip(from)?;
            Body::Open(timeout, from.oid()?.0, from.octets()?.to_vec())
        }
        2 => {
            let reason = from.u8()?;
            skip(from)?;
            Body::Close(reason)
        }
        3 => {
            let [timeout, priority] = [from.u8()?, from.u8()?];
            from.u16()?;
            Body::Register(timeout, priority, from.oid()?.0)
        }
        5 => Body::Get(ranges(from)?.into_iter().map(|range| range.start).collect()),
        6 => Body::GetNext(ranges(from)?),
        7 => {
            let (non_repeaters, repetitions) = (from.u16()?, from.u16()?);
            Body::GetBulk { non_repeaters, repetitions, ranges: ranges(from)? }
        }
        8 => Body::TestSet(binds(from)?),
        9 => Body::CommitSet,
        10 => Body::UndoSet,
        11 => Body::CleanupSet,
        12 => Body::Notify(binds(from)?),
        13 => Body::Ping,
        18 => Body::Response(from.u32()?, from.u16()?, from.u16()?, binds(from)?),
        other => return Err(Malformed::Type(other)),
    })
}

fn skip(from: &mut Reader<'_>) -> Result<(), Malformed> {
    from.u8()?;
    from.u16().map(drop)
}

fn ranges(from: &mut Reader<'_>) -> Result<Vec<Range>, Malformed> {
    let mut out = Vec::new();
    while !from.is_empty() {
        let (start, include) = from.oid()?;
        out.push(Range { start, include, end: from.oid()?.0 });
    }
    Ok(out)
}

fn binds(from: &mut Reader<'_>) -> Result<Vec<VarBind>, Malformed> {
    let mut out = Vec::new();
    while !from.is_empty() {
        out.push(from.bind()?);
    }
    Ok(out)
}

impl Body {
    fn code(&self) -> u8 {
        match self {
            Body::Open(..) => 1,
            Body::Close(_) => 2,
            Body::Register(..) => 3,
            Body::Get(_) => 5,
            Body::GetNext(_) => 6,
            Body::GetBulk { .. } => 7,
            Body::TestSet(_) => 8,
            Body::CommitSet => 9,
            Body::UndoSet => 10,
            Body::CleanupSet => 11,
            Body::Notify(_) => 12,
            Body::Ping => 13,
            Body::Response(..) => 18,
        }
    }

    fn write(&self, out: &mut Writer) {
        let range = |out: &mut Writer, range: &Range| {
            out.oid(&range.start, range.include);
            out.oid(&range.end, false);
        };
        match self {
            Body::Open(timeout, name, text) => {
                out.u32(u32::from(*timeout) << 24);
                out.oid(name, false);
                out.octets(text);
            }
            Body::Close(reason) => out.u32(u32::from(*reason) << 24),
            Body::Register(timeout, priority, subtree) => {
                out.u32(u32::from(*timeout) << 24 | u32::from(*priority) << 16);
                out.oid(subtree, false);
            }
            Body::Get(names) => {
                for name in names {
                    out.oid(name, false);
                    out.oid(&Oid::default(), false);
                }
            }
            Body::GetNext(ranges) => ranges.iter().for_each(|one| range(out, one)),
            Body::GetBulk { non_repeaters, repetitions, ranges } => {
                out.u16(*non_repeaters);
                out.u16(*repetitions);
                ranges.iter().for_each(|one| range(out, one));
            }
            Body::TestSet(binds) | Body::Notify(binds) => {
                binds.iter().for_each(|bind| out.bind(bind));
            }
            Body::CommitSet | Body::UndoSet | Body::CleanupSet | Body::Ping => {}
            Body::Response(uptime, error, index, binds) => {
                out.u32(*uptime);
                out.u16(*error);
                out.u16(*index);
                binds.iter().for_each(|bind| out.bind(bind));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;
    use proptest::prelude::*;

    fn packet(body: Body) -> Packet {
        Packet { session: 1, transaction: 2, packet: 3, context: None, body }
    }

    #[test]
    fn an_open_has_the_bytes_of_the_document() {
        let bytes = packet(Body::Open(5, Oid::ours(&[]), b"uwsgi".to_vec())).encode();
        let want = [
            &[1, 1, 0x10, 0][..],
            &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 32],
            &[5, 0, 0, 0],
            &[3, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0x89, 0x54, 0, 0, 0, 17],
            &[0, 0, 0, 5, b'u', b'w', b's', b'g', b'i', 0, 0, 0],
        ];
        assert_eq!(bytes, want.concat());
    }

    #[test]
    fn a_little_end_first_is_understood() {
        let mut bytes = vec![1, 5, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 16, 0, 0, 0];
        bytes.extend([2, 4, 0, 0, 1, 0, 0, 0, 0x54, 0x89, 0, 0, 0, 0, 0, 0]);
        bytes[16] = 16;
        let name = Oid::new(&[1, 3, 6, 1, 4, 1, 35156]);
        assert_eq!(Packet::decode(&bytes), Ok(packet(Body::Get(vec![name]))));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        let good = packet(Body::Ping).encode();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        for (bytes, want) in [
            (good[..19].to_vec(), Malformed::Truncated),
            (with(0, 2), Malformed::Version),
            (with(1, 99), Malformed::Type(99)),
            (with(16, 0xff), Malformed::Length),
            (with(19, 3), Malformed::Length),
            (with(19, 4), Malformed::Truncated),
            ([&good[..], &[0]].concat(), Malformed::Surplus),
        ] {
            assert_eq!(Packet::decode(&bytes), Err(want));
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let octets = prop::collection::vec(any::<u8>(), 0..20);
        prop_oneof![
            any::<i32>().prop_map(Value::Integer),
            octets.prop_map(Value::Octets),
            any::<u32>().prop_map(Value::Gauge32),
            any::<u64>().prop_map(Value::Counter64),
            any::<[u8; 4]>().prop_map(Value::IpAddress),
            names().prop_map(Value::Oid),
            Just(Value::EndOfMibView),
            Just(Value::Null),
        ]
    }

    fn names() -> impl Strategy<Value = Oid> {
        let arcs = prop::collection::vec(any::<u32>(), 0..12);
        (arcs, any::<bool>()).prop_map(|(arcs, internet)| match internet {
            true => Oid::new(&[&[1, 3, 6, 1, 4][..], &arcs].concat()),
            false => Oid::new(&arcs),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            binds in prop::collection::vec((names(), values()), 0..8),
            context in prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
            uptime in any::<u32>(),
        ) {
            let binds = binds.into_iter().map(|(name, value)| VarBind { name, value }).collect();
            let body = Body::Response(uptime, 5, 1, binds);
            let packet = Packet { session: 9, transaction: 8, packet: 7, context, body };
            prop_assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
        }

        #[test]
        fn no_bytes_make_it_fall(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 1u8..19) {
            let _ = Packet::decode(&bytes);
            let mut framed = vec![1, kind, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
            let payload = bytes.len() / 4 * 4;
            framed.extend((payload as u32).to_be_bytes());
            framed.extend(&bytes[..payload]);
            let _ = Packet::decode(&framed);
        }
    }
}
