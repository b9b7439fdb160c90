package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	dialer "github.com/icsws/icsws/client/dial"
)

// bits asks a server for windows; 0 leaves one to it.
type bits struct {
	Server int `json:"server,omitempty"`
	Client int `json:"client,omitempty"`
}

// setup is how a server that others wrote is started.
type setup struct {
	Port    int    `json:"port"` // 0: a free one
	Cert    string `json:"cert,omitempty"`
	Key     string `json:"key,omitempty"`
	Deflate *bits  `json:"deflate,omitempty"`
}

// closing is what a server knows of the end of a connection.
type closing struct {
	code   int
	reason string
}

// running is a server that others wrote. It sends back every message, save for texts that
// begin with an exclamation mark:
//
//	!fragments 10 TEXT   TEXT in fragments of 10 bytes
//	!ping PAYLOAD        a ping; when its pong comes, "pong PAYLOAD"
//	!close 4000 REASON   the closing handshake
//	!headers             the header lines of the request, as JSON
//	!protocol            the sub-protocol
//
// It knows the sub-protocol chat.v2.
type running struct {
	addr   string
	closed chan closing
	kill   func() // at once, with all of its connections
}

// foreign is a kind of server.
type foreign struct {
	name    string
	start   func(t *testing.T, s setup) *running
	zips    bool // it compresses with takeover both ways
	windows bool // and for it windows can be chosen
	tls     bool // it can do TLS of its own
}

func foreigns() []foreign {
	return []foreign{
		{name: "npm ws", start: npmWS, zips: true, windows: true, tls: true},
		{name: "python3-websockets", start: websockets, zips: true, windows: true, tls: true},
		{name: "gorilla", start: gorillaServer},
		{name: "coder", start: coderServer, zips: true},
		{name: "gws", start: gwsServer, zips: true, windows: true},
	}
}

func npmWS(t *testing.T, s setup) *running {
	modules, err := filepath.Abs("../browser/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "ws")); err != nil {
		t.Fatalf("npm ws is not installed: ci/interop.sh install brings it: %v", err)
	}
	return process(t, s, []string{"NODE_PATH=" + modules}, "node", "servers/ws.cjs")
}

// websockets runs under Debian's Python, whatever other one is in the path.
func websockets(t *testing.T, s setup) *running {
	return process(t, s, nil, "/usr/bin/python3", "servers/websockets_server.py")
}

// process starts a server that tells of itself in lines of JSON.
func process(t *testing.T, s setup, env []string, name string, args ...string) *running {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: ci/interop.sh install brings it", name)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, string(text))...)
	cmd.Env = append(os.Environ(), env...)
	errs := new(output)
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{closed: make(chan closing, 64)}
	ready, ended := make(chan int, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var l struct {
				Ready, Closed int
				Reason        string
			}
			if json.Unmarshal(lines.Bytes(), &l) != nil {
				continue
			}
			if l.Ready > 0 {
				ready <- l.Ready
			} else {
				r.closed <- closing{l.Closed, l.Reason}
			}
		}
		_ = cmd.Wait()
	}()
	r.kill = func() { _ = cmd.Process.Kill(); <-ended }
	t.Cleanup(func() {
		r.kill()
		if said := errs.String(); said != "" {
			t.Logf("%s said:\n%s", name, said)
		}
	})
	select {
	case port := <-ready:
		r.addr = joinPort("127.0.0.1", port)
	case <-ended:
		t.Fatalf("%s ended: %s", name, errs)
	case <-time.After(20 * time.Second):
		t.Fatalf("%s is not ready: %s", name, errs)
	}
	return r
}

// guest is a dial.Conn with what it was told.
type guest struct {
	t      *testing.T
	conn   *dialer.Conn
	opened chan dialer.OpenInfo
	got    chan client.Message
	closed chan client.CloseInfo
	failed chan *dialer.DialError
	stop   chan dialer.StopInfo
}

