#!/bin/sh
# Reference pages from the tables in the code: options, their JSON Schema, metrics, the static probes, variables of request
# lines; and of dashboards/ what follows from the table of metrics.
#   docs.sh           writes them into docs/ and dashboards/
#   docs.sh --check   compares only; fails, and shows the difference, when one is not current
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
cargo run -q --release -p uwsgi-usdt --example usdt_md -- docs/usdt.md >"$made/usdt.md"
cargo run -q --release -p uwsgi-logs --example variables_md -- docs/request-log.md >"$made/request-log.md"
cargo run -q --release -p uwsgi-metrics --example dashboards -- "$made/dashboards"
cargo run -q --release -p uwsgi-pushers --example zabbix_templates -- "$made/dashboards/zabbix"

if [ "${1:-}" = --check ]; then
    for file in options.md uwsgi.schema.json metrics.md usdt.md request-log.md; do
        diff -u "docs/$file" "$made/$file" || { echo "docs/$file is not current: run \`make docs\`" >&2; exit 1; }
    done
    (cd "$made/dashboards" && find . -type f) | while read -r file; do
        cmp -s "dashboards/$file" "$made/dashboards/$file" || {
            diff -u "dashboards/$file" "$made/dashboards/$file" | head -40
            echo "dashboards/$file is not current: run \`make docs\`" >&2
            exit 1
        }
    done
    echo "docs: current"
    exit
fi
mkdir -p docs
for file in options.md uwsgi.schema.json metrics.md usdt.md request-log.md; do
    cat "$made/$file" >"docs/$file"
done
cp -R "$made/dashboards/." dashboards/
