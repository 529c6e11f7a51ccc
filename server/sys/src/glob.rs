//! Shell patterns, answered by the C library, so that a pattern means what it means in a shell.

use std::ffi::{CStr, CString};

/// Every path that matches `pattern`, sorted, directories with a slash at the end; nothing when
/// nothing matches or the pattern holds a NUL.
pub fn glob(pattern: &str) -> Vec<String> {
    let Ok(pattern) = CString::new(pattern) else { return Vec::new() };
    // SAFETY: all zero is the empty `glob_t`, which `glob` fills and `globfree` empties whatever
    // the outcome was.
    unsafe {
        let mut found: libc::glob_t = std::mem::zeroed();
        let code = libc::glob(pattern.as_ptr(), libc::GLOB_MARK, None, &raw mut found);
        let paths = if code == 0 { paths(&found) } else { Vec::new() };
        libc::globfree(&raw mut found);
        paths
    }
}

/// Copies the paths out of a filled `found`.
///
/// # Safety
/// `found` comes from a successful call of `glob` and is not freed yet.
unsafe fn paths(found: &libc::glob_t) -> Vec<String> {
    // SAFETY: `gl_pathv` holds `gl_pathc` pointers, and each points to a NUL-terminated path.
    unsafe {
        let pointers = std::slice::from_raw_parts(found.gl_pathv, found.gl_pathc);
        let text = |path: &*mut libc::c_char| CStr::from_ptr(*path).to_string_lossy().into_owned();
        pointers.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_a_shell_means_by_them() {
        let home = std::env::temp_dir().join(format!("uwsgi-glob-{}", std::process::id()));
        std::fs::create_dir_all(home.join("sub")).unwrap();
        for name in ["b.ini", "a.ini", ".hidden.ini", "c.txt", "sub/d.ini"] {
            std::fs::write(home.join(name), "").unwrap();
        }
        let home = home.to_str().unwrap();
        for (pattern, expected) in [
            ("*.ini", &["a.ini", "b.ini"] as &[&str]),
            ("[!a]*", &["b.ini", "c.txt", "sub/"]),
            ("*", &["a.ini", "b.ini", "c.txt", "sub/"]),
            (".hid*", &[".hidden.ini"]),
            ("*/?.ini", &["sub/d.ini"]),
            ("sub", &["sub/"]),
            ("*.none", &[]),
            ("[", &[]),
        ] {
            let expected: Vec<String> = expected.iter().map(|p| format!("{home}/{p}")).collect();
            assert_eq!(glob(&format!("{home}/{pattern}")), expected, "{pattern}");
        }
        assert!(glob("a\0b").is_empty());
        std::fs::remove_dir_all(home).unwrap();
    }
}
