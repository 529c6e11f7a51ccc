#!/bin/sh
# From a checkout to a running server that can be watched: `make demo`, Ctrl-C to end.
#   DEMO_SECONDS=n   end by itself after n seconds
#   DEMO_PORT=8080   router port; the plain HTTP socket and the stats server take the next two
#   DEMO_QUICK=1     do not build, use what is in target/release (or in DEMO_BIN)
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$repo"
port=${DEMO_PORT:-8080}
socket=$((port + 1))
stats=$((port + 2))
venv=$repo/.cache/demo-venv
bin=${DEMO_BIN:-${CARGO_TARGET_DIR:-$repo/target}/release}

need_cargo() {
    command -v cargo >/dev/null && return 0
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    echo "demo: cargo is missing. The cargo of Debian 12 is too old; install Rust $wanted or newer from https://rustup.rs" >&2
    exit 1
}

need_packages() {
    lacking=
    for package in python3-venv libpython3.11 gcc libc6-dev; do
        [ -e /etc/debian_version ] || return 0
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || lacking="$lacking $package"
    done
    [ -n "$lacking" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "demo: missing packages, install them first:$lacking" >&2
        exit 1
    fi
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking
}

need_flask() {
    [ -x "$venv/bin/flask" ] && return 0
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q 'flask>=3,<4'
}

stop() {
    trap - INT TERM EXIT
    # The shell started them; nothing else is touched.
    [ -z "${load_pid:-}" ] || kill "$load_pid" 2>/dev/null || true
    [ -z "${server_pid:-}" ] || kill -INT "$server_pid" 2>/dev/null || true
    [ -z "${server_pid:-}" ] || wait "$server_pid" 2>/dev/null || code=$?
    echo "demo: ended${code:+ with $code}, the log is $repo/.cache/demo.log"
    exit "${code:-0}"
}

need_packages
if [ -z "${DEMO_QUICK:-}" ]; then
    need_cargo
    cargo build --release --workspace
fi
need_flask

"$bin/uwsgi" --http "127.0.0.1:$port" --http-socket "127.0.0.1:$socket" --stats "127.0.0.1:$stats" --stats-http \
    --master --processes 4 --threads 2 --enable-metrics --memory-report --auto-procname --procname-prefix-spaced demo \
    --virtualenv "$venv" --chdir "$repo/demo" --wsgi-file app.py --callable app >"$repo/.cache/demo.log" 2>&1 &
server_pid=$!
trap stop INT TERM EXIT

tries=0
until "$venv/bin/python" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/fast', timeout=2)" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ] || ! kill -0 "$server_pid" 2>/dev/null; then
        tail -20 "$repo/.cache/demo.log"
        echo "demo: the server did not start" >&2
        code=1
        stop
    fi
    sleep 0.2
done

"$venv/bin/python" "$repo/demo/load.py" 127.0.0.1 "$port" "${DEMO_SECONDS:-0}" &
load_pid=$!

cat <<TEXT

  Flask is served     http://127.0.0.1:$port/          (http router)
                      http://127.0.0.1:$socket/          (http-socket)
  see it live         $bin/uwsgitop http://127.0.0.1:$stats
  from the arena      $bin/uwsgitop --pid $server_pid
  as numbers          http://127.0.0.1:$stats/          (stats JSON)
                      http://127.0.0.1:$stats/metrics   (Prometheus)
  the log             tail -f $repo/.cache/demo.log

  Ctrl-C ends it.

TEXT
if [ -n "${DEMO_SECONDS:-}" ]; then
    wait "$load_pid" || true
    load_pid=
    stop
fi
wait "$server_pid"
