#!/usr/bin/env bash
# Everything that must pass, cheapest first, and how long each step took. Works on
# a fresh machine, and without a network once everything is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/files.sh

export ICSWS_COUNTS=${ICSWS_COUNTS:-$PWD/.build/counts}
mkdir -p .build
rm -f "$ICSWS_COUNTS"

times=()
report() {
	printf '%s\n' '' "${times[@]}" "$(printf '%5d s  in all' "$SECONDS")"
}
trap report EXIT

step() { # NAME COMMAND...
	local name=$1 start=$SECONDS
	shift
	printf '\n== %s\n' "$name"
	times+=("$(printf '    ? s  %s: did not pass' "$name")")
	"$@"
	times[-1]=$(printf '%5d s  %s' $((SECONDS - start)) "$name")
}

others() { # the modules beside the main one, and those that need what is installed later
	local m
	for m in $(modules | grep -vx -e '\.' -e test/interop); do
		go build -C "$m" -o /dev/null ./...
		ci/race.sh "$m"
	done
}

step 'gofmt' ci/lint.sh fmt
step 'go mod tidy' ci/lint.sh tidy
step 'go vet' ci/lint.sh vet
step 'staticcheck' ci/lint.sh static
step 'cross builds' ci/cross.sh
step 'tests under the race detector' ci/race.sh .
# The race detector disturbs these, so they do nothing under it.
step 'allocation and memory tests' go test -run 'Alloc|Memory' ./...
step 'benchmarks once' make -s microbench BENCHTIME=1x
step 'comparison once' make -s bench BENCHFLAGS='-quick -rounds 1'
step 'other modules' others
step 'examples' make -s build
step 'completion scripts and manual page' ci/shells.sh
step 'nginx and HAProxy' ci/interop.sh
step 'browser: install' ci/browser.sh install
step 'browser: npm ws' ci/browser.sh ws
step 'browser: Chromium' ci/browser.sh web chat files multihost game
