//! Declarations of the C API that the stable-ABI set of `pyo3-ffi` leaves out, though every
//! libpython from 3.9 on exports them, and the lookup of those that only some versions have.
//!
//! It owns no behaviour. It refuses struct layouts of CPython other than the few that have been
//! the same in all versions (method table rows, type specs, the buffer view).

use std::ffi::{CStr, c_char, c_int, c_void};

pub(crate) use pyo3_ffi::*;

unsafe extern "C" {
    pub(crate) fn PyUnicode_AsUTF8AndSize(
        text: *mut PyObject,
        size: *mut Py_ssize_t,
    ) -> *const c_char;
    pub(crate) fn PyObject_GetBuffer(
        object: *mut PyObject,
        view: *mut BufferView,
        flags: c_int,
    ) -> c_int;
    pub(crate) fn PyBuffer_Release(view: *mut BufferView);
    pub(crate) fn PyInterpreterState_ThreadHead(
        interpreter: *mut PyInterpreterState,
    ) -> *mut PyThreadState;
    pub(crate) fn PyThreadState_Next(thread: *mut PyThreadState) -> *mut PyThreadState;
    pub(crate) fn PyThreadState_DeleteCurrent();
    pub(crate) fn Py_FinalizeEx() -> c_int;
    pub(crate) fn Py_CompileString(
        source: *const c_char,
        filename: *const c_char,
        start: c_int,
    ) -> *mut PyObject;
}

/// The buffer view of the C API; its layout has not changed since 3.0.
#[repr(C)]
pub(crate) struct BufferView {
    pub(crate) buf: *mut c_void,
    pub(crate) obj: *mut PyObject,
    pub(crate) len: Py_ssize_t,
    pub(crate) itemsize: Py_ssize_t,
    pub(crate) readonly: c_int,
    pub(crate) ndim: c_int,
    pub(crate) format: *mut c_char,
    pub(crate) shape: *mut Py_ssize_t,
    pub(crate) strides: *mut Py_ssize_t,
    pub(crate) suboffsets: *mut Py_ssize_t,
    pub(crate) internal: *mut c_void,
}

/// A function in the vector calling convention without keywords (`METH_FASTCALL`).
pub(crate) type FastFunction =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, Py_ssize_t) -> *mut PyObject;

/// A row of a method table, laid out as `PyMethodDef`.
#[repr(C)]
pub(crate) struct Method {
    pub(crate) name: *const c_char,
    pub(crate) function: Option<FastFunction>,
    pub(crate) flags: c_int,
    pub(crate) doc: *const c_char,
}

// SAFETY: rows are immutable; the pointers are to static strings and code.
unsafe impl Sync for Method {}

impl Method {
    /// A positional-only builtin.
    pub(crate) const fn new(name: &'static CStr, function: FastFunction) -> Method {
        Method {
            name: name.as_ptr(),
            function: Some(function),
            flags: 0x80, // METH_FASTCALL
            doc: std::ptr::null(),
        }
    }

    /// The row that ends a table.
    pub(crate) const END: Method =
        Method { name: std::ptr::null(), function: None, flags: 0, doc: std::ptr::null() };
}

/// The address of a symbol that not every libpython has.
pub(crate) fn optional_symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a lookup in the global scope by a NUL-terminated name has no preconditions.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}
