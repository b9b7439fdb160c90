//go:build unix

// gws serves the paths with raw github.com/lxzan/gws, the base of all ratios:
// as its README shows behind net/http (Upgrade, go ReadLoop), with its Broadcaster
// for the fan-out and WriteFile for the file. -own accepts with its own listener loop
// instead, which makes cheaper handshakes.
package main

import (
	"bufio"
	"flag"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
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

func newHub() *hub { return &hub{conns: map[*gws.Conn]struct{}{}} }

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

// game is the connections that get the ticks.
type game struct{ *hub }

func (game) OnMessage(_ *gws.Conn, m *gws.Message) { _ = m.Close() }

func (g game) tick(w *peer.TickWriter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		for range peer.TickMessages {
			if c.WriteMessage(gws.OpcodeText, w.Next()) != nil {
				break
			}
		}
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

// site is an upgrader for each path.
type site struct {
	options   peer.Options
	mu        sync.Mutex // guards upgraders, which only rooms are added to
	upgraders map[string]*gws.Upgrader
}

func newSite(o peer.Options) *site {
	large := options(o)
	large.ReadMaxPayloadSize = peer.MaxReceive
	g := game{newHub()}
	go peer.RunTicks(g.tick)
	return &site{options: o, upgraders: map[string]*gws.Upgrader{
		peer.Echo:      gws.NewUpgrader(echo{}, options(o)),
		peer.Broadcast: gws.NewUpgrader(newHub(), options(o)),
		peer.Tick:      gws.NewUpgrader(g, options(o)),
		peer.File:      gws.NewUpgrader(download{options: o}, options(o)),
		peer.Receive:   gws.NewUpgrader(upload{}, large),
	}}
}

// at is the upgrader of a path, nil where there is nothing.
func (s *site) at(path string) *gws.Upgrader {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.upgraders[path]
	if u == nil && strings.HasPrefix(path, peer.Room) {
		u = gws.NewUpgrader(newHub(), options(s.options))
		s.upgraders[path] = u
	}
	return u
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	if c, err := s.at(r.URL.Path).Upgrade(w, r); err == nil {
		go c.ReadLoop()
	}
}

func main() {
	o := peer.Parse()
	s := newSite(o)
	if *own {
		serveOwn(o, s)
	}
	o.Serve(peer.Handlers{
		Echo: s.serve, Broadcast: s.serve, Room: s.serve, Tick: s.serve, File: s.serve, Receive: s.serve,
	}.Mux())
}

func serveOwn(o peer.Options, site *site) {
	s := gws.NewServer(echo{}, options(o))
	s.OnError = func(net.Conn, error) {}
	s.OnRequest = func(conn net.Conn, br *bufio.Reader, r *http.Request) {
		u := site.at(r.URL.Path)
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
