package wsserver_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// serveHTTP runs somebody else's http.Server with handler on a listener in memory.
func serveHTTP(t *testing.T, handler http.Handler, config *tls.Config) *clienttest.Listener {
	t.Helper()
	l := clienttest.NewListener()
	hs := &http.Server{Handler: handler, TLSConfig: config, ReadTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if config != nil {
			hs.ServeTLS(l, "", "")
		} else {
			hs.Serve(l)
		}
	}()
	t.Cleanup(func() { hs.Close(); <-done })
	return l
}

// wrapped is a ResponseWriter of a middleware that only knows the basics.
type wrapped struct{ w http.ResponseWriter }

func (w wrapped) Header() http.Header         { return w.w.Header() }
func (w wrapped) Write(p []byte) (int, error) { return w.w.Write(p) }
func (w wrapped) WriteHeader(status int)      { w.w.WriteHeader(status) }

// unwrapped is one that http.NewResponseController sees through.
type unwrapped struct{ wrapped }

func (w unwrapped) Unwrap() http.ResponseWriter { return w.w }

type ctxKey struct{}

// H-13, L-26: inside a mux behind middleware; data right behind the handshake is
// not lost, the context has the request's values and not its end.
func TestServeHTTPBehindMiddleware(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls %v", secure), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, returned := &desk{}, make(chan struct{})
				var g *guest
				d.newClient = func(r *client.OpenRequest) (*guest, error) {
					if r.Context().Value(ctxKey{}) != "value" || r.BindingIndex != -1 || r.Binding != "" || r.URI.Path != "/chat" || r.RawURI != "/ws/chat?q" {
						t.Errorf("the open request is %+v", r)
					}
					return d.guest(), nil
				}
				d.connect = func(c *guest) error { g = c; return nil }
				srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{Welcome: "hi"}, PingInterval: -1})
				mux := http.NewServeMux()
				mux.Handle("/ws/", http.StripPrefix("/ws", srv))
				outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := context.WithCancel(context.WithValue(r.Context(), ctxKey{}, "value"))
					mux.ServeHTTP(unwrapped{wrapped{w}}, r.WithContext(ctx))
					cancel()
					close(returned)
				})
				var config *tls.Config
				if secure {
					config = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
				}
				l := serveHTTP(t, outer, config)
				p := raw(t, l)
				if secure {
					p = rawTLS(t, l, "server.example")
				}
				hasty := p.Encode(wstest.Text("hasty"), wstest.Text("too"))
				p.Write(append(wstest.Upgrade("/ws/chat?q").Bytes(), hasty...))
				p.ReadUpgraded()
				p.WantText("hi")
				p.WantText("hasty")
				p.WantText("too")
				<-returned // ServeHTTP does not stay for the life of the client
				time.Sleep(time.Hour)
				if g.Context().Err() != nil || g.Context().Value(ctxKey{}) != "value" {
					t.Errorf("the client's context: %v, value %v", g.Context().Err(), g.Context().Value(ctxKey{}))
				}
				if g.BindingIndex() != -1 || g.Binding() != "" || g.RawURI() != "/ws/chat?q" || (g.TLS() != nil) != secure ||
					g.Local().String() != l.Addr().String() || !g.Remote().IsValid() {
					t.Errorf("the client is %+v", g.Info())
				}
				if st := srv.Stats(); st.Clients != 1 || st.Accepted != 0 {
					t.Errorf("the figures are %+v", st)
				}
				if err := srv.Shutdown(t.Context()); err != nil {
					t.Errorf("Shutdown = %v", err)
				}
			})
		})
	}
}

// the same rules and answers as on our own listener.
func TestServeHTTPRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) { return nil, r.Reject(402, "pay first") }
		srv := newServer(t, d, wsserver.Config{
			Hosts:  []hosts.Host{{Tag: "main", Names: []string{"server.example"}}},
			Events: noted(&d.journal),
		})
		l := serveHTTP(t, srv, nil)
		for _, tt := range []struct {
			r      wstest.Request
			status int
			line   string
		}{
			{wstest.Upgrade("/").Replace("Sec-WebSocket-Version: 8"), 426, "reject bad request 426"},
			{wstest.Upgrade("/").Without("Sec-WebSocket-Key"), 400, "reject bad request 400"},
			{line("POST / HTTP/1.1"), 405, "reject bad request 405"},
			{wstest.Upgrade("/").With("Origin: https://evil.example"), 403, "reject origin 403"},
			{wstest.Upgrade("/").Replace("Host: other.example"), 421, "reject unknown host 421"},
			{get("/", "server.example"), 426, "reject not an upgrade 426"},
			{wstest.Upgrade("/"), 402, "reject rejected 402"},
		} {
			d.list = nil
			res := raw(t, l).Request(tt.r)
			if res.Status != tt.status || res.Body == "" {
				t.Errorf("answer is %+v, want %d", res, tt.status)
			}
			if tt.status == 426 && res.Header.Get("Upgrade") != "websocket" {
				t.Errorf("the header of the 426 is %v", res.Header)
			}
			synctest.Wait()
			if got := d.lines(); got[len(got)-1] != tt.line {
				t.Errorf("events are %v, want %s", got, tt.line)
			}
		}
	})
}

// H-13: middleware that hides the connection makes 500, not a crash.
func TestServeHTTPWithoutHijack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{Events: noted(&d.journal), Banner: banner.Policy{MaxClients: 1}})
		l := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { srv.ServeHTTP(wrapped{w}, r) }), nil)
		if res := raw(t, l).Request(wstest.Upgrade("/")); res.Status != 500 {
			t.Errorf("answer is %+v", res)
		}
		d.want(t, "reject failed 500")
		if n := wsserver.Places(srv); n != 0 {
			t.Errorf("%d places are taken", n)
		}
	})
}

// hijacker gives a connection that has bytes of its own, as any server may.
type hijacker struct {
	http.ResponseWriter
	conn net.Conn
	rw   *bufio.ReadWriter
	err  error
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.conn, h.rw, h.err }

// H-13: what Hijack returns is trusted: an error is 500, its buffer is read first.
func TestServeHTTPTakesWhatHijackHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{PingInterval: -1})
		l := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			if r.URL.Path == "/error" {
				srv.ServeHTTP(hijacker{w, conn, rw, errors.New("no")}, r)
				conn.Close()
				return
			}
			_ = conn.SetDeadline(time.Now().Add(time.Second)) // of another mind
			srv.ServeHTTP(hijacker{w, conn, rw, nil}, r)
		}), nil)
		p := raw(t, l)
		p.Write(append(wstest.Upgrade("/").Bytes(), p.Encode(wstest.Text("x"))...))
		p.ReadUpgraded()
		p.WantText("x")
		time.Sleep(time.Minute)
		p.Send(wstest.Text("y"))
		p.WantText("y")
		bad := raw(t, l)
		bad.Write(wstest.Upgrade("/error").Bytes())
		bad.WantEnd()
	})
}
