//! The in-flight record of a core: what it is serving right now, readable after its death.
//!
//! One writer, the core's thread. `begin` writes everything that is known at the start under the
//! record's sequence lock; phase and app change later as single cells. The record stays in the
//! mapping when the worker is killed: the master reads it, logs it, and then `end`s it, because the
//! writer is gone. Every field is cut to its room; the variables keep whole pairs in front of the cut.

use crate::cells::{Counter, Gauge, load_bytes, store_bytes};
use crate::rows::Row;
use crate::seqlock::Seq;
use crate::sync::{AtomicU64, Ordering};

/// Attempts to copy a record; a core that begins a request in each of them is not worth waiting for.
const TRIES: u32 = 64;

/// In `lens`: the request is part of no account.
const UNCOUNTED: u64 = 1 << 63;

/// What is known when a request starts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start<'a> {
    /// Method, 16 bytes kept.
    pub method: &'a [u8],
    /// URI with its query, 256 bytes kept.
    pub uri: &'a [u8],
    /// Client address, 48 bytes kept.
    pub remote: &'a [u8],
    /// Host, 64 bytes kept.
    pub host: &'a [u8],
    /// Protocol, 16 bytes kept.
    pub proto: &'a [u8],
    /// Start, epoch microseconds.
    pub start_us: u64,
    /// The same moment on the clock that nobody sets, microseconds: what deadlines count from.
    pub since_us: u64,
    /// Will be part of no account, as health checks are: its time is nobody's busy time.
    pub uncounted: bool,
    /// Request variables as an uwsgi block: (u16le length, key, u16le length, value)*.
    pub vars: &'a [u8],
}

/// Where in its life a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// No request.
    #[default]
    Idle = 0,
    /// Head complete, body or routing before the application.
    Reading = 1,
    /// Inside the application.
    Application = 2,
    /// Sending the response.
    Writing = 3,
    /// After the response: accounting, hooks, logging.
    Closing = 4,
    /// Handed to an offload thread.
    Offloaded = 5,
}

impl Phase {
    /// Lower case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Reading => "reading",
            Phase::Application => "application",
            Phase::Writing => "writing",
            Phase::Closing => "closing",
            Phase::Offloaded => "offloaded",
        }
    }

    fn from_code(code: u64) -> Phase {
        match code {
            1 => Phase::Reading,
            2 => Phase::Application,
            3 => Phase::Writing,
            4 => Phase::Closing,
            5 => Phase::Offloaded,
            _ => Phase::Idle,
        }
    }
}

/// The fixed part of a record; the variables follow it in the arena.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Head {
    seq: Seq,
    phase: Gauge,
    app: Gauge,
    served: Counter,
    start_us: AtomicU64,
    since_us: AtomicU64,
    /// Lengths of method, proto, remote, host (u8 each) and uri (u16), from the low byte up, and
    /// [`UNCOUNTED`].
    lens: AtomicU64,
    vars_len: AtomicU64,
    /// Length the variables had before they were cut.
    vars_full: AtomicU64,
    method: [AtomicU64; 2],
    proto: [AtomicU64; 2],
    remote: [AtomicU64; 6],
    host: [AtomicU64; 8],
    uri: [AtomicU64; 32],
}

/// Bytes of the fixed part.
pub(crate) const HEAD_BYTES: usize = size_of::<Head>();

// SAFETY: repr(C), aligned to 128, every field made of atomic words.
unsafe impl Row for Head {}

/// Handle of one core's record.
#[derive(Clone, Copy, Debug)]
pub struct InFlight<'a> {
    pub(crate) head: &'a Head,
    pub(crate) vars: &'a [AtomicU64],
}

