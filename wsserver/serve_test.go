package wsserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// stated writes every change of state into the journal.
func stated(j *journal) wsserver.Events {
	return wsserver.Events{OnChangeState: func(c wsserver.StateChange) {
		j.add(fmt.Sprintf("%d %s %v→%v", c.Index, c.Binding, c.From, c.To))
	}}
}

// L-16, X-01, X-12, E-10: what Serve returns, and in what state the server is.
func TestServeReturns(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		end  func(srv *wsserver.Server[*guest], l *failing)
		want error
	}{
		{"StopListening", func(s *wsserver.Server[*guest], _ *failing) { s.StopListening() }, nil},
		{"Shutdown", func(s *wsserver.Server[*guest], _ *failing) { s.Shutdown(context.Background()) }, wsserver.ErrServerClosed},
		{"Close", func(s *wsserver.Server[*guest], _ *failing) { s.Close() }, wsserver.ErrServerClosed},
		{"Abort", func(s *wsserver.Server[*guest], _ *failing) { s.Abort() }, wsserver.ErrServerClosed},
		{"closing the listener", func(_ *wsserver.Server[*guest], l *failing) { l.Listener.Close() }, net.ErrClosed},
		{"an error of the listener", func(_ *wsserver.Server[*guest], l *failing) { l.fail(broken) }, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				srv := newServer(t, d, wsserver.Config{Events: stated(&d.journal)})
				l, done := newFailing(), make(chan error, 1)
				go func() { done <- srv.Serve(l) }()
				synctest.Wait()
				if !srv.Listening() || srv.State() != wsserver.StateListening || srv.AnyListening() {
					t.Error("it does not listen, or says that Listen was called")
				}
				if tt.want != wsserver.ErrServerClosed {
					defer clienttest.Dial(t, l.Listener, "/").SendText("clients stay")
				}
				tt.end(srv, l)
				if err := <-done; !errors.Is(err, tt.want) || tt.want == nil && err != nil {
					t.Errorf("Serve = %v, want %v", err, tt.want)
				}
				if _, err := l.Dial(t.Context()); err == nil {
					t.Error("Serve leaves its listener open")
				}
				if srv.Listening() || srv.State() != wsserver.StateClosed || len(srv.Addrs()) != 0 {
					t.Errorf("state %v, addresses %v", srv.State(), srv.Addrs())
				}
				own := "0 " + l.Addr().String() // the listener's
				want := []string{own + " closed→listening", "-1  closed→listening", own + " listening→closing", own + " closing→closed", "-1  listening→closed"}
				if tt.want == wsserver.ErrServerClosed {
					want = []string{want[0], want[1], "-1  listening→closing", want[2], want[3], "-1  closing→closed"}
				}
				synctest.Wait()
				got := slices.DeleteFunc(d.lines(), func(s string) bool { return !strings.Contains(s, "→") })
				if !slices.Equal(got, want) {
					t.Errorf("states are %q, want %q", got, want)
				}
			})
		})
	}
}

// L-16: one of two listeners ends: the server goes on; a second one can be served
// after StopListening.
func TestServeSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{})
		a, b := serve(t, srv), serve(t, srv)
		if addrs := srv.Addrs(); len(addrs) != 2 || addrs[0] != a.Addr() || addrs[1] != b.Addr() {
			t.Errorf("Addrs = %v", addrs)
		}
		a.Close()
		synctest.Wait()
		if !srv.Listening() || len(srv.Addrs()) != 1 {
			t.Errorf("with one listener left: %v, %v", srv.State(), srv.Addrs())
		}
		clienttest.Dial(t, b, "/")
		srv.StopListening()
		c := serve(t, srv)
		clienttest.Dial(t, c, "/")
		synctest.Wait()
		if srv.ClientCount() != 2 {
			t.Errorf("%d clients", srv.ClientCount())
		}
	})
}

