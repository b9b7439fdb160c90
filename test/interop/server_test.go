package interop

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo sends back what it gets.
type echo struct{ client.Base }

func (e *echo) OnMessage(m client.Message) error { return e.Send(m) }

// joined is what the server knows of a client.
type joined struct {
	client netip.Addr
	remote netip.AddrPort
	host   string
	tls    string // the name that was asked for
}

// site is a server with what it has let in and refused.
type site struct {
	addr    string
	clients chan joined
	closed  chan client.CloseInfo
	mu      sync.Mutex
	refused []wsserver.RejectInfo
}

func serve(t *testing.T, cfg wsserver.Config) *site {
	t.Helper()
	s := &site{clients: make(chan joined, 256), closed: make(chan client.CloseInfo, 256)}
	if cfg.Addr == "" && cfg.Bindings == nil && cfg.Hosts == nil {
		cfg.Addr = "127.0.0.1:0"
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.RecheckEvery = -1
	cfg.Events.OnReject = func(i wsserver.RejectInfo) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused = append(s.refused, i)
	}
	srv, err := wsserver.New(wsserver.Factory[*echo]{
		New: func(*client.OpenRequest) (*echo, error) { return &echo{}, nil },
		Connect: func(e *echo) error {
			j := joined{client: e.ClientIP(), remote: e.Remote(), host: e.HostTag()}
			if state := e.TLS(); state != nil {
				j.tls = state.ServerName
			}
			s.clients <- j
			return nil
		},
		Disconnect: func(_ *echo, info client.CloseInfo) { s.closed <- info },
	}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
	})
	s.addr = srv.Addrs()[0].String()
	return s
}

func (s *site) reasons() (out []wsserver.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.refused {
		out = append(out, i.Reason)
	}
	return out
}

// next is the next client of the server.
func (s *site) next(t *testing.T) joined {
	t.Helper()
	select {
	case j := <-s.clients:
		return j
	case <-time.After(10 * time.Second):
		t.Fatalf("no client came; refused: %v", s.reasons())
		return joined{}
	}
}

// visitor is where clients connect from: an address that no proxy has.
const visitor = "127.0.0.77"

// dial connects to addr from visitor.
func dial(t *testing.T, addr string) *wstest.Peer {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(visitor)}}
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return wstest.Wrap(t, conn)
}

// converse is what must work through every proxy: small and large messages both ways, a
// ping, and the close frame with its code.
func converse(t *testing.T, s *site, p *wstest.Peer) {
	t.Helper()
	p.Send(wstest.Text("hello"))
	p.WantText("hello")
	large := slices.Repeat([]byte("0123456789abcdef"), 60_000)
	p.Send(wstest.Binary(large).Split(100_000, 1, 0)...)
	p.WantMessage(wstest.OpBinary, large)
	for range 50 {
		p.Send(wstest.Text("one"), wstest.Text("two"))
		p.WantText("one")
		p.WantText("two")
	}
	p.Send(wstest.Ping([]byte("there?")))
	p.WantPong([]byte("there?"))
	p.Send(wstest.Close(4321, "that is all"))
	p.WantClose(4321)
	select {
	case info := <-s.closed:
		if info.Code != 4321 || info.Reason != "that is all" || !info.Remote {
			t.Errorf("OnClientDisconnect got %+v", info)
		}
	case <-time.After(10 * time.Second):
		t.Error("OnClientDisconnect did not come")
	}
}

// loopback are the addresses of the proxies; visitor is none of them.
func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }

func proxied(secure *tls.Config) wsserver.Config {
	return wsserver.Config{
		TLS: secure,
		Bindings: []multilisten.Binding{{
			Addr: "127.0.0.1:0", TLS: secure != nil, Proxy: &multilisten.ProxyPolicy{Trusted: loopback(), Require: true},
		}},
	}
}

// wantVisitor checks that the server knows who is behind the proxy: by a PROXY header
// with the port, by a header of HTTP the address.
func wantVisitor(t *testing.T, j joined, p *wstest.Peer, byHeader bool) {
	t.Helper()
	want := p.Conn.LocalAddr().(*net.TCPAddr).AddrPort()
	if j.client != want.Addr() {
		t.Errorf("ClientIP is %v, want %v", j.client, want.Addr())
	}
	switch {
	case byHeader && !j.remote.Addr().IsLoopback() || byHeader && j.remote == want:
		t.Errorf("Remote is %v, want the proxy's", j.remote)
	case !byHeader && j.remote != want:
		t.Errorf("Remote is %v, want %v", j.remote, want)
	}
}