impl InFlight<'_> {
    /// Starts a request: publishes the record in phase `Reading` with no app.
    #[inline]
    pub fn begin(&self, start: &Start<'_>) {
        let head = self.head;
        head.seq.write(|| {
            let fields = [
                (&head.method[..], start.method),
                (&head.proto[..], start.proto),
                (&head.remote[..], start.remote),
                (&head.host[..], start.host),
                (&head.uri[..], start.uri),
            ];
            let mut lens = if start.uncounted { UNCOUNTED } else { 0 };
            for (place, (words, bytes)) in fields.into_iter().enumerate() {
                let kept = &bytes[..bytes.len().min(words.len() * 8)];
                store_bytes(words, kept);
                lens |= (kept.len() as u64) << (8 * place);
            }
            let kept = &start.vars[..start.vars.len().min(self.vars.len() * 8)];
            store_bytes(self.vars, kept);
            head.lens.store(lens, Ordering::Relaxed);
            head.vars_len.store(kept.len() as u64, Ordering::Relaxed);
            head.vars_full.store(start.vars.len() as u64, Ordering::Relaxed);
            head.start_us.store(start.start_us, Ordering::Relaxed);
            head.since_us.store(start.since_us, Ordering::Relaxed);
            head.app.set(u64::MAX);
            head.phase.set(Phase::Reading as u64);
        });
        head.served.add(1);
    }

    /// Moves the request to another phase.
    #[inline]
    pub fn phase(&self, phase: Phase) {
        self.head.phase.set(phase as u64);
    }

    /// Deadlines count from this moment on, microseconds of the clock that nobody sets.
    #[inline]
    pub fn postpone(&self, since_us: u64) {
        self.head.since_us.store(since_us, Ordering::Relaxed);
    }

    /// Names the app that serves it; -1 for none.
    #[inline]
    pub fn app(&self, app: i32) {
        self.head.app.set(i64::from(app).cast_unsigned());
    }

    /// Ends the request. The master calls it for a core whose worker was reaped.
    #[inline]
    pub fn end(&self) {
        self.head.phase.set(Phase::Idle as u64);
    }

    /// The request is over, its account follows: runs `account` so that a reader of [`Self::busy`]
    /// sees either the running request or what `account` made of it.
    #[inline]
    pub fn close(&self, account: impl FnOnce()) {
        self.head.seq.write(|| {
            account();
            self.head.phase.set(Phase::Closing as u64);
        });
    }

    /// What `accounted` answers, and the start of the request that is not in it yet, epoch
    /// microseconds.
    pub fn busy(&self, accounted: impl Fn() -> u64) -> (u64, Option<u64>) {
        let head = self.head;
        let look = || {
            let phase = Phase::from_code(head.phase.get());
            let counted = head.lens.load(Ordering::Relaxed) & UNCOUNTED == 0;
            let running = counted && !matches!(phase, Phase::Idle | Phase::Closing);
            (accounted(), running.then(|| head.start_us.load(Ordering::Relaxed)))
        };
        head.seq.read(TRIES, look).unwrap_or_else(|| (accounted(), None))
    }

    /// When the running request began and how far it is, without a copy of its texts; `None` when
    /// there is none, or when its record is being replaced at this moment.
    pub fn running(&self) -> Option<Running> {
        let head = self.head;
        if head.phase.get() == Phase::Idle as u64 {
            return None;
        }
        let copy = || Running {
            since_us: head.since_us.load(Ordering::Relaxed),
            phase: Phase::from_code(head.phase.get()),
            app: i32::try_from(head.app.get().cast_signed()).unwrap_or(-1),
        };
        head.seq.read(TRIES, copy).filter(|running| running.phase != Phase::Idle)
    }

    /// Requests begun on this core in all lives of the worker slot.
    pub fn served(&self) -> u64 {
        self.head.served.get()
    }

    /// URI and start of the request that is not answered yet, taken without memory: for signal
    /// handlers.
    pub fn brief(&self) -> Option<Brief> {
        let head = self.head;
        let look = || {
            let mut uri = [0; 256];
            for (bytes, word) in uri.chunks_exact_mut(8).zip(&head.uri) {
                bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
            }
            let len = head.lens.load(Ordering::Relaxed) >> 32 & 0xffff;
            let phase = Phase::from_code(head.phase.get());
            let len = (len as usize).min(uri.len());
            let start_us = head.start_us.load(Ordering::Relaxed);
            (phase, Brief { uri, len, start_us, since_us: head.since_us.load(Ordering::Relaxed) })
        };
        let (phase, brief) = head.seq.read(TRIES, look)?;
        (!matches!(phase, Phase::Idle | Phase::Closing)).then_some(brief)
    }

    /// A consistent copy of the running request; `None` when there is none, or when its record is
    /// being replaced at this moment.
    pub fn read(&self) -> Option<InFlightView> {
        let head = self.head;
        if head.phase.get() == Phase::Idle as u64 {
            return None;
        }
        let view = head.seq.read(TRIES, || self.copy())?;
        (view.phase != Phase::Idle).then_some(view)
    }

    fn copy(&self) -> InFlightView {
        let head = self.head;
        let lens = head.lens.load(Ordering::Relaxed);
        let len = |place: u32| (lens >> (8 * place)) & 0xff;
        let vars_len = head.vars_len.load(Ordering::Relaxed);
        InFlightView {
            method: load_bytes(&head.method, len(0)),
            proto: load_bytes(&head.proto, len(1)),
            remote: load_bytes(&head.remote, len(2)),
            host: load_bytes(&head.host, len(3)),
            uri: load_bytes(&head.uri, lens >> 32 & 0xffff),
            start_us: head.start_us.load(Ordering::Relaxed),
            since_us: head.since_us.load(Ordering::Relaxed),
            phase: Phase::from_code(head.phase.get()),
            app: i32::try_from(head.app.get().cast_signed()).unwrap_or(-1),
            vars: load_bytes(self.vars, vars_len),
            truncated: head.vars_full.load(Ordering::Relaxed) > vars_len,
        }
    }
}

