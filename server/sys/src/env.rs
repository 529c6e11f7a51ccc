//! The process environment.

/// Sets or unsets a variable. Only before threads exist: others could be reading it.
pub fn set(name: &str, value: Option<&str>) {
    if name.is_empty() || name.contains(['=', '\0']) {
        return;
    }
    debug_assert_eq!(crate::process::threads(), 1, "the environment changes under threads");
    // SAFETY: the process has one thread while it starts, so nobody reads the environment now.
    unsafe {
        match value {
            Some(value) if !value.contains('\0') => std::env::set_var(name, value),
            Some(_) => {}
            None => std::env::remove_var(name),
        }
    }
}
