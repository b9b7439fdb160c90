//go:build unix

// gws serves the two paths with raw github.com/lxzan/gws, the base of all ratios:
// as its README shows behind net/http (Upgrade, go ReadLoop), with its Broadcaster
// for the fan-out. -own accepts with its own listener loop instead, which makes
// cheaper handshakes.
package main

import (
	"bufio"
	"flag"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/bench/internal/peer"
)

var own = flag.Bool("own", false, "accept with gws.Server instead of net/http")

type echo struct{ gws.BuiltinEventHandler }

func (echo) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteMessage(m.Opcode, m.Bytes())
}

type hub struct {
	gws.BuiltinEventHandler
	mu    sync.Mutex // guards conns
	conns map[*gws.Conn]struct{}
}

func (h *hub) OnOpen(c *gws.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns[c] = struct{}{}
}

func (h *hub) OnClose(c *gws.Conn, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
}

func (h *hub) OnMessage(_ *gws.Conn, m *gws.Message) {
	b := gws.NewBroadcaster(m.Opcode, m.Bytes())
	defer b.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		_ = b.Broadcast(c)
	}
}

func options(mode peer.Compression) *gws.ServerOption {
	o := &gws.ServerOption{}
	o.PermessageDeflate.Enabled = mode != peer.Off
	o.PermessageDeflate.ServerContextTakeover = mode == peer.Context
	o.PermessageDeflate.ClientContextTakeover = mode == peer.Context
	return o
}

func main() {
	o := peer.Parse()
	echoes := gws.NewUpgrader(echo{}, options(o.Compress))
	hubs := gws.NewUpgrader(&hub{conns: map[*gws.Conn]struct{}{}}, options(o.Compress))
	if *own {
		serveOwn(o, echoes, hubs)
	}
	handler := func(u *gws.Upgrader) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if c, err := u.Upgrade(w, r); err == nil {
				go c.ReadLoop()
			}
		}
	}
	o.Serve(peer.Mux(handler(echoes), handler(hubs)))
}

func serveOwn(o peer.Options, echoes, hubs *gws.Upgrader) {
	s := gws.NewServer(echo{}, options(o.Compress))
	s.OnError = func(net.Conn, error) {}
	s.OnRequest = func(conn net.Conn, br *bufio.Reader, r *http.Request) {
		u := echoes
		if r.URL.Path == peer.Broadcast {
			u = hubs
		}
		if c, err := u.UpgradeFromConn(conn, br, r); err == nil {
			c.ReadLoop()
		}
	}
	log.Fatal(s.RunListener(o.Listen()))
}
