#!/usr/bin/env bash
# The tests of all modules: race.sh [module folder]... Fuzz seeds and examples are
# part of them. The race detector watches the main module; the others are tools.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/files.sh

root=$PWD
counts=${ICSWS_COUNTS:-.build/counts}
mkdir -p .build
go build -C tools -o "$root/.build/testsum" ./testsum

# shellcheck disable=SC2046 # folders without blanks
[ $# -gt 0 ] || set -- $(modules)
for m; do
	race=
	[ "$m" != . ] || race=-race
	go -C "$m" test -json $race -timeout 20m ./... | .build/testsum -add "$counts"
done
