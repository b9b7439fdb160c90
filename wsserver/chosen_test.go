package wsserver_test

import (
	"crypto/tls"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// anySession is a session cache that has one session for every name.
type anySession struct{ s *tls.ClientSessionState }

func (c *anySession) Get(string) (*tls.ClientSessionState, bool) { return c.s, c.s != nil }
func (c *anySession) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		c.s = s
	}
}

// E-28, H-22, T-04, T-16: whatever OnTLSHello chooses, the rules of the template, of the
// host and of OnHostTLS hold, as they do without it.
func TestWhatOnTLSHelloChoosesOpensNoDoor(t *testing.T) {
	ca, list := twoHosts(t)
	other, member := ca.Leaf("a.example", "x.b.example"), ca.Leaf("member")
	for name, tt := range map[string]struct {
		change func(c *wsserver.Config)
		plain  bool // without hosts
	}{
		"rule of the template": {change: func(c *wsserver.Config) {
			c.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()}
		}},
		"rule of OnHostTLS": {change: func(c *wsserver.Config) {
			c.OnHostTLS = func(_ *hosts.Entry, c *tls.Config) {
				c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool()
			}
		}},
		"rule of the host": {change: func(c *wsserver.Config) {
			c.Hosts[0].ClientAuth, c.Hosts[0].ClientCAs = hosts.ClientCertRequire, ca.Pool()
		}},
		"rule of the server": {change: func(c *wsserver.Config) { c.ClientAuth, c.ClientCAs = hosts.ClientCertRequire, ca.Pool() }},
		"authorities of the template": {change: func(c *wsserver.Config) {
			c.ClientAuth, c.TLS = hosts.ClientCertRequire, &tls.Config{ClientCAs: ca.Pool()}
		}},
		"rule of the template, no hosts": {plain: true, change: func(c *wsserver.Config) {
			c.TLS = &tls.Config{Certificates: []tls.Certificate{other}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()}
		}},
	} {
		for _, chosen := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cfg := wsserver.Config{Hosts: append([]hosts.Host(nil), list...)}
					if tt.plain {
						cfg.Hosts = nil
					}
					tt.change(&cfg)
					if chosen {
						cfg.Events.OnTLSHello = func(*tls.ClientHelloInfo) (*tls.Config, error) {
							return &tls.Config{Certificates: []tls.Certificate{other}}, nil
						}
					}
					srv := newServer(t, &desk{}, cfg)
					l := clienttest.NewListener()
					serveOn(t, srv, l, srv.ServeTLS)
					try := func(certs ...tls.Certificate) error {
						_, _, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{
							Host: "a.example", TLS: &tls.Config{RootCAs: ca.Pool(), GetClientCertificate: showing(certs...)},
						})
						return err
					}
					if err := try(); err == nil {
						t.Errorf("chosen %v: a client without certificate is let in", chosen)
					}
					if err := try(wstest.NewCA(t).Leaf("stranger")); err == nil {
						t.Errorf("chosen %v: a stranger is let in", chosen)
					}
					if err := try(member); err != nil {
						t.Errorf("chosen %v: a member is refused: %v", chosen, err)
					}
				})
			})
		}
	}
}

// E-27, E-28, H-21: the host of what was chosen is known, its versions hold, and its
// sessions are its own.
func TestWhatOnTLSHelloChoosesBelongsToTheHost(t *testing.T) {
	ca, list := twoHosts(t)
	other, member := ca.Leaf("a.example", "x.b.example"), ca.Leaf("member")
	synctest.Test(t, func(t *testing.T) {
		cfg := wsserver.Config{Hosts: list, ClientAuth: hosts.ClientCertRequire, ClientCAs: ca.Pool()}
		cfg.Hosts[0].MinVersion = tls.VersionTLS13
		var tags []string
		resumed := map[string]bool{}
		cfg.Events = wsserver.Events{
			OnTLSClientAuth: func(a *hosts.ClientAuth) { tags = append(tags, a.HostTag) },
			OnTLSHello: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				return &tls.Config{Certificates: []tls.Certificate{other}}, nil
			},
			OnTLSStatus: func(s wsserver.TLSStatus) {
				if s.State != nil {
					resumed[s.HostTag] = s.State.DidResume
				}
			},
		}
		srv := newServer(t, &desk{}, cfg)
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		cache := &anySession{}
		try := func(name string, max uint16) error {
			p, _, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{Host: name, TLS: &tls.Config{
				ServerName: name, RootCAs: ca.Pool(), GetClientCertificate: showing(member), ClientSessionCache: cache, MaxVersion: max,
			}})
			if err == nil {
				p.SendText("so that tickets arrive")
				p.Receive()
			}
			return err
		}
		if err := try("a.example", tls.VersionTLS12); err == nil {
			t.Error("TLS 1.2 at a host that wants 1.3")
		}
		for _, name := range []string{"a.example", "x.b.example", "x.b.example"} {
			if err := try(name, 0); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			synctest.Wait()
			if name == "x.b.example" && resumed["b"] && len(tags) == 2 {
				t.Error("a session of one host is resumed at the other")
			}
		}
		if len(tags) != 3 || tags[0] != "a" || tags[1] != "b" {
			t.Errorf("OnTLSClientAuth got the hosts %q", tags)
		}
		if !resumed["b"] {
			t.Error("a session is not resumed at its own host")
		}
	})
}
