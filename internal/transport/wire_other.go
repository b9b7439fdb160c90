//go:build !unix

package transport

import "net"

// There is no non-blocking write here, so sockets are served as any net.Conn is.

func newSocketWire(net.Conn) wire { return nil }

// socketIO does not exist here.
type socketIO struct{}

func newSocketIO(net.Conn, *Conn) *socketIO { return nil }

func (*socketIO) read([]byte) (int, error) { panic("transport: no socket") }

func (*socketIO) tryWrite(_, _, _ []byte) (int, bool, error) { panic("transport: no socket") }
