//! The text of a backtrace as frames.
//!
//! Pure. A frame is a line `binary(symbol+0x12) [0xaddress]`; everything else is no frame.

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// The symbol; where none is known the offset in the file, as `+0x12`.
    pub(crate) method: &'a str,
    /// The binary or library.
    pub(crate) file: &'a str,
}

impl Frame<'_> {
    /// True when no symbol is known.
    pub(crate) fn is_nameless(&self) -> bool {
        self.method.is_empty() || self.method.starts_with('+')
    }
}

/// Functions that write the backtrace and are no part of what went wrong.
const WRITERS: &[&str] = &["uwsgi_backtrace", "what_i_am_doing"];

/// Frames of the handler and the trampoline of the C library, at most.
const HANDLING: usize = 4;

/// Every frame but those that write backtraces.
pub(crate) fn frames(text: &str) -> Vec<Frame<'_>> {
    let lines = text.lines().filter(|line| !line.starts_with("***"));
    lines.filter_map(frame).filter(|frame| !WRITERS.contains(&frame.method)).collect()
}

fn frame(line: &str) -> Option<Frame<'_>> {
    let (file, rest) = line.split_once('(')?;
    let (inner, address) = rest.rsplit_once(')')?;
    if file.trim().is_empty() || !address.trim_start().starts_with('[') {
        return None;
    }
    let method = match inner.split_once('+') {
        Some(("", _)) | None => inner,
        Some((method, _)) => method,
    };
    Some(Frame { method, file: file.trim() })
}

/// The frame that was interrupted: behind the handler, which ends with the trampoline of the C
/// library. That one has no symbol.
pub(crate) fn culprit<'a>(frames: &[Frame<'a>]) -> Option<Frame<'a>> {
    let trampoline = |frame: &Frame<'_>| {
        frame.method == "__restore_rt" || (frame.is_nameless() && frame.file.contains("/libc"))
    };
    let first = frames.iter().take(HANDLING).position(trampoline).filter(|at| *at > 0);
    frames.get(first.map_or(0, |at| at + 1)).or(frames.first()).copied()
}

/// True when the signal was SIGFPE.
pub(crate) fn is_arithmetic(frames: &[Frame<'_>]) -> bool {
    frames.iter().any(|frame| frame.method == "uwsgi_fpe")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "*** backtrace of 7 ***\n\
        /bin/uwsgi(uwsgi_backtrace+0x33) [0x55]\n\
        /bin/uwsgi(uwsgi_segfault+0x23) [0x56]\n\
        /lib/libc.so.6(+0x3c050) [0x7f]\n\
        /lib/libpython3.so(PyObject_Call+0x1) [0x7e]\n\
        *** end of backtrace ***\n";

    #[test]
    fn lines_become_frames() {
        let frames = frames(TEXT);
        let shown: Vec<_> = frames.iter().map(|frame| (frame.method, frame.file)).collect();
        let expected = [
            ("uwsgi_segfault", "/bin/uwsgi"),
            ("+0x3c050", "/lib/libc.so.6"),
            ("PyObject_Call", "/lib/libpython3.so"),
        ];
        assert_eq!(shown, expected);
        for line in ["hello", "a(b", "f(x) y", "(x) [0x1]", ""] {
            assert_eq!(frame(line), None, "{line:?}");
        }
    }

    #[test]
    fn the_culprit_stands_behind_the_handler() {
        for (text, expected) in [
            (TEXT, Some(("PyObject_Call", "/lib/libpython3.so"))),
            (
                "b(+0x1) [0x1]\nb(+0x2) [0x2]\n/libc.so(+0x3) [0x3]\nb(+0x4) [0x4]\n",
                Some(("+0x4", "b")),
            ),
            ("/libc.so(+0x3) [0x3]\nb(f+0x4) [0x4]\n", Some(("+0x3", "/libc.so"))),
            ("b(f+0x1) [0x1]\n/libc.so(+0x3) [0x3]\n", Some(("f", "b"))),
            ("b(uwsgi_fpe+0x1) [0x1]\n", Some(("uwsgi_fpe", "b"))),
            ("b(f+0x1) [0x1]\nb(g+0x1) [0x1]\n", Some(("f", "b"))),
            ("no frame", None),
        ] {
            let found = culprit(&frames(text)).map(|frame| (frame.method, frame.file));
            assert_eq!(found, expected);
        }
        assert!(is_arithmetic(&frames("b(uwsgi_fpe+0x1) [0x1]\n")));
        assert!(!is_arithmetic(&frames(TEXT)));
    }
}
