package conformance

import (
	"math/rand/v2"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

// mode is a way to be connected: a variant of the server and what was agreed on.
type mode struct {
	name  string
	on    *variant
	offer string // of compression; empty for none
}

// open does the handshake. Compression that is offered must be agreed on.
func (m mode) open(tb testing.TB) *Peer {
	tb.Helper()
	if m.offer == "" {
		return Open(m.on.dial(tb), "/")
	}
	return OpenDeflate(m.on.dial(tb), "/", m.offer)
}

// The modes. What does not depend on compression must be right in all of them.
var (
	modes = []mode{
		{"compression off", plain, ""},
		{"compression not offered", context, ""},
		{"compression per message", perMessage, "permessage-deflate"},
		{"compression with context", context, "permessage-deflate; client_max_window_bits"},
	}
	deflateModes = modes[2:]
)

// inEachMode runs a test in all modes.
func inEachMode(t *testing.T, test func(t *testing.T, m mode)) {
	t.Helper()
	inModes(t, modes, test)
}

func inModes(t *testing.T, modes []mode, test func(t *testing.T, m mode)) {
	t.Helper()
	t.Parallel()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

// refuses makes sure that the server answers what was sent last with this close
// code and then ends the connection. Like most clients we answer the close frame;
// TestRefusedConnectionsEndWithoutAnAnswer does not.
func refuses(p *Peer, code int) {
	p.WantClose(code)
	p.TryWrite(p.Encode(Close(code, ""))) // may come too late
	p.WantEnd()
}

// alive makes sure that the connection still works and nothing else is under
// way.
func alive(p *Peer) {
	p.WantSilence()
	p.Send(Text("alive"))
	p.WantText("alive")
}

// words is n bytes of text that compresses well. Equal seeds give equal text.
func words(n int, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	list := []string{"client", "class", "frame", "message", "binding", "host", "banner", "close", "\n", "12345"}
	p := make([]byte, 0, n+8)
	for len(p) < n {
		p = append(append(p, list[rnd.IntN(len(list))]...), ' ')
	}
	return p[:n]
}

// noise is n bytes that do not compress. Equal seeds give equal bytes.
func noise(n int, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 2))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
}
