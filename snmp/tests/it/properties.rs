//! Properties of the codec: no bytes make it panic, and what is written reads back.

use proptest::prelude::*;
use uwsgi_snmp::ber::Reader;
use uwsgi_snmp::{Kind, Message, Oid, Pdu, Value, VarBind};

fn oid() -> impl Strategy<Value = Oid> {
    let first = prop_oneof![
        (0..2_u32, 0..40_u32).prop_map(|(a, b)| vec![a, b]),
        (0..u32::MAX - 80).prop_map(|b| vec![2, b]),
    ];
    (first, prop::collection::vec(any::<u32>(), 0..12))
        .prop_map(|(head, tail)| Oid::new(&[head, tail].concat()))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Octets),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Opaque),
        oid().prop_map(Value::Oid),
        any::<[u8; 4]>().prop_map(Value::IpAddress),
        any::<u32>().prop_map(Value::Counter32),
        any::<u32>().prop_map(Value::Gauge32),
        any::<u32>().prop_map(Value::TimeTicks),
        any::<u64>().prop_map(Value::Counter64),
        Just(Value::Null),
        Just(Value::NoSuchObject),
        Just(Value::NoSuchInstance),
        Just(Value::EndOfMibView),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let kind = prop::sample::select(vec![
        Kind::Get,
        Kind::GetNext,
        Kind::Response,
        Kind::Set,
        Kind::GetBulk,
        Kind::Inform,
        Kind::Trap,
        Kind::Report,
    ]);
    let bind = (oid(), value()).prop_map(|(name, value)| VarBind { name, value });
    let pdu = (kind, any::<[i32; 3]>(), prop::collection::vec(bind, 0..6)).prop_map(
        |(kind, [request_id, error_status, error_index], binds)| Pdu {
            kind,
            request_id,
            error_status,
            error_index,
            binds,
        },
    );
    (0..3, prop::collection::vec(any::<u8>(), 0..200), pdu)
        .prop_map(|(version, community, pdu)| Message { version, community, pdu })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(message in message()) {
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn no_cut_reads_as_a_whole_message(message in message(), part in 0.0..1.0_f64) {
        let bytes = message.encode();
        let cut = (bytes.len() as f64 * part) as usize;
        prop_assert!(Message::decode(&bytes[..cut]).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
        let mut reader = Reader::new(&bytes);
        while let Ok((_, content)) = reader.any() {
            prop_assert!(content.len() < bytes.len());
        }
    }

    #[test]
    fn one_wrong_byte_is_read_or_refused(message in message(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }
}
