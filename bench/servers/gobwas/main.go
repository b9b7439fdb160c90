//go:build unix

// gobwas serves the two paths with github.com/gobwas/ws as its README does: a
// goroutine for each connection, wsutil.ReadClientData on the bare connection.
// A broadcast is one compiled frame written to everyone in turn. It has no
// permessage-deflate of its own accord.
package main

import (
	"log"
	"net"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/icsws/icsws/bench/internal/peer"
)

var (
	mu    sync.Mutex // guards conns
	conns = map[net.Conn]struct{}{}
)

func set(c net.Conn, in bool) {
	mu.Lock()
	defer mu.Unlock()
	if in {
		conns[c] = struct{}{}
	} else {
		delete(conns, c)
	}
}

func broadcast(op ws.OpCode, p []byte) error {
	frame, err := ws.CompileFrame(ws.NewFrame(op, true, p))
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	for c := range conns {
		_, _ = c.Write(frame)
	}
	return nil
}

func serve(c net.Conn) {
	defer c.Close()
	path := ""
	u := ws.Upgrader{OnRequest: func(uri []byte) error { path = string(uri); return nil }}
	if _, err := u.Upgrade(c); err != nil {
		return
	}
	if path == peer.Broadcast {
		set(c, true)
		defer set(c, false)
	}
	for {
		p, op, err := wsutil.ReadClientData(c)
		switch {
		case err != nil:
			return
		case path == peer.Broadcast:
			err = broadcast(op, p)
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
	l := o.Listen()
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(c)
	}
}
