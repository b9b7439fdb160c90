package wsserver_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// H-13, E-15: a handler that panics ends its connection and nothing else.
func TestPageHandlerMayPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{Events: noted(&d.journal), HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/panic":
				panic("oh")
			case "/abort":
				panic(http.ErrAbortHandler)
			case "/exit":
				runtime.Goexit()
			}
		})})
		l := serve(t, srv)
		for _, target := range []string{"/panic", "/abort", "/exit", "/panic"} {
			p := raw(t, l)
			p.Write(get(target, "x").Bytes())
			if _, err := p.Conn.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("%s: reading = %v, want EOF", target, err)
			}
		}
		if res := raw(t, l).Request(get("/", "x")); res.Status != 200 {
			t.Errorf("then the status is %d", res.Status)
		}
		d.want(t, "panic HTTP", "panic HTTP")
		if n := srv.Stats().Panics; n != 2 {
			t.Errorf("%d panics are counted", n)
		}
	})
}

// a page handler may shut the server down; its answer still arrives.
func TestPageHandlerMayShutDown(t *testing.T) {
	for name, end := range map[string]func(*wsserver.Server[*guest]) error{
		"Shutdown": func(s *wsserver.Server[*guest]) error { return s.Shutdown(context.Background()) },
		"Close":    func(s *wsserver.Server[*guest]) error { return s.Close() },
		"Abort":    func(s *wsserver.Server[*guest]) error { return s.Abort() },
		"DisconnectAll": func(s *wsserver.Server[*guest]) error {
			return s.DisconnectAll(context.Background(), 1001, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var srv *wsserver.Server[*guest]
				srv = newServer(t, d, wsserver.Config{HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					if err := end(srv); err != nil {
						t.Errorf("%s = %v", name, err)
					}
					io.WriteString(w, "good night")
				})})
				l := serve(t, srv)
				peer := clienttest.Dial(t, l, "/")
				synctest.Wait() // the answer is read before the client is registered
				res := raw(t, l).Request(get("/", "x"))
				if res.Status != 200 || res.Body != "good night" {
					t.Errorf("answer is %+v", res)
				}
				peer.WaitEnd()
				if name == "DisconnectAll" {
					return
				}
				ended(t, srv)
				if _, err := l.Dial(t.Context()); err == nil {
					t.Error("the listener is still open")
				}
			})
		})
	}
}

// H-13: idle page connections end with the server; a busy one has the time that
// Shutdown has.
func TestPageConnectionsEndWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		srv := newServer(t, &desk{}, wsserver.Config{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-release
			}
		})})
		l := serve(t, srv)
		idle, slow := raw(t, l), raw(t, l)
		idle.Request(get("/", "x"))
		slow.Write(get("/slow", "x").Bytes())
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown = %v", err)
		}
		if d := time.Since(start); d < 3*time.Second || d > 4*time.Second {
			t.Errorf("Shutdown took %v", d)
		}
		for _, p := range []*wstest.Peer{idle, slow} {
			if _, err := p.Conn.Read(make([]byte, 1)); err == nil {
				t.Error("a page connection is still there")
			}
		}
		close(release)
	})
}
