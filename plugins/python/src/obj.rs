//! Owned references and errors: the thin layer that lets the rest of the plugin read like Rust.
//!
//! An [`Obj`] is a strong reference. The one rule for everything here: the calling thread is
//! attached to an interpreter (holds the GIL). The entry points attach before they call inwards
//! and only [`crate::state::unlocked`] lets go, around code that touches no object; an `Obj` is
//! neither `Send` nor `Sync`, so it cannot wander to a thread that is not attached.
//!
//! It refuses to look into objects: only exported functions are called, so one build serves
//! versions and builds of CPython whose layouts differ. What must be known of a layout is in
//! [`crate::types`].

use std::ffi::CStr;
use std::ptr::NonNull;

use crate::ffi::{self, PyObject};
use crate::raise::{Raised, Res, clear, done, raised};
use crate::types::{bytes_of, utf8_of};

/// A strong reference to an object, dropped while attached.
pub(crate) struct Obj(NonNull<PyObject>);

impl Drop for Obj {
    fn drop(&mut self) {
        // SAFETY: we own one reference, and the thread is attached (rule of this module).
        unsafe { ffi::Py_DecRef(self.0.as_ptr()) }
    }
}

impl Clone for Obj {
    fn clone(&self) -> Obj {
        Obj::borrow(self.0.as_ptr()).unwrap_or_else(Obj::none)
    }
}

impl Obj {
    /// Takes over a new reference that a call of the C API returned; null means an exception.
    pub(crate) fn own(pointer: *mut PyObject) -> Res<Obj> {
        NonNull::new(pointer).map(Obj).ok_or(Raised)
    }

    /// Makes a strong reference of a borrowed one, if it is not null.
    pub(crate) fn borrow(pointer: *mut PyObject) -> Option<Obj> {
        let pointer = NonNull::new(pointer)?;
        // SAFETY: callers pass null or a live object; the thread is attached.
        unsafe { ffi::Py_IncRef(pointer.as_ptr()) };
        Some(Obj(pointer))
    }

    /// The pointer, still owned by `self`.
    pub(crate) fn ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// Gives the reference away, e.g. as the result of a builtin.
    pub(crate) fn into_raw(self) -> *mut PyObject {
        let pointer = self.0.as_ptr();
        std::mem::forget(self);
        pointer
    }

    /// `None`.
    pub(crate) fn none() -> Obj {
        // SAFETY: the address of an exported object that is never freed.
        let none = unsafe { ffi::Py_None() };
        // SAFETY: as above; the thread is attached.
        unsafe { ffi::Py_IncRef(none) };
        // SAFETY: an exported object has an address.
        Obj(unsafe { NonNull::new_unchecked(none) })
    }

    /// `True` or `False`.
    pub(crate) fn bool(value: bool) -> Res<Obj> {
        // SAFETY: attached.
        Obj::own(unsafe { ffi::PyBool_FromLong(value.into()) })
    }

    /// A `str` of UTF-8 text.
    pub(crate) fn text(value: &str) -> Res<Obj> {
        // SAFETY: pointer and length of a live slice; attached.
        Obj::own(unsafe {
            ffi::PyUnicode_FromStringAndSize(value.as_ptr().cast(), value.len() as isize)
        })
    }

    /// A `str` with one character per byte.
    pub(crate) fn latin1(value: &[u8]) -> Res<Obj> {
        // SAFETY: pointer and length of a live slice, no error handler; attached.
        Obj::own(unsafe {
            ffi::PyUnicode_DecodeLatin1(
                value.as_ptr().cast(),
                value.len() as isize,
                std::ptr::null(),
            )
        })
    }

    /// A `str` of a path or option value, undecodable bytes escaped the way `os.fsdecode` does.
    pub(crate) fn fs_text(value: &[u8]) -> Res<Obj> {
        // SAFETY: pointer and length of a live slice; attached.
        Obj::own(unsafe {
            ffi::PyUnicode_DecodeFSDefaultAndSize(value.as_ptr().cast(), value.len() as isize)
        })
    }

    /// A `bytes`.
    pub(crate) fn bytes(value: &[u8]) -> Res<Obj> {
        // SAFETY: pointer and length of a live slice; attached.
        Obj::own(unsafe {
            ffi::PyBytes_FromStringAndSize(value.as_ptr().cast(), value.len() as isize)
        })
    }

    /// An `int`.
    pub(crate) fn int(value: i64) -> Res<Obj> {
        // SAFETY: attached.
        Obj::own(unsafe { ffi::PyLong_FromLongLong(value) })
    }

    /// An `int` of an unsigned value.
    pub(crate) fn uint(value: u64) -> Res<Obj> {
        // SAFETY: attached.
        Obj::own(unsafe { ffi::PyLong_FromUnsignedLongLong(value) })
    }

