package wsserver_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// guest is the class of most tests. It does what the desk that made it says.
type guest struct {
	client.Base
	desk *desk
}

func (g *guest) OnMessage(m client.Message) error {
	g.desk.add("message " + string(m.Data))
	if g.desk.message == nil {
		return g.Send(m)
	}
	return g.desk.message(g, m)
}

// desk is the factory of guests. It keeps a journal and, where a function is set,
// does what the test wants.
type desk struct {
	journal
	newClient  func(r *client.OpenRequest) (*guest, error)
	connect    func(g *guest) error
	message    func(g *guest, m client.Message) error
	disconnect func(g *guest, info client.CloseInfo)
}

func (d *desk) NewClient(r *client.OpenRequest) (*guest, error) {
	d.add("new")
	if d.newClient != nil {
		return d.newClient(r)
	}
	return d.guest(), nil
}

func (d *desk) guest() *guest { return &guest{desk: d} }

func (d *desk) OnClientConnect(g *guest) error {
	d.add("connect")
	if d.connect != nil {
		return d.connect(g)
	}
	return nil
}

func (d *desk) OnClientDisconnect(g *guest, info client.CloseInfo) {
	d.add("disconnect " + info.Code.String())
	if d.disconnect != nil {
		d.disconnect(g, info)
	}
}

// journal is a list of what happened, in order.
type journal struct {
	mu   sync.Mutex // guards list
	list []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, s)
}

// lines returns what has happened so far.
func (j *journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.list)
}

// count returns how many lines begin with prefix.
func (j *journal) count(prefix string) int {
	n := 0
	for _, s := range j.lines() {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// want compares the whole journal.
func (j *journal) want(t testing.TB, want ...string) {
	t.Helper()
	if got := j.lines(); !slices.Equal(got, want) {
		t.Errorf("events are\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// logbook is a slog handler whose text can be searched.
type logbook struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines returns the lines that have every one of the parts.
func (b *logbook) lines(parts ...string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for line := range strings.Lines(b.buf.String()) {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			out = append(out, line)
		}
	}
	return out
}

// newServer makes a server of guests that ends with the test. Without a logger of
// its own it is silent.
func newServer(t testing.TB, f wsserver.ClientFactory[*guest], cfg wsserver.Config) *wsserver.Server[*guest] {
	t.Helper()
	return newServerOf(t, f, cfg)
}

// newServerOf is newServer for any class.
func newServerOf[T client.Client](t testing.TB, f wsserver.ClientFactory[T], cfg wsserver.Config) *wsserver.Server[T] {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.RecheckEvery == 0 {
		cfg.RecheckEvery = -1 // waiting for notices of files is no waiting for the clock of a bubble
	}
	how := drivingOf(t)
	if cfg.Driver == wsserver.DriverAuto {
		cfg.Driver = how.driver
	}
	if how.pump && cfg.Pump == nil {
		cfg.Pump = run(t, pump.Options{})
	}
	srv, err := wsserver.New(f, cfg)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	if how.crowded {
		crowd(t, srv)
	}
	if how.moved {
		keepMoving(t, srv)
	}
	t.Cleanup(func() {
		if err := srv.Abort(); err != nil {
			t.Errorf("Abort = %v", err)
		}
	})
	return srv
}

// serve serves a listener in memory until the server or the test ends.
func serve[T client.Client](t testing.TB, srv *wsserver.Server[T]) *clienttest.Listener {
	t.Helper()
	l := clienttest.NewListener()
	serveOn(t, srv, l, srv.Serve)
	return l
}

// serveOn runs one of the methods of srv that serve a listener. It returns when
// that is accepting.
func serveOn[T client.Client](t testing.TB, srv *wsserver.Server[T], l net.Listener, method func(net.Listener) error) {
	t.Helper()
	before, done := len(srv.Addrs()), make(chan error, 1)
	go func() { done <- method(l) }()
	eventually(t, "the listener to be served", func() bool { return len(srv.Addrs()) > before })
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
}

// open starts Listen on a server and returns the first address.
func open[T client.Client](t testing.TB, srv *wsserver.Server[T]) string {
	t.Helper()
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatalf("Listen = %v", err)
	}
	return srv.Addrs()[0].String()
}

// raw connects to l without a handshake.
func raw(t testing.TB, l *clienttest.Listener) *wstest.Peer {
	t.Helper()
	conn, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return wstest.Wrap(t, conn)
}

// rawTLS is raw with a TLS handshake that asks for name.
func rawTLS(t testing.TB, l *clienttest.Listener, name string) *wstest.Peer {
	t.Helper()
	return raw(t, l).OverTLS(&tls.Config{ServerName: name, InsecureSkipVerify: true})
}

// dialTCP opens a WebSocket over a socket.
func dialTCP(t testing.TB, addr, target string, opts ...clienttest.DialOptions) *clienttest.Peer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return clienttest.Open(t, conn, target, opts...)
}

// eventually waits until ok, without a word about how long that may take.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// ended waits until the server is done.
func ended[T client.Client](t testing.TB, srv *wsserver.Server[T]) {
	t.Helper()
	select {
	case <-srv.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not end")
	}
}
