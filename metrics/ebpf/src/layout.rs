//! The rows that programs in the kernel share with the server, as a C header.
//!
//! The lists of `uwsgi_metrics` are the one definition; `program/layout.h` is made from them by the
//! example `layout_h`, and a test compares.

use std::fmt::Write as _;

use uwsgi_metrics::{
    DURING, EndRow, KernelSocketRow, KernelWorkerRow, ListenerRow, STEP_CELLS, SYSCALL_CLASSES,
    Steps, ThreadRow, WAITS,
};

use crate::maps;

/// The text of `program/layout.h`.
pub fn header() -> String {
    let mut out = String::from(
        "/* Made by `make ebpf` from the rows of the metrics crate: not to be edited. */\n\
         #pragma once\n\n",
    );
    let sizes = [
        ("STEP_CELLS", STEP_CELLS),
        ("STEP_WORDS", size_of::<Steps>() / 8),
        ("WAITS", WAITS.len()),
        ("SYSCALL_CLASSES", SYSCALL_CLASSES.len()),
        ("DURING", DURING.len()),
        ("STAMPS", maps::STAMPS),
        ("TIDS", maps::TIDS),
        ("TID_TRIES", maps::TID_TRIES),
        ("PIDS", maps::PIDS),
        ("PID_TRIES", maps::PID_TRIES),
        ("NO_WORKER", maps::NO_WORKER as usize),
        ("ENDS", maps::ENDS),
        ("CALLS", maps::CALLS),
        ("LISTENERS", maps::LISTENERS),
        ("PORTS", maps::PORTS),
        ("PORTS_EACH", maps::PORTS_EACH),
    ];
    for (name, size) in sizes {
        let _ = writeln!(out, "#define {name} {size}");
    }
    for (prefix, words) in [("WAIT", &WAITS[..]), ("CALL", &SYSCALL_CLASSES)] {
        out.push('\n');
        for (number, word) in words.iter().enumerate() {
            let _ = writeln!(out, "#define {prefix}_{} {number}", word.to_uppercase());
        }
    }
    row(&mut out, "worker_row", KernelWorkerRow::FIELDS, size_of::<KernelWorkerRow>());
    row(&mut out, "socket_row", KernelSocketRow::FIELDS, size_of::<KernelSocketRow>());
    row(&mut out, "thread_row", ThreadRow::FIELDS, size_of::<ThreadRow>());
    row(&mut out, "listener_row", ListenerRow::FIELDS, size_of::<ListenerRow>());
    row(&mut out, "end_row", EndRow::FIELDS, size_of::<EndRow>());
    out
}

fn row(out: &mut String, name: &str, fields: &[(&str, usize)], size: usize) {
    let _ = writeln!(out, "\nstruct {name} {{");
    let mut used = 0;
    for (field, bytes) in fields {
        let _ = match bytes / 8 {
            1 => writeln!(out, "\t__u64 {field};"),
            words => writeln!(out, "\t__u64 {field}[{words}];"),
        };
        used += bytes;
    }
    if size > used {
        let _ = writeln!(out, "\t__u64 unused[{}];", (size - used) / 8);
    }
    let _ = writeln!(out, "}};\n_Static_assert(sizeof(struct {name}) == {size}, \"{name}\");");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_header_of_the_programs_says_what_the_rows_are() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/program/layout.h");
        let there = std::fs::read_to_string(path).unwrap();
        assert_eq!(there, super::header(), "run `make ebpf`");
    }
}
