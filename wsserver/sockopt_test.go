package wsserver_test

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// S-09, R-05, K-04, K-05: what can not work is refused by New, with field and value.
func TestBadSocketOptionIsRefused(t *testing.T) {
	type bad struct {
		field, value string
		cfg          wsserver.Config
	}
	table := []bad{
		{"InBufferSize", "-1", wsserver.Config{InBufferSize: -1}},
		{"OutBufferSize", "-2", wsserver.Config{OutBufferSize: -2}},
		{"KeepAlive.Idle", "-1s", wsserver.Config{KeepAlive: net.KeepAliveConfig{Idle: -time.Second}}},
		{"KeepAlive.Interval", "-1ns", wsserver.Config{KeepAlive: net.KeepAliveConfig{Enable: true, Interval: -1}}},
		{"KeepAlive.Count", "-3", wsserver.Config{KeepAlive: net.KeepAliveConfig{Idle: time.Second, Count: -3}}},
		{"NoKeepAlive", "Config.KeepAlive", wsserver.Config{NoKeepAlive: true, KeepAlive: net.KeepAliveConfig{Enable: true}}},
		{"NoKeepAlive", "Config.KeepAlive", wsserver.Config{NoKeepAlive: true, KeepAlive: net.KeepAliveConfig{Count: 1}}},
	}
	if n := math.MaxInt; n > math.MaxInt32 { // setsockopt would take the lower half
		table = append(table,
			bad{"InBufferSize", fmt.Sprint(n), wsserver.Config{InBufferSize: n}},
			bad{"OutBufferSize", fmt.Sprint(n), wsserver.Config{OutBufferSize: n}})
	}
	for _, tt := range table {
		t.Run(tt.field+" "+tt.value, func(t *testing.T) {
			srv, err := wsserver.New(wsserver.Class[tally](), tt.cfg)
			e, ok := errors.AsType[*wsserver.ConfigError](err)
			if !ok || srv != nil || e.Field != tt.field {
				t.Fatalf("New = %v, want a ConfigError for %s", err, tt.field)
			}
			if text := err.Error(); !strings.HasPrefix(text, "wsserver: Config."+tt.field+": ") || !strings.Contains(text, tt.value) {
				t.Errorf("the text is %q, want field and %s", text, tt.value)
			}
		})
	}
}

// optionListener gives connections that note the options which are set on them, or
// fail to set them.
type optionListener struct {
	*clienttest.Listener
	journal
	err error
}

func (l *optionListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return optionConn{c, l}, nil
}

type optionConn struct {
	net.Conn
	l *optionListener
}

func (c optionConn) set(what string, value any) error {
	c.l.add(fmt.Sprint(what, " ", value))
	return c.l.err
}

func (c optionConn) SetNoDelay(on bool) error   { return c.set("no delay", on) }
func (c optionConn) SetReadBuffer(n int) error  { return c.set("in", n) }
func (c optionConn) SetWriteBuffer(n int) error { return c.set("out", n) }
func (c optionConn) SetKeepAliveConfig(k net.KeepAliveConfig) error {
	return c.set("keep-alive", k)
}

// servings are the ways in which a listener comes to a server.
var servings = []struct {
	name  string
	serve func(t *testing.T, srv *wsserver.Server[*guest], l net.Listener)
}{
	{"Serve", func(t *testing.T, srv *wsserver.Server[*guest], l net.Listener) { serveOn(t, srv, l, srv.Serve) }},
	{"ServeHTTP", func(t *testing.T, srv *wsserver.Server[*guest], l net.Listener) { serveHandler(t, srv, l) }},
}

// serveHandler runs an http.Server on l.
func serveHandler(t *testing.T, h http.Handler, l net.Listener) {
	t.Helper()
	hs, done := &http.Server{Handler: h}, make(chan struct{})
	go func() { defer close(done); hs.Serve(l) }()
	t.Cleanup(func() { hs.Close(); <-done })
}

