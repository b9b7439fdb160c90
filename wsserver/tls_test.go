package wsserver_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// T-01, T-02, T-24, T-25, T-26, T-27, T-28, T-29, T-35, H-28: what a client knows of its TLS.
func TestClientKnowsItsTLS(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	for _, tt := range []struct {
		name   string
		client *tls.Config
		want   client.TLSInfo
	}{
		{"TLS 1.3", &tls.Config{NextProtos: []string{"h2", "http/1.1"}, CurvePreferences: []tls.CurveID{tls.X25519}}, client.TLSInfo{
			Version: "TLS 1.3", KeyExchange: "X25519", KeyExchangeBits: 253, ServerName: "server.example", Protocol: "http/1.1",
		}},
		{"TLS 1.2", &tls.Config{
			MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}, CurvePreferences: []tls.CurveID{tls.CurveP384},
		}, client.TLSInfo{
			Version: "TLS 1.2", Suite: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Cipher: "AES-256-GCM", CipherBits: 256,
			KeyExchange: "CurveP384", KeyExchangeBits: 384, ServerName: "server.example",
		}},
		{"ChaCha20", &tls.Config{
			MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, CurvePreferences: []tls.CurveID{tls.CurveP256},
		}, client.TLSInfo{
			Version: "TLS 1.2", Suite: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Cipher: "ChaCha20-Poly1305", CipherBits: 256,
			KeyExchange: "CurveP256", KeyExchangeBits: 256, ServerName: "server.example",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var g *guest
				d.connect = func(c *guest) error { g = c; return nil }
				// h2 and the missing MinVersion are set right (T-35).
				srv := newServer(t, d, wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}}})
				l := clienttest.NewListener()
				serveOn(t, srv, l, srv.ServeTLS)
				config := tt.client.Clone()
				config.RootCAs, config.ServerName = ca.Pool(), "server.example"
				p := clienttest.Dial(t, l, "/", clienttest.DialOptions{TLS: config})
				p.SendText("x")
				p.Receive()
				got := g.TLSInfo()
				if tt.want.Suite == "" { // TLS 1.3 chooses by the hardware
					if !strings.HasPrefix(got.Suite, "TLS_") || got.Cipher == "" || got.CipherBits < 128 {
						t.Errorf("suite %q, cipher %q of %d bits", got.Suite, got.Cipher, got.CipherBits)
					}
					got.Suite, got.Cipher, got.CipherBits = "", "", 0
				}
				if got != tt.want {
					t.Errorf("TLSInfo = %+v, want %+v", got, tt.want)
				}
				if g.TLS() == nil || g.Info().TLS.Version != tt.want.Version {
					t.Errorf("TLS = %v", g.TLS())
				}
			})
		})
	}
}

// T-35, H-28, T-08: TLS below 1.2 and h2 alone are refused unless asked for.
func TestOldTLSIsRefused(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	try := func(t *testing.T, server, peer *tls.Config) error {
		d := &desk{}
		level := hosts.LevelDefault
		if server.MinVersion != 0 {
			level = hosts.LevelNone
		}
		srv := newServer(t, d, wsserver.Config{TLS: server, Level: level, Events: noted(&d.journal)})
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		conn, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		peer.RootCAs, peer.ServerName = ca.Pool(), "server.example"
		if err := tls.Client(conn, peer).HandshakeContext(t.Context()); err != nil {
			synctest.Wait()
			d.want(t, "reject tls 0")
			return err
		}
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		certs := []tls.Certificate{cert}
		old := &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		if err := try(t, &tls.Config{Certificates: certs}, old.Clone()); err == nil {
			t.Error("TLS 1.1 is spoken without being asked for")
		}
		if err := try(t, &tls.Config{Certificates: certs, MinVersion: tls.VersionTLS10}, old.Clone()); err != nil {
			t.Errorf("TLS 1.1 is refused although asked for: %v", err)
		}
		if err := try(t, &tls.Config{Certificates: certs}, &tls.Config{NextProtos: []string{"h2"}}); err == nil {
			t.Error("a peer that speaks h2 alone is let in")
		}
	})
}

// H-33: a temporary certificate only where it is allowed, logged, and good for the
// names of its host.
func TestTemporaryCertificate(t *testing.T) { onDrivers(t, testTemporaryCertificate) }

func testTemporaryCertificate(t *testing.T) {
	var log logbook
	srv := newServer(t, &desk{}, wsserver.Config{Logger: log.logger(), Hosts: []hosts.Host{
		{Tag: "dev", Names: []string{"dev.example"}, AllowTemporary: true, Bind: "127.0.0.1", TLSPort: -1},
	}})
	addr := open(t, srv)
	p := wstest.DialTLS(t, addr, &tls.Config{InsecureSkipVerify: true, ServerName: "dev.example"})
	p.Upgrade(wstest.Upgrade("/").Replace("Host: dev.example"))
	leaf := p.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	if err := leaf.VerifyHostname("dev.example"); err != nil {
		t.Error(err)
	}
	if len(log.lines("WARN", "temporary")) != 1 {
		t.Errorf("the log is %q", log.lines())
	}
}

// O-01, A-25: plain HTTP to a TLS port is told so, over a socket as well and
// however much of it there is.
func TestPlainHTTPToATLSPort(t *testing.T) {
	ca := wstest.NewCA(t)
	d := &desk{}
	srv := newServer(t, d, wsserver.Config{
		Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{ca.Leaf("server.example")}}, Events: noted(&d.journal),
	})
	addr := open(t, srv)
	for _, size := range []int{0, 1000, 60_000} {
		p := wstest.DialTCP(t, addr)
		p.Write(wstest.Upgrade("/").With("X: " + strings.Repeat("x", size)).Bytes())
		res := p.ReadResponse()
		if res.Status != http.StatusBadRequest || !strings.Contains(res.Body, "TLS") {
			t.Errorf("answer is %+v", res)
		}
		p.WantEnd()
		p.Conn.Close()
	}
	eventually(t, "three refusals", func() bool { return d.count("reject tls 400") == 3 })
}
