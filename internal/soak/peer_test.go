package soak

import (
	"bufio"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/internal/wstest"
)

// peer is a client that keeps the rules. One goroutine reads, any may write.
type peer struct {
	inbox
	conn net.Conn     // perhaps TLS
	tcp  *net.TCPConn // below it
	left atomic.Bool  // our close frame is out

	mu   sync.Mutex // guards the following, and is held for a whole message
	keys *rand.Rand
	zip  *wstest.Deflater // nil without permessage-deflate
	buf  []byte
}

const offered = "permessage-deflate; client_max_window_bits"

// visit connects to a house, perhaps over TLS, and does the handshake.
func (h *house) visit(target, offer string, secure bool) (*peer, error) {
	if secure {
		return visit(h.secure, target, offer, h.trust)
	}
	return visit(h.plain, target, offer, nil)
}

func visit(addr, target, offer string, trust *tls.Config) (*peer, error) {
	tcp, err := dial(addr)
	if err != nil {
		return nil, err
	}
	p := &peer{conn: tcp, tcp: tcp, keys: source(uint64(lane.Load()))}
	if trust != nil {
		p.conn = tls.Client(tcp, trust)
	}
	if err := p.open(target, offer); err != nil {
		reset(tcp)
		return nil, err
	}
	return p, nil
}

func (p *peer) open(target, offer string) error {
	if _, err := p.conn.Write(request(target, offer)); err != nil {
		return err
	}
	p.br = bufio.NewReaderSize(p.conn, 4<<10)
	agreed, err := upgraded(p.br)
	if err != nil {
		return err
	}
	if agreed != nil {
		p.zip = wstest.NewDeflater(agreed.ClientWindow(), !agreed.ClientNoTakeover)
		p.inflate = wstest.NewInflater(agreed.ServerWindow(), !agreed.ServerNoTakeover)
	}
	return nil
}

// receive is inbox.next with the manners of a client: pings and the close frame are
// answered.
func (p *peer) receive() (op byte, data []byte, err error) {
	for {
		_ = p.conn.SetDeadline(time.Now().Add(patience))
		op, data, err := p.next()
		switch {
		case err != nil:
			return 0, nil, err
		case op == opPing:
			_ = p.control(opPong, data)
		case op == opPong:
		case op == opClose:
			if !p.left.Load() {
				_ = p.control(opClose, data)
			}
			return op, data, nil
		default:
			return op, data, nil
		}
	}
}

// control sends a control frame.
func (p *peer) control(op byte, payload []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writeLocked(appendFrame(p.buf[:0], fin|op, p.keys.Uint32(), payload))
}

// leave begins the closing handshake.
func (p *peer) leave() {
	p.left.Store(true)
	_ = p.control(opClose, []byte{1000 >> 8, 1000 & 0xff})
}

// send sends a message, compressed where that is agreed.
func (p *peer) send(op byte, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writeLocked(p.messageLocked(op, data))
}

// messageLocked is a message as one frame.
func (p *peer) messageLocked(op byte, data []byte) []byte {
	if p.zip != nil {
		op, data = op|rsv1, p.zip.Deflate(data)
	}
	return appendFrame(p.buf[:0], fin|op, p.keys.Uint32(), data)
}

// sendHalting sends a message with a pause somewhere inside of its frame.
func (p *peer) sendHalting(op byte, data []byte, pause time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.messageLocked(op, data)
	n := p.keys.IntN(len(b))
	if err := p.writeLocked(b[:n]); err != nil {
		return err
	}
	time.Sleep(pause)
	return p.writeLocked(b[n:])
}

// sendPieces sends a message in fragments of at most n bytes, with a ping between two
// of them.
func (p *peer) sendPieces(op byte, data []byte, n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(data) > n {
		b := appendFrame(p.buf[:0], op, p.keys.Uint32(), data[:n])
		if op != opContinuation {
			b = appendFrame(b, fin|opPing, p.keys.Uint32(), data[:min(n, 8)])
		}
		if err := p.writeLocked(b); err != nil {
			return err
		}
		op, data = opContinuation, data[n:]
	}
	return p.writeLocked(appendFrame(p.buf[:0], fin|op, p.keys.Uint32(), data))
}

func (p *peer) writeLocked(b []byte) error {
	if cap(b) < 64<<10 {
		p.buf = b
	}
	_, err := p.conn.Write(b)
	return err
}

// drop resets the connection.
func (p *peer) drop() { reset(p.tcp) }