// S-09, S-10, R-05, K-04, K-05: what is set on a connection, and that nothing is
// without being asked for.
func TestSocketOptionsAreSet(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  wsserver.Config
		want []string
	}{
		{"zero", wsserver.Config{}, nil},
		{"Nagle", wsserver.Config{Nagle: true}, []string{"no delay false"}},
		{"sizes", wsserver.Config{InBufferSize: 5, OutBufferSize: math.MaxInt32}, []string{"in 5", "out 2147483647"}},
		{"Enable alone", wsserver.Config{KeepAlive: net.KeepAliveConfig{Enable: true}}, []string{"keep-alive {true 0s 0s 0}"}},
		{"Idle alone", wsserver.Config{KeepAlive: net.KeepAliveConfig{Idle: time.Minute}}, []string{"keep-alive {true 1m0s 0s 0}"}},
		{"Interval alone", wsserver.Config{KeepAlive: net.KeepAliveConfig{Interval: 1}}, []string{"keep-alive {true 0s 1ns 0}"}},
		{"Count alone", wsserver.Config{KeepAlive: net.KeepAliveConfig{Count: 2}}, []string{"keep-alive {true 0s 0s 2}"}},
		{"NoKeepAlive", wsserver.Config{NoKeepAlive: true}, []string{"keep-alive {false -1ns -1ns -1}"}},
	} {
		for _, way := range servings {
			t.Run(tt.name+" "+way.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := newServer(t, &desk{}, tt.cfg)
					l := &optionListener{Listener: clienttest.NewListener()}
					way.serve(t, srv, l)
					clienttest.Dial(t, l.Listener, "/")
					l.want(t, tt.want...)
				})
			})
		}
	}
}

// S-09, S-10, R-05, K-04, K-05: an option that the system refuses costs a warning
// that names it, once for each listener, and no client.
func TestRefusedSocketOptionIsToldOnce(t *testing.T) {
	for _, way := range servings {
		t.Run(way.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &logbook{}
				srv := newServer(t, &desk{}, wsserver.Config{
					Nagle: true, InBufferSize: 1, OutBufferSize: 1, NoKeepAlive: true, Logger: log.logger(),
				})
				for range 2 {
					l := &optionListener{Listener: clienttest.NewListener(), err: errors.New("no room")}
					way.serve(t, srv, l)
					for range 3 {
						p := clienttest.Dial(t, l.Listener, "/")
						p.SendText("x")
						p.Receive()
					}
				}
				want := map[string]int{"Serve": 2, "ServeHTTP": 1}[way.name]
				for _, field := range []string{"Nagle", "InBufferSize", "OutBufferSize", "KeepAlive"} {
					if got := log.lines("level=WARN", "setting="+field+" ", "binding=", `err="no room"`); len(got) != want {
						t.Errorf("%s has %d warnings, want %d", field, len(got), want)
					}
				}
			})
		})
	}
}

// S-09: a connection that is gone already is not the option's fault: the next one
// is warned of.
func TestOptionOfAClosedConnectionIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logbook{}
		srv := newServer(t, &desk{}, wsserver.Config{OutBufferSize: 1, Logger: log.logger()})
		l := &optionListener{Listener: clienttest.NewListener(), err: &net.OpError{Op: "set", Err: net.ErrClosed}}
		serveOn(t, srv, l, srv.Serve)
		clienttest.Dial(t, l.Listener, "/")
		if got := log.lines("OutBufferSize"); len(got) != 0 {
			t.Errorf("the log has %q", got)
		}
		l.err = errors.New("no room")
		clienttest.Dial(t, l.Listener, "/")
		if got := log.lines("OutBufferSize"); len(got) != 1 {
			t.Errorf("the log has %q", got)
		}
	})
}

// R-05, S-09: sizes are no error for a Unix socket, where the system may ignore them.
func TestSocketOptionsOnAUnixSocket(t *testing.T) { onDrivers(t, testSocketOptionsOnAUnixSocket) }

func testSocketOptionsOnAUnixSocket(t *testing.T) {
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	log := &logbook{}
	srv := newServer(t, &desk{}, wsserver.Config{
		Nagle: true, InBufferSize: 1 << 16, OutBufferSize: 1 << 16, NoKeepAlive: true, Logger: log.logger(),
	})
	serveOn(t, srv, l, srv.Serve)
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p := clienttest.Open(t, conn, "/")
	p.SendText("x")
	p.Receive()
	if got := log.lines("level=WARN"); len(got) != 0 {
		t.Errorf("the log has %q", got)
	}
}
