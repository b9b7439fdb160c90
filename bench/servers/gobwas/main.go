//go:build unix

// gobwas serves the paths with github.com/gobwas/ws as its README does: a goroutine
// for each connection, wsutil.ReadClientData on the bare connection. A broadcast is
// one compiled frame written to everyone in turn; who does not read holds it up.
// Large messages go through wsutil.Writer and wsutil.Reader. It has no
// permessage-deflate of its own accord.
package main

import (
	"io"
	"log"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/icsws/icsws/bench/internal/peer"
)

// hub is the connections at one path.
type hub struct {
	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

func (h *hub) set(c net.Conn, in bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if in {
		h.conns[c] = struct{}{}
	} else {
		delete(h.conns, c)
	}
}

func (h *hub) broadcast(op ws.OpCode, p []byte) error {
	frame, err := ws.CompileFrame(ws.NewFrame(op, true, p))
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		_, _ = c.Write(frame)
	}
	return nil
}

// tick writes to everyone; who does not take it in time is left behind.
func (h *hub) tick(w *peer.TickWriter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	deadline := time.Now().Add(5 * time.Second)
	for c := range h.conns {
		_ = c.SetWriteDeadline(deadline)
		for range peer.TickMessages {
			if wsutil.WriteServerText(c, w.Next()) != nil {
				break
			}
		}
	}
}

// hubs are those of all paths.
type hubs struct {
	mu   sync.Mutex // guards path
	path map[string]*hub
}

func (h *hubs) at(path string) *hub {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.path[path] == nil {
		h.path[path] = &hub{conns: map[net.Conn]struct{}{}}
	}
	return h.path[path]
}

// download sends the file for each message.
func download(c net.Conn, o peer.Options) error {
	for {
		if _, _, err := wsutil.ReadClientData(c); err != nil {
			return err
		}
		f, err := o.Open()
		if err != nil {
			return err
		}
		w := wsutil.NewWriter(c, ws.StateServerSide, ws.OpBinary)
		_, err = io.Copy(w, f)
		_ = f.Close()
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			return err
		}
	}
}

func upload(c net.Conn) error {
	for {
		_, m, err := wsutil.NextReader(c, ws.StateServerSide)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, m)
		if err != nil {
			return err
		}
		if err := wsutil.WriteServerText(c, strconv.AppendInt(nil, n, 10)); err != nil {
			return err
		}
	}
}

func serve(c net.Conn, o peer.Options, all *hubs) {
	defer c.Close()
	path := ""
	u := ws.Upgrader{OnRequest: func(uri []byte) error { path = string(uri); return nil }}
	if _, err := u.Upgrade(c); err != nil {
		return
	}
	var h *hub // nil where a message goes back to its sender
	switch {
	case path == peer.Broadcast, path == peer.Tick, strings.HasPrefix(path, peer.Room):
		h = all.at(path)
		h.set(c, true)
		defer h.set(c, false)
	case path == peer.File:
		_ = download(c, o)
		return
	case path == peer.Receive:
		_ = upload(c)
		return
	}
	for {
		p, op, err := wsutil.ReadClientData(c)
		switch {
		case err != nil:
			return
		case h != nil:
			err = h.broadcast(op, p)
		default:
			err = wsutil.WriteServerMessage(c, op, p)
		}
		if err != nil {
			return
		}
	}
}

func main() {
	o := peer.Parse()
	if o.Compress != peer.Off {
		log.Fatal("gobwas/ws is measured without compression")
	}
	all := &hubs{path: map[string]*hub{}}
	go peer.RunTicks(all.at(peer.Tick).tick)
	l := o.Listen()
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(c, o, all)
	}
}
