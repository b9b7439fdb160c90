#!/usr/bin/env bash
# Runs each fuzz target for FUZZTIME: fuzz.sh [package]... An input that fails is
# kept in the package's testdata/fuzz; commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- ./...
# go test -list prints the names of a package, then its "ok" line.
targets=$(go test -list '^Fuzz' "$@" | awk '
	/^Fuzz/ { name[n++] = $1 }
	/^ok/   { for (i = 0; i < n; i++) print $2, name[i]; n = 0 }')
if [ -z "$targets" ]; then
	echo 'fuzz.sh: no fuzz target' >&2
	exit 1
fi
while read -r pkg name; do
	echo "== $pkg $name"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" -fuzzminimizetime 10x "$pkg"
done <<<"$targets"
