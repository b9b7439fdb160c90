package clients

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/lxzan/gws"
)

// talker is an open connection of a client.
type talker interface {
	// rounds sends p, so many at a time, until n have come back.
	rounds(n, depth int, p []byte) error
	// wait reads on a goroutine of its own, if the library leaves that to its user.
	wait()
	end()
}

var errLost = errors.New("the connection is lost")

// kinds are the clients: ours, and its peers.
var kinds = []struct {
	name string
	open func(tb testing.TB, url string) talker
}{{"icsws", openDial}, {"gorilla", openGorilla}, {"coder", openCoder}, {"gws", openGWS}}

// count is what those share that call a function for each message.
type count struct {
	left, toSend atomic.Int64
	done         chan error
}

func (c *count) rounds(n, depth int, send func() error) error {
	c.left.Store(int64(n))
	c.toSend.Store(int64(n - depth))
	for range depth {
		if err := send(); err != nil {
			return err
		}
	}
	return <-c.done
}

func (c *count) came(send func() error) {
	if c.toSend.Add(-1) >= 0 {
		_ = send()
	}
	if c.left.Add(-1) == 0 {
		c.done <- nil
	}
}

type dialTalker struct {
	count
	conn *dial.Conn
	p    []byte
}

func openDial(tb testing.TB, url string) talker {
	t := &dialTalker{count: count{done: make(chan error, 1)}}
	t.conn = dial.New(dial.Options{URL: url, Proxy: dial.NoProxy, NoReconnect: true, Logger: slog.New(slog.DiscardHandler)}, dial.Handler{
		OnMessage: func(*dial.Conn, client.Message) error { t.came(t.send); return nil },
		OnClose:   func(*dial.Conn, client.CloseInfo) { t.done <- errLost },
	})
	if _, err := t.conn.Connect(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return t
}

func (t *dialTalker) send() error { return t.conn.SendBinary(t.p) }
func (t *dialTalker) wait()       {}
func (t *dialTalker) end()        { _ = t.conn.Stop(context.Background(), 0, "") }

func (t *dialTalker) rounds(n, depth int, p []byte) error {
	t.p = p
	return t.count.rounds(n, depth, t.send)
}

type gorillaTalker struct {
	*gorilla.Conn
	waits chan struct{}
}

func openGorilla(tb testing.TB, url string) talker {
	c, _, err := gorilla.DefaultDialer.Dial(url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &gorillaTalker{Conn: c}
}

func (t *gorillaTalker) rounds(n, depth int, p []byte) error {
	for i := range n + depth {
		if i >= depth {
			if _, _, err := t.ReadMessage(); err != nil {
				return err
			}
		}
		if i < n {
			if err := t.WriteMessage(gorilla.BinaryMessage, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *gorillaTalker) wait() {
	t.waits = make(chan struct{})
	go func() { defer close(t.waits); _, _, _ = t.ReadMessage() }()
}

func (t *gorillaTalker) end() {
	_ = t.Close()
	if t.waits != nil {
		<-t.waits
	}
}

type coderTalker struct {
	*coder.Conn
	waits chan struct{}
}

func openCoder(tb testing.TB, url string) talker {
	c, _, err := coder.Dial(tb.Context(), url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &coderTalker{Conn: c}
}

func (t *coderTalker) rounds(n, depth int, p []byte) error {
	ctx := context.Background()
	for i := range n + depth {
		if i >= depth {
			if _, _, err := t.Read(ctx); err != nil {
				return err
			}
		}
		if i < n {
			if err := t.Write(ctx, coder.MessageBinary, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *coderTalker) wait() {
	t.waits = make(chan struct{})
	go func() { defer close(t.waits); _, _, _ = t.Read(context.Background()) }()
}

func (t *coderTalker) end() {
	_ = t.CloseNow()
	if t.waits != nil {
		<-t.waits
	}
}

type gwsTalker struct {
	gws.BuiltinEventHandler
	count
	conn  *gws.Conn
	p     []byte
	ended chan struct{}
}

func openGWS(tb testing.TB, url string) talker {
	t := &gwsTalker{count: count{done: make(chan error, 1)}, ended: make(chan struct{})}
	var err error
	if t.conn, _, err = gws.NewClient(t, &gws.ClientOption{Addr: url}); err != nil {
		tb.Fatal(err)
	}
	go func() { defer close(t.ended); t.conn.ReadLoop() }()
	return t
}

func (t *gwsTalker) OnMessage(_ *gws.Conn, m *gws.Message) {
	_ = m.Close()
	t.came(t.send)
}

func (t *gwsTalker) send() error { return t.conn.WriteMessage(gws.OpcodeBinary, t.p) }
func (t *gwsTalker) wait()       {}
func (t *gwsTalker) end()        { _ = t.conn.NetConn().Close(); <-t.ended }

func (t *gwsTalker) rounds(n, depth int, p []byte) error {
	t.p = p
	return t.count.rounds(n, depth, t.send)
}
