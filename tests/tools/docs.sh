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

# One build of the workspace, as the tests have it: crates built alone would have other features, and be built anew.
cargo build -q --release --workspace --example options_md --example schema --example metrics_md --example usdt_md \
    --example variables_md --example dashboards --example zabbix_templates
tools="${CARGO_TARGET_DIR:-target}/release/examples"

"$tools/options_md" >"$made/options.md"
"$tools/schema" >"$made/uwsgi.schema.json"
"$tools/metrics_md" >"$made/metrics.md"
"$tools/usdt_md" docs/usdt.md >"$made/usdt.md"
"$tools/variables_md" docs/request-log.md >"$made/request-log.md"
"$tools/dashboards" "$made/dashboards"
"$tools/zabbix_templates" "$made/dashboards/zabbix"

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
