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
	options=() packages=()
	if [ "$m" = . ]; then # those that take minutes first, beside the others
		options=(-race) packages=(./wsserver ./internal/conformance ./internal/soak)
	fi
	go -C "$m" test -json "${options[@]}" -timeout 20m "${packages[@]}" ./... | .build/testsum -add "$counts"
done
