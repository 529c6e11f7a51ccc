//! What kind of object something is, and the bytes inside strings.
//!
//! It owns the one piece of layout that the plugin relies on, the place of the type pointer,
//! which is measured at start because builds differ (see [`measure_head`]).

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::ffi::{self, PyObject};
use crate::obj::Obj;
use crate::raise::{Raised, Res, clear};

/// Where the type pointer stands in an object, bytes from its start.
static TYPE_AT: AtomicUsize = AtomicUsize::new(8);

/// Measures where objects keep their type pointer: it is the last field of the head, and a bare
/// `object` is nothing but a head (16 bytes, 32 on free-threaded builds).
pub(crate) fn measure_head() -> Res<()> {
    // SAFETY: the address of an exported type object, which is an object itself.
    let object = Obj::borrow((&raw mut ffi::PyBaseObject_Type).cast()).ok_or(Raised)?;
    let size = object.attr(c"__basicsize__")?.as_int()?;
    TYPE_AT.store(usize::try_from(size).unwrap_or(16) - 8, Relaxed);
    Ok(())
}

/// Size of a bare object's head, in bytes.
pub(crate) fn head_size() -> usize {
    TYPE_AT.load(Relaxed) + 8
}

/// The type of a live object.
pub(crate) fn type_of(object: *mut PyObject) -> *mut ffi::PyTypeObject {
    // SAFETY: callers pass live objects; the offset was measured on this very interpreter.
    unsafe {
        object.cast::<u8>().add(TYPE_AT.load(Relaxed)).cast::<*mut ffi::PyTypeObject>().read()
    }
}

/// Whether the object is of exactly that type.
pub(crate) fn is_exact(object: *mut PyObject, class: *mut ffi::PyTypeObject) -> bool {
    type_of(object) == class
}

/// Whether the object is an instance of that type.
pub(crate) fn is_a(object: *mut PyObject, class: *mut ffi::PyTypeObject) -> bool {
    let actual = type_of(object);
    // SAFETY: two live type objects.
    actual == class || unsafe { ffi::PyType_IsSubtype(actual, class) } != 0
}

/// The bytes of a `bytes` object, or nothing for other types.
///
/// # Safety
/// `object` is live and stays so for `'a`.
pub(crate) unsafe fn bytes_of<'a>(object: *mut PyObject) -> Option<&'a [u8]> {
    if !is_a(object, &raw mut ffi::PyBytes_Type) {
        return None;
    }
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: a live bytes object; the out pointers are ours.
    if unsafe { ffi::PyBytes_AsStringAndSize(object, &mut data, &mut size) } != 0 {
        clear();
        return None;
    }
    // SAFETY: bytes are immutable and live as long as the object.
    Some(unsafe { std::slice::from_raw_parts(data.cast(), usize::try_from(size).unwrap_or(0)) })
}

/// The UTF-8 form of a `str`, or nothing for other types and lone surrogates (exception set).
///
/// # Safety
/// `object` is live and stays so for `'a`.
pub(crate) unsafe fn utf8_of<'a>(object: *mut PyObject) -> Option<&'a [u8]> {
    if !is_a(object, &raw mut ffi::PyUnicode_Type) {
        return None;
    }
    let mut size = 0;
    // SAFETY: a live str; the form is cached inside it, so it lives as long.
    let data = unsafe { ffi::PyUnicode_AsUTF8AndSize(object, &mut size) };
    if data.is_null() {
        return None;
    }
    // SAFETY: as above.
    Some(unsafe { std::slice::from_raw_parts(data.cast(), usize::try_from(size).unwrap_or(0)) })
}

/// Runs `f` with the contents of any buffer object; a `TypeError` when it is none.
pub(crate) fn with_buffer<T>(object: &Obj, f: impl FnOnce(&[u8]) -> T) -> Res<T> {
    let mut view = std::mem::MaybeUninit::<ffi::BufferView>::uninit();
    // SAFETY: live object, room for the view; flag 0 asks for contiguous bytes.
    if unsafe { ffi::PyObject_GetBuffer(object.ptr(), view.as_mut_ptr(), 0) } != 0 {
        return Err(Raised);
    }
    // SAFETY: filled by the successful call; the bytes stay in place until the release.
    let (view, data) = unsafe {
        let view = view.assume_init_mut();
        let len = usize::try_from(view.len).unwrap_or(0);
        let data = if len == 0 { &[] } else { std::slice::from_raw_parts(view.buf.cast(), len) };
        (view, data)
    };
    let result = f(data);
    // SAFETY: got above, released once. An exception that is set survives the release.
    unsafe { ffi::PyBuffer_Release(view) };
    Ok(result)
}
