//! The border that builtins cross: arguments come in, results go out, panics stay inside.
//!
//! It owns the [`builtin`] macro and the argument errors in CPython's own wording style. It
//! refuses keywords: every builtin of this plugin is positional.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ffi::{self, Py_ssize_t, PyObject};
use crate::obj::Obj;
use crate::raise::{Raised, Res, raised, system_error, type_error};
use crate::types::{is_a, utf8_of};

/// The arguments of a builtin, borrowed for the call.
pub(crate) struct Args<'a> {
    name: &'static str,
    items: &'a [*mut PyObject],
}

impl Args<'_> {
    /// Wraps what the interpreter passed.
    ///
    /// # Safety
    /// `items` points to `count` live objects for the length of the call.
    pub(crate) unsafe fn new<'a>(
        name: &'static str,
        items: *const *mut PyObject,
        count: Py_ssize_t,
    ) -> Args<'a> {
        let count = usize::try_from(count).unwrap_or(0);
        let items = if items.is_null() || count == 0 {
            &[]
        } else {
            // SAFETY: the contract of this function.
            unsafe { std::slice::from_raw_parts(items, count) }
        };
        Args { name, items }
    }

    /// Number of arguments.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The `nth` argument, from 0.
    pub(crate) fn get(&self, nth: usize) -> Option<Obj> {
        Obj::borrow(*self.items.get(nth)?)
    }

    /// The `nth` argument, or the `TypeError` for its absence.
    pub(crate) fn need(&self, nth: usize) -> Res<Obj> {
        self.get(nth).ok_or_else(|| {
            let (name, given) = (self.name, self.len());
            type_error(&format!("{name}() takes at least {} arguments ({given} given)", nth + 1))
        })
    }

    /// Refuses more than `most` arguments.
    pub(crate) fn at_most(&self, most: usize) -> Res<()> {
        let (name, given) = (self.name, self.len());
        match given <= most {
            true => Ok(()),
            false => {
                Err(type_error(&format!("{name}() takes at most {most} arguments ({given} given)")))
            }
        }
    }

    /// The `nth` argument as a size: absent and `None` are nothing.
    pub(crate) fn size(&self, nth: usize) -> Res<Option<i64>> {
        match self.get(nth) {
            None => Ok(None),
            Some(o) if o.is_none() => Ok(None),
            Some(o) => o.as_int().map(Some),
        }
    }

    /// The `nth` argument as an integer, or `otherwise` when absent.
    pub(crate) fn int_or(&self, nth: usize, otherwise: i64) -> Res<i64> {
        self.get(nth).map_or(Ok(otherwise), |o| o.as_int())
    }

    /// The `nth` argument as UTF-8 text; only `str` will do.
    pub(crate) fn text(&self, nth: usize) -> Res<Vec<u8>> {
        let object = self.need(nth)?;
        if !is_a(object.ptr(), &raw mut ffi::PyUnicode_Type) {
            let (name, actual) = (self.name, type_name(&object));
            return Err(type_error(&format!(
                "{name}() argument {} must be str, not {actual}",
                nth + 1
            )));
        }
        // SAFETY: live for this statement; the bytes are copied.
        unsafe { utf8_of(object.ptr()) }.map(<[u8]>::to_vec).ok_or(Raised)
    }
}

/// Name of an object's class, for messages.
pub(crate) fn type_name(object: &Obj) -> String {
    let class = Obj::borrow(crate::types::type_of(object.ptr()).cast());
    class.and_then(|c| c.attr_opt(c"__name__")).map(|n| n.to_text()).unwrap_or_default()
}

/// Runs the body of a builtin; a panic becomes a `SystemError`.
pub(crate) fn guard(f: impl FnOnce() -> Res<Obj>) -> *mut PyObject {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(object)) => object.into_raw(),
        Ok(Err(Raised)) => {
            if !raised() {
                system_error("error without an exception in the uwsgi plugin");
            }
            std::ptr::null_mut()
        }
        Err(_) => {
            system_error("panic in the uwsgi plugin");
            std::ptr::null_mut()
        }
    }
}

/// Defines a builtin: `builtin!(name = "text", |self_object, arguments| body)`.
macro_rules! builtin {
    ($name:ident = $text:literal, |$slf:ident, $args:ident| $body:expr) => {
        pub(crate) unsafe extern "C" fn $name(
            $slf: *mut $crate::ffi::PyObject,
            items: *const *mut $crate::ffi::PyObject,
            count: $crate::ffi::Py_ssize_t,
        ) -> *mut $crate::ffi::PyObject {
            // SAFETY: the interpreter passes `count` live arguments for the length of the call.
            let $args = unsafe { $crate::guard::Args::new($text, items, count) };
            $crate::guard::guard(|| $body)
        }
    };
}
pub(crate) use builtin;
