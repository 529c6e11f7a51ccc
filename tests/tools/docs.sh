#!/bin/sh
# Reference pages from the tables in the code: options, their JSON Schema, and metrics.
#   docs.sh           writes them into docs/
#   docs.sh --check   compares only; fails, and shows the difference, when docs/ is not current
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$repo"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT INT TERM

page() {
    cargo run -q --release -p "$1" --example "$2" >"$made/$3"
}

page uwsgi-config options_md options.md
page uwsgi-config schema uwsgi.schema.json
page uwsgi-metrics metrics_md metrics.md

if [ "${1:-}" = --check ]; then
    for file in options.md uwsgi.schema.json metrics.md; do
        diff -u "docs/$file" "$made/$file" || { echo "docs/$file is not current: run \`make docs\`" >&2; exit 1; }
    done
    echo "docs: current"
    exit
fi
mkdir -p docs
for file in options.md uwsgi.schema.json metrics.md; do
    cat "$made/$file" >"docs/$file"
done
