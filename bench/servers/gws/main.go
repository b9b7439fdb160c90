//go:build unix

// gws serves the paths with raw github.com/lxzan/gws, the base of all ratios:
// as its README shows behind net/http (Upgrade, go ReadLoop), with its Broadcaster
// for the fan-out and WriteFile for the file. -own accepts with its own listener loop instead, which makes
// cheaper handshakes.
package main

import (
	"bufio"
	"flag"
	"log"
	"net"
	"net/http"
	"strconv"
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

type download struct {
	gws.BuiltinEventHandler
	options peer.Options
}

func (d download) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	f, err := d.options.Open()
	if err != nil {
		log.Print(err)
		return
	}
	defer f.Close()
	_ = c.WriteFile(gws.OpcodeBinary, f)
}

// upload has every message in memory as a whole; the library has nothing else.
type upload struct{ gws.BuiltinEventHandler }

func (upload) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteString(strconv.Itoa(len(m.Bytes())))
}

func options(o peer.Options) *gws.ServerOption {
	s := &gws.ServerOption{}
	s.PermessageDeflate.Enabled = o.Compress != peer.Off
	s.PermessageDeflate.ServerContextTakeover = o.Compress == peer.Context
	s.PermessageDeflate.ClientContextTakeover = o.Compress == peer.Context
	s.PermessageDeflate.Threshold = o.Threshold
	return s
}

func main() {
	o := peer.Parse()
	large := options(o)
	large.ReadMaxPayloadSize = peer.MaxReceive
	upgraders := map[string]*gws.Upgrader{
		peer.Echo:      gws.NewUpgrader(echo{}, options(o)),
		peer.Broadcast: gws.NewUpgrader(&hub{conns: map[*gws.Conn]struct{}{}}, options(o)),
		peer.File:      gws.NewUpgrader(download{options: o}, options(o)),
		peer.Receive:   gws.NewUpgrader(upload{}, large),
	}
	if *own {
		serveOwn(o, upgraders)
	}
	handler := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if c, err := upgraders[path].Upgrade(w, r); err == nil {
				go c.ReadLoop()
			}
		}
	}
	o.Serve(peer.Handlers{
		Echo: handler(peer.Echo), Broadcast: handler(peer.Broadcast),
		File: handler(peer.File), Receive: handler(peer.Receive),
	}.Mux())
}

func serveOwn(o peer.Options, upgraders map[string]*gws.Upgrader) {
	s := gws.NewServer(echo{}, options(o))
	s.OnError = func(net.Conn, error) {}
	s.OnRequest = func(conn net.Conn, br *bufio.Reader, r *http.Request) {
		u := upgraders[r.URL.Path]
		if u == nil {
			_ = conn.Close()
			return
		}
		if c, err := u.UpgradeFromConn(conn, br, r); err == nil {
			c.ReadLoop()
		}
	}
	log.Fatal(s.RunListener(o.Listen()))
}
