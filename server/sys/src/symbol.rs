//! Symbols of this process: their addresses, calls of them, and the memory behind them.
//!
//! Only libraries that were opened with global symbols, and libc, have symbols here. Memory is
//! read through the kernel, so that an address that leads nowhere is an error and no crash.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A text longer than this is none.
const MAX_TEXT: usize = 16 << 20;

/// Bytes of a page: no read crosses its border, because the next one may not be there.
const PAGE: usize = 4096;

/// The address of a symbol, variable or function.
pub fn address(name: &str) -> Option<usize> {
    find(name).map(|symbol| symbol.addr())
}

/// Calls the function `name` as `char *name(void)` and copies the text it answers. The outer
/// `None` means no such symbol, the inner one no text.
///
/// Whoever names a function in a configuration vouches for its type, as for a library it loads.
pub fn call_text(name: &str) -> Option<Option<Vec<u8>>> {
    let function = find(name)?;
    // SAFETY: a symbol of this process, called with the type its caller vouches for.
    let text = unsafe {
        let function: extern "C" fn() -> *const c_char = std::mem::transmute(function);
        function()
    };
    Some(text_at(text.addr()).ok())
}

/// Calls the function `name` as `int name(void)`, under the promise of [`call_text`].
pub fn call_int(name: &str) -> Option<i32> {
    let function = find(name)?;
    // SAFETY: as in `call_text`.
    unsafe {
        let function: extern "C" fn() -> c_int = std::mem::transmute(function);
        Some(function())
    }
}

/// Calls the function `name` as `int64_t name(void *metric)`, under the promise of [`call_text`].
/// `metric` points at the name of a metric, `char *`, and its length, `size_t`; what follows is
/// zero.
pub fn call_metric(name: &str, metric: &str) -> Option<i64> {
    let function = find(name)?;
    let text = CString::new(metric).ok()?;
    let mut words = [0_usize; 64];
    words[0] = text.as_ptr().expose_provenance();
    words[1] = metric.len();
    // SAFETY: as in `call_text`; the words and the name live until the call has returned.
    unsafe {
        let function: extern "C" fn(*mut c_void) -> i64 = std::mem::transmute(function);
        Some(function(words.as_mut_ptr().cast()))
    }
}

/// What a function that a configuration names is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given<'a> {
    /// Nothing: `f(void)`.
    Nothing,
    /// A text: `f(char *)`.
    Text(&'a str),
    /// A number: `f(int)`.
    Number(i32),
    /// A text and one, two or three numbers: `f(char *, int, ...)`.
    TextNumbers(&'a str, &'a [i32]),
}

/// Calls the function `name` with what it is `given`, under the promise of [`call_text`], and
/// answers its int, which means nothing where the function is `void`. Its text is never freed:
/// functions like `putenv` keep it. `None` when there is no such symbol, when a text holds a NUL,
/// and for any other count of numbers.
pub fn call(name: &str, given: &Given<'_>) -> Option<i32> {
    let function = find(name)?;
    let text = match given {
        Given::Text(text) | Given::TextNumbers(text, _) => CString::new(*text).ok()?.into_raw(),
        Given::Nothing | Given::Number(_) => std::ptr::null_mut(),
    };
    // SAFETY: as in `call_text`; a text is writable, ends with a NUL and lives from now on.
    unsafe { call_as(function, given, text) }
}

/// The call itself.
///
/// # Safety
/// `function` has the type that `given` says, and `text` is NUL-terminated where there is one.
unsafe fn call_as(function: *mut c_void, given: &Given<'_>, text: *mut c_char) -> Option<i32> {
    use std::mem::transmute as of;
    type Text = *mut c_char;
    type Any = *mut c_void;
    type Plain = extern "C" fn() -> c_int;
    type OfText = extern "C" fn(Text) -> c_int;
    type OfNumber = extern "C" fn(c_int) -> c_int;
    type One = extern "C" fn(Text, c_int) -> c_int;
    type Two = extern "C" fn(Text, c_int, c_int) -> c_int;
    type Three = extern "C" fn(Text, c_int, c_int, c_int) -> c_int;
    // SAFETY: a function pointer has the size of a pointer; its type is what the caller promises.
    unsafe {
        Some(match given {
            Given::Nothing => of::<Any, Plain>(function)(),
            Given::Text(_) => of::<Any, OfText>(function)(text),
            Given::Number(number) => of::<Any, OfNumber>(function)(*number),
            Given::TextNumbers(_, [a]) => of::<Any, One>(function)(text, *a),
            Given::TextNumbers(_, [a, b]) => of::<Any, Two>(function)(text, *a, *b),
            Given::TextNumbers(_, [a, b, c]) => of::<Any, Three>(function)(text, *a, *b, *c),
            Given::TextNumbers(..) => return None,
        })
    }
}

