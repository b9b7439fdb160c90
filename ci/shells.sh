#!/usr/bin/env bash
# The completion scripts in their shells, the manual page in its readers: shells.sh
# [install|run]...
#
# install brings what is missing as Debian packages. On a desk without them
# ICSWS_SKIP_SHELLS=1 leaves these tests out; CI never does.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${ICSWS_SKIP_SHELLS:-}" = 1 ] && [ "${CI:-}" != true ]; then
	echo 'shells.sh: SKIPPED, because ICSWS_SKIP_SHELLS=1'
	exit 0
fi

missing() { # prints the Debian packages that are not there
	local p
	for p in bash zsh fish groff mandoc; do
		command -v "$p" >/dev/null || echo "$p"
	done
}

install() {
	local packages
	packages=$(missing | xargs)
	if [ -n "$packages" ]; then
		if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
			echo "shells.sh: please install $packages (Debian's names), or set ICSWS_SKIP_SHELLS=1" >&2
			return 1
		fi
		export DEBIAN_FRONTEND=noninteractive
		apt-get -q update
		# shellcheck disable=SC2086 # words are meant
		apt-get -q install -y --no-install-recommends $packages
		packages=$(missing | xargs)
		[ -z "$packages" ] || { echo "shells.sh: still missing: $packages" >&2; return 1; }
	fi
}

# Without ICSWS_SHELLS the same tests pass over what is not installed.
run() { ICSWS_SHELLS=1 go test -count 1 -timeout 5m -run 'Shell|Manual' ./cmd/icsws; }

[ $# -gt 0 ] || set -- install run
for part; do
	case $part in
	install | run) "$part" ;;
	*) echo "shells.sh: no part called $part" >&2; exit 2 ;;
	esac
done
