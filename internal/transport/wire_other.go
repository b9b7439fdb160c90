//go:build !unix

package transport

import "net"

// newSocketWire returns nil: there is no non-blocking write here, so sockets are served
// as any net.Conn is.
func newSocketWire(net.Conn) wire { return nil }
