//! Exceptions on the way from the C API to Rust and back.
//!
//! It owns [`Raised`], the proof that an exception is set, and setting the few builtin classes
//! this plugin raises. It refuses to keep exceptions: they stay in the thread until they are
//! printed or handed on.

use crate::ffi::{self, PyObject};
use crate::obj::Obj;

/// An exception is set in the calling thread.
#[derive(Debug)]
pub(crate) struct Raised;

/// A value, or an exception that is set.
pub(crate) type Res<T> = Result<T, Raised>;

/// Turns the C API's status of a statement into a result.
pub(crate) fn done(status: i32) -> Res<()> {
    if status == 0 { Ok(()) } else { Err(Raised) }
}

/// Whether an exception is set.
pub(crate) fn raised() -> bool {
    // SAFETY: attached; the result is only compared.
    !unsafe { ffi::PyErr_Occurred() }.is_null()
}

/// Drops the exception that is set, if any.
pub(crate) fn clear() {
    // SAFETY: attached.
    unsafe { ffi::PyErr_Clear() }
}

/// Sets an exception of a builtin class.
fn raise(class: *mut PyObject, message: &str) -> Raised {
    if let Ok(text) = Obj::text(message) {
        // SAFETY: an exported exception class and a live str.
        unsafe { ffi::PyErr_SetObject(class, text.ptr()) };
    }
    Raised
}

/// Sets a `TypeError`.
pub(crate) fn type_error(message: &str) -> Raised {
    // SAFETY: reading an exported pointer that is set when the interpreter starts.
    raise(unsafe { ffi::PyExc_TypeError }, message)
}

/// Sets a `ValueError`.
pub(crate) fn value_error(message: &str) -> Raised {
    // SAFETY: as in `type_error`.
    raise(unsafe { ffi::PyExc_ValueError }, message)
}

/// Sets an `OSError`.
pub(crate) fn os_error(message: &str) -> Raised {
    // SAFETY: as in `type_error`.
    raise(unsafe { ffi::PyExc_OSError }, message)
}

/// Sets a `SystemError`.
pub(crate) fn system_error(message: &str) -> Raised {
    // SAFETY: as in `type_error`.
    raise(unsafe { ffi::PyExc_SystemError }, message)
}

/// Sets an `AttributeError`.
pub(crate) fn attribute_error(message: &str) -> Raised {
    // SAFETY: as in `type_error`.
    raise(unsafe { ffi::PyExc_AttributeError }, message)
}
