//! The SNMP agent in Python: values of the application, and the community.
//!
//! The functions exist only where an agent is configured. They answer `True`, or `None` for a
//! number that is not 1 to 100.

use uwsgi_abi::SnmpOp;

use crate::ffi::{self, Method};
use crate::guard::{Args, builtin};
use crate::module::{the_server, true_or_none};
use crate::obj::Obj;
use crate::raise::{Raised, Res, raised};

/// Types on the wire.
const COUNTER32: u8 = 0x41;
const GAUGE: u8 = 0x42;
const COUNTER64: u8 = 0x46;

/// The functions of this file.
pub(crate) static FUNCTIONS: [Method; 10] = [
    Method::new(c"snmp_set_counter32", set_counter32),
    Method::new(c"snmp_set_counter64", set_counter64),
    Method::new(c"snmp_set_gauge", set_gauge),
    Method::new(c"snmp_incr_counter32", incr_counter32),
    Method::new(c"snmp_incr_counter64", incr_counter64),
    Method::new(c"snmp_incr_gauge", incr_gauge),
    Method::new(c"snmp_decr_counter32", decr_counter32),
    Method::new(c"snmp_decr_counter64", decr_counter64),
    Method::new(c"snmp_decr_gauge", decr_gauge),
    Method::new(c"snmp_set_community", set_community),
];

builtin!(set_counter32 = "snmp_set_counter32", |_s, args| set(&args, COUNTER32));
builtin!(set_counter64 = "snmp_set_counter64", |_s, args| set(&args, COUNTER64));
builtin!(set_gauge = "snmp_set_gauge", |_s, args| set(&args, GAUGE));
builtin!(incr_counter32 = "snmp_incr_counter32", |_s, args| add(&args, COUNTER32, false));
builtin!(incr_counter64 = "snmp_incr_counter64", |_s, args| add(&args, COUNTER64, false));
builtin!(incr_gauge = "snmp_incr_gauge", |_s, args| add(&args, GAUGE, false));
builtin!(decr_counter32 = "snmp_decr_counter32", |_s, args| add(&args, COUNTER32, true));
builtin!(decr_counter64 = "snmp_decr_counter64", |_s, args| add(&args, COUNTER64, true));
builtin!(decr_gauge = "snmp_decr_gauge", |_s, args| add(&args, GAUGE, true));
builtin!(set_community = "snmp_set_community", |_s, args| {
    args.exactly(1)?;
    true_or_none(the_server()?.snmp_community(args.text(0)?))
});

fn set(args: &Args<'_>, kind: u8) -> Res<Obj> {
    args.exactly(2)?;
    change(args, SnmpOp::Set, kind, bits(&args.need(1)?)?)
}

fn add(args: &Args<'_>, kind: u8, down: bool) -> Res<Obj> {
    args.at_most(2)?;
    // Steps are of 32 bits.
    let by = u64::from(args.get(1).map_or(Ok(1), |by| bits(&by))? as u32);
    change(args, SnmpOp::Add, kind, if down { by.wrapping_neg() } else { by })
}

fn change(args: &Args<'_>, op: SnmpOp, kind: u8, value: u64) -> Res<Obj> {
    let number = u32::try_from(args.need(0)?.as_int()?).unwrap_or(0);
    true_or_none(the_server()?.snmp_value(op, kind, number, value))
}

/// The lower 64 bits of an `int` of any size.
fn bits(value: &Obj) -> Res<u64> {
    // SAFETY: a live object; anything but a number fails without harm.
    let bits = unsafe { ffi::PyLong_AsUnsignedLongLongMask(value.ptr()) };
    if bits == u64::MAX && raised() { Err(Raised) } else { Ok(bits) }
}
