package wsserver_test

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// spoilers are the ways in which user code refuses or breaks a handshake.
var spoilers = []struct {
	name   string
	do     func(g *guest) (*guest, error) // in NewClient
	status int                            // 0: no answer
	reason wsserver.Reason
}{
	{"rejects", func(*guest) (*guest, error) { return nil, &client.RejectError{Status: 403, Body: "not you"} }, 403, wsserver.ReasonRejected},
	{"rejects together with a client", func(g *guest) (*guest, error) { return g, &client.RejectError{Status: 429} }, 429, wsserver.ReasonRejected},
	{"rejects with a wrapped error", func(*guest) (*guest, error) {
		return nil, errors.Join(io.EOF, &client.RejectError{Status: 302, Header: http.Header{"Location": {"/"}}})
	}, 302, wsserver.ReasonRejected},
	{"rejects with 101", func(*guest) (*guest, error) { return nil, &client.RejectError{Status: 101} }, 500, wsserver.ReasonFailed},
	{"rejects with 200", func(*guest) (*guest, error) { return nil, &client.RejectError{Status: 200} }, 500, wsserver.ReasonFailed},
	{"rejects with 600", func(*guest) (*guest, error) { return nil, &client.RejectError{Status: 600} }, 500, wsserver.ReasonFailed},
	{"fails", func(*guest) (*guest, error) { return nil, io.ErrNoProgress }, 500, wsserver.ReasonFailed},
	{"panics", func(*guest) (*guest, error) { panic("secret") }, 500, wsserver.ReasonFailed},
	{"ends its goroutine", func(*guest) (*guest, error) { runtime.Goexit(); return nil, nil }, 500, wsserver.ReasonFailed},
	{"returns nothing", func(*guest) (*guest, error) { return nil, nil }, 500, wsserver.ReasonFailed},
	{"returns the client of another connection", func(*guest) (*guest, error) { return used.Load(), nil }, 500, wsserver.ReasonFailed},
	{"takes too long", func(g *guest) (*guest, error) { time.Sleep(time.Minute); return g, nil }, 503, wsserver.ReasonTimeout},
}

// used is a client that is bound already.
var used atomic.Pointer[guest]

// E-01: a place is given back exactly once, whatever refuses.
func TestPlaceIsGivenBackOnEveryRefusal(t *testing.T) {
	for _, tt := range spoilers {
		for _, where := range []string{"NewClient", "OnClientCreate"} {
			if where == "OnClientCreate" && strings.HasPrefix(tt.name, "returns") {
				continue
			}
			t.Run(tt.name+" in "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					testSpoiled(t, where, tt.do, tt.status, tt.reason)
				})
			})
		}
	}
	t.Run("aborts in OnClientCreate", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			abort := func(g *guest) (*guest, error) { g.Abort(); return g, nil }
			testSpoiled(t, "OnClientCreate", abort, 0, wsserver.ReasonRejected)
		})
	})
	t.Run("bad response header", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			testSpoiled(t, "header", nil, 500, wsserver.ReasonFailed)
		})
	})
}

