package wstest

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/memnet"
)

// DialTCP connects to addr. Nothing has been sent yet.
func DialTCP(tb testing.TB, addr string) *Peer {
	tb.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		tb.Fatalf("wstest: %v", err)
	}
	return Wrap(tb, conn)
}

// DialMem connects to a listener in memory. Nothing has been sent yet.
func DialMem(tb testing.TB, l *memnet.Listener) *Peer {
	tb.Helper()
	conn, err := l.Dial(tb.Context())
	if err != nil {
		tb.Fatalf("wstest: %v", err)
	}
	return Wrap(tb, conn)
}

// DialTLS connects to addr and does the TLS handshake.
func DialTLS(tb testing.TB, addr string, cfg *tls.Config) *Peer {
	tb.Helper()
	return DialTCP(tb, addr).OverTLS(cfg)
}

// OverTLS does the client's TLS handshake on a connection that has carried
// nothing yet and returns the Peer inside. cfg names the server or skips the
// verification.
func (p *Peer) OverTLS(cfg *tls.Config) *Peer {
	p.tb.Helper()
	p.bound()
	conn := tls.Client(p.Conn, cfg)
	if err := conn.HandshakeContext(p.tb.Context()); err != nil {
		p.tb.Fatalf("wstest: TLS handshake: %v", err)
	}
	return Wrap(p.tb, conn)
}

// Open does the handshake for target on a connection that has carried nothing
// yet, and returns the connection after the 101. lines are added to the
// request.
func Open(p *Peer, target string, lines ...string) *Peer {
	p.tb.Helper()
	p.Upgrade(Upgrade(target).With(lines...))
	return p
}

// OpenDeflate is Open with an offer of permessage-deflate, such as
// "permessage-deflate; client_max_window_bits", which the server must take.
func OpenDeflate(p *Peer, target, offer string) *Peer {
	p.tb.Helper()
	Open(p, target, "Sec-WebSocket-Extensions: "+offer)
	if p.Agreement == nil {
		p.tb.Fatalf("wstest: the server declines %q", offer)
	}
	return p
}

// OpenMidMessage is Open, and then the first fragment of a text message has
// been sent.
func OpenMidMessage(p *Peer, target, first string) *Peer {
	p.tb.Helper()
	Open(p, target).Send(Text(first).Open())
	return p
}

// OpenClosing is Open, and then a close frame with 1000 has been sent and not
// yet been answered.
func OpenClosing(p *Peer, target string) *Peer {
	p.tb.Helper()
	Open(p, target).Send(Close(1000, ""))
	return p
}
