//! Prints `program/layout.h`; `make ebpf` writes it.

fn main() {
    print!("{}", uwsgi_ebpf::layout::header());
}
