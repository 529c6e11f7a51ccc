//! The last words of a process that faults: what happened, where, and alarms.
//!
//! It owns the handlers of SEGV, BUS, FPE and ILL. They do only what is allowed in a handler: no
//! memory is taken, no lock of ours, texts are put together in a buffer made beforehand. Afterwards
//! the process dies by its signal. It refuses to save anything: whoever faults is not to be
//! trusted with more.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Signals and what they are called in the log.
const FAULTS: [(i32, &str); 4] = [
    (libc::SIGSEGV, "Segmentation Fault"),
    (libc::SIGFPE, "Floating Point Exception"),
    (libc::SIGBUS, "Bus Error"),
    (libc::SIGILL, "Illegal Instruction"),
];

/// Frames of a backtrace unless the plan says otherwise, and at most.
const FRAMES: usize = 64;
const MOST_FRAMES: usize = 256;

/// Bytes of a whole backtrace; what does not fit is left out.
const ROOM: usize = 64 << 10;

/// The last line of a backtrace.
const END: &[u8] = b"*** end of backtrace ***\n";

/// Stack of the handlers: the one that overflowed cannot be used, and unwinding needs room.
const STACK: usize = 128 << 10;

/// Seconds after which a handler that hangs is ended. The unwinder waits for a lock of the dynamic
/// linker, which a thread of the same process may hold for long.
const PATIENCE: u32 = 10;

/// What happens beside the lines in the log.
#[derive(Debug)]
pub struct Plan {
    /// Socket that takes a packet for each alarm; -1 without any.
    pub socket: RawFd,
    /// The head of each packet; the backtrace follows it.
    pub heads: Vec<Vec<u8>>,
    /// Bytes of a backtrace that alarms take; frames beyond that are left out.
    pub most: usize,
    /// The process that raises no alarm: the one that has to deliver them would go with it.
    pub silent_pid: i32,
    /// Frames to show.
    pub depth: usize,
    /// End by `abort`, which leaves a core file where faults do not.
    pub abort: bool,
}

static PLAN: AtomicPtr<Plan> = AtomicPtr::new(std::ptr::null_mut());
/// A handler runs: there is one buffer, and one report.
static ENTERED: AtomicBool = AtomicBool::new(false);

struct Buffer(UnsafeCell<Text>);
// SAFETY: only the thread that changed ENTERED from false to true reaches into it.
unsafe impl Sync for Buffer {}
static BUFFER: Buffer = Buffer(UnsafeCell::new(Text { bytes: [0; ROOM], len: 0 }));

struct Text {
    bytes: [u8; ROOM],
    len: usize,
}

impl Text {
    fn put(&mut self, bytes: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().skip(self.len).zip(bytes) {
            *place = *byte;
        }
        self.len = (self.len + bytes.len()).min(ROOM);
    }