/// A function that is called again and again with a pointer, `void name(void *)`.
#[derive(Clone, Copy, Debug)]
pub struct WithPointer(extern "C" fn(*mut c_void));

impl WithPointer {
    /// Finds it, under the promise of [`call_text`].
    pub fn find(name: &str) -> Option<WithPointer> {
        let function = find(name)?;
        // SAFETY: a function pointer has the size of a pointer; its type is the caller's promise.
        Some(WithPointer(unsafe {
            std::mem::transmute::<*mut c_void, extern "C" fn(*mut c_void)>(function)
        }))
    }

    /// Calls it with the address of `given`, which it may read and write until it returns.
    pub fn call<T>(self, given: &mut T) {
        (self.0)((&raw mut *given).cast());
    }
}

/// Makes the function `name`, `void name(int)`, the handler of `signal`, under the promise of
/// [`call_text`]; false when there is no such symbol.
pub fn handle_signal(signal: i32, name: &str) -> io::Result<bool> {
    let Some(function) = find(name) else { return Ok(false) };
    // SAFETY: an all-zero sigaction is a valid value of the struct.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = function.expose_provenance();
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler is a function of this process, with the type its caller vouches for.
    match unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } {
        0 => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}

fn find(name: &str) -> Option<*mut c_void> {
    let name = CString::new(name).ok()?;
    // SAFETY: a NUL-terminated name; the lookup changes nothing.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!symbol.is_null()).then_some(symbol)
}

/// The bytes from `address` up to a NUL.
pub fn text_at(address: usize) -> io::Result<Vec<u8>> {
    let memory = File::open("/proc/self/mem")?;
    let mut text = Vec::new();
    while text.len() <= MAX_TEXT {
        let at = address.saturating_add(text.len());
        let mut page = vec![0; PAGE - at % PAGE];
        memory.read_exact_at(&mut page, at as u64)?;
        if let Some(end) = page.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(&page[..end]);
            return Ok(text);
        }
        text.extend(page);
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// `len` bytes from `address` on.
pub fn bytes_at(address: usize, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    File::open("/proc/self/mem")?.read_exact_at(&mut bytes, address as u64)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_the_c_library_are_found_and_called() {
        assert_eq!(call_int("getpid"), i32::try_from(std::process::id()).ok());
        assert_eq!(call_int("no_such_symbol"), None);
        assert_eq!(call_metric("no_such_symbol", "m"), None);
        assert_eq!(call_text("no_such_symbol"), None);
        assert_eq!(call_text("getpid"), Some(None), "a number is no text");
        assert!(address("environ").is_some());
        assert_eq!(address("a\0b"), None);
    }

    #[test]
    fn functions_get_what_they_are_given() {
        assert_eq!(call("atoi", &Given::Text("42")), Some(42));
        assert_eq!(call("abs", &Given::Number(-7)), Some(7));
        assert_eq!(call("getpid", &Given::Nothing), i32::try_from(std::process::id()).ok());
        assert_eq!(call("access", &Given::TextNumbers("/", &[0])), Some(0));
        assert_eq!(call("access", &Given::TextNumbers("/no/such", &[0])), Some(-1));
        assert_eq!(call("access", &Given::TextNumbers("/", &[])), None);
        assert_eq!(call("no_such_symbol", &Given::Nothing), None);
        assert_eq!(call("atoi", &Given::Text("4\x002")), None);
        assert!(WithPointer::find("no_such_symbol").is_none());
        assert!(!handle_signal(libc::SIGUSR2, "no_such_symbol").unwrap());
        assert!(handle_signal(libc::SIGKILL, "abs").is_err());
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let text = c"some text";
        assert_eq!(text_at(text.as_ptr().addr()).unwrap(), b"some text");
        assert_eq!(bytes_at(text.as_ptr().addr(), 4).unwrap(), b"some");
        let long = CString::new(vec![b'x'; 3 * PAGE]).unwrap();
        assert_eq!(text_at(long.as_ptr().addr()).unwrap().len(), 3 * PAGE);
        for address in [0, 8, usize::MAX, usize::MAX - PAGE] {
            assert!(text_at(address).is_err(), "{address:#x}");
            assert!(bytes_at(address, 8).is_err(), "{address:#x}");
        }
    }
}
