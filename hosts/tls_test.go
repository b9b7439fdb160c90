package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// mustTLS returns the TLS side of view.
func mustTLS(t testing.TB, view *View) *tls.Config {
	t.Helper()
	config, err := view.TLSConfig()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// handshake connects a client to a server, lets it take its session tickets and
// returns its state.
func handshake(t testing.TB, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	a, b := net.Pipe()
	limit := time.Now().Add(time.Minute)
	a.SetDeadline(limit)
	b.SetDeadline(limit)
	var done sync.WaitGroup
	done.Go(func() {
		defer b.Close()
		io.WriteString(tls.Server(b, server), "x")
	})
	defer done.Wait()
	defer a.Close()
	c := tls.Client(a, client)
	if err := c.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	_, err := io.ReadFull(c, make([]byte, 1)) // tickets come before it in TLS 1.3
	return c.ConnectionState(), err
}

// tlsHosts are two hosts with certificates of one root, behind one without.
func tlsHosts(t testing.TB, opts Options) (*Set, *x509.CertPool) {
	t.Helper()
	root := issue(t, nil, "root", nil)
	a := issue(t, root, "a", []string{"a.example"})
	b := issue(t, root, "b", []string{"b.example", "*.b.example"})
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	return mustSet(t, opts,
		Host{Tag: "plain", Names: []string{"plain.example", "x.b.example"}, Port: 80},
		Host{Tag: "a", Names: []string{"a.example"}, TLSPort: 443, Cert: a.bundle()},
		Host{Tag: "b", Names: []string{"b.example", "*.b.example"}, TLSPort: 443, Cert: b.bundle()},
	), pool
}

// H-01, H-16
func TestServerNameChoosesTheCertificate(t *testing.T) {
	s, pool := tlsHosts(t, quiet())
	for _, view := range []*View{s.All(), s.View(1)} {
		for serverName, want := range map[string]string{
			"a.example": "a", "b.example": "b", "x.b.example": "b", "X.B.Example": "b",
		} {
			state, err := handshake(t, mustTLS(t, view), &tls.Config{ServerName: serverName, RootCAs: pool})
			if err != nil {
				t.Errorf("%s: %v", serverName, err)
			} else if got := state.PeerCertificates[0].Subject.CommonName; got != want {
				t.Errorf("%s is shown the certificate of %s; want %s", serverName, got, want)
			}
		}
	}
}

//
func TestUnknownServerNameIsShownTheDefault(t *testing.T) {
	s, _ := tlsHosts(t, quiet())
	for _, serverName := range []string{"", "unknown.example", "127.0.0.1", "plain.example"} {
		state, err := handshake(t, mustTLS(t, s.All()), &tls.Config{ServerName: serverName, InsecureSkipVerify: true})
		if err != nil {
			t.Errorf("%q: %v", serverName, err)
		} else if got := state.PeerCertificates[0].Subject.CommonName; got != "a" {
			t.Errorf("%q is shown the certificate of %s; want a", serverName, got)
		}
	}
}

// T-35
func TestOnlyHTTP1IsNegotiated(t *testing.T) {
	opts := quiet()
	opts.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	s, pool := tlsHosts(t, opts)
	client := &tls.Config{ServerName: "a.example", RootCAs: pool, NextProtos: []string{"h2", "http/1.1"}}
	if state, err := handshake(t, mustTLS(t, s.All()), client); err != nil || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("negotiated %q, %v; want http/1.1", state.NegotiatedProtocol, err)
	}
	client.NextProtos = []string{"h2"}
	if state, err := handshake(t, mustTLS(t, s.All()), client); err == nil {
		t.Errorf("a client that only speaks h2 got %q", state.NegotiatedProtocol)
	}
	client.NextProtos = nil
	if _, err := handshake(t, mustTLS(t, s.All()), client); err != nil {
		t.Errorf("a client without ALPN: %v", err)
	}
	if opts.TLS.NextProtos[0] != "h2" || opts.TLS.MinVersion != 0 {
		t.Error("the template was changed")
	}
}

