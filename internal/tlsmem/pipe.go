package tlsmem

import (
	"crypto/tls"
	"errors"
	"iter"
	"net"
	"os"
	"time"
)

// end is one end of a duplex in memory, for one goroutine. A Read that finds nothing
// returns a temporary error, as a socket does whose deadline is in the past.
type end struct {
	peer  *end
	in    []byte // what the peer has written
	allow int    // how much of it may be read now; less than 0 is all
	read  func() // called by each Read, if not nil
}

func newDuplex() (a, b *end) {
	a, b = &end{allow: -1}, &end{allow: -1}
	a.peer, b.peer = b, a
	return a, b
}

func (e *end) Read(p []byte) (int, error) {
	if e.read != nil {
		e.read()
	}
	visible := e.in
	if e.allow >= 0 {
		visible = visible[:min(e.allow, len(visible))]
	}
	if len(visible) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, visible)
	if e.in = e.in[n:]; e.allow >= 0 {
		e.allow -= n
	}
	return n, nil
}

func (e *end) Write(p []byte) (int, error) {
	e.peer.in = append(e.peer.in, p...)
	return len(p), nil
}

func (*end) Close() error                     { return nil }
func (*end) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "tlsmem", Net: "unix"} }
func (*end) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "tlsmem", Net: "unix"} }
func (*end) SetDeadline(time.Time) error      { return nil }
func (*end) SetReadDeadline(time.Time) error  { return nil }
func (*end) SetWriteDeadline(time.Time) error { return nil }

// handshake joins two TLS connections over a duplex. A handshake can not be resumed after
// an error, so the server's runs as a coroutine, which gives way where it would wait: no
// goroutine is left, nobody can wait for ever, and a panic reaches the caller.
func handshake(client, server *tls.Conn, clientEnd, serverEnd *end) error {
	err := errors.New("tlsmem: the handshake did not end")
	step, stop := iter.Pull(func(yield func(struct{}) bool) {
		serverEnd.read = func() {
			if len(serverEnd.in) == 0 && !yield(struct{}{}) {
				serverEnd.read = nil
			}
		}
		err = server.Handshake()
	})
	defer stop()
	clientEnd.read = func() {
		if len(clientEnd.in) == 0 {
			step()
		}
	}
	if err := client.Handshake(); err != nil {
		return err
	}
	step() // the server reads the end of the client's handshake
	stop()
	clientEnd.read, serverEnd.read = nil, nil
	return err
}
