#!/bin/sh
# Rust tests in the release profile, then the models that need their own compiler flags.
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$repo"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --release --workspace --no-fail-fast
else
    cargo test --release --workspace --no-fail-fast
fi
cargo test --release --workspace --doc

# loom replaces the atomics, so it has flags and a target directory of its own; only the models run.
# A filter that matches nothing would pass: the count of models is checked.
models=$(mktemp)
trap 'rm -f "$models"' EXIT
for crate in uwsgi-metrics uwsgi-sys; do
    RUSTFLAGS='--cfg loom' LOOM_MAX_PREEMPTIONS=3 CARGO_TARGET_DIR=target/loom \
        cargo test --release -p "$crate" --lib model:: >"$models" 2>&1 || { cat "$models"; exit 1; }
    tail -5 "$models"
    grep -q 'test result: ok. [1-9]' "$models" || { echo "rust_tests: no loom model of $crate ran" >&2; exit 1; }
done
