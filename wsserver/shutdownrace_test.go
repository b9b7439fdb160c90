package wsserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// connections in handshake are refused at once, with 503 where they
// have asked already.
func TestShutdownEndsHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{Events: noted(&d.journal)})
		l := serve(t, srv)
		silent, half := raw(t, l), raw(t, l)
		half.Write(wstest.Upgrade("/").Bytes()[:30])
		synctest.Wait()
		start := time.Now()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it takes %v", took)
		}
		if res := half.ReadResponse(); res.Status != 503 {
			t.Errorf("answer is %+v", res)
		}
		silent.WantEnd()
		if n := d.count("reject shutdown"); n != 2 {
			t.Errorf("events are %v", d.lines())
		}
		if _, err := l.Dial(t.Context()); err == nil {
			t.Error("the listener is open")
		}
	})
}

// nor does a TLS handshake hold the end up; a NewClient that runs does, and
// its client is refused.
func TestShutdownWaitsForNewClient(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.newClient = func(*client.OpenRequest) (*guest, error) {
			time.Sleep(3 * time.Second) // deaf to its context
			d.add("leave")
			return d.guest(), nil
		}
		srv := newServer(t, d, wsserver.Config{Events: noted(&d.journal), TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
		secure, l := clienttest.NewListener(), serve(t, srv)
		serveOn(t, srv, secure, srv.ServeTLS)
		silent, asks := raw(t, secure), raw(t, l)
		asks.Write(wstest.Upgrade("/").Bytes())
		synctest.Wait()
		start := time.Now()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if took := time.Since(start); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("it takes %v", took)
		}
		if res := asks.ReadResponse(); res.Status != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("answer is %+v", res)
		}
		silent.WantEnd()
		d.want(t, "new", "reject tls 0", "leave", "reject shutdown 503")
	})
}

// with hundreds of clients connecting, nobody is made a client after Shutdown
// has returned, and each that was gets its last event.
func TestShutdownRacesWithClients(t *testing.T) {
	for round := range 20 {
		d := &desk{}
		var over atomic.Bool
		check := func() {
			if over.Load() {
				t.Error("user code runs after Shutdown")
			}
		}
		d.newClient = func(*client.OpenRequest) (*guest, error) { check(); return d.guest(), nil }
		d.connect = func(*guest) error { check(); return nil }
		d.disconnect = func(*guest, client.CloseInfo) { check() }
		srv := newServer(t, d, wsserver.Config{})
		l := serve(t, srv)
		var wg sync.WaitGroup
		var closed, aborted atomic.Int32
		for range 200 {
			wg.Go(func() {
				p, _, err := clienttest.TryDial(t, l, "/")
				if err != nil {
					return
				}
				_, err = p.TryReceive()
				if e, ok := errors.AsType[*client.CloseError](err); ok && e.Code == client.StatusGoingAway {
					closed.Add(1)
				} else {
					aborted.Add(1)
				}
			})
		}
		eventually(t, "some clients", func() bool { return srv.ClientCount() > round*5 })
		end := []func() error{func() error { return srv.Shutdown(context.Background()) }, srv.Close, srv.Abort}[round%3]
		if err := end(); err != nil {
			t.Errorf("the end = %v", err)
		}
		over.Store(true)
		wg.Wait()
		ended(t, srv)
		if d.count("connect") != d.count("disconnect") || srv.ClientCount() != 0 || wsserver.Places(srv) != 0 {
			t.Errorf("%d connected, %d disconnected, %d clients", d.count("connect"), d.count("disconnect"), srv.ClientCount())
		}
		if round%3 == 0 && aborted.Load() > 0 {
			t.Errorf("%d got 1001, %d none under Shutdown", closed.Load(), aborted.Load())
		}
		if st := srv.Stats(); st.Connected != st.Disconnected || st.Pending != 0 {
			t.Errorf("the figures are %+v", st)
		}
	}
}
