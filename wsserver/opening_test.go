package wsserver_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// each connection has HandshakeTimeout from its own accept on, whatever becomes of
// those before and after it, also when nobody came for a while.
func TestEachHandshakeHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{HandshakeTimeout: 3 * time.Second, PingInterval: -1, IdleTimeout: -1})
		l := serve(t, srv)
		for round := range 2 {
			begun := time.Now()
			ended := make(chan time.Duration, 6)
			for i := range 6 {
				p := raw(t, l)
				p.Timeout = time.Hour
				switch i {
				case 1, 4: // is in time
					p.Write(wstest.Upgrade("/").Bytes())
					p.ReadUpgraded()
				case 2: // is gone
					p.Conn.Close()
				default:
					go func() {
						_, _ = io.Copy(io.Discard, p.Conn)
						ended <- time.Since(begun)
					}()
				}
				time.Sleep(time.Second)
			}
			for _, want := range []time.Duration{3, 6, 8} {
				if got := <-ended; got != want*time.Second {
					t.Errorf("round %d: a handshake is ended after %v, want %d s", round, got, want)
				}
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if st := srv.Stats(); st.Pending != 0 || st.Clients != 2*(round+1) {
				t.Errorf("round %d: the figures are %+v", round, st)
			}
		}
	})
}

// A-24, S-12: no deadline of the handshake is left on a connection.
func TestHandshakeInTimeLeavesNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := &desk{}
		d.newClient = func(*client.OpenRequest) (*guest, error) { <-release; return d.guest(), nil }
		srv := newServer(t, d, wsserver.Config{HandshakeTimeout: 3 * time.Second, PingInterval: -1, IdleTimeout: -1})
		l := serve(t, srv)
		p := raw(t, l)
		p.Write(wstest.Upgrade("/").Bytes())
		time.Sleep(3*time.Second - 1)
		close(release)
		p.ReadUpgraded()
		time.Sleep(time.Hour)
		synctest.Wait()
		if st := srv.Stats(); st.Clients != 1 {
			t.Errorf("the figures are %+v", st)
		}
	})
}

// the clock of the handshake does not cut short the answer to a refused one.
func TestRefusalHasATimeOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{HandshakeTimeout: 3 * time.Second})
		l := serve(t, srv)
		l.SetBuffer(20)
		p := raw(t, l)
		time.Sleep(2500 * time.Millisecond)
		p.Write(line("POST / HTTP/1.1").Bytes())
		time.Sleep(900 * time.Millisecond) // more than the handshake had left
		if res := p.ReadResponse(); res.Status != http.StatusMethodNotAllowed {
			t.Errorf("status %d", res.Status)
		}
	})
}

// who sees an open request sees all of it, also where the factory does not look.
func TestOpenRequestIsWholeWithoutAFactory(t *testing.T) {
	seen := 0
	look := func(t *testing.T, r *client.OpenRequest) {
		t.Helper()
		if seen++; r.Header.Get("X-Own") != "1" || r.ResponseHeader == nil || len(r.Extensions) != 1 || r.URI.Path != "/a" {
			t.Errorf("the request is %+v", r)
		}
	}
	for _, tt := range []struct {
		name string
		cfg  func(t *testing.T) wsserver.Config
		seen int
	}{
		{"nobody looks", func(*testing.T) wsserver.Config { return wsserver.Config{} }, 0},
		{"NewName looks", func(t *testing.T) wsserver.Config {
			return wsserver.Config{NewName: func(r *client.OpenRequest) string { look(t, r); return "x" }}
		}, 1},
		{"a hook looks", func(t *testing.T) wsserver.Config {
			return wsserver.Config{Hooks: []wsserver.Hooks{{}, {OnClientCreate: func(_ client.Client, r *client.OpenRequest) error {
				look(t, r)
				return nil
			}}}}
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen = 0
				cfg := tt.cfg(t)
				cfg.SubProtocols = []string{"b"}
				cfg.Compression.Mode = client.CompressionMessage
				l := serve(t, newServerOf(t, wsserver.Class[guest](), cfg))
				p := raw(t, l)
				res := p.Request(wstest.Upgrade("/a").With("X-Own: 1", "Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Extensions: permessage-deflate"))
				if res.Header.Get("Sec-WebSocket-Protocol") != "b" || !strings.HasPrefix(res.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
					t.Errorf("the answer has %v", res.Header)
				}
				synctest.Wait()
				if seen != tt.seen {
					t.Errorf("the request was seen %d times, want %d", seen, tt.seen)
				}
			})
		})
	}
}

// accepting returns how many goroutines accept, or wait for their turn.
func accepting() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "wsserver.(*core).work(")
}

// E-13: goroutines that user code ends are replaced, and one is left when there is nothing
// to do.
func TestGoroutinesOfHandshakesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{PingInterval: -1, IdleTimeout: -1})
		l := serve(t, srv)
		check := func(what string) {
			t.Helper()
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if n := accepting(); n != 1 {
				t.Errorf("after %s there are %d goroutines, want 1", what, n)
			}
		}
		check("nothing")
		d.newClient = func(*client.OpenRequest) (*guest, error) { runtime.Goexit(); return nil, nil }
		for range 20 {
			if res := raw(t, l).Request(wstest.Upgrade("/")); res.Status != 500 {
				t.Fatalf("status %d", res.Status)
			}
		}
		check("events that end theirs")
		d.newClient = nil
		for range 20 {
			raw(t, l).Write(wstest.Upgrade("/").Bytes())
		}
		synctest.Wait()
		if st := srv.Stats(); st.Clients != 20 {
			t.Errorf("the figures are %+v", st)
		}
		check("a crowd")
	})
}
