package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"
)

// sockets are the connections of a server, which its library has taken over.
type sockets struct {
	mu   sync.Mutex // guards all
	list []net.Conn
}

func (s *sockets) add(ctx context.Context, c net.Conn) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, c)
	return ctx
}

// reset ends them as the end of a process does.
func (s *sockets) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.list {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
}

// handled serves a handler until the end of the test, or kill.
func handled(t *testing.T, s setup, closed chan closing, h http.HandlerFunc) *running {
	t.Helper()
	l, err := net.Listen("tcp", joinPort("127.0.0.1", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	var open sockets
	var busy sync.WaitGroup
	server := &http.Server{ConnContext: open.add, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy.Add(1)
		defer busy.Done()
		h(w, r)
	})}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(l) }()
	kill := func() { _ = server.Close(); <-ended; open.reset(); busy.Wait() }
	t.Cleanup(kill)
	return &running{addr: l.Addr().String(), closed: closed, kill: kill}
}

// commander is a connection of a server.
type commander interface {
	send(text string)
	fragments(size int, text string)
	ping(payload string)
	close(code int, reason string)
	protocol() string
}

// obey does what a text asks for; it reports false if that is for the echo.
func obey(c commander, r *http.Request, text string) bool {
	if !strings.HasPrefix(text, "!") {
		return false
	}
	words := append(strings.SplitN(text[1:], " ", 3), "", "")
	n, _ := strconv.Atoi(words[1])
	switch words[0] {
	case "fragments":
		c.fragments(n, words[2])
	case "ping":
		c.ping(words[1])
	case "close":
		c.close(n, words[2])
	case "headers":
		lower := map[string]string{"host": r.Host}
		for name, values := range r.Header {
			lower[strings.ToLower(name)] = strings.Join(values, ", ")
		}
		b, _ := json.Marshal(lower)
		c.send(string(b))
	case "protocol":
		c.send(c.protocol())
	}
	return true
}

type gorillaConn struct{ *gorilla.Conn }

func (c gorillaConn) send(text string) { _ = c.WriteMessage(gorilla.TextMessage, []byte(text)) }

// fragments are as large as the library's buffer.
func (c gorillaConn) fragments(_ int, text string) {
	if w, err := c.NextWriter(gorilla.TextMessage); err == nil {
		_, _ = w.Write([]byte(text))
		_ = w.Close()
	}
}

func (c gorillaConn) ping(payload string) {
	_ = c.WriteControl(gorilla.PingMessage, []byte(payload), time.Now().Add(time.Second))
}

func (c gorillaConn) close(code int, reason string) {
	_ = c.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
}

func (c gorillaConn) protocol() string { return c.Subprotocol() }

func gorillaServer(t *testing.T, s setup) *running {
	closed := make(chan closing, 64)
	up := gorilla.Upgrader{
		EnableCompression: s.Deflate != nil, Subprotocols: []string{"chat.v2"}, WriteBufferSize: 256,
		CheckOrigin: func(*http.Request) bool { return true },
	}
	return handled(t, s, closed, func(w http.ResponseWriter, r *http.Request) {
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		c := gorillaConn{conn}
		conn.SetPongHandler(func(payload string) error { c.send("pong " + payload); return nil })
		for {
			kind, p, err := conn.ReadMessage()
			if err != nil {
				if e := (*gorilla.CloseError)(nil); errors.As(err, &e) {
					closed <- closing{e.Code, e.Text}
				}
				return
			}
			if kind == gorilla.BinaryMessage || !obey(c, r, string(p)) {
				_ = conn.WriteMessage(kind, p)
			}
		}
	})
}

type coderConn struct {
	*coder.Conn
	closed chan closing
}

func (c coderConn) send(text string) {
	_ = c.Write(context.Background(), coder.MessageText, []byte(text))
}

