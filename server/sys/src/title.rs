//! Process titles: what `ps` shows.
//!
//! The kernel reads a title from the memory where the arguments were at exec, and goes on into the
//! environment behind it when the last byte of the arguments is no NUL any more. That memory is
//! found by an initialiser that glibc calls with the original vectors, before anything moves in
//! them. After [`take`] it belongs to this module, and the environment lives elsewhere; a title
//! longer than it is cut, never written past it.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static START: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
/// Bytes of arguments and environment together, as far as they lie back to back.
static FOUND: AtomicUsize = AtomicUsize::new(0);
/// The same once it is ours.
static LEN: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    static mut environ: *mut *mut libc::c_char;
}

#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn(i32, *mut *mut libc::c_char, *mut *mut libc::c_char) = remember;

extern "C" fn remember(argc: i32, argv: *mut *mut libc::c_char, env: *mut *mut libc::c_char) {
    let argc = usize::try_from(argc).unwrap_or(0);
    if argv.is_null() || argc == 0 {
        return;
    }
    // SAFETY: argv holds argc valid strings, env ends with a null pointer; only read here.
    unsafe {
        let start = (*argv).cast::<u8>();
        let mut end = start;
        let arguments = (0..argc).map(|i| *argv.add(i));
        let variables = (0..).map_while(|i| {
            let variable = if env.is_null() { env.cast() } else { *env.add(i) };
            (!variable.is_null()).then_some(variable)
        });
        for text in arguments.chain(variables).map(|text| text.cast::<u8>()) {
            // The kernel lays them out back to back; what lies elsewhere is nobody's to take.
            if text != end {
                break;
            }
            end = text.add(libc::strlen(text.cast()) + 1);
        }
        FOUND.store((end as usize).saturating_sub(start as usize), Ordering::Relaxed);
        START.store(start, Ordering::Relaxed);
    }
}

/// Takes the memory over. Call once, while there is one thread, after the arguments have been
/// copied elsewhere (`std::env::args_os` knows pointers only: collect it before). The environment is
/// moved by this call.
pub fn take() {
    let found = FOUND.load(Ordering::Relaxed);
    if LEN.load(Ordering::Relaxed) == 0 && move_environment() {
        LEN.store(found, Ordering::Relaxed);
    }
}

/// Copies of all variables take the place of those in the memory that is taken; false when there is
/// no memory for them. They live as long as the process.
fn move_environment() -> bool {
    let mut moved: Vec<*mut libc::c_char> = Vec::new();
    // SAFETY: one thread, so nobody else reads or changes `environ` now. It is null, or a list of
    // valid strings with a null pointer at its end; the list that replaces it is of the same form
    // and never freed.
    unsafe {
        let list = environ;
        let mut at = 0;
        while !list.is_null() && !(*list.add(at)).is_null() {
            let copy = libc::strdup(*list.add(at));
            if copy.is_null() {
                return false;
            }
            moved.push(copy);
            at += 1;
        }
        moved.push(std::ptr::null_mut());
        environ = Box::leak(moved.into_boxed_slice()).as_mut_ptr();
    }
    true
}

/// Shows `title`, cut to the room that the original arguments and the
/// environment took. True if it fitted whole.
pub fn set(title: &str) -> bool {
    let (start, len) = (START.load(Ordering::Relaxed), LEN.load(Ordering::Relaxed));
    if start.is_null() || len < 2 {
        return false;
    }
    let shown = &title.as_bytes()[..title.len().min(len - 1)];
    // SAFETY: `len` bytes taken by `take`; nobody reads arguments or variables there since.
    unsafe {
        std::ptr::write_bytes(start, 0, len);
        std::ptr::copy_nonoverlapping(shown.as_ptr(), start, shown.len());
    }
    shown.len() == title.len()
}
