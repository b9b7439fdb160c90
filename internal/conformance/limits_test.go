package conformance

import (
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

func TestImpossibleLengthsAreRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, tt := range []struct {
			declared uint64
			code     int
		}{
			{1<<64 - 1, 1002}, // the top bit must be clear (RFC 6455 section 5.2)
			{1 << 63, 1002},
			{1<<63 - 1, 1009},
			{1 << 32, 1009},
			{1 << 31, 1009},
			{limit + 1, 1009},
		} {
			for _, f := range []Frame{{Op: OpText}, {Op: OpBinary}, {Op: OpBinary, More: true}} {
				p := m.open(t)
				p.SendHeader(f, tt.declared)
				refuses(p, tt.code)
			}
			p := m.open(t)
			p.Send(Text("x").Open())
			p.SendHeader(Frame{Op: OpContinuation}, tt.declared)
			refuses(p, tt.code)
		}
		for _, n := range []uint64{126, 1 << 16, 1<<64 - 1} {
			p := m.open(t)
			p.SendHeader(Frame{Op: OpPing}, n)
			refuses(p, 1002)
		}
	})
}

func TestMessageOverTheLimitIsRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		data := noise(limit+1, 1)
		for _, frames := range [][]Frame{
			{Binary(data)},
			Binary(data).Split(limit),
			Binary(data).Split(limit/2, limit/4),
			Binary(data).Split(limit, 0, 0),
		} {
			p := m.open(t)
			sent := make(chan struct{})
			wire := p.Encode(frames...)
			go func() { // the server may end the connection before it has all
				defer close(sent)
				p.TryWrite(wire)
			}()
			refuses(p, 1009)
			p.Conn.Close()
			<-sent
		}
	})
}

func TestMessageAtTheLimitComesBack(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		data := noise(limit, 1)
		p.Send(Binary(data).Split(0, limit/3, limit/3, 0)...)
		p.WantMessage(OpBinary, data)
		p.Send(Binary(data).Split(limit)...)
		p.WantMessage(OpBinary, data)
		alive(p)
	})
}

func TestCompressedMessageOverTheLimitIsRefused(t *testing.T) {
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		for _, n := range []int{limit + 1, 2 * limit, 16 * limit} {
			bomb := zeros(n)
			for _, frames := range [][]Frame{{bomb}, bomb.Split(1, len(bomb.Payload)-2)} {
				p := m.open(t)
				p.Send(frames...)
				refuses(p, 1009)
			}
		}
	})
}

func TestCompressedMessageAtTheLimitComesBack(t *testing.T) {
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		p := m.open(t)
		p.Send(zeros(limit))
		p.WantMessage(OpBinary, make([]byte, limit))
		alive(p)

		p = m.open(t) // larger on the wire than inflated
		var b BlockWriter
		data := noise(limit, 1)
		for rest := data; len(rest) > 0; rest = rest[min(len(rest), 60_000):] {
			b.Stored(rest[:min(len(rest), 60_000)])
		}
		p.Send(Frame{Op: OpBinary, RSV: RSV1, Payload: b.Payload()})
		p.WantMessage(OpBinary, data)
		alive(p)
	})
}

// zeros is a compressed message of n zero bytes that refers to nothing before
// it. It is as small as such a message can be.
func zeros(n int) Frame {
	var b BlockWriter
	b.Literal(0)
	for n--; n > 0; {
		k := min(n, 258)
		if k < 3 {
			b.Literal(make([]byte, k)...)
		} else {
			b.Match(k, 1)
		}
		n -= k
	}
	return Frame{Op: OpBinary, RSV: RSV1, Payload: b.Payload()}
}

// TestDeclaredLengthsCostNothing: 300 clients declare 16 MiB each, which is
// legal here, and send nothing of it.
func TestDeclaredLengthsCostNothing(t *testing.T) {
	t.Parallel()
	const clients, declared = 300, 16 << 20
	var peers []*Peer
	for range clients {
		peers = append(peers, Open(large.dial(t), "/"))
	}
	before := large.server(t).virtualMemory(t)
	for _, p := range peers {
		p.SendHeader(Frame{Op: OpBinary}, declared)
		p.Write(make([]byte, 100))
	}
	alive(Open(large.dial(t), "/"))
	if grown := large.server(t).virtualMemory(t) - before; grown > clients*declared/8 {
		t.Errorf("%d clients that declare %d MiB make the server grow by %d MiB", clients, declared>>20, grown>>20)
	}
}

func TestLargeMessageComesBack(t *testing.T) {
	t.Parallel()
	p := Open(large.dial(t), "/")
	data := noise(16<<20, 1)
	for _, f := range [][]Frame{{Binary(data)}, Binary(data).Split(100, 10<<20)} {
		sent := make(chan error)
		wire := p.Encode(f...)
		go func() { sent <- p.TryWrite(wire) }()
		p.WantMessage(OpBinary, data)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
}