// visit makes a client, that ends with the test.
func visit(t *testing.T, o dialer.Options) *guest {
	t.Helper()
	g := &guest{
		t: t, opened: make(chan dialer.OpenInfo, 256), got: make(chan client.Message, 4096),
		closed: make(chan client.CloseInfo, 256), failed: make(chan *dialer.DialError, 4096), stop: make(chan dialer.StopInfo, 1),
	}
	o.Proxy, o.Logger = dialer.NoProxy, slog.New(slog.DiscardHandler)
	if o.SubProtocols == nil {
		o.SubProtocols = []string{"chat.v2"} // gws with sub-protocols refuses who offers none
	}
	if o.MaxMessageSize == 0 {
		o.MaxMessageSize = 4 << 20
	}
	if o.MaxWait == 0 {
		o.MaxWait = 200 * time.Millisecond
	}
	g.conn = dialer.New(o, dialer.Handler{
		OnOpen:    func(_ *dialer.Conn, i dialer.OpenInfo) error { g.opened <- i; return nil },
		OnMessage: func(_ *dialer.Conn, m client.Message) error { g.got <- m.Clone(); return nil },
		OnClose:   func(_ *dialer.Conn, i client.CloseInfo) { g.closed <- i },
		OnError:   func(_ *dialer.Conn, e *dialer.DialError) { g.failed <- e },
		OnStop:    func(_ *dialer.Conn, i dialer.StopInfo) { g.stop <- i },
	})
	if err := g.conn.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.end)
	return g
}

func (g *guest) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.conn.Stop(ctx, 0, ""); err != nil {
		g.t.Errorf("Stop: %v", err)
	}
}

// next waits for what comes out of a channel.
func next[V any](t *testing.T, from chan V, what string) V {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(15 * time.Second):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

func (g *guest) open() dialer.OpenInfo {
	g.t.Helper()
	select {
	case i := <-g.opened:
		return i
	case <-time.After(15 * time.Second):
		g.t.Fatalf("it does not open: %+v", g.conn.Info().LastError)
		panic("unreachable")
	}
}

func (g *guest) say(text string) {
	g.t.Helper()
	if err := g.conn.SendText(text); err != nil {
		g.t.Fatalf("%.40q: %v", text, err)
	}
}

func (g *guest) want(op client.Opcode, data string) {
	g.t.Helper()
	if m := next(g.t, g.got, "a message"); m.Op != op || string(m.Data) != data {
		g.t.Fatalf("got opcode %d with %d bytes %.40q, want %d with %d bytes %.40q", m.Op, len(m.Data), m.Data, op, len(data), data)
	}
}

// ended holds the end of a connection against what is expected.
func (g *guest) ended(code client.StatusCode, reason string, remote bool) {
	g.t.Helper()
	if i := next(g.t, g.closed, "OnClose"); i.Code != code || i.Reason != reason || i.Remote != remote {
		g.t.Errorf("OnClose got %v %q, want %d %q, remote %v", i, i.Reason, code, reason, remote)
	}
}

// tap is a connection in the middle that sees who ends the stream first.
func tap(t *testing.T, to string) (addr string, first chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first, done := make(chan string, 2), make(chan struct{})
	go func() {
		defer close(done)
		in, err := l.Accept()
		if err != nil {
			return
		}
		defer in.Close()
		out, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer out.Close()
		both := make(chan struct{}, 2)
		pass := func(to, from net.Conn, who string) {
			_, err := copyTo(to, from)
			if err == nil {
				first <- who
			} else {
				first <- who + ": " + err.Error()
			}
			_ = to.(*net.TCPConn).CloseWrite()
			both <- struct{}{}
		}
		go pass(out, in, "client")
		go pass(in, out, "server")
		<-both
		<-both
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), first
}

// copyTo copies until the end of the stream, without help of the kernel.
func copyTo(to, from net.Conn) (n int, err error) {
	b := make([]byte, 32<<10)
	for {
		k, err := from.Read(b)
		if n += k; k > 0 {
			if _, err := to.Write(b[:k]); err != nil {
				return n, err
			}
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
