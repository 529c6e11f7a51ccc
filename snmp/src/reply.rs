//! What a request becomes: the one place that knows the rules of v1 and of v2 for each kind.

use crate::ber::Writer;
use crate::oid::Oid;
use crate::pdu::{Kind, Pdu, VarBind, status};
use crate::tree::Tree;
use crate::value::Value;

/// Bytes of a datagram around the bindings: more than enough for every head and digest.
const HEAD: usize = 320;

/// Bytes an answer with many repetitions may have: one packet of an Ethernet.
const BULK: usize = 1472;

/// What an answer has to keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// The rules of SNMPv1: no exceptions, errors by their old names.
    pub v1: bool,
    /// Bytes of a whole answer.
    pub size: usize,
}

/// The answer; nothing for what an agent does not answer.
pub(crate) fn reply(pdu: &Pdu, tree: &Tree, room: Room) -> Option<Pdu> {
    let made = match pdu.kind {
        Kind::Get => {
            each(pdu, room.v1, |name| Some(VarBind { name: name.clone(), value: tree.get(name) }))
        }
        Kind::GetNext => each(pdu, room.v1, |name| next(tree, name, room.v1)),
        Kind::GetBulk if !room.v1 => return Some(bulk(pdu, tree, room.size.min(BULK))),
        Kind::Set if pdu.binds.is_empty() => Ok(Vec::new()),
        Kind::Set => Err((if room.v1 { status::READ_ONLY } else { status::NOT_WRITABLE }, 1)),
        _ => return None,
    };
    let made = made.and_then(|binds| match size(&binds) + HEAD > room.size {
        true => Err((status::TOO_BIG, 0)),
        false => Ok(binds),
    });
    let answer = Pdu::new(Kind::Response, pdu.request_id, Vec::new());
    Some(match made {
        Ok(binds) => Pdu { binds, ..answer },
        // Of SNMPv2 this is the one answer without the names.
        Err((status::TOO_BIG, _)) if !room.v1 => Pdu { error_status: status::TOO_BIG, ..answer },
        Err((error_status, error_index)) => {
            Pdu { error_status, error_index, binds: pdu.binds.clone(), ..answer }
        }
    })
}

/// Whether any name of a GET is not there.
pub(crate) fn lacks(pdu: &Pdu, tree: &Tree) -> bool {
    pdu.kind == Kind::Get && pdu.binds.iter().any(|bind| tree.get(&bind.name).is_exception())
}

/// One binding for each name, or the error of the first without.
fn each(
    pdu: &Pdu,
    v1: bool,
    find: impl Fn(&Oid) -> Option<VarBind>,
) -> Result<Vec<VarBind>, (i32, i32)> {
    let mut out = Vec::with_capacity(pdu.binds.len());
    for (index, bind) in (1..).zip(&pdu.binds) {
        let found = find(&bind.name).unwrap_or_else(|| end(bind.name.clone()));
        if v1 && found.value.is_exception() {
            return Err((status::NO_SUCH_NAME, index));
        }
        out.push(found);
    }
    Ok(out)
}

/// The binding after a name. SNMPv1 has no counters of 64 bits and steps over them.
fn next(tree: &Tree, name: &Oid, v1: bool) -> Option<VarBind> {
    let mut after = tree.after(name).iter();
    after.find(|row| !v1 || !matches!(row.value, Value::Counter64(_))).cloned()
}

fn end(name: Oid) -> VarBind {
    VarBind { name, value: Value::EndOfMibView }
}

/// The names asked for once, then rounds over the others until the answer is full, all are at their
/// end or there were enough.
fn bulk(pdu: &Pdu, tree: &Tree, size: usize) -> Pdu {
    let once = usize::try_from(pdu.error_status).unwrap_or(0).min(pdu.binds.len());
    let (single, repeated) = pdu.binds.split_at(once);
    let mut out = Filling { binds: Vec::new(), left: size.saturating_sub(HEAD) };
    let step = |name: &Oid| next(tree, name, false).unwrap_or_else(|| end(name.clone()));
    let mut fits = single.iter().all(|bind| out.push(step(&bind.name)));
    let mut names: Vec<Oid> = repeated.iter().map(|bind| bind.name.clone()).collect();
    let mut rounds = if names.is_empty() { 0 } else { pdu.error_index.max(0) };
    while fits && rounds > 0 {
        let mut ended = true;
        for name in &mut names {
            let bind = step(name);
            ended &= bind.value.is_exception();
            name.clone_from(&bind.name);
            fits = fits && out.push(bind);
        }
        rounds = if ended { 0 } else { rounds - 1 };
    }
    Pdu::new(Kind::Response, pdu.request_id, out.binds)
}

/// Bindings and the bytes that are left for more of them.
struct Filling {
    binds: Vec<VarBind>,
    left: usize,
}

impl Filling {
    /// False when there is no room.
    fn push(&mut self, bind: VarBind) -> bool {
        let needed = size(std::slice::from_ref(&bind));
        let fits = needed <= self.left;
        if fits {
            self.left -= needed;
            self.binds.push(bind);
        }
        fits
    }
}

