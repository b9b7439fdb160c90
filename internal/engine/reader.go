package engine

import (
	"bufio"
	"fmt"
	"net"
	"time"

	"github.com/lxzan/gws"
)

// reader is the frame engine's half of a connection: to gws it is the network. A session
// borrows one for the first message that is not in one frame of moderate size, and keeps
// it until it rests. Between two messages nothing of the connection is in it.
type reader struct {
	s     *Session // nil while it is not lent
	sock  *gws.Conn
	br    *bufio.Reader // nil: gws is the client and has it
	hello *hello        // not nil while gws does a handshake as a client
}

// over ends the engine's loop: gws would answer an error with frames of its own and give
// up its connection object.
var over = new(struct{ _ byte })

func (e *Engine) newReader() *reader {
	r := new(reader)
	// The smallest buffer that bufio allows: the filter does the buffering, and
	// payloads are read past it.
	r.br = bufio.NewReaderSize(r, 16)
	sock, err := e.upgrader.UpgradeFromConn(r, r.br, synthetic)
	if err != nil {
		panic(fmt.Errorf("engine: %w", err)) // in New: the request is always the same
	}
	r.sock = sock
	return r
}

// lend gives s a reader.
func (e *Engine) lend(s *Session) {
	r, ok := e.readers.Get().(*reader)
	switch {
	case ok:
	case e.Settings.Dialed:
		r = newDialedReader()
	default:
		r = e.newReader()
	}
	r.s, s.reader = s, r
}

// giveBack takes the reader from s, which must be between two messages for the reader
// to be of use.
func (e *Engine) giveBack(s *Session) {
	r := s.reader
	s.reader = nil
	r.s = nil
	if r.br == nil {
		return // what is in its buffer can not be thrown away
	}
	r.br.Reset(r)
	e.readers.Put(r)
}

// Read reads whole frames from the session's filter.
func (r *reader) Read(p []byte) (int, error) {
	if r.hello != nil {
		return r.hello.Read(p)
	}
	n, err := r.s.Conn.Read(p)
	if err != nil {
		panic(over)
	}
	return n, nil
}

// The rest makes a reader a net.Conn. What gws writes is its answer to the synthetic
// handshake: it goes nowhere. Deadlines are kept elsewhere.

func (r *reader) Write(p []byte) (int, error) {
	if r.hello != nil {
		return r.hello.Write(p)
	}
	return len(p), nil
}

func (r *reader) Close() error                     { return nil }
func (r *reader) LocalAddr() net.Addr              { return noAddr{} }
func (r *reader) RemoteAddr() net.Addr             { return noAddr{} }
func (r *reader) SetDeadline(time.Time) error      { return nil }
func (r *reader) SetReadDeadline(time.Time) error  { return nil }
func (r *reader) SetWriteDeadline(time.Time) error { return nil }

type noAddr struct{}

func (noAddr) Network() string { return "icsws" }
func (noAddr) String() string  { return "icsws" }
