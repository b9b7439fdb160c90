// Package interop holds the server behind real proxies: nginx and HAProxy as Debian
// packages them. ci/interop.sh installs and runs it; without the proxies its tests fail.
package interop
