//go:build unix

// coder serves the paths with github.com/coder/websocket: Read and Write for the
// echo and the ticks, Writer and Reader for large messages, its chat example's
// subscriber for /broadcast and the rooms (a channel, a writing goroutine, and who is
// too slow is closed).
package main

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/icsws/icsws/bench/internal/peer"
)

var accept = &websocket.AcceptOptions{InsecureSkipVerify: true} // any origin

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, accept)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(peer.MaxMessage)
	ctx := context.Background()
	for {
		kind, data, err := c.Read(ctx)
		if err != nil {
			return
		}
		if err := c.Write(ctx, kind, data); err != nil {
			return
		}
	}
}

// download returns a handler that sends the file for each message.
func download(o peer.Options) http.HandlerFunc {
	send := func(ctx context.Context, c *websocket.Conn) error {
		f, err := o.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		w, err := c.Writer(ctx, websocket.MessageBinary)
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
		return w.Close()
	}
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, accept)
		if err != nil {
			return
		}
		defer c.CloseNow()
		ctx := context.Background()
		for err == nil {
			if _, _, err = c.Read(ctx); err == nil {
				err = send(ctx, c)
			}
		}
	}
}

func upload(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, accept)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(peer.MaxReceive)
	ctx := context.Background()
	for {
		_, m, err := c.Reader(ctx)
		if err != nil {
			return
		}
		n, err := io.Copy(io.Discard, m)
		if err != nil {
			return
		}
		if err := c.Write(ctx, websocket.MessageText, strconv.AppendInt(nil, n, 10)); err != nil {
			return
		}
	}
}

type subscriber struct {
	conn     *websocket.Conn
	messages chan []byte
}

// writer ends with ctx or when a write fails.
func (s *subscriber) writer(ctx context.Context) {
	for {
		select {
		case m := <-s.messages:
			write, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := s.conn.Write(write, websocket.MessageText, m)
			cancel()
			if err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

type hub struct {
	mu   sync.Mutex // guards subs
	subs map[*subscriber]struct{}
}

func newHub() *hub { return &hub{subs: map[*subscriber]struct{}{}} }

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

func (h *hub) set(s *subscriber, in bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if in {
		h.subs[s] = struct{}{}
	} else {
		delete(h.subs, s)
	}
}

func (h *hub) publish(m []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		select {
		case s.messages <- m:
		default:
			go s.conn.Close(websocket.StatusPolicyViolation, "too slow")
		}
	}
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, accept)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(peer.MaxMessage)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &subscriber{c, make(chan []byte, 256)}
	h.set(s, true)
	defer h.set(s, false)
	go s.writer(ctx)
	for {
		_, data, err := c.Read(ctx)
		if err != nil {
			return
		}
		h.publish(data)
	}
}

// game is who gets the ticks.
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
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for c := range g.players {
		for range peer.TickMessages {
			if c.Write(ctx, websocket.MessageText, w.Next()) != nil {
				break
			}
		}
	}
}

func (g *game) serve(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, accept)
	if err != nil {
		return
	}
	defer c.CloseNow()
	g.set(c, true)
	defer g.set(c, false)
	for err == nil {
		_, _, err = c.Read(context.Background())
	}
}

func main() {
	o := peer.Parse()
	switch o.Compress {
	case peer.Message:
		accept.CompressionMode = websocket.CompressionNoContextTakeover
	case peer.Context:
		accept.CompressionMode = websocket.CompressionContextTakeover
	}
	accept.CompressionThreshold = o.Threshold
	r := &rooms{hubs: map[string]*hub{}}
	g := &game{players: map[*websocket.Conn]struct{}{}}
	go peer.RunTicks(g.tick)
	o.Serve(peer.Handlers{
		Echo: echo, Broadcast: newHub().serve, Room: r.serve, Tick: g.serve, File: download(o), Receive: upload,
	}.Mux())
}