// E-10, E-11: every change of the server and of each listener, in order.
func TestStateChangesAreTold(t *testing.T) {
	var j journal
	srv := newServer(t, &desk{}, wsserver.Config{
		Addr: "127.0.0.1:0", Bindings: []multilisten.Binding{{Name: "two", Addr: "127.0.0.1:0"}}, Events: stated(&j),
	})
	open(t, srv)
	j.want(t, "0 127.0.0.1:0 closed→bound", "1 two closed→bound", "0 127.0.0.1:0 bound→listening", "1 two bound→listening", "-1  closed→listening")
	j.list = nil
	srv.StopListening()
	srv.StopListening()
	got := strings.Join(j.lines(), "|")
	for _, want := range []string{"0 127.0.0.1:0 listening→closing|0 127.0.0.1:0 closing→closed", "1 two listening→closing|1 two closing→closed", "-1  listening→closed"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("states are %s, want %s in it", got, want)
		}
	}
	j.list = nil
	open(t, srv)
	srv.Shutdown(t.Context())
	got = strings.Join(j.lines(), "|")
	if !strings.HasSuffix(got, "-1  closing→closed") || strings.Count(got, "-1  listening→closing") != 1 {
		t.Errorf("states are %s", got)
	}
}

// E-10: the event may call what it likes.
func TestStateChangeMayActOnTheServer(t *testing.T) {
	var srv *wsserver.Server[*guest]
	srv = newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0", Events: wsserver.Events{OnChangeState: func(c wsserver.StateChange) {
		_, _, _, _ = srv.State(), srv.Addrs(), srv.Listeners().String(), srv.Stats()
		if c.Index == -1 && c.To == wsserver.StateListening {
			srv.Shutdown(t.Context())
		}
		panic("and panic")
	}}})
	_ = srv.Listen(t.Context())
	ended(t, srv)
	if srv.Listening() || srv.Stats().Panics == 0 {
		t.Errorf("state %v, %d panics", srv.State(), srv.Stats().Panics)
	}
}

// tlsListener hands out *tls.Conn of its own making.
type tlsListener struct {
	net.Listener
	config *tls.Config
}

func (l tlsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(c, l.config), nil
}

// L-16, T-01: a *tls.Conn of somebody else is taken as TLS.
func TestServeTakesForeignTLS(t *testing.T) {
	ca := wstest.NewCA(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.Leaf("server.example")}}
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		srv := newServer(t, d, wsserver.Config{})
		l := clienttest.NewListener()
		serveOn(t, srv, tlsListener{l, config}, srv.Serve)
		opts := clienttest.DialOptions{Host: "server.example", TLS: &tls.Config{RootCAs: ca.Pool()}, Origin: "https://server.example"}
		p := clienttest.Dial(t, l, "/", opts)
		p.SendText("x")
		p.Receive()
		if g.TLS() == nil || g.TLSInfo().ServerName != "server.example" {
			t.Errorf("the client's TLS is %+v", g.TLSInfo())
		}
		p.Close(1000, "")
		p.WaitEnd()
		// One that speaks no TLS is refused, in its time.
		silent := raw(t, l)
		silent.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		if res := silent.ReadResponse(); res.Status != 400 || !strings.Contains(res.Body, "TLS") {
			t.Errorf("answer to plain HTTP is %+v", res)
		}
		synctest.Wait()
		if n := srv.Stats().Refused["tls"]; n != 1 {
			t.Errorf("%d are refused for TLS", n)
		}
		srv.Shutdown(t.Context())
	})
}

// L-16: a listener need not be TCP; then there are no addresses with ports.
func TestServeOnAUnixSocket(t *testing.T) { onDrivers(t, testServeOnAUnixSocket) }

func testServeOnAUnixSocket(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{}
	var g *guest
	d.connect = func(c *guest) error { g = c; return nil }
	srv := newServer(t, d, wsserver.Config{})
	serveOn(t, srv, l, srv.Serve)
	if b := srv.Bound(); len(b) != 1 || b[0].IsValid() {
		t.Errorf("Bound = %v", b)
	}
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p := clienttest.Open(t, conn, "/")
	p.SendText("x")
	p.Receive()
	if g.Remote().IsValid() || g.Local().IsValid() || g.ClientIP().IsValid() || g.Binding() != l.Addr().String() {
		t.Errorf("the client is %+v", g.Info())
	}
}

// L-16: ServeTLS without a certificate anywhere fails, and closes the listener.
func TestServeTLSWithoutACertificate(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{})
	l := clienttest.NewListener()
	if err := srv.ServeTLS(l); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("ServeTLS = %v", err)
	}
	if _, err := l.Dial(t.Context()); err == nil {
		t.Error("the listener is left open")
	}
}