fn size(binds: &[VarBind]) -> usize {
    let mut out = Writer::new();
    binds.iter().for_each(|bind| bind.write(&mut out));
    out.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: Room = Room { v1: true, size: 65_507 };
    const V2: Room = Room { v1: false, size: 65_507 };

    fn tree(rows: u32) -> Tree {
        let row = |n: u32| {
            let value =
                if n.is_multiple_of(2) { Value::Gauge32(n) } else { Value::Counter64(n.into()) };
            VarBind { name: Oid::ours(&[3, n]), value }
        };
        Tree::new((0..rows).map(row).collect())
    }

    fn ask(kind: Kind, names: &[&[u32]]) -> Pdu {
        let bind = |arcs: &&[u32]| VarBind { name: Oid::ours(arcs), value: Value::Null };
        Pdu::new(kind, 7, names.iter().map(bind).collect())
    }

    fn arcs(pdu: &Pdu) -> Vec<u32> {
        pdu.binds.iter().map(|bind| *bind.name.arcs().last().unwrap()).collect()
    }

    #[test]
    fn several_names_are_answered_together_and_v1_names_the_missing_one() {
        let pdu = ask(Kind::Get, &[&[3, 1], &[3, 9]]);
        let answer = reply(&pdu, &tree(4), V2).unwrap();
        assert_eq!((answer.kind, answer.request_id, answer.error_status), (Kind::Response, 7, 0));
        assert_eq!(answer.binds[0].value, Value::Counter64(1));
        assert_eq!(answer.binds[1].value, Value::NoSuchInstance);
        let answer = reply(&pdu, &tree(4), V1).unwrap();
        assert_eq!((answer.error_status, answer.error_index), (status::NO_SUCH_NAME, 2));
        assert_eq!(answer.binds, pdu.binds);
        assert!(lacks(&pdu, &tree(4)) && !lacks(&ask(Kind::Get, &[&[3, 1]]), &tree(4)));
    }

    #[test]
    fn a_walk_of_v1_steps_over_wide_counters_and_ends_with_an_error() {
        let answer =
            |name: u32, room| reply(&ask(Kind::GetNext, &[&[3, name]]), &tree(4), room).unwrap();
        assert_eq!(arcs(&answer(0, V2)), [1]);
        assert_eq!(arcs(&answer(0, V1)), [2]);
        assert_eq!(answer(2, V1).error_status, status::NO_SUCH_NAME);
        let end = answer(3, V2);
        assert_eq!((end.binds[0].value.clone(), arcs(&end)), (Value::EndOfMibView, vec![3]));
    }

    #[test]
    fn nothing_is_written() {
        let set = ask(Kind::Set, &[&[3, 0]]);
        for (room, want) in [(V1, status::READ_ONLY), (V2, status::NOT_WRITABLE)] {
            let answer = reply(&set, &tree(1), room).unwrap();
            assert_eq!((answer.error_status, answer.error_index), (want, 1));
        }
    }

    #[test]
    fn bulk_repeats_until_the_end_or_the_room_is_reached() {
        let bulk = |once: i32, times: i32, names: &[&[u32]], rows| {
            let pdu = Pdu { error_status: once, error_index: times, ..ask(Kind::GetBulk, names) };
            reply(&pdu, &tree(rows), V2).unwrap()
        };
        assert_eq!(arcs(&bulk(1, 2, &[&[3], &[3, 1]], 9)), [0, 2, 3]);
        assert_eq!(arcs(&bulk(0, 2, &[&[3], &[3, 4]], 9)), [0, 5, 1, 6]);
        assert_eq!(arcs(&bulk(0, 1000, &[&[3, 1]], 4)), [2, 3, 3], "the last is the end");
        assert_eq!(arcs(&bulk(-1, -1, &[&[3]], 4)), [0_u32; 0]);
        assert_eq!(arcs(&bulk(9, i32::MAX, &[&[3]], 4)), [0]);
        let full = bulk(0, i32::MAX, &[&[3]], 10_000);
        assert!((30..100).contains(&full.binds.len()), "{}", full.binds.len());
        assert!(size(&full.binds) + HEAD <= BULK);
        assert!(reply(&ask(Kind::GetBulk, &[&[3]]), &tree(1), V1).is_none(), "v1 has none");
    }

    #[test]
    fn what_does_not_fit_is_too_big() {
        let names: Vec<&[u32]> = vec![&[3, 0]; 20];
        let small = |v1| Room { v1, size: 484 };
        let answer = reply(&ask(Kind::Get, &names), &tree(1), small(false)).unwrap();
        assert_eq!((answer.error_status, answer.binds.len()), (status::TOO_BIG, 0));
        let answer = reply(&ask(Kind::Get, &names), &tree(1), small(true)).unwrap();
        assert_eq!((answer.error_status, answer.binds.len()), (status::TOO_BIG, 20));
    }

    #[test]
    fn what_no_agent_answers_is_left() {
        for kind in [Kind::Response, Kind::Inform, Kind::Trap, Kind::Report] {
            assert!(reply(&ask(kind, &[&[3, 0]]), &tree(1), V2).is_none(), "{kind:?}");
        }
    }
}
