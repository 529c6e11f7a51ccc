//! From a row of the table to code: a function for each probe, and its entry in the list.

/// Makes a function and an entry of [`TABLE`](crate::TABLE) of each row.
macro_rules! probes {
    ($($(#[doc = $about:literal])+ $name:ident($($arg:ident: $kind:ident),+ $(,)?);)+) => {
        $(
            $(#[doc = $about])+
            ///
            /// `arguments` is called only while somebody listens.
            #[inline(always)]
            pub fn $name<'a>(arguments: impl FnOnce() -> ($($crate::fire::kind!($kind 'a),)+)) {
                let ($($arg,)+);
                $crate::fire::fire!(
                    $name [($($arg,)+) = arguments();] [] $($arg: $kind,)+
                );
            }
        )+

        /// Every probe, in the order of the source.
        pub const TABLE: &[Probe] = &[
            $(Probe {
                name: stringify!($name),
                about: concat!($($about),+),
                arguments: &[$(Argument {
                    name: stringify!($arg),
                    kind: stringify!($kind),
                }),+],
            }),+
        ];
    };
}

/// The Rust type of an argument.
macro_rules! kind {
    (text $life:lifetime) => {
        &$life[u8]
    };
    ($kind:ident $life:lifetime) => {
        $kind
    };
}

/// Collects what the note takes: a number is one argument, a text its address and its length. What
/// stands in front, the call of the closure, goes into the first one: it is evaluated behind the
/// test of the semaphore, and before the others.
macro_rules! fire {
    ($name:ident [] [$($done:expr,)*]) => {
        probe::probe_lazy!(uwsgi, $name, $($done,)*)
    };
    ($name:ident [$($first:tt)*] [$($done:expr,)*] $arg:ident: text, $($rest:tt)*) => {
        $crate::fire::fire!(
            $name [] [$($done,)* { $($first)* $arg.as_ptr() }, $arg.len(),] $($rest)*
        )
    };
    ($name:ident [$($first:tt)*] [$($done:expr,)*] $arg:ident: $kind:ident, $($rest:tt)*) => {
        $crate::fire::fire!($name [] [$($done,)* { $($first)* $arg },] $($rest)*)
    };
}

pub(crate) use {fire, kind, probes};
