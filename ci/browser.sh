#!/usr/bin/env bash
# The examples and the client for browsers against npm ws and a real Chromium: browser.sh [install|ws|web|chat|files|multihost|game]...
#
# install brings what is missing: Node.js, npm and Chromium as Debian packages, the
# npm packages as the lock file says. CHROMIUM names another browser, SHOTS a folder
# for screenshots, ICSWS_LOG=1 shows the examples' logs. On a desk without a browser
# ICSWS_SKIP_BROWSER=1 leaves these tests out; CI never does.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/npm.sh

if [ "${ICSWS_SKIP_BROWSER:-}" = 1 ] && [ "${CI:-}" != true ]; then
	echo 'browser.sh: SKIPPED, because ICSWS_SKIP_BROWSER=1'
	exit 0
fi

browser() { # prints the browser's path, nothing when there is none
	local name
	for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
		if [ -n "$name" ] && command -v "$name"; then return; fi
	done
}

missing() { # prints the Debian packages that are not there
	has_node || echo nodejs npm
	[ -n "$(browser)" ] || echo chromium fonts-liberation
}

install() {
	local packages
	packages=$(missing | xargs)
	if [ -n "$packages" ]; then
		if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
			echo "browser.sh: please install $packages (Debian's names), or set ICSWS_SKIP_BROWSER=1" >&2
			return 1
		fi
		export DEBIAN_FRONTEND=noninteractive
		apt-get -q update
		# shellcheck disable=SC2086 # words are meant
		apt-get -q install -y --no-install-recommends $packages
		packages=$(missing | xargs)
		[ -z "$packages" ] || { echo "browser.sh: still missing: $packages" >&2; return 1; }
	fi
	npm_packages test/browser
	npm_packages web
	node --version
	"$(browser)" --version
}

ws() {
	ICSWS_ECHO=$PWD/.build/echo node --test --test-reporter=spec test/browser/ws-client.test.mjs
}

web() { # dist is what src makes and is small; then what it does, without a browser and in one
	npm_packages web
	(cd web && npm run --silent check && node --test --test-reporter=spec test/*.test.mjs)
	CHROMIUM=$(browser) ICSWS_ECHO=$PWD/.build/echo node --test --test-reporter=spec test/browser/web.test.mjs
}

chat() {
	CHROMIUM=$(browser) ICSWS_CHAT=$PWD/.build/chat node --test --test-reporter=spec test/browser/chat.test.mjs
}

files() {
	CHROMIUM=$(browser) ICSWS_FILES=$PWD/.build/files node --test --test-reporter=spec test/browser/files.test.mjs
}

multihost() {
	CHROMIUM=$(browser) ICSWS_MULTIHOST=$PWD/.build/multihost node --test --test-reporter=spec test/browser/multihost.test.mjs
}

game() {
	CHROMIUM=$(browser) ICSWS_GAME=$PWD/.build/game node --test --test-reporter=spec test/browser/game.test.mjs
}

[ $# -gt 0 ] || set -- install ws web chat files multihost game
for part; do
	case $part in
	install | ws | web | chat | files | multihost | game) "$part" ;;
	*) echo "browser.sh: no part called $part" >&2; exit 2 ;;
	esac
done
