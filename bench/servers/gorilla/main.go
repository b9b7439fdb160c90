//go:build unix

// gorilla serves the paths with github.com/gorilla/websocket as its chat example
// does: a reading goroutine for each connection and, on /broadcast and in the rooms, one
// that writes what comes through a channel of 256, each in at most 10 s; a connection
// whose channel is full is dropped. Broadcasts are prepared messages. The ticks are
// written by their own goroutine. Large messages go through NextWriter and NextReader.
// It has no context takeover.
package main

import (
	"io"
	"log"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/icsws/icsws/bench/internal/peer"
)

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetReadLimit(peer.MaxMessage)
	for {
		kind, data, err := c.ReadMessage()
		if err != nil {
			return
		}
		if err := c.WriteMessage(kind, data); err != nil {
			return
		}
	}
}

// download returns a handler that sends the file for each message.
func download(o peer.Options) http.HandlerFunc {
	send := func(c *websocket.Conn) error {
		f, err := o.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		w, err := c.NextWriter(websocket.BinaryMessage)
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
		return w.Close()
	}
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for err == nil {
			if _, _, err = c.ReadMessage(); err == nil {
				err = send(c)
			}
		}
	}
}

func upload(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetReadLimit(peer.MaxReceive)
	for {
		_, m, err := c.NextReader()
		if err != nil {
			return
		}
		n, err := io.Copy(io.Discard, m)
		if err != nil {
			return
		}
		if err := c.WriteMessage(websocket.TextMessage, strconv.AppendInt(nil, n, 10)); err != nil {
			return
		}
	}
}

// writeWait is how long a broadcast may take to one member.
const writeWait = 10 * time.Second

type member struct {
	conn *websocket.Conn
	send chan *websocket.PreparedMessage // closed by the hub
}

// writer ends when the hub has closed send or a write fails.
func (m *member) writer() {
	defer m.conn.Close()
	for p := range m.send {
		_ = m.conn.SetWriteDeadline(time.Now().Add(writeWait))
		if m.conn.WritePreparedMessage(p) != nil {
			return
		}
	}
}

type hub struct {
	mu      sync.Mutex // guards members and closing their channels
	members map[*member]struct{}
}

func newHub() *hub { return &hub{members: map[*member]struct{}{}} }

// rooms are a hub for each path.
type rooms struct {
	mu   sync.Mutex // guards hubs
	hubs map[string]*hub
}

func (r *rooms) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	h := r.hubs[req.URL.Path]
	if h == nil {
		h = newHub()
		r.hubs[req.URL.Path] = h
	}
	r.mu.Unlock()
	h.serve(w, req)
}

func (h *hub) join(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members[m] = struct{}{}
}

func (h *hub) leave(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLocked(m)
}

func (h *hub) dropLocked(m *member) {
	if _, in := h.members[m]; in {
		delete(h.members, m)
		close(m.send)
	}
}

func (h *hub) broadcast(p *websocket.PreparedMessage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m := range h.members {
		select {
		case m.send <- p:
		default:
			h.dropLocked(m)
		}
	}
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c.SetReadLimit(peer.MaxMessage)
	m := &member{c, make(chan *websocket.PreparedMessage, 256)}
	h.join(m)
	defer h.leave(m)
	go m.writer()
	for {
		kind, data, err := c.ReadMessage()
		if err != nil {
			return
		}
		p, err := websocket.NewPreparedMessage(kind, data)
		if err != nil {
			return
		}
		h.broadcast(p)
	}
}

// game is who gets the ticks. Its one goroutine is the only writer.
type game struct {
	mu      sync.Mutex // guards players
	players map[*websocket.Conn]struct{}
}

func (g *game) set(c *websocket.Conn, in bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if in {
		g.players[c] = struct{}{}
	} else {
		delete(g.players, c)
	}
}

func (g *game) tick(w *peer.TickWriter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	deadline := time.Now().Add(writeWait)
	for c := range g.players {
		_ = c.SetWriteDeadline(deadline)
		for range peer.TickMessages {
			if c.WriteMessage(websocket.TextMessage, w.Next()) != nil {
				break
			}
		}
	}
}

func (g *game) serve(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	g.set(c, true)
	defer g.set(c, false)
	for err == nil {
		_, _, err = c.ReadMessage()
	}
}

func main() {
	o := peer.Parse()
	if o.Compress == peer.Context {
		log.Fatal("gorilla/websocket has no context takeover")
	}
	upgrader.EnableCompression = o.Compress == peer.Message
	r := &rooms{hubs: map[string]*hub{}}
	g := &game{players: map[*websocket.Conn]struct{}{}}
	go peer.RunTicks(g.tick)
	o.Serve(peer.Handlers{
		Echo: echo, Broadcast: newHub().serve, Room: r.serve, Tick: g.serve, File: download(o), Receive: upload,
	}.Mux())
}
