// Package interop holds the server behind real proxies, nginx and HAProxy as Debian
// packages them, and client/dial against nginx and servers that others wrote: npm ws,
// python3-websockets, and three libraries of Go. ci/interop.sh installs and runs it;
// without these programs its tests fail.
package interop