    /// A `float`.
    pub(crate) fn float(value: f64) -> Res<Obj> {
        // SAFETY: attached.
        Obj::own(unsafe { ffi::PyFloat_FromDouble(value) })
    }

    /// An empty `dict`.
    pub(crate) fn dict() -> Res<Obj> {
        // SAFETY: attached.
        Obj::own(unsafe { ffi::PyDict_New() })
    }

    /// A `list` of the items.
    pub(crate) fn list(items: impl IntoIterator<Item = Res<Obj>>) -> Res<Obj> {
        // SAFETY: attached.
        let list = Obj::own(unsafe { ffi::PyList_New(0) })?;
        for item in items {
            let item = item?;
            // SAFETY: both live; append takes its own reference.
            if unsafe { ffi::PyList_Append(list.ptr(), item.ptr()) } != 0 {
                return Err(Raised);
            }
        }
        Ok(list)
    }

    /// A `tuple` of the items.
    pub(crate) fn tuple(items: impl IntoIterator<Item = Res<Obj>>) -> Res<Obj> {
        let list = Obj::list(items)?;
        // SAFETY: a live list.
        Obj::own(unsafe { ffi::PyList_AsTuple(list.ptr()) })
    }

    /// Imports a module and returns it (the leaf of a dotted name).
    pub(crate) fn import(name: &CStr) -> Res<Obj> {
        // SAFETY: NUL-terminated name; attached.
        Obj::own(unsafe { ffi::PyImport_ImportModule(name.as_ptr()) })
    }

    /// `self.name`.
    pub(crate) fn attr(&self, name: &CStr) -> Res<Obj> {
        // SAFETY: live object, NUL-terminated name.
        Obj::own(unsafe { ffi::PyObject_GetAttrString(self.ptr(), name.as_ptr()) })
    }

    /// `self.name`, or nothing when it cannot be had; the exception is dropped.
    pub(crate) fn attr_opt(&self, name: &CStr) -> Option<Obj> {
        self.attr(name).map_err(|_| clear()).ok()
    }

    /// `self(*arguments)`, at most three.
    pub(crate) fn call(&self, arguments: &[&Obj]) -> Res<Obj> {
        let argument = |i: usize| arguments.get(i).map_or(std::ptr::null_mut(), |o| o.ptr());
        let end = std::ptr::null_mut::<PyObject>();
        debug_assert!(arguments.len() <= 3);
        // SAFETY: live objects, and a null in the argument list ends it.
        Obj::own(unsafe {
            ffi::PyObject_CallFunctionObjArgs(
                self.ptr(),
                argument(0),
                argument(1),
                argument(2),
                end,
            )
        })
    }

    /// `self[key] = value` of a dict with a text key.
    pub(crate) fn put(&self, key: &CStr, value: &Obj) -> Res<()> {
        // SAFETY: live objects, NUL-terminated key.
        done(unsafe { ffi::PyDict_SetItemString(self.ptr(), key.as_ptr(), value.ptr()) })
    }

    /// `self[key] = value` of a dict.
    pub(crate) fn put_obj(&self, key: &Obj, value: &Obj) -> Res<()> {
        // SAFETY: live objects.
        done(unsafe { ffi::PyDict_SetItem(self.ptr(), key.ptr(), value.ptr()) })
    }

    /// `self.get(key)` of a dict with a text key.
    pub(crate) fn get(&self, key: &CStr) -> Option<Obj> {
        // SAFETY: live dict, NUL-terminated key; the borrowed result is made strong at once.
        Obj::borrow(unsafe { ffi::PyDict_GetItemString(self.ptr(), key.as_ptr()) })
    }

    /// Whether it is `None`.
    pub(crate) fn is_none(&self) -> bool {
        // SAFETY: the address of an exported object.
        self.ptr() == unsafe { ffi::Py_None() }
    }

    /// The bytes of a `bytes` object.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: lives as long as the reference; see `bytes_of`.
        unsafe { bytes_of(self.ptr()) }.unwrap_or_default()
    }

    /// The value as an `i64`; an exception when it is no such number.
    pub(crate) fn as_int(&self) -> Res<i64> {
        // SAFETY: live object.
        let value = unsafe { ffi::PyLong_AsLong(self.ptr()) };
        if value == -1 && raised() { Err(Raised) } else { Ok(value) }
    }

    /// The UTF-8 of a `str`, lossy and empty on anything else; for messages.
    pub(crate) fn to_text(&self) -> String {
        // SAFETY: live object, checked to be a str.
        let utf8 = unsafe { utf8_of(self.ptr()) };
        utf8.map_or_else(
            || {
                clear();
                String::new()
            },
            |t| String::from_utf8_lossy(t).into_owned(),
        )
    }
}