// fragments are one for each Write.
func (c coderConn) fragments(size int, text string) {
	w, err := c.Writer(context.Background(), coder.MessageText)
	if err != nil {
		return
	}
	for len(text) > 0 {
		n := min(size, len(text))
		_, _ = w.Write([]byte(text[:n]))
		text = text[n:]
	}
	_ = w.Close()
}

// ping has a payload of the library's own.
func (c coderConn) ping(payload string) {
	go func() {
		if c.Ping(context.Background()) == nil {
			c.send("pong " + payload)
		}
	}()
}

func (c coderConn) close(code int, reason string) {
	if c.Close(coder.StatusCode(code), reason) == nil {
		c.closed <- closing{code, reason}
	}
}

func (c coderConn) protocol() string { return c.Subprotocol() }

func coderServer(t *testing.T, s setup) *running {
	closed := make(chan closing, 64)
	o := &coder.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{"chat.v2"}}
	if s.Deflate != nil {
		o.CompressionMode, o.CompressionThreshold = coder.CompressionContextTakeover, 1
	}
	return handled(t, s, closed, func(w http.ResponseWriter, r *http.Request) {
		conn, err := coder.Accept(w, r, o)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(64 << 20)
		c := coderConn{conn, closed}
		for {
			kind, p, err := conn.Read(context.Background())
			if err != nil {
				if e := (coder.CloseError{}); errors.As(err, &e) {
					closed <- closing{int(e.Code), e.Reason}
				}
				return
			}
			if kind == coder.MessageBinary || !obey(c, r, string(p)) {
				_ = conn.Write(context.Background(), kind, p)
			}
		}
	})
}

// gwsEvents are those of one connection.
type gwsEvents struct {
	gws.BuiltinEventHandler
	r      *http.Request
	closed chan closing
}

type gwsConn struct {
	*gws.Conn
	closed chan closing
}

func (c gwsConn) send(text string) { _ = c.WriteString(text) }

// fragments are of 128 KiB.
func (c gwsConn) fragments(_ int, text string) {
	_ = c.WriteFile(gws.OpcodeText, strings.NewReader(text))
}

func (c gwsConn) ping(payload string) { _ = c.WritePing([]byte(payload)) }

// close does not wait for the answer.
func (c gwsConn) close(code int, reason string) {
	if c.WriteClose(uint16(code), []byte(reason)) == nil {
		c.closed <- closing{code, reason}
	}
}

func (c gwsConn) protocol() string { return c.SubProtocol() }

func (e gwsEvents) OnPing(c *gws.Conn, payload []byte) { _ = c.WritePong(payload) }

func (e gwsEvents) OnPong(c *gws.Conn, payload []byte) {
	_ = c.WriteString("pong " + string(payload))
}

func (e gwsEvents) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	if m.Opcode == gws.OpcodeBinary || !obey(gwsConn{c, e.closed}, e.r, m.Data.String()) {
		_ = c.WriteMessage(m.Opcode, bytes.Clone(m.Bytes()))
	}
}

func (e gwsEvents) OnClose(_ *gws.Conn, err error) {
	if ce := (*gws.CloseError)(nil); errors.As(err, &ce) {
		e.closed <- closing{int(ce.Code), string(ce.Reason)}
	}
}

func gwsServer(t *testing.T, s setup) *running {
	closed := make(chan closing, 64)
	o := &gws.ServerOption{SubProtocols: []string{"chat.v2"}, ReadMaxPayloadSize: 64 << 20, CheckUtf8Enabled: true}
	if s.Deflate != nil {
		o.PermessageDeflate = gws.PermessageDeflate{
			Enabled: true, ServerContextTakeover: true, ClientContextTakeover: true, Threshold: 1,
			ServerMaxWindowBits: s.Deflate.Server, ClientMaxWindowBits: s.Deflate.Client,
		}
	}
	return handled(t, s, closed, func(w http.ResponseWriter, r *http.Request) {
		conn, err := gws.NewUpgrader(gwsEvents{r: r, closed: closed}, o).Upgrade(w, r)
		if err == nil {
			conn.ReadLoop()
		}
	})
}
