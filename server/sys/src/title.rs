//! Process titles: what `ps` shows.
//!
//! The kernel reads a title from the memory where the arguments were at exec. That memory is
//! found by an initialiser that glibc calls with the original argument vector. It owns that
//! region after [`take`]; a title longer than it is cut, never written past it.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static ARGV: AtomicPtr<*mut libc::c_char> = AtomicPtr::new(std::ptr::null_mut());
static ARGC: AtomicUsize = AtomicUsize::new(0);
static START: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LEN: AtomicUsize = AtomicUsize::new(0);

#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn(i32, *mut *mut libc::c_char, *mut *mut libc::c_char) = remember;

extern "C" fn remember(argc: i32, argv: *mut *mut libc::c_char, _env: *mut *mut libc::c_char) {
    ARGV.store(argv, Ordering::Relaxed);
    ARGC.store(usize::try_from(argc).unwrap_or(0), Ordering::Relaxed);
}

/// Takes over the argument memory. Call once, after the arguments have been copied elsewhere
/// (`std::env::args_os` has its own copy of the pointers only: collect it before).
pub fn take() {
    let argv = ARGV.load(Ordering::Relaxed);
    let argc = ARGC.load(Ordering::Relaxed);
    if argv.is_null() || argc == 0 {
        return;
    }
    let mut end: *mut u8 = std::ptr::null_mut();
    // SAFETY: argv holds argc valid strings for the life of the process; the kernel lays them out
    // back to back, which is checked here before a neighbour is counted in.
    let start = unsafe {
        for i in 0..argc {
            let arg = (*argv.add(i)).cast::<u8>();
            if arg.is_null() || (!end.is_null() && arg != end) {
                break;
            }
            end = arg.add(libc::strlen(arg.cast()) + 1);
        }
        (*argv).cast::<u8>()
    };
    LEN.store((end as usize).saturating_sub(start as usize), Ordering::Relaxed);
    START.store(start, Ordering::Relaxed);
}

/// Shows `title`, cut to the room that the original arguments took. True if it fitted whole.
pub fn set(title: &str) -> bool {
    let (start, len) = (START.load(Ordering::Relaxed), LEN.load(Ordering::Relaxed));
    if start.is_null() || len < 2 {
        return false;
    }
    let shown = &title.as_bytes()[..title.len().min(len - 1)];
    // SAFETY: `len` bytes of argument memory taken by `take`; nobody reads it as arguments since.
    unsafe {
        std::ptr::write_bytes(start, 0, len);
        std::ptr::copy_nonoverlapping(shown.as_ptr(), start, shown.len());
    }
    shown.len() == title.len()
}
