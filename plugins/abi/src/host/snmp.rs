//! The table's functions about the SNMP agent.

use super::{bytes, with_host};
use crate::{SNMP_OFF, SNMP_REFUSED, SnmpOp, Str};

/// What the server has for applications that give the SNMP agent values.
pub trait SnmpHost {
    /// See [`crate::Server::snmp_value`]; false for a number or a kind that does not exist.
    fn value(&self, op: SnmpOp, kind: u8, number: u32, value: u64) -> bool;
    /// See [`crate::Server::snmp_community`].
    fn community(&self, text: &[u8]);
}

pub(super) extern "C" fn snmp_value(op: u32, kind: u32, number: u32, value: u64) -> i32 {
    let op = match op {
        x if x == SnmpOp::Set as u32 => SnmpOp::Set,
        x if x == SnmpOp::Add as u32 => SnmpOp::Add,
        _ => return SNMP_REFUSED,
    };
    with_host(SNMP_OFF, |h| {
        let Some(agent) = h.snmp() else { return SNMP_OFF };
        let known = u8::try_from(kind).is_ok_and(|kind| agent.value(op, kind, number, value));
        if known { 0 } else { SNMP_REFUSED }
    })
}

pub(super) extern "C" fn snmp_community(text: Str) -> i32 {
    with_host(SNMP_OFF, |h| {
        h.snmp().map_or(SNMP_OFF, |agent| {
            agent.community(bytes(text));
            0
        })
    })
}
