//go:build unix

// coder serves the paths with github.com/coder/websocket: Read and Write for the
// echo, Writer and Reader for large messages, its chat example's subscriber for
// /broadcast (a channel, a writing goroutine, and who is too slow is closed).
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

func main() {
	o := peer.Parse()
	switch o.Compress {
	case peer.Message:
		accept.CompressionMode = websocket.CompressionNoContextTakeover
	case peer.Context:
		accept.CompressionMode = websocket.CompressionContextTakeover
	}
	accept.CompressionThreshold = o.Threshold
	h := &hub{subs: map[*subscriber]struct{}{}}
	o.Serve(peer.Handlers{Echo: echo, Broadcast: h.serve, File: download(o), Receive: upload}.Mux())
}
