package wsserver_test

import (
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// watched is a configuration that tells when a refusal came, counted from start.
func watched(d *desk, at *time.Duration, start *time.Time) wsserver.Config {
	events := noted(&d.journal)
	note := events.OnReject
	events.OnReject = func(i wsserver.RejectInfo) { *at = time.Since(*start); note(i) }
	return wsserver.Config{Events: events}
}

// the handshake has its time in all, however busy the peer looks.
func TestSlowPeersAreCutOff(t *testing.T) {
	whole := wstest.Upgrade("/").Bytes()
	for _, tt := range []struct {
		name   string
		write  func(c net.Conn)
		answer int // 0 for none
		after  time.Duration
		want   string
	}{
		{"silent", func(net.Conn) {}, 0, 10 * time.Second, "reject timeout 0"},
		{"one byte", func(c net.Conn) { c.Write(whole[:1]) }, 408, 10 * time.Second, "reject timeout 408"},
		{"all but one byte", func(c net.Conn) { c.Write(whole[:len(whole)-1]) }, 408, 10 * time.Second, "reject timeout 408"},
		{"a byte a second", func(c net.Conn) {
			for i := range whole {
				if _, err := c.Write(whole[i : i+1]); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, 408, 10 * time.Second, "reject timeout 408"},
		{"half-closed", func(c net.Conn) {
			c.Write(whole[:9])
			c.(interface{ CloseWrite() error }).CloseWrite()
		}, 0, 0, "reject timeout 0"},
		{"half-closed at once", func(c net.Conn) { c.(interface{ CloseWrite() error }).CloseWrite() }, 0, 0, "reject timeout 0"},
		{"gone", func(c net.Conn) { c.Write(whole[:9]); c.Close() }, 0, 0, "reject timeout 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, start, at := &desk{}, time.Time{}, time.Duration(0)
				srv := newServer(t, d, watched(d, &at, &start))
				l := serve(t, srv)
				start = time.Now()
				p := raw(t, l)
				p.Timeout = time.Hour
				go tt.write(p.Conn)
				if tt.answer != 0 {
					if res := p.ReadResponse(); res.Status != tt.answer {
						t.Errorf("status %d, want %d", res.Status, tt.answer)
					}
				}
				if tt.name != "gone" {
					p.WantEnd()
				}
				time.Sleep(time.Hour) // what the peer's writer still does
				synctest.Wait()
				d.want(t, tt.want)
				if at != tt.after {
					t.Errorf("refused after %v, want %v", at, tt.after)
				}
				if st := srv.Stats(); st.Pending != 0 || st.Refused["timeout"] != 1 {
					t.Errorf("the figures are %+v", st)
				}
			})
		})
	}
}

// the time limit is not that of the connection.
func TestConnectionOutlivesTheHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serve(t, newServer(t, &desk{}, wsserver.Config{HandshakeTimeout: time.Second}))
		p := clienttest.Dial(t, l, "/")
		time.Sleep(time.Hour)
		p.SendText("x")
		p.Receive()
	})
}

// a negative HandshakeTimeout waits for ever.
func TestHandshakeWithoutATimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serve(t, newServer(t, &desk{}, wsserver.Config{HandshakeTimeout: -1, TLSHandshakeTimeout: -1}))
		p := raw(t, l)
		whole := wstest.Upgrade("/").Bytes()
		p.Write(whole[:20])
		time.Sleep(24 * time.Hour)
		p.Write(whole[20:])
		p.ReadUpgraded()
	})
}

// A-24, K-03: a peer that never speaks TLS on a TLS port gets TLSHandshakeTimeout,
// one that dawdles the rest of HandshakeTimeout.
func TestTLSHandshakeHasItsTime(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	synctest.Test(t, func(t *testing.T) {
		d, start, at := &desk{}, time.Time{}, time.Duration(0)
		cfg := watched(d, &at, &start)
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		srv := newServer(t, d, cfg)
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		for _, first := range []string{"", "\x16\x03\x01"} {
			start = time.Now()
			p := raw(t, l)
			p.Timeout = time.Hour
			p.Write([]byte(first))
			p.WantEnd()
			synctest.Wait()
			if at != 5*time.Second {
				t.Errorf("after %q: refused after %v, want 5s", first, at)
			}
		}
		start = time.Now()
		p := raw(t, l)
		time.Sleep(4 * time.Second)
		p = p.OverTLS(&tls.Config{ServerName: "server.example", RootCAs: ca.Pool()})
		p.Timeout = time.Hour
		p.WantEnd()
		synctest.Wait()
		if at != 10*time.Second {
			t.Errorf("silent inside of TLS: refused after %v, want 10s", at)
		}
		d.want(t, "reject tls 0", "reject tls 0", "reject timeout 0")
	})
}