/// The least of an in-flight record, without memory of its own.
#[derive(Clone, Copy, Debug)]
pub struct Brief {
    uri: [u8; 256],
    len: usize,
    /// Start, epoch microseconds.
    pub start_us: u64,
    /// What its deadline counts from, microseconds of the clock that nobody sets.
    pub since_us: u64,
}

impl Brief {
    /// URI, possibly cut.
    pub fn uri(&self) -> &[u8] {
        self.uri.get(..self.len).unwrap_or_default()
    }
}

/// What [`InFlight::running`] tells of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Begin, microseconds of the clock that nobody sets.
    pub since_us: u64,
    /// Phase.
    pub phase: Phase,
    /// App id, -1 before one is chosen.
    pub app: i32,
}

/// An owned copy of an in-flight record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFlightView {
    /// Method.
    pub method: Vec<u8>,
    /// URI, possibly cut.
    pub uri: Vec<u8>,
    /// Client address.
    pub remote: Vec<u8>,
    /// Host.
    pub host: Vec<u8>,
    /// Protocol.
    pub proto: Vec<u8>,
    /// Start, epoch microseconds.
    pub start_us: u64,
    /// The same moment on the clock that nobody sets, microseconds.
    pub since_us: u64,
    /// Phase.
    pub phase: Phase,
    /// App id, -1 before one is chosen.
    pub app: i32,
    /// Request variables as an uwsgi block, possibly cut inside a pair.
    pub vars: Vec<u8>,
    /// True when the variables did not fit.
    pub truncated: bool,
}

impl InFlightView {
    /// The whole pairs of the variables, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        vars_pairs(&self.vars)
    }
}

/// The pairs of an uwsgi block; stops at the first one that is cut.
pub fn vars_pairs(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = block;
    core::iter::from_fn(move || {
        let (key, after) = take_sized(rest)?;
        let (value, after) = take_sized(after)?;
        rest = after;
        Some((key, value))
    })
}

/// A u16le length and that many bytes; the bytes and what follows.
fn take_sized(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = block.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))
}