    fn number(&mut self, mut value: usize, base: usize) {
        let mut digits = [0u8; 20];
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789abcdef".get(value % base).copied().unwrap_or(b'?');
            used += 1;
            value /= base;
            if value == 0 {
                break;
            }
        }
        self.put(digits.get(digits.len() - used..).unwrap_or_default());
    }

    fn hex(&mut self, value: usize) {
        self.put(b"0x");
        self.number(value, 16);
    }

    /// Leaves out the last frames of a whole backtrace until it is no longer than `most`.
    fn shorten(&mut self, most: usize) {
        if self.len <= most {
            return;
        }
        let room = most.saturating_sub(END.len());
        let kept = self.bytes.get(..room).unwrap_or_default();
        match kept.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => {
                self.len = at + 1;
                self.put(END);
            }
            // What has no room for a line is cut anywhere: better than nothing.
            None => self.len = most,
        }
    }

    fn all(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Puts the handlers in place; children inherit them, other programs do not.
pub fn catch() -> io::Result<()> {
    own_stack();
    // The first backtrace loads a library, which a handler must not do.
    let mut frame = std::ptr::null_mut();
    // SAFETY: room for the one frame that is asked for.
    unsafe { libc::backtrace(&raw mut frame, 1) };
    for (signal, _) in FAULTS {
        // SAFETY: an all-zero sigaction is a valid value of the struct.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_ONSTACK;
        // SAFETY: a valid action; the handler follows the rules of handlers.
        if unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Sets what happens from now on; the plan lives as long as the process.
pub fn plan(plan: Plan) {
    PLAN.store(Box::into_raw(Box::new(plan)), Ordering::Release);
}

/// Gives the calling thread a stack for the handlers, so that an overflow of its own is told. The
/// stack lives as long as the process.
pub fn own_stack() {
    let memory = Box::leak(vec![0u8; STACK].into_boxed_slice());
    let stack =
        libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: memory.len() };
    // SAFETY: memory of that size which is never freed; a failure leaves what was there.
    unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
}

/// Writes where the calling thread is; may be called in a handler. Nothing while a fault is told.
pub fn tell_stack() {
    if ENTERED.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: the swap above let exactly one thread through.
    let text = unsafe { &mut *BUFFER.0.get() };
    // SAFETY: null, or a plan that is never freed.
    let plan = unsafe { PLAN.load(Ordering::Acquire).as_ref() };
    text.len = 0;
    backtrace(plan, text);
    write(text.all());
    ENTERED.store(false, Ordering::Release);
}

extern "C" fn on_fault(signal: c_int) {
    if ENTERED.swap(true, Ordering::AcqRel) {
        // Another thread is about to end the process.
        loop {
            // SAFETY: waits for a signal, without memory.
            unsafe { libc::pause() };
        }
    }
    // SAFETY: system calls that are allowed in handlers.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(PATIENCE);
    }
    // SAFETY: the swap above let exactly one thread through.
    let text = unsafe { &mut *BUFFER.0.get() };
    // SAFETY: null, or a plan that is never freed.
    let plan = unsafe { PLAN.load(Ordering::Acquire).as_ref() };
    report(signal, plan, text);
    // SAFETY: the default action, then the signal itself, which comes when the handler returns at
    // the latest; abort never returns.
    unsafe {
        if plan.is_some_and(|plan| plan.abort) {
            libc::abort();
        }
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

fn report(signal: i32, plan: Option<&Plan>, text: &mut Text) {
    // SAFETY: no memory, never fails.
    let pid = unsafe { libc::getpid() };
    let name = FAULTS.iter().find(|(number, _)| *number == signal).map_or("fault", |(_, n)| n);
    text.put(b"!!! uWSGI process ");
    text.number(pid.unsigned_abs() as usize, 10);
    text.put(b" got ");
    text.put(name.as_bytes());
    text.put(b" !!!\n");
    write(text.all());
    text.len = 0;
    backtrace(plan, text);
    write(text.all());
    if let Some(plan) = plan.filter(|plan| plan.silent_pid != pid) {
        text.shorten(plan.most);
        plan.heads.iter().for_each(|head| send(plan.socket, head, text.all()));
    }
}

fn backtrace(plan: Option<&Plan>, text: &mut Text) {
    // SAFETY: no memory, never fails.
    let pid = unsafe { libc::getpid() };
    text.put(b"*** backtrace of ");
    text.number(pid.unsigned_abs() as usize, 10);
    text.put(b" ***\n");
    frames(plan.map_or(FRAMES, |plan| plan.depth), text);
    text.len = text.len.min(ROOM - END.len());
    text.put(END);
}

fn frames(depth: usize, text: &mut Text) {
    let mut frames = [std::ptr::null_mut::<c_void>(); MOST_FRAMES];
    let depth = depth.clamp(1, MOST_FRAMES);
    // SAFETY: room for `depth` frames.
    let found = unsafe { libc::backtrace(frames.as_mut_ptr(), depth as c_int) };
    for &frame in frames.iter().take(usize::try_from(found).unwrap_or(0)) {
        symbol(frame, text);
    }
}

/// One line as `backtrace_symbols` writes it: file, symbol and distance, address.
fn symbol(frame: *mut c_void, text: &mut Text) {
    // SAFETY: an all-zero Dl_info is a valid value of the struct.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: looks the address up and follows it nowhere.
    let known = unsafe { libc::dladdr(frame, &raw mut info) } != 0;
    if known && !info.dli_fname.is_null() {
        // SAFETY: a name that the dynamic linker keeps.
        text.put(unsafe { CStr::from_ptr(info.dli_fname) }.to_bytes());
        text.put(b"(");
        let mut start = info.dli_fbase.addr();
        if !info.dli_sname.is_null() {
            // SAFETY: as above.
            text.put(unsafe { CStr::from_ptr(info.dli_sname) }.to_bytes());
            start = info.dli_saddr.addr();
        }
        text.put(b"+");
        text.hex(frame.addr().wrapping_sub(start));
        text.put(b") ");
    }
    text.put(b"[");
    text.hex(frame.addr());
    text.put(b"]\n");
}

fn write(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: readable bytes; an error ends it.
        let n = unsafe { libc::write(2, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(n) {
            Ok(n) if n > 0 => bytes = bytes.get(n..).unwrap_or_default(),
            _ => return,
        }
    }
}

fn send(socket: RawFd, head: &[u8], text: &[u8]) {
    let part = |bytes: &[u8]| libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let mut parts = [part(head), part(text)];
    // SAFETY: an all-zero msghdr is a valid value of the struct.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = parts.len();
    // SAFETY: both parts outlive the call, which does not wait.
    unsafe { libc::sendmsg(socket, &raw const message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_no_memory() {
        let mut text = Text { bytes: [0; ROOM], len: 0 };
        text.number(0, 10);
        text.put(b" ");
        text.number(1234567890, 10);
        text.put(b" ");
        text.hex(0xdead_beef);
        text.put(b" ");
        text.number(usize::MAX, 10);
        assert_eq!(text.all(), b"0 1234567890 0xdeadbeef 18446744073709551615");
        text.put(&[b'x'; ROOM]);
        assert_eq!(text.all().len(), ROOM, "what does not fit is left out");
        text.put(b"y");
        assert_eq!(text.all().len(), ROOM);
    }

    #[test]
    fn a_backtrace_that_is_too_long_for_an_alarm_loses_its_last_frames() {
        let whole = b"*** backtrace of 7 ***\na(b+0x1) [0x2]\nc(d+0x3) [0x4]\n";
        for (most, frames) in [(78, 2), (77, 1), (63, 1), (62, 0), (48, 0)] {
            let mut text = Text { bytes: [0; ROOM], len: 0 };
            text.put(whole);
            text.put(END);
            assert_eq!(text.len, 78);
            text.shorten(most);
            let left = String::from_utf8(text.all().to_vec()).unwrap();
            assert!(left.len() <= most, "{left}");
            assert!(left.starts_with("*** backtrace of 7 ***\n"), "{left}");
            assert!(left.ends_with("*** end of backtrace ***\n"), "{left}");
            assert_eq!(left.matches('[').count(), frames, "{most}: {left}");
        }
        let mut text = Text { bytes: [0; ROOM], len: 0 };
        text.put(whole);
        text.shorten(3);
        assert_eq!(text.all(), b"***");
    }

    #[test]
    fn a_frame_looks_as_people_know_it() {
        let mut text = Text { bytes: [0; ROOM], len: 0 };
        symbol(libc::getpid as *mut c_void, &mut text);
        let line = String::from_utf8(text.all().to_vec()).unwrap();
        assert!(line.contains("(getpid+0x0) [0x") || line.contains("(__getpid+0x0) [0x"), "{line}");
        assert!(line.ends_with("]\n"), "{line}");
    }
}
