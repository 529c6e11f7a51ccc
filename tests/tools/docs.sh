#!/bin/sh
# Reference pages from the tables in the code: options and metrics.
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$repo"
mkdir -p docs
cargo run -q --release -p uwsgi-config --example options_md >docs/options.md.new
mv docs/options.md.new docs/options.md
cargo run -q --release -p uwsgi-metrics --example metrics_md >docs/metrics.md.new
mv docs/metrics.md.new docs/metrics.md
wc -l docs/options.md docs/metrics.md
