package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
)

var _ net.Listener = (*Listener)(nil)

func dialed(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	conn, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func accepted(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestAcceptTakesDialsInOrder(t *testing.T) {
	l := Listen()
	defer l.Close()
	for range 3 {
		mustWrite(t, dialed(t, l), "hello")
	}
	first := accepted(t, l)
	wantRead(t, first, "hello")
	second := accepted(t, l)
	if a, b := first.RemoteAddr().String(), second.RemoteAddr().String(); a == b {
		t.Errorf("two connections from %s", a)
	}
}

func TestAddressesAgreeOnBothSides(t *testing.T) {
	l := Listen()
	defer l.Close()
	near := dialed(t, l)
	far := accepted(t, l)
	if near.RemoteAddr().String() != l.Addr().String() || far.LocalAddr().String() != l.Addr().String() {
		t.Errorf("listener %v, dialled %v, accepted on %v", l.Addr(), near.RemoteAddr(), far.LocalAddr())
	}
	if near.LocalAddr().String() != far.RemoteAddr().String() {
		t.Errorf("from %v, seen as %v", near.LocalAddr(), far.RemoteAddr())
	}
	if addr, ok := far.RemoteAddr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() || addr.Port == 0 {
		t.Errorf("remote address is %#v", far.RemoteAddr())
	}
}

func TestDialFromIsSeenByTheServer(t *testing.T) {
	l := Listen()
	defer l.Close()
	from := netip.MustParseAddrPort("[2001:db8::7]:4711")
	conn, err := l.DialFrom(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := accepted(t, l).RemoteAddr().(*net.TCPAddr).AddrPort(); got != from {
		t.Errorf("remote address = %v, want %v", got, from)
	}
}

func TestCloseEndsABlockedAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		var err error
		go func() { _, err = l.Accept() }()
		synctest.Wait()
		l.Close()
		synctest.Wait()
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept = %v, want net.ErrClosed", err)
		}
	})
}

func TestCloseResetsWhoWaits(t *testing.T) {
	l := Listen()
	early := dialed(t, l)
	served := accepted(t, l)
	late := dialed(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantReadError(t, late, syscall.ECONNRESET)
	mustWrite(t, early, "still here")
	wantRead(t, served, "still here")
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v, want net.ErrClosed", err)
	}
}

func TestDialRefused(t *testing.T) {
	l := Listen()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("no time")
	cancel(why)
	if _, err := l.Dial(ctx); !errors.Is(err, why) {
		t.Errorf("with an ended context: %v, want its cause", err)
	}
	l.Close()
	if _, err := l.Dial(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("on a closed listener: %v, want ECONNREFUSED", err)
	}
}

func TestSetBufferBoundsLaterConnections(t *testing.T) {
	l := Listen()
	defer l.Close()
	l.SetBuffer(3)
	conn := dialed(t, l).(*Conn)
	if conn.in.limit != 3 || conn.out.limit != 3 {
		t.Errorf("limits are %d and %d, want 3", conn.in.limit, conn.out.limit)
	}
	l.SetBuffer(0)
	if conn := dialed(t, l).(*Conn); conn.in.limit != DefaultBuffer {
		t.Errorf("limit is %d, want the default", conn.in.limit)
	}
}

func TestHTTPServerRunsOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "hello "+r.RemoteAddr)
		})}
		go srv.Serve(l)
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return l.DialFrom(ctx, netip.MustParseAddrPort("192.0.2.1:99"))
		}}
		res, err := (&http.Client{Transport: transport}).Get("http://a.example/")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != "hello 192.0.2.1:99" {
			t.Errorf("body = %q", body)
		}
		transport.CloseIdleConnections()
		srv.Close()
	})
}
