#!/bin/sh
# Brings the machine to where the tests, the parity runs and the benchmarks can run:
# Debian packages, a Python environment (.cache/venv), libraries in several versions, and the C original (.cache/parity-venv).
# Safe to run again: what is present is left alone.
set -eu

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${UWSGI_CACHE:-$repo/.cache}
what=${1:-all}

say() { printf 'setup: %s\n' "$*"; }

missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' \
            || printf '%s ' "$package"
    done
}

# The packages of `make test-zabbix`: nobody else needs a database.
ZABBIX='postgresql zabbix-server-pgsql zabbix-frontend-php php-cli php-pgsql php-mbstring php-xml php-gd php-bcmath'

debian_packages() {
    wanted='python3 python3-venv python3-dev libpython3.11 build-essential nginx-light libfcgi-bin wrk prometheus tmux procps iproute2 openssl zsh fish prosody prometheus-alertmanager bsd-mailx snmp snmpd snmptrapd smitools rrdtool rrdcached prometheus-pushgateway influxdb victoria-metrics clang-14 llvm-14 libbpf-dev bpftool bpftrace strace'
    # Web servers and balancers in front.
    wanted="$wanted apache2-bin lighttpd haproxy"
    # What receives lines of the log, and what moves its files.
    wanted="$wanted redis-server rsyslog logrotate"
    # Node.js of any origin will do.
    command -v node >/dev/null || wanted="$wanted nodejs"
    command -v npm >/dev/null || wanted="$wanted npm"
    wanted="$wanted graphite-carbon graphite-web"
    wanted=${1:-$wanted}
    # shellcheck disable=SC2086
    lacking=$(missing_packages $wanted)
    [ -n "$lacking" ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "these Debian packages are missing and only root can add them: $lacking"
        return 0
    fi
    say "installing $lacking"
    # Services of these packages are used as plain programs: none may start by itself.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d.uwsgi-tests
    chmod +x /usr/sbin/policy-rc.d.uwsgi-tests
    own_policy=no
    [ -e /usr/sbin/policy-rc.d ] || { ln -s policy-rc.d.uwsgi-tests /usr/sbin/policy-rc.d; own_policy=yes; }
    DEBIAN_FRONTEND=noninteractive apt-get update -qq || say "apt-get update failed, trying with what is known"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking
    [ "$own_policy" = no ] || rm -f /usr/sbin/policy-rc.d
    rm -f /usr/sbin/policy-rc.d.uwsgi-tests
}

test_venv() {
    stamp=$cache/venv/.requirements
    [ -f "$stamp" ] && cmp -s "$stamp" "$repo/tests/requirements.txt" && return 0
    say "making $cache/venv"
    [ -x "$cache/venv/bin/python" ] || python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install -q -r "$repo/tests/requirements.txt"
    cp "$repo/tests/requirements.txt" "$stamp"
}

# Versions of prometheus_client beside the newest one, which the environment has: the oldest that works, and some between.
old_libraries() {
    for version in 0.5.0 0.9.0 0.14.1 0.20.0; do
        [ -d "$cache/prometheus_client/$version" ] && continue
        say "fetching prometheus_client $version"
        "$cache/venv/bin/pip" install -q --no-deps --target "$cache/prometheus_client/$version" "prometheus_client==$version"
    done
}

# The MIB modules that others build on, which Debian may not ship: those of the npm package net-snmp, named as the tools want.
base_mibs() {
    [ -f "$cache/mibs/SNMPv2-CONF" ] && return 0
    command -v npm >/dev/null || { say "npm is missing: the MIB cannot be checked"; return 0; }
    say "fetching MIB modules"
    fetched=$(mktemp -d)
    (cd "$fetched" && npm pack --silent net-snmp@3 >/dev/null && tar xzf net-snmp-*.tgz)
    mkdir -p "$cache/mibs"
    for module in SNMPv2-SMI SNMPv2-TC SNMPv2-CONF SNMPv2-MIB; do
        cp "$fetched/package/lib/mibs/$module.mib" "$cache/mibs/$module"
    done
    rm -rf "$fetched"
}

c_original() {
    [ -x "$cache/parity-venv/bin/uwsgi" ] && return 0
    say "building the C original from PyPI (about a minute)"
    python3 -m venv "$cache/parity-venv"
    "$cache/parity-venv/bin/pip" install -q 'uwsgi>=2.0.31,<2.1'
}

# Plugins that a wheel of the original leaves out.
original_plugins() {
    [ -e "$cache/original-plugins/zabbix_plugin.so" ] && return 0
    version=$("$cache/parity-venv/bin/uwsgi" --version)
    say "building plugins of the C original $version"
    sources=$(mktemp -d)
    "$cache/parity-venv/bin/pip" download -q --no-deps --no-binary :all: -d "$sources" "uwsgi==$version"
    tar -xzf "$sources"/uwsgi-*.tar.gz -C "$sources"
    for plugin in stats_pusher_statsd stats_pusher_file zabbix; do
        (cd "$sources"/uwsgi-*/ && "$cache/parity-venv/bin/uwsgi" --build-plugin "plugins/$plugin" >/dev/null)
    done
    mkdir -p "$cache/original-plugins"
    mv "$sources"/uwsgi-*/*_plugin.so "$cache/original-plugins"
    rm -rf "$sources"
}

# The statsd of its authors.
statsd_server() {
    [ -e "$cache/statsd/node_modules/statsd/stats.js" ] && return 0
    command -v npm >/dev/null || { say "npm is missing: no statsd"; return 0; }
    say "fetching statsd"
    npm install --silent --no-audit --no-fund --omit=optional --prefix "$cache/statsd" statsd@0.9.0
}

mkdir -p "$cache"
case $what in
    all) debian_packages; test_venv; old_libraries; base_mibs; c_original; original_plugins; statsd_server ;;
    debian) debian_packages ;;
    venv) test_venv; old_libraries ;;
    mibs) base_mibs ;;
    zabbix) debian_packages "$ZABBIX"; test_venv ;;
    original) c_original; original_plugins ;;
    statsd) statsd_server ;;
    *) say "unknown part '$what' (all, debian, venv, mibs, original, statsd, zabbix)"; exit 2 ;;
esac
