package engine

import (
	"bufio"
	"net"
	"net/http"
	"testing"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/wstest"
)

// bare is a server that uses gws alone: what ours would be without the layers
// around it. It echoes unless a function is set.
type bare struct {
	gws.BuiltinEventHandler
	option  gws.ServerOption
	message func(c *gws.Conn, m *gws.Message)
}

func (b *bare) OnMessage(c *gws.Conn, m *gws.Message) {
	if b.message != nil {
		b.message(c, m)
		return
	}
	c.WriteMessage(m.Opcode, m.Bytes())
	m.Close()
}

// OnPing is not set here: that of gws is what is looked at.

// compressed is what bare needs to agree to permessage-deflate with takeover.
var compressed = gws.ServerOption{PermessageDeflate: gws.PermessageDeflate{Enabled: true, ServerContextTakeover: true, ClientContextTakeover: true}}

const offer = "permessage-deflate; client_max_window_bits"

// enter starts a connection in memory. extensions is the offer; empty for none.
func (b *bare) enter(tb testing.TB, extensions string) (*gws.Conn, *wstest.Peer) {
	tb.Helper()
	near, far := memnet.Pipe(0)
	return b.enterOn(tb, near, far, extensions)
}

func (b *bare) enterOn(tb testing.TB, near, far net.Conn, extensions string) (*gws.Conn, *wstest.Peer) {
	tb.Helper()
	if b.option.Logger == nil {
		b.option.Logger = quiet{}
	}
	p := wstest.Wrap(tb, near)
	request := wstest.Upgrade("/")
	if extensions != "" {
		request = request.With("Sec-WebSocket-Extensions: " + extensions)
	}
	opened := make(chan *gws.Conn, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		br := bufio.NewReader(far)
		r, err := http.ReadRequest(br)
		if err != nil {
			opened <- nil
			return
		}
		c, err := gws.NewUpgrader(b, &b.option).UpgradeFromConn(far, br, r)
		opened <- c
		if err == nil {
			c.ReadLoop()
		}
	}()
	tb.Cleanup(func() {
		near.Close()
		far.Close()
		<-done
	})
	p.Upgrade(request)
	c := <-opened
	if c == nil {
		tb.Fatal("gws refuses the handshake")
	}
	return c, p
}

// quiet keeps gws's log away.
type quiet struct{}

func (quiet) Error(...any) {}