// H-28, T-08
func TestTemplateReachesEveryHost(t *testing.T) {
	verified := errors.New("verified")
	opts := quiet()
	opts.TLS = &tls.Config{MinVersion: tls.VersionTLS13, VerifyConnection: func(tls.ConnectionState) error { return verified }}
	s, _ := tlsHosts(t, opts)
	for _, e := range s.Hosts()[1:] {
		c := e.identity.configuration()
		if c == opts.TLS || c.MinVersion != tls.VersionTLS13 || c.VerifyConnection(tls.ConnectionState{}) != verified {
			t.Errorf("configuration of %v does not follow the template", e)
		}
	}
	s, pool := tlsHosts(t, quiet())
	old := &tls.Config{ServerName: "a.example", RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, err := handshake(t, mustTLS(t, s.All()), old); err == nil {
		t.Error("TLS 1.1 was accepted without a template")
	}
}

// oneSession offers the same session to every server.
type oneSession struct{ state *tls.ClientSessionState }

func (o *oneSession) Get(string) (*tls.ClientSessionState, bool) { return o.state, o.state != nil }
func (o *oneSession) Put(_ string, s *tls.ClientSessionState)    { o.state = s }

// H-16, T-16
func TestSessionsResumeAtTheirHostOnly(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			s, _ := tlsHosts(t, quiet())
			one, other := mustTLS(t, s.View(1)), mustTLS(t, s.All())
			resumed := func(server *tls.Config, serverName string, ticket *tls.ClientSessionState) (bool, *tls.ClientSessionState) {
				t.Helper()
				cache := &oneSession{ticket}
				state, err := handshake(t, server, &tls.Config{
					ServerName: serverName, InsecureSkipVerify: true, // else the client would not offer it elsewhere
					MinVersion: version, MaxVersion: version, ClientSessionCache: cache,
				})
				if err != nil {
					t.Fatalf("%s: %v", serverName, err)
				}
				return state.DidResume, cache.state
			}
			_, ofA := resumed(one, "a.example", nil)
			_, ofB := resumed(one, "b.example", nil)
			if ofA == nil || ofB == nil {
				t.Fatal("no session to resume")
			}
			for _, tt := range []struct {
				server     *tls.Config
				serverName string
				ticket     *tls.ClientSessionState
				want       bool
			}{
				{one, "a.example", ofA, true},
				{one, "b.example", ofB, true},
				{one, "x.b.example", ofB, true},
				{other, "b.example", ofB, true}, // another listener
				{one, "b.example", ofA, false},
				{one, "a.example", ofB, false},
				{one, "", ofB, false}, // the default host is a
			} {
				if got, _ := resumed(tt.server, tt.serverName, tt.ticket); got != tt.want {
					t.Errorf("session of a = %v resumes at %q: %v; want %v", tt.ticket == ofA, tt.serverName, got, tt.want)
				}
			}
		})
	}
}

// T-16
func TestTicketKeysChangeEveryDayAndLastAWeek(t *testing.T) {
	now := time.Now()
	opts := quiet()
	opts.Now = func() time.Time { return now }
	s, _ := tlsHosts(t, opts)
	id := s.Hosts()[1].identity
	var newest [][32]byte
	for day := range 20 {
		id.configuration()
		newest = append(newest, id.tickets.keys[0].secret)
		if day > 0 && newest[day] == newest[day-1] {
			t.Fatalf("the key of day %d is that of the day before", day)
		}
		if want := min(day+1, 9); len(id.tickets.keys) != want {
			t.Errorf("%d keys on day %d; want %d", len(id.tickets.keys), day, want)
		}
		now = now.Add(ticketRotation)
	}
	cache := &oneSession{}
	client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, ClientSessionCache: cache, Time: opts.Now, MaxVersion: tls.VersionTLS12}
	for _, want := range []bool{false, true} {
		state, err := handshake(t, mustTLS(t, s.View(1)), client)
		if err != nil || state.DidResume != want {
			t.Errorf("DidResume = %v, %v; want %v two days later", state.DidResume, err, want)
		}
		now = now.Add(2 * ticketRotation)
	}
}

// T-16
func TestDisabledTicketsStayDisabled(t *testing.T) {
	opts := quiet()
	opts.TLS = &tls.Config{SessionTicketsDisabled: true}
	s, _ := tlsHosts(t, opts)
	cache := &oneSession{}
	for range 2 {
		state, err := handshake(t, mustTLS(t, s.All()), &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, ClientSessionCache: cache})
		if err != nil || state.DidResume {
			t.Errorf("DidResume = %v, %v", state.DidResume, err)
		}
	}
}

func TestHandshakesMayRunAtTheSameTime(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	opts := quiet()
	opts.Now = func() time.Time { // every look is half a day later
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(12 * time.Hour)
		return now
	}
	opts.TLS = &tls.Config{Time: time.Now}
	s := mustSet(t, opts, Host{Names: []string{"*"}, TLSPort: 443, AllowTemporary: true})
	config := mustTLS(t, s.All())
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			name := fmt.Sprintf("c%d.example", i)
			for range 4 {
				if _, err := handshake(t, config, &tls.Config{ServerName: name, InsecureSkipVerify: true}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				s.Hosts()[0].Leaf()
			}
		})
	}
	done.Wait()
}

// H-07
func TestTLSOverRealSockets(t *testing.T) {
	root := issue(t, nil, "root", nil)
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	host := func(name string) Host {
		return Host{Names: []string{name}, Bind: "127.0.0.1", TLSPort: -1, Cert: issue(t, root, name, []string{name}).bundle()}
	}
	s := mustSet(t, quiet(), host("a.example"), host("b.example"))
	addrs, err := s.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range addrs {
		l, err := tls.Listen(a.Network, a.Addr, mustTLS(t, s.View(i)))
		if err != nil {
			t.Fatal(err)
		}
		var done sync.WaitGroup
		done.Go(func() {
			if c, err := l.Accept(); err == nil {
				c.(*tls.Conn).HandshakeContext(t.Context())
				c.Close()
			}
		})
		d := tls.Dialer{Config: &tls.Config{ServerName: s.Hosts()[i].Names()[0], RootCAs: pool}}
		c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Errorf("Dial %v = %v", a, err)
		} else {
			c.Close()
		}
		l.Close()
		done.Wait()
	}
}
