//! Kernels that lack something and programs that are refused, provoked here: with the types of this
//! kernel under other names, and with an object that has a bad program. They need root.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are outside of test functions"
)]

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use uwsgi_ebpf::{Live, OBJECT, PROBES, Sizes, State, Status, load_from, summary};

const TYPES: &str = "/sys/kernel/btf/vmlinux";
const SIZES: Sizes = Sizes { workers: 2, cores: 1 };

fn can() -> bool {
    let can = Path::new(TYPES).exists() && uwsgi_sys::bpf::try_map().is_ok();
    if !can {
        eprintln!("needs root and {TYPES}");
    }
    can
}

/// A file that is removed.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Temporary {
        Temporary(std::env::temp_dir().join(format!("ebpf-{name}-{}", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where the names of types lie (`struct btf_header`).
fn names(types: &[u8]) -> Range<usize> {
    let word = |at: usize| u32::from_ne_bytes(types[at..at + 4].try_into().unwrap()) as usize;
    let start = word(4) + word(16);
    start..start + word(20)
}

/// This kernel's types, with another name for what has this one.
fn without(name: &str) -> Vec<u8> {
    let mut types = std::fs::read(TYPES).unwrap();
    let whole = [b"\0", name.as_bytes(), b"\0"].concat();
    let names = names(&types);
    let at = types[names.clone()].windows(whole.len()).position(|window| window == whole);
    let at = at.unwrap_or_else(|| panic!("no {name} in the types of this kernel"));
    types[names.start + at + 1] = b'~';
    types
}

fn load(object: &[u8], types: &Path) -> (Option<Live>, Vec<Status>) {
    let all: Vec<_> = PROBES.iter().collect();
    load_from(object, types, &all, SIZES)
}

fn load_without(name: &str) -> (Option<Live>, Vec<Status>) {
    let file = Temporary::new(name);
    std::fs::write(&file.0, without(name)).unwrap();
    load(OBJECT, &file.0)
}

fn of<'a>(status: &'a [Status], name: &str) -> &'a Status {
    status.iter().find(|status| status.name == name).unwrap()
}

fn others_work(status: &[Status], but: &str) {
    for status in status.iter().filter(|status| status.name != but) {
        assert_eq!(status.state, State::Healthy, "{status:?}");
    }
}

#[test]
fn here_everything_works() {
    if !can() {
        return;
    }
    let (live, status) = load(OBJECT, Path::new(TYPES));
    assert!(live.is_some());
    others_work(&status, "");
    assert!(status.iter().all(|status| status.why().is_empty()), "{status:?}");
}

#[test]
fn a_program_that_the_verifier_refuses_leaves_the_others() {
    if !can() {
        return;
    }
    let file = Temporary::new("refused");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("../../tests/tools/ebpf.sh"))
        .args(["--build", "clang-14"])
        .args([file.0.as_path(), &root.join("tests/refused.bpf.c")])
        .status()
        .unwrap();
    assert!(made.success(), "needs clang-14, llvm-14 and libbpf-dev");
    let (live, status) = load(&std::fs::read(&file.0).unwrap(), Path::new(TYPES));
    let accept = of(&status, "accept");
    assert!(live.unwrap().has("accept"));
    assert_eq!((accept.state, accept.programs), (State::Degraded, 1), "{accept:?}");
    let says =
        "accept_synack_again (handshakes that had to be repeated): refused by the verifier: ";
    assert!(accept.reason.starts_with(says), "{accept:?}");
    assert!(accept.reason.contains("pointer arithmetic"), "{accept:?}");
    others_work(&status, "accept");
    let line = summary(&status).unwrap();
    assert!(line.contains("; accept is degraded: accept_synack_again"), "{line}");
}

#[test]
fn a_kernel_without_a_tracepoint_is_named() {
    if !can() {
        return;
    }
    let (live, status) = load_without("btf_trace_tcp_retransmit_synack");
    let accept = of(&status, "accept");
    assert!(live.is_some());
    assert_eq!((accept.state, accept.programs), (State::Degraded, 1), "{accept:?}");
    let says = "this kernel has no tracepoint tcp_retransmit_synack";
    assert!(accept.reason.ends_with(says), "{accept:?}");
    others_work(&status, "accept");
}

#[test]
fn a_kernel_without_a_field_loses_what_reads_it_and_no_more() {
    if !can() {
        return;
    }
    let (live, status) = load_without("sk_ack_backlog");
    let accept = of(&status, "accept");
    assert!(live.is_some());
    assert_eq!((accept.state, accept.programs), (State::Degraded, 1), "{accept:?}");
    let says = "accept_established (waits and depths): it reads a field that this kernel lacks";
    assert_eq!(accept.reason, says);
}

#[test]
fn no_field_is_so_important_that_its_lack_fails_all() {
    if !can() {
        return;
    }
    let types = std::fs::read(TYPES).unwrap();
    let kernel: HashSet<&[u8]> = types[names(&types)].split(|byte| *byte == 0).collect();
    let words = OBJECT.split(|byte| *byte == 0).filter(|word| kernel.contains(word));
    let words: HashSet<&str> = words.filter_map(|word| std::str::from_utf8(word).ok()).collect();
    // Names of fields and types alike; those of the kernel, not of C.
    let words = words.into_iter().filter(|word| word.contains('_') && !word.contains(' '));
    let mut degraded = 0;
    for word in words {
        let (live, status) = load_without(word);
        assert!(live.is_some(), "without {word}: {status:?}");
        for status in &status {
            assert_ne!(status.state, State::Failed, "without {word}: {status:?}");
            assert_eq!(status.state == State::Healthy, status.reason.is_empty(), "{status:?}");
        }
        degraded += usize::from(status.iter().any(|status| status.state != State::Healthy));
    }
    assert!(degraded > 5, "only {degraded} words mattered");
}

#[test]
fn without_types_all_are_unsupported_for_one_reason() {
    if !can() {
        return;
    }
    for path in ["/dev/null", "/nowhere/vmlinux"] {
        let (live, status) = load(OBJECT, Path::new(path));
        assert!(live.is_none());
        assert!(status.iter().all(|status| status.state == State::Unsupported), "{status:?}");
        let line = summary(&status).unwrap();
        assert!(line.starts_with("no probes in the kernel (accept, "), "{line}");
        assert!(line.contains("no types of this kernel"), "{line}");
    }
}

#[test]
fn an_object_of_something_else_has_failed() {
    if !can() {
        return;
    }
    let (live, status) = load(b"not an object", Path::new(TYPES));
    assert!(live.is_none());
    assert!(status.iter().all(|status| status.state == State::Failed), "{status:?}");
}
