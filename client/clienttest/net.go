package clienttest

import (
	"context"
	"net"
	"net/netip"

	"github.com/icsws/icsws/internal/memnet"
)

// Listener is a [net.Listener] in memory, for a server's Serve. It needs no
// port, and works inside and outside of testing/synctest bubbles; make it inside
// of the bubble that uses it. All its methods may be called at the same time.
//
// Connections have TCP addresses on 127.0.0.1 that mean nothing outside of this
// process. Each direction holds 64 KiB, then a write waits for the reader.
type Listener struct {
	mem *memnet.Listener
}

// NewListener returns an open listener.
func NewListener() *Listener { return &Listener{memnet.Listen()} }

// Accept waits for the next connection. After Close it returns an error that
// wraps net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) { return l.mem.Accept() }

// Close stops the listener and resets the connections that nobody has accepted
// yet; accepted ones stay.
func (l *Listener) Close() error { return l.mem.Close() }

// Addr is the address that accepted connections have as their local one, a
// *net.TCPAddr.
func (l *Listener) Addr() net.Addr { return l.mem.Addr() }

// Dial connects to l, without any handshake and without waiting for Accept. The
// connection supports deadlines, CloseWrite (half close) and, after
// SetLinger(0), a Close that resets. It fails when ctx has ended, and with
// ECONNREFUSED when l is closed.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) { return l.mem.Dial(ctx) }

// DialFrom is Dial from an address of choice, for tests of limits and lists of
// addresses.
func (l *Listener) DialFrom(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	return l.mem.DialFrom(ctx, remote)
}

// SetBuffer sets how many bytes each direction of the connections holds that are
// dialled from now on. Zero or less means 64 KiB.
func (l *Listener) SetBuffer(bytes int) { l.mem.SetBuffer(bytes) }
