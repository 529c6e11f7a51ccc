//! Builds the WSGI environ of a request, fast.
//!
//! Each core keeps a template dict: the constant `wsgi.*` part plus the variables that had the
//! same value in the last requests (method, host, server name, user agent of a health check ...).
//! A request copies the template, which clones the hash table in one go, and stores only what
//! differs. Keys are interned once; where a variable stood in the last packet is remembered, so
//! that finding its slot is one comparison.
//!
//! It owns the slots and their scores. It refuses to keep values that identify a client
//! (cookies, credentials) or that are long.

use uwsgi_abi::Pair;

use crate::ffi;
use crate::obj::Obj;
use crate::raise::{Raised, Res, done};

/// Slots per core: more distinct variables than any front end sends; the rest goes uncached.
const MAX_SLOTS: usize = 128;
/// Buckets of the index, a power of two at twice the slots so that probes stay short.
const BUCKETS: usize = 256;
/// Longest value worth comparing and keeping.
const MAX_VALUE: usize = 256;
/// Sightings of the same value that move it into the template.
const ENTER: i8 = 2;
/// Score of a value that was just right; each miss costs one, and at zero it leaves.
const TRUST: i8 = 8;

/// A variable name this core has seen.
struct Slot {
    name: Box<[u8]>,
    key: Obj,
    /// Last value seen (the template's value while `in_template`).
    value: Vec<u8>,
    score: i8,
    in_template: bool,
    /// May its value be kept?
    keep: bool,
    /// What the key has when the request does not send it.
    default: Option<Obj>,
    /// Round in which it was last seen.
    round: u64,
}

impl Slot {
    /// Whether a request without this variable must not get what the template has.
    fn must_come(&self) -> bool {
        self.in_template && !(self.default.is_some() && self.value.is_empty())
    }
}

/// The environ builder of one core in one interpreter.
pub(crate) struct Environ {
    template: Obj,
    /// Slots for which [`Slot::must_come`] holds.
    must_come: usize,
    slots: Vec<Slot>,
    buckets: Box<[u8; BUCKETS]>,
    /// Slot of the n-th variable of the last packet.
    order: Vec<u8>,
    round: u64,
}

const EMPTY: u8 = u8::MAX;

impl Environ {
    /// A builder over the constant part, which gets `SCRIPT_NAME` as an empty default.
    pub(crate) fn new(base: &Obj) -> Res<Environ> {
        let template = copy(base)?;
        let mut environ = Environ {
            template,
            must_come: 0,
            slots: Vec::new(),
            buckets: Box::new([EMPTY; BUCKETS]),
            order: Vec::new(),
            round: 0,
        };
        let empty = Obj::text("")?;
        let key = match environ.insert(b"SCRIPT_NAME")? {
            Some(slot) => {
                slot.default = Some(empty.clone());
                slot.in_template = true;
                slot.score = TRUST;
                slot.key.clone()
            }
            None => return Err(Raised),
        };
        environ.template.put_obj(&key, &empty)?;
        Ok(environ)
    }

    /// The environ of a request with these variables.
    pub(crate) fn build(&mut self, vars: &[Pair], scheme: &[u8]) -> Res<Obj> {
        self.round += 1;
        let environ = copy(&self.template)?;
        let mut seen = 0;
        for (nth, pair) in vars.iter().enumerate() {
            // SAFETY: the server keeps the variables of a request alive until it ends.
            let (name, value) = unsafe { (pair.key.bytes(), pair.value.bytes()) };
            let must_come = match self.unchanged(nth, name, value) {
                Some(must_come) => must_come,
                None => self.store(&environ, nth, name, value)?,
            };
            seen += usize::from(must_come);
        }
        let nth = vars.len();
        seen += usize::from(self.store(&environ, nth, b"wsgi.url_scheme", scheme)?);
        if seen != self.must_come {
            self.remove_unseen(&environ)?;
        }
        Ok(environ)
    }

    /// For a variable that stands where it stood in the last packet, with the template's value: whether
    /// it is one that must come.
    #[inline]
    fn unchanged(&mut self, nth: usize, name: &[u8], value: &[u8]) -> Option<bool> {
        let slot = self.slots.get_mut(usize::from(*self.order.get(nth)?))?;
        let fresh = slot.in_template && slot.round != self.round;
        if !(fresh && same(&slot.name, name) && same(&slot.value, value)) {
            return None;
        }
        (slot.round, slot.score) = (self.round, TRUST);
        Some(slot.must_come())
    }

    /// Stores one variable; answers whether it is one that must come, seen for the first time.
    fn store(&mut self, environ: &Obj, nth: usize, name: &[u8], value: &[u8]) -> Res<bool> {
        let Some(at) = self.find(nth, name)? else {
            environ.put_obj(&Obj::latin1(name)?, &Obj::latin1(value)?)?;
            return Ok(false);
        };
        let round = self.round;
        let Some(slot) = self.slots.get_mut(at) else { return Err(Raised) };
        if slot.round == round {
            environ.put_obj(&slot.key, &Obj::latin1(value)?)?; // a duplicate: the last one wins
            return Ok(false);
        }
        slot.round = round;
        let same = same(&slot.value, value);
        if same && slot.in_template {
            slot.score = TRUST;
            return Ok(slot.must_come());
        }
        let object = Obj::latin1(value)?;
        environ.put_obj(&slot.key, &object)?;
        if slot.keep && value.len() <= MAX_VALUE {
            self.learn(at, same, value, &object)?;
        }
        Ok(self.slots.get(at).is_some_and(Slot::must_come))
    }

