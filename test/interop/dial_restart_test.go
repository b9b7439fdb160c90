package interop

import (
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	dialer "github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/internal/wstest"
)

func portOf(t *testing.T, addr string) int {
	t.Helper()
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return int(a.Port())
}

// quietPort is a free port outside of the range that outgoing connections take theirs from,
// so that a server finds it again.
func quietPort(t *testing.T) int {
	t.Helper()
	for range 50 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", joinPort("127.0.0.1", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// again starts a server where the last one was.
func (k foreign) again(t *testing.T, r *running, s setup) *running {
	t.Helper()
	s.Port = portOf(t, r.addr)
	return k.start(t, s)
}

// failsWith waits for an attempt that fails for a reason; until then others are right, too.
func (g *guest) failsWith(want dialer.Reason, before ...dialer.Reason) *dialer.DialError {
	g.t.Helper()
	for {
		e := next(g.t, g.failed, "an attempt that fails")
		if e.Reason == want {
			return e
		}
		known := false
		for _, r := range before {
			known = known || e.Reason == r
		}
		if !known {
			g.t.Fatalf("%v, want %s", e, want.Code())
		}
	}
}

// D-05, D-08, D-25, E-05: a server that is killed, and comes back at the same port. What was
// said meanwhile arrives, in order.
func TestDialSurvivesTheEndOf(t *testing.T) {
	each(t, func(t *testing.T, k foreign) {
		r := k.start(t, setup{Port: quietPort(t)})
		g := visit(t, dialer.Options{URL: "ws://" + r.addr, QueueWhileDown: 1 << 20, StableAfter: time.Millisecond})
		g.open()
		for round := range 3 {
			g.say("hello")
			g.want(client.OpText, "hello")
			r.kill()
			if i := next(t, g.closed, "OnClose"); i.Code != 1006 || !i.Remote {
				t.Errorf("round %d: OnClose got %v", round, i)
			}
			if e := g.failsWith(dialer.ReasonRefused, dialer.ReasonReset, dialer.ReasonClosed); !errors.Is(e, syscall.ECONNREFUSED) {
				t.Errorf("round %d: %v", round, e)
			}
			for _, s := range []string{"one", "two", "three"} {
				g.say(s)
			}
			r = k.again(t, r, setup{})
			if i := g.open(); !i.Reopened {
				t.Errorf("round %d: it opened with %+v", round, i)
			}
			for _, s := range []string{"one", "two", "three"} {
				g.want(client.OpText, s)
			}
		}
	})
}

// D-08, D-11, T-19: a server that comes back with another certificate: of the same authority
// it is taken, of another one it is not, until the right one is there.
func TestDialAndTheCertificatesOf(t *testing.T) {
	ours, others := wstest.NewCA(t), wstest.NewCA(t)
	with := func(ca *wstest.CA, names ...string) (s setup) {
		s.Cert, s.Key = ca.Files(ca.Leaf(names...))
		return s
	}
	each(t, func(t *testing.T, k foreign) {
		if !k.tls {
			return // in Go all have the TLS of crypto/tls
		}
		first := with(ours, "127.0.0.1")
		first.Port = quietPort(t)
		r := k.start(t, first)
		g := visit(t, dialer.Options{
			URL: "wss://" + r.addr, RootCAs: ours.Pool(), TLS: &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(2)},
		})
		for round, step := range []struct {
			setup  setup
			reason dialer.Reason // ReasonOther: it opens
		}{
			{with(ours, "127.0.0.1"), dialer.ReasonOther},
			{with(others, "127.0.0.1"), dialer.ReasonCertUnknown},
			{with(ours, "chat.example"), dialer.ReasonCertName},
			{with(ours, "127.0.0.1"), dialer.ReasonOther},
			{setup{}, dialer.ReasonNotTLS},
			{with(ours, "127.0.0.1"), dialer.ReasonOther},
		} {
			if g.conn.State() == dialer.Open || round == 0 {
				if i := g.open(); i.TLS == nil || i.TLS.NegotiatedProtocol != "" && i.TLS.NegotiatedProtocol != "http/1.1" {
					t.Errorf("round %d: it opened with %+v", round, i)
				}
				talk(g)
			}
			r.kill()
			r = k.again(t, r, step.setup)
			if step.reason != dialer.ReasonOther {
				e := g.failsWith(step.reason, dialer.ReasonRefused, dialer.ReasonReset, dialer.ReasonClosed, dialer.ReasonCertUnknown, dialer.ReasonCertName, dialer.ReasonNotTLS)
				t.Log(e)
			} else {
				soon(t, "it is open", func() bool { return g.conn.State() == dialer.Open && len(g.opened) > 0 })
			}
		}
		g.open()
		talk(g)
	})
}

// talk is a short talk over a connection that is new.
func talk(g *guest) {
	g.t.Helper()
	for _, n := range []int{1, 300_000} {
		g.say(text(n))
		g.want(client.OpText, text(n))
	}
}

// soon waits for what must be true in the end.
func soon(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 1500 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: not after 15 s", what)
}

// D-21: over TLS, too, the server ends the stream first (RFC 6455 section 7.1.1).
func TestDialClosesTLSWith(t *testing.T) {
	ca := wstest.NewCA(t)
	each(t, func(t *testing.T, k foreign) {
		if !k.tls {
			return
		}
		s := setup{Deflate: &bits{}}
		s.Cert, s.Key = ca.Files(ca.Leaf("127.0.0.1"))
		r := k.start(t, s)
		addr, first := tap(t, r.addr)
		g := visit(t, dialer.Options{URL: "wss://" + addr, RootCAs: ca.Pool(), Compression: client.Compression{Mode: client.CompressionContext}})
		g.open()
		g.zips()
		begun := time.Now()
		if err := g.conn.Stop(t.Context(), 4000, "enough"); err != nil {
			t.Error(err)
		}
		g.ended(4000, "enough", false)
		if c := next(t, r.closed, "the server's end"); c != (closing{4000, "enough"}) {
			t.Errorf("the server was told %v", c)
		}
		// asyncio has its TLS wait for our end of the stream.
		if who := next(t, first, "the end"); who != "server" && k.name != "python3-websockets" {
			t.Errorf("%s ended the stream first", who)
		}
		t.Logf("Stop took %v", time.Since(begun))
	})
}
