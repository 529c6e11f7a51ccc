#!/bin/sh
# The end-to-end and parity tests: first those that wait for their own servers only, several at a time
# (TEST_PROCESSES, else twice as many as processors), then, one after the other, those marked `alone`.
# Both parts run whatever the first one says. What failed is run once more by itself: a failure there is
# one, and what passes there is listed as unsteady. Further arguments go to pytest; without a file among
# them, all tests are meant.
set -u

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$repo" || exit 1
# Short: paths of UNIX sockets have 107 bytes.
place=$(mktemp -d /tmp/e2e.XXXXXX)
trap 'rm -rf "$place"' EXIT
failed=0 ran=0
# More than this many are no matter of chance.
most=20

# Code 1 is "some failed", and who they are is in a file; 5 is "nothing chosen": the arguments may name
# tests of the other part.
part() {
    name=$1
    shift
    TEST_FAILED="$place/failed.$name" .cache/venv/bin/pytest -c tests/pytest.ini --basetemp="$place/$name" "$@"
    case $? in
    0) ran=1 ;;
    1) ran=1 && [ -s "$place/failed.$name" ] || failed=1 ;;
    5) ;;
    *) failed=1 ;;
    esac
}

second_look() {
    sort -u "$place"/failed.* >"$place/again" 2>/dev/null
    count=$(wc -l <"$place/again")
    [ "$count" -gt 0 ] || return 0
    printf '\n=== %s failed, once more by themselves ===\n' "$count"
    sed 's/^/unsteady or broken: /' "$place/again"
    [ "$count" -le "$most" ] || return 1
    while IFS= read -r test; do
        .cache/venv/bin/pytest -c tests/pytest.ini --basetemp="$place/second" -q "tests/$test" </dev/null || return 1
    done <"$place/again"
}

named=
for word in "$@"; do
    [ -e "${word%%::*}" ] && named=yes
done
[ -n "$named" ] || set -- tests -q "$@"
part many -m 'not alone' -n "${TEST_PROCESSES:-$(($(nproc) * 2))}" --dist worksteal "$@"
part alone -m alone "$@"
second_look || failed=1
[ $failed -eq 0 ] && [ $ran -eq 1 ]
