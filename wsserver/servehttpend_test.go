package wsserver_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// after Shutdown ServeHTTP says 503, to pages and upgrades, and calls
// no user code.
func TestServeHTTPAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{Events: noted(&d.journal), HTTP: page("never")})
		l := serveHTTP(t, srv, nil)
		srv.Shutdown(t.Context())
		for _, r := range []wstest.Request{wstest.Upgrade("/"), get("/", "x")} {
			if res := raw(t, l).Request(r); res.Status != 503 || res.Header.Get("Retry-After") == "" {
				t.Errorf("answer is %+v", res)
			}
		}
		d.want(t, "reject shutdown 503", "reject shutdown 503")
	})
}

// Shutdown waits for an upgrade that ServeHTTP has begun: once it has
// returned, no user code runs any more.
func TestShutdownWaitsForServeHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, inside := &desk{}, make(chan struct{})
		d.newClient = func(*client.OpenRequest) (*guest, error) {
			close(inside)
			time.Sleep(2 * time.Second)
			d.add("leave")
			return d.guest(), nil
		}
		srv := newServer(t, d, wsserver.Config{})
		p := raw(t, serveHTTP(t, srv, nil))
		p.Write(wstest.Upgrade("/").Bytes())
		<-inside
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		d.want(t, "new", "leave")
		if res := p.ReadResponse(); res.Status != 503 {
			t.Errorf("status %d, want 503", res.Status)
		}
	})
}

// HandshakeTimeout bounds NewClient here too, from the request on; how long
// the connection was there before does not count.
func TestServeHTTPHasTheHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			if r.RawURI == "/slow" {
				<-r.Context().Done()
			}
			return d.guest(), nil
		}
		srv := newServer(t, d, wsserver.Config{HandshakeTimeout: time.Second, Events: noted(&d.journal), HTTP: page("p")})
		l := serveHTTP(t, srv, nil)
		for target, status := range map[string]int{"/slow": 503, "/fast": 101} {
			p := raw(t, l)
			p.Request(get("/", "server.example"))
			time.Sleep(10 * time.Second)
			start := time.Now()
			if res := p.Request(wstest.Upgrade(target)); res.Status != status {
				t.Errorf("%s: status %d, want %d", target, res.Status, status)
			}
			if took := time.Since(start); took != 0 && took != time.Second {
				t.Errorf("%s takes %v", target, took)
			}
			p.Conn.Close()
		}
		synctest.Wait()
		if d.count("reject timeout 503") != 1 || d.count("connect") != 1 {
			t.Errorf("events are %v", d.lines())
		}
	})
}