    /// Moves a value that repeats into the template, and out when it stops doing so.
    fn learn(&mut self, at: usize, same: bool, value: &[u8], object: &Obj) -> Res<()> {
        let Some(slot) = self.slots.get_mut(at) else { return Ok(()) };
        let before = slot.must_come();
        if slot.in_template {
            slot.score -= 1;
            if slot.score <= 0 {
                slot.value.clear();
                slot.value.extend_from_slice(value);
                slot.score = 1;
                self.must_come += usize::from(slot.must_come());
                self.must_come -= usize::from(before);
                self.template.put_obj(&slot.key, object)?;
            }
            return Ok(());
        }
        if !same {
            slot.value.clear();
            slot.value.extend_from_slice(value);
            slot.score = 0;
        }
        slot.score += 1;
        if slot.score >= ENTER {
            slot.score = TRUST;
            slot.in_template = true;
            self.must_come += usize::from(slot.must_come());
            self.template.put_obj(&slot.key, object)?;
        }
        Ok(())
    }

    /// Takes out of the environ what came with the template but not with the request.
    fn remove_unseen(&mut self, environ: &Obj) -> Res<()> {
        for slot in &mut self.slots {
            if !slot.in_template || slot.round == self.round {
                continue;
            }
            if let Some(default) = &slot.default {
                environ.put_obj(&slot.key, default)?;
                continue;
            }
            delete(environ, &slot.key)?;
            slot.score -= 1;
            if slot.score <= 0 {
                delete(&self.template, &slot.key)?;
                self.must_come -= usize::from(slot.must_come());
                slot.in_template = false;
                slot.score = 0;
            }
        }
        Ok(())
    }

    /// The slot of a name that stands `nth` in the packet, made if there is room.
    fn find(&mut self, nth: usize, name: &[u8]) -> Res<Option<usize>> {
        if let Some(&at) = self.order.get(nth)
            && let Some(slot) = self.slots.get(usize::from(at))
            && same(&slot.name, name)
        {
            return Ok(Some(usize::from(at)));
        }
        let at = match self.lookup(name) {
            Some(at) => Some(at),
            None => self.insert(name)?.is_some().then(|| self.slots.len() - 1),
        };
        if let Some(at) = at
            && nth < MAX_SLOTS
        {
            if self.order.len() <= nth {
                self.order.resize(nth + 1, EMPTY);
            }
            if let (Some(hint), Ok(at)) = (self.order.get_mut(nth), u8::try_from(at)) {
                *hint = at;
            }
        }
        Ok(at)
    }

    fn lookup(&self, name: &[u8]) -> Option<usize> {
        for bucket in probes(name) {
            let at = *self.buckets.get(bucket)?;
            let slot = self.slots.get(usize::from(at))?; // an empty bucket points past all slots
            if *slot.name == *name {
                return Some(usize::from(at));
            }
        }
        None
    }

    fn insert(&mut self, name: &[u8]) -> Res<Option<&mut Slot>> {
        let at = self.slots.len();
        if at >= MAX_SLOTS || name.len() > MAX_VALUE {
            return Ok(None);
        }
        let free = probes(name).find(|&b| self.buckets.get(b) == Some(&EMPTY));
        let bucket = free.and_then(|b| self.buckets.get_mut(b));
        let (Some(bucket), Ok(number)) = (bucket, u8::try_from(at)) else { return Ok(None) };
        let key = intern(name)?;
        *bucket = number;
        self.slots.push(Slot {
            name: name.into(),
            key,
            value: Vec::new(),
            score: 0,
            in_template: false,
            keep: !matches!(name, b"HTTP_COOKIE" | b"HTTP_AUTHORIZATION" | b"REMOTE_USER"),
            default: None,
            round: 0,
        });
        Ok(self.slots.last_mut())
    }
}

/// Bucket numbers to try for a name: FNV-1a, then linear.
fn probes(name: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let hash = name
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let start = (hash ^ (hash >> 32)) as usize;
    (0..BUCKETS).map(move |i| start.wrapping_add(i) % BUCKETS)
}

/// The interned `str` of a name.
pub(crate) fn intern(name: &[u8]) -> Res<Obj> {
    let mut pointer = Obj::latin1(name)?.into_raw();
    // SAFETY: one owned reference goes in, one comes out in the same place.
    unsafe { ffi::PyUnicode_InternInPlace(&mut pointer) };
    Obj::own(pointer)
}

/// Whether two short strings are equal. In line and by whole words, because a call of `memcmp` for
/// each of the two dozen strings of a request is a good part of the plugin's time. Bytes that do not
/// fill a word are compared as the end of one, together with bytes that were compared before.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if let (Some(x), Some(y)) = (a.last_chunk::<8>(), b.last_chunk()) {
        let ((a, _), (b, _)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
        return x == y && a.iter().zip(b).all(|(x, y)| x == y);
    }
    if let (Some(x), Some(y)) = (a.last_chunk::<4>(), b.last_chunk()) {
        return x == y && a.first_chunk::<4>() == b.first_chunk();
    }
    // At most three bytes: the ends and the middle are all of them.
    let ends = a.first() == b.first() && a.last() == b.last();
    ends && a.get(a.len() / 2) == b.get(b.len() / 2)
}

fn copy(dict: &Obj) -> Res<Obj> {
    // SAFETY: a live dict.
    Obj::own(unsafe { ffi::PyDict_Copy(dict.ptr()) })
}

fn delete(dict: &Obj, key: &Obj) -> Res<()> {
    // SAFETY: live objects.
    done(unsafe { ffi::PyDict_DelItem(dict.ptr(), key.ptr()) })
}
