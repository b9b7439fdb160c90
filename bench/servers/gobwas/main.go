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

func serve(c net.Conn, o peer.Options) {
	defer c.Close()
	path := ""
	u := ws.Upgrader{OnRequest: func(uri []byte) error { path = string(uri); return nil }}
	if _, err := u.Upgrade(c); err != nil {
		return
	}
	switch path {
	case peer.Broadcast:
		set(c, true)
		defer set(c, false)
	case peer.File:
		_ = download(c, o)
		return
	case peer.Receive:
		_ = upload(c)
		return
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
		go serve(c, o)
	}
}
