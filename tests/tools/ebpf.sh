#!/bin/sh
# The programs of metrics/ebpf, as clang makes them.
#   ebpf.sh           writes program/layout.h and program/probes.bpf.o
#   ebpf.sh --check   compares only; fails when the committed object is another one
#   ebpf.sh --build COMPILER FILE [SOURCE]   the object of another compiler or source, for tests
# Needs clang 14, llvm-strip and the headers of libbpf (Debian: clang-14 llvm-14 libbpf-dev).
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$repo/metrics/ebpf/program"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT INT TERM

compile() {
    # No path of this machine gets into the object: it is the same wherever it is made.
    "$1" -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -Wno-address-of-packed-member \
        -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. -I. -c "${3:-probes.bpf.c}" -o "$2"
    llvm-strip-14 -g "$2"
}

if [ "${1:-}" = --build ]; then
    compile "$2" "$3" "${4:-}"
    exit
fi
if [ "${1:-}" = --check ]; then
    compile clang-14 "$made/probes.bpf.o"
    cmp "$made/probes.bpf.o" probes.bpf.o || { echo "probes.bpf.o is not current: run \`make ebpf\`" >&2; exit 1; }
    echo "ebpf: current"
    exit
fi
[ -f probes.bpf.o ] || : >probes.bpf.o
(cd "$repo" && cargo run -q --release -p uwsgi-ebpf --example layout_h) >"$made/layout.h"
cat "$made/layout.h" >layout.h
compile clang-14 "$made/probes.bpf.o"
cp "$made/probes.bpf.o" probes.bpf.o
