#!/usr/bin/env bash
# The server behind nginx and HAProxy, and client/dial against nginx and the servers that
# others wrote: interop.sh [install|run]...
#
# install brings what is missing as Debian packages, without starting any service, and npm
# ws as the lock file of test/browser says. On a desk without them ICSWS_SKIP_INTEROP=1
# leaves these tests out; CI never does.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/npm.sh

if [ "${ICSWS_SKIP_INTEROP:-}" = 1 ] && [ "${CI:-}" != true ]; then
	echo 'interop.sh: SKIPPED, because ICSWS_SKIP_INTEROP=1'
	exit 0
fi

export PATH=$PATH:/usr/sbin

missing() { # prints the Debian packages that are not there
	command -v nginx >/dev/null || echo nginx
	[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || echo libnginx-mod-stream
	command -v haproxy >/dev/null || echo haproxy
	/usr/bin/python3 -c 'import websockets' 2>/dev/null || echo python3-websockets
	has_node || echo nodejs npm
}

install() {
	local packages
	packages=$(missing | xargs)
	if [ -n "$packages" ]; then
		if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
			echo "interop.sh: please install $packages (Debian's names), or set ICSWS_SKIP_INTEROP=1" >&2
			return 1
		fi
		# RUNLEVEL=1 keeps the packages from starting their services.
		export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
		apt-get -q update
		# shellcheck disable=SC2086 # words are meant
		apt-get -q install -y --no-install-recommends $packages
		packages=$(missing | xargs)
		[ -z "$packages" ] || { echo "interop.sh: still missing: $packages" >&2; return 1; }
	fi
	npm_packages test/browser
	nginx -v
	haproxy -v | sed -n 1p
	node --version
	/usr/bin/python3 -c 'import websockets; print("python3-websockets", websockets.__version__)'
}

run() { ci/race.sh test/interop; }

[ $# -gt 0 ] || set -- install run
for part; do
	case $part in
	install | run) "$part" ;;
	*) echo "interop.sh: no part called $part" >&2; exit 2 ;;
	esac
done