// testSpoiled has one client connected, which takes one of two places, and five
// handshakes after another spoiled, each of which takes the second for a while.
func testSpoiled(t *testing.T, where string, do func(*guest) (*guest, error), status int, reason wsserver.Reason) {
	d := &desk{}
	hooks := wsserver.Hooks{}
	spoil := false
	switch where {
	case "NewClient":
		d.newClient = func(*client.OpenRequest) (*guest, error) {
			if spoil {
				return do(d.guest())
			}
			return d.guest(), nil
		}
	case "OnClientCreate":
		hooks.OnClientCreate = func(c client.Client, _ *client.OpenRequest) (err error) {
			if spoil {
				_, err = do(c.(*guest))
			}
			return err
		}
	case "header":
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			if spoil {
				r.ResponseHeader.Set("X-Evil", "a\r\nSet-Cookie: b")
			}
			return d.guest(), nil
		}
	}
	var info wsserver.RejectInfo
	d.connect = func(g *guest) error { used.Store(g); return nil }
	srv := newServer(t, d, wsserver.Config{
		Banner: banner.Policy{MaxClients: 2}, Hooks: []wsserver.Hooks{hooks},
		Events: wsserver.Events{OnReject: func(i wsserver.RejectInfo) { info = i }},
	})
	l := serve(t, srv)
	first := clienttest.Dial(t, l, "/")
	spoil = true
	for range 5 {
		p, res, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{Timeout: time.Hour})
		switch {
		case p != nil:
			t.Fatal("the spoiled handshake is answered with 101")
		case status == 0 && res != nil, status != 0 && (res == nil || res.StatusCode != status):
			t.Fatalf("dialling = %v, want status %d", err, status)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("the peer is told %v", err)
		}
		synctest.Wait()
		if n := wsserver.Places(srv); n != 1 || srv.ClientCount() != 1 {
			t.Fatalf("%d places, %d clients after a refusal, want 1", n, srv.ClientCount())
		}
	}
	if info.Reason != reason || info.Status != status && status != 0 {
		t.Errorf("OnReject gets %v, status %d; want %v, %d", info.Reason, info.Status, reason, status)
	}
	if got := srv.Stats().Refused[reason.String()]; got != 5 {
		t.Errorf("%d are counted as %v, want 5", got, reason)
	}
	spoil = false
	clienttest.Dial(t, l, "/").SendText("x")
	first.SendText("still here")
	first.Receive()
	if d.count("disconnect") != 0 {
		t.Error("OnClientDisconnect was called for a client that never connected")
	}
}

// at the edge there are never more clients than places, and finally none.
func TestLimitHoldsAtTheEdge(t *testing.T) {
	const limit, rounds, diallers = 7, 3, 200
	var in, most atomic.Int32
	d := &desk{}
	d.connect = func(*guest) error {
		if n := in.Add(1); n > most.Load() {
			most.Store(n) // may miss a maximum between two goroutines, never invents one
		}
		return nil
	}
	d.disconnect = func(*guest, client.CloseInfo) { in.Add(-1) }
	srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{MaxClients: limit}})
	l := serve(t, srv)
	for range rounds {
		var wg sync.WaitGroup
		var admitted, refused atomic.Int32
		for range diallers {
			wg.Go(func() {
				p, res, err := clienttest.TryDial(t, l, "/")
				if n := srv.ClientCount(); n > limit {
					t.Errorf("%d clients, the limit is %d", n, limit)
				}
				switch {
				case err == nil:
					admitted.Add(1)
					p.Drop()
				case res != nil && res.StatusCode == http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					t.Errorf("dialling = %v", err)
				}
			})
		}
		wg.Wait()
		if admitted.Load() < limit || admitted.Load()+refused.Load() != diallers {
			t.Errorf("%d admitted, %d refused of %d", admitted.Load(), refused.Load(), diallers)
		}
		eventually(t, "every place to be free", func() bool { return wsserver.Places(srv) == 0 })
	}
	if most.Load() > limit {
		t.Errorf("%d clients at once, the limit is %d", most.Load(), limit)
	}
	if in.Load() != 0 || srv.ClientCount() != 0 || d.count("connect") != d.count("disconnect") {
		t.Errorf("%d inside, %d clients, %d connected, %d disconnected at the end", in.Load(), srv.ClientCount(), d.count("connect"), d.count("disconnect"))
	}
}

// lowering the limit drops nobody and lets nobody in until enough have left.
func TestLoweredLimitDropsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Banner: banner.Policy{MaxClients: 3}})
		l := serve(t, srv)
		peers := []*clienttest.Peer{clienttest.Dial(t, l, "/"), clienttest.Dial(t, l, "/"), clienttest.Dial(t, l, "/")}
		if err := srv.SetMaxClients(1); err != nil {
			t.Fatal(err)
		}
		for i, p := range peers {
			p.SendText("still here")
			p.Receive()
			if _, res, err := clienttest.TryDial(t, l, "/"); res == nil || res.StatusCode != 503 {
				t.Fatalf("with %d clients over a limit of 1: %v", len(peers)-i, err)
			}
			p.Close(1000, "")
			p.WaitEnd()
			synctest.Wait()
		}
		clienttest.Dial(t, l, "/")
	})
}
