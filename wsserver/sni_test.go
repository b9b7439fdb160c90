package wsserver_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// twoHosts are hosts with certificates of one authority, and one without.
func twoHosts(t testing.TB) (*wstest.CA, []hosts.Host) {
	t.Helper()
	ca := wstest.NewCA(t)
	host := func(tag string, names ...string) hosts.Host {
		cert, key := ca.Files(ca.Leaf(names...))
		return hosts.Host{Tag: tag, Names: names, Cert: cert, Key: key}
	}
	return ca, []hosts.Host{
		host("a", "a.example", "www.a.example"), host("b", "*.b.example"),
		{Tag: "plain", Names: []string{"plain.example"}}, {Tag: "off", Names: []string{"off.example"}, Disabled: true},
	}
}

// A-26, H-02, H-03, H-08, H-16: the certificate and the tag are those of the name,
// and SNI and Host must mean one host.
func TestHostsOverTLS(t *testing.T) {
	ca, list := twoHosts(t)
	for _, tt := range []struct {
		name, sni, host string
		status          int
		tag             string
		reason          wsserver.Reason
	}{
		{"exact", "a.example", "a.example", 101, "a", 0},
		{"two names of one host", "a.example", "www.a.example", 101, "a", 0},
		{"case and port", "A.EXAMPLE", "A.Example:443", 101, "a", 0},
		{"wildcard", "x.b.example", "x.b.example", 101, "b", 0},
		{"two names under one wildcard", "x.b.example", "y.b.example", 101, "b", 0},
		{"SNI of another host", "a.example", "x.b.example", 421, "", wsserver.ReasonMisdirected},
		{"unknown Host", "a.example", "c.example", 421, "", wsserver.ReasonUnknownHost},
		{"host without a certificate", "a.example", "plain.example", 421, "", wsserver.ReasonUnknownHost},
		{"disabled host", "a.example", "off.example", 421, "", wsserver.ReasonUnknownHost},
		{"unknown SNI", "c.example", "a.example", 421, "", wsserver.ReasonUnknownHost},
		{"no SNI", "", "a.example", 101, "a", 0},
		{"no SNI, and not the default host", "", "x.b.example", 421, "", wsserver.ReasonMisdirected},
		{"an address", "", "127.0.0.1", 101, "a", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var infos []wsserver.RejectInfo
				tag := ""
				d.newClient = func(r *client.OpenRequest) (*guest, error) {
					tag = r.HostTag
					if r.TLS == nil || !strings.EqualFold(r.TLS.ServerName, tt.sni) {
						t.Errorf("the open request has the TLS state %+v", r.TLS)
					}
					return d.guest(), nil
				}
				srv := newServer(t, d, wsserver.Config{Hosts: list, Events: wsserver.Events{OnReject: func(i wsserver.RejectInfo) { infos = append(infos, i) }}})
				l := clienttest.NewListener()
				serveOn(t, srv, l, srv.ServeTLS)
				config := &tls.Config{RootCAs: ca.Pool(), ServerName: tt.sni}
				if tt.sni == "" || tt.sni == "c.example" {
					config.InsecureSkipVerify = true
				}
				p := raw(t, l).OverTLS(config)
				res := p.Request(wstest.Upgrade("/").Replace("Host: " + tt.host))
				if res.Status != tt.status || tag != tt.tag {
					t.Fatalf("status %d, tag %q; want %d, %q", res.Status, tag, tt.status, tt.tag)
				}
				if tt.status == 101 {
					return
				}
				synctest.Wait()
				if len(infos) != 1 || infos[0].Reason != tt.reason || infos[0].Setting != "Hosts" || srv.Stats().Refused[tt.reason.String()] != 1 {
					t.Errorf("OnReject gets %+v", infos)
				}
			})
		})
	}
}

// UnknownDefault serves what nobody names as the first enabled host.
func TestUnknownHostMayBeTheDefault(t *testing.T) {
	_, list := twoHosts(t)
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var tags []string
		d.connect = func(g *guest) error { tags = append(tags, g.HostTag()); return nil }
		list[0].Disabled = true
		srv := newServer(t, d, wsserver.Config{Hosts: list, UnknownHost: wsserver.UnknownDefault})
		l := serve(t, srv)
		for _, host := range []string{"unknown.example", "plain.example", "a.example", "x.b.example", "[::1]:1"} {
			clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: host})
			synctest.Wait()
		}
		if !slices.Equal(tags, []string{"b", "plain", "b", "b", "b"}) {
			t.Errorf("tags are %v", tags)
		}
	})
}

// H-28: with hosts Config.TLS is the template of each; without a certificate there
// is nothing to serve.
func TestTLSTemplateOfHosts(t *testing.T) {
	ca, list := twoHosts(t)
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{Hosts: list, TLS: &tls.Config{MinVersion: tls.VersionTLS13}, Events: noted(&d.journal)})
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		for _, name := range []string{"a.example", "x.b.example"} {
			opts := clienttest.DialOptions{Host: name, TLS: &tls.Config{RootCAs: ca.Pool(), MaxVersion: tls.VersionTLS12}}
			if _, _, err := clienttest.TryDial(t, l, "/", opts); err == nil {
				t.Errorf("%s speaks TLS 1.2", name)
			}
			opts.TLS.MaxVersion = 0
			clienttest.Dial(t, l, "/", opts)
		}
		bare := newServer(t, &desk{}, wsserver.Config{Hosts: list[2:]})
		if err := bare.ServeTLS(clienttest.NewListener()); err == nil {
			t.Error("ServeTLS works without a certificate")
		}
	})
}
