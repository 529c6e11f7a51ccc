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

# loom replaces the atomics, so it has flags and a target directory of its own; only its model is built.
if [ -f metrics/tests/loom.rs ]; then
    RUSTFLAGS='--cfg loom' LOOM_MAX_PREEMPTIONS=3 CARGO_TARGET_DIR=target/loom \
        cargo test --release -p uwsgi-metrics --test loom
else
    RUSTFLAGS='--cfg loom' LOOM_MAX_PREEMPTIONS=3 CARGO_TARGET_DIR=target/loom \
        cargo test --release -p uwsgi-metrics --lib loom
fi
