#!/bin/sh
# Fuzzes every target of every crate that has some, FUZZ_SECONDS each (60), or only those named as
# arguments. What it learns stays in target/fuzz; an input that breaks a promise ends the run and is
# named, to be kept as a seed beside the target once it is repaired.
# The coverage instrumentation is part of the stable compiler; only sanitizers would need another.
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$repo/target}/fuzz"
cargo fuzz --version >/dev/null 2>&1 || { echo 'fuzz: run "cargo install cargo-fuzz" first' >&2; exit 1; }

for manifest in "$repo"/server/*/fuzz/Cargo.toml "$repo"/snmp/fuzz/Cargo.toml; do
    cd "$(dirname "$manifest")"
    # Files of the real world are a start for whatever reads configurations.
    known=
    case "$manifest" in */config/*) known="$repo/tests/corpus" ;; esac
    for target in $(cargo fuzz list); do
        case " ${*:-$target} " in *" $target "*) ;; *) continue ;; esac
        work="$CARGO_TARGET_DIR/corpus/$target"
        mkdir -p "$work"
        echo "fuzz: $target for ${FUZZ_SECONDS:-60} seconds"
        # Ten seconds on one input are a hang here: every target reads a few kilobytes.
        cargo fuzz run --sanitizer none "$target" "$work" "corpus/$target" "${known:-corpus/$target}" -- \
            -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
            -print_final_stats=1 $(test ! -f "$target.dict" || echo "-dict=$target.dict")
    done
done
