//! The border that builtins cross: arguments come in, results go out, panics stay inside.
//!
//! It owns the [`builtin`] macro and the argument errors in CPython's own wording style. It
//! refuses keywords: every builtin of this plugin is positional.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ffi::{Py_ssize_t, PyObject};
use crate::obj::Obj;
use crate::raise::{Raised, Res, raised, system_error, type_error, value_error};
use crate::types::utf8_of;

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

    /// The `nth` argument as the interpreter passed it, alive for the call.
    pub(crate) fn raw(&self, nth: usize) -> Option<*mut PyObject> {
        self.items.get(nth).copied()
    }

    /// The `nth` argument, or the `TypeError` for its absence.
    pub(crate) fn need(&self, nth: usize) -> Res<Obj> {
        self.get(nth).ok_or_else(|| self.count_error("at least", nth + 1))
    }

    /// Refuses more than `most` arguments.
    pub(crate) fn at_most(&self, most: usize) -> Res<()> {
        if self.len() <= most { Ok(()) } else { Err(self.count_error("at most", most)) }
    }

    /// Refuses any other number of arguments.
    pub(crate) fn exactly(&self, count: usize) -> Res<()> {
        if self.len() == count { Ok(()) } else { Err(self.count_error("exactly", count)) }
    }

    fn count_error(&self, bound: &str, count: usize) -> Raised {
        let (name, given) = (self.name, self.len());
        let plural = if count == 1 { "" } else { "s" };
        type_error(&format!("{name}() takes {bound} {count} argument{plural} ({given} given)"))
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

    /// The `nth` argument as UTF-8 text without NUL; only `str` will do.
    pub(crate) fn text(&self, nth: usize) -> Res<&[u8]> {
        let Some(&object) = self.items.get(nth) else { return self.need(nth).map(|_| &[][..]) };
        // SAFETY: the caller of the builtin keeps its arguments, and they their text, for the call.
        match unsafe { utf8_of(object) } {
            Some(text) if text.contains(&0) => Err(value_error("embedded null character")),
            Some(text) => Ok(text),
            None if raised() => Err(Raised),
            None => {
                let (name, nth) = (self.name, nth + 1);
                let actual = self.get(nth - 1).map(|o| type_name(&o)).unwrap_or_default();
                Err(type_error(&format!("{name}() argument {nth} must be str, not {actual}")))
            }
        }
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
