#!/usr/bin/env bash
# The short list of checks that all code obeys: lint.sh [fmt|tidy|vet|static]...
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/files.sh

fmt() {
	local bad
	bad=$(tracked '*.go' | xargs -r gofmt -l)
	if [ -n "$bad" ]; then
		printf 'not formatted, run make tidy:\n%s\n' "$bad" >&2
		return 1
	fi
}

tidy() {
	local m
	for m in $(modules); do go -C "$m" mod tidy -diff; done
}

vet() {
	local m
	for m in $(modules); do go -C "$m" vet ./...; done
}

# The pinned staticcheck of tools/go.mod, whatever the desk has installed.
static() {
	local m
	mkdir -p .build
	go build -C tools -o "$PWD/.build/staticcheck" honnef.co/go/tools/cmd/staticcheck
	for m in $(modules); do (cd "$m" && "$OLDPWD/.build/staticcheck" ./...); done
}

[ $# -gt 0 ] || set -- fmt tidy vet static
for check; do
	case $check in
	fmt | tidy | vet | static) "$check" ;;
	*) echo "lint.sh: no check called $check" >&2; exit 2 ;;
	esac
done
