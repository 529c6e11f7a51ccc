#!/bin/sh
# The end-to-end and parity tests: first those that wait for their own servers only, several at a time
# (TEST_PROCESSES, else twice as many as processors), then, one after the other, those marked `alone`.
# Both parts run whatever the first one says. Further arguments go to pytest;
# without a file among them, all tests are meant.
set -u

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$repo" || exit 1
# Short: paths of UNIX sockets have 107 bytes.
place=$(mktemp -d /tmp/e2e.XXXXXX)
trap 'rm -rf "$place"' EXIT
failed=0 ran=0

# Code 5 is "nothing chosen": the arguments may name tests of the other part.
part() {
    name=$1
    shift
    .cache/venv/bin/pytest -c tests/pytest.ini --basetemp="$place/$name" "$@"
    case $? in
    0) ran=1 ;;
    5) ;;
    *) failed=1 ;;
    esac
}

named=
for word in "$@"; do
    [ -e "${word%%::*}" ] && named=yes
done
[ -n "$named" ] || set -- tests -q "$@"
part many -m 'not alone' -n "${TEST_PROCESSES:-$(($(nproc) * 2))}" --dist worksteal "$@"
part alone -m alone "$@"
[ $failed -eq 0 ] && [ $ran -eq 1 ]
