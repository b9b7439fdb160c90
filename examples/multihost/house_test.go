package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

// visitor is a peer that reads what the page would.
type visitor struct {
	t *testing.T
	*clienttest.Peer
}

// next returns the next message, whose kind it checks.
func (v *visitor) next(kind string, value any) {
	v.t.Helper()
	var m struct {
		Kind  string
		Value json.RawMessage
	}
	data := v.Receive().Data
	if err := json.Unmarshal(data, &m); err != nil || m.Kind != kind {
		v.t.Fatalf("received %s, %v; want %s", data, err, kind)
	}
	if err := json.Unmarshal(m.Value, value); err != nil {
		v.t.Fatalf("received %s: %v", data, err)
	}
}

// facts returns the next facts; the clock may tick meanwhile.
func (v *visitor) facts() (f Facts) {
	v.t.Helper()
	for {
		var m struct {
			Kind  string
			Value json.RawMessage
		}
		data := v.Receive().Data
		if err := json.Unmarshal(data, &m); err != nil {
			v.t.Fatalf("received %s: %v", data, err)
		}
		if m.Kind != "facts" {
			continue
		}
		if err := json.Unmarshal(m.Value, &f); err != nil {
			v.t.Fatalf("received %s: %v", data, err)
		}
		return f
	}
}

// doors are the listeners of a house in memory.
type doors struct {
	*house
	plain, secure *clienttest.Listener
}

func open(t *testing.T) doors {
	t.Helper()
	f, err := load(options{port: -1, tlsPort: -1})
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHouse(f, slog.LevelError+1)
	if err != nil {
		t.Fatal(err)
	}
	d := doors{h, clienttest.NewListener(), clienttest.NewListener()}
	go h.srv.Serve(d.plain)
	go h.srv.ServeTLS(d.secure)
	t.Cleanup(func() { h.srv.Close() })
	return d
}

func (d doors) dial(t *testing.T, host string) *visitor {
	t.Helper()
	return &visitor{t, clienttest.Dial(t, d.plain, "/ws", clienttest.DialOptions{Host: host})}
}

func (d doors) dialTLS(t *testing.T, host string, c *tls.Config) *visitor {
	t.Helper()
	c = c.Clone()
	c.ServerName, c.InsecureSkipVerify = host, true
	return &visitor{t, clienttest.Dial(t, d.secure, "/ws", clienttest.DialOptions{Host: host, TLS: c})}
}

func TestEachHostHasItsOwnCertificateAndClass(t *testing.T) { // H-01, H-07, H-08, H-33, T-24 to T-29
	d := open(t)
	serials := make(map[string]bool)
	for _, host := range []string{"clock", "dice", "vault"} {
		v := d.dialTLS(t, host+".example", &tls.Config{})
		f := v.facts()
		if f.Host.Tag != host || f.Host.Asked != host+".example" || !slices.Contains(f.Host.Names, host+".localhost") {
			t.Errorf("the host is %+v", f.Host)
		}
		if f.Cert == nil || !f.Cert.Temporary || !slices.Contains(f.Cert.Names, host+".example") || f.Cert.Key != "ECDSA P-256" || serials[f.Cert.Serial] {
			t.Fatalf("the certificate is %+v", f.Cert)
		}
		serials[f.Cert.Serial] = true
		shown := v.NetConn().(*tls.Conn).ConnectionState()
		if f.TLS == nil || f.TLS.Version != tls.VersionName(shown.Version) || f.TLS.Suite != tls.CipherSuiteName(shown.CipherSuite) ||
			f.TLS.Group != shown.CurveID.String() || f.TLS.Name != host+".example" || f.TLS.Resumed || f.TLS.Client != "" {
			t.Errorf("told %+v, saw %+v", f.TLS, shown)
		}
	}
}

func TestPlainConnectionsHaveNoCertificate(t *testing.T) { // H-06, H-14
	d := open(t)
	if f := d.dial(t, "clock.example").facts(); f.Cert != nil || f.TLS != nil || f.Host.Tag != "clock" {
		t.Errorf("facts of a plain connection: %+v", f)
	}
	_, res, err := clienttest.TryDial(t, d.plain, "/ws", clienttest.DialOptions{Host: "vault.example"})
	if !errors.Is(err, clienttest.ErrRefused) || res.StatusCode != http.StatusForbidden {
		t.Errorf("the vault without TLS answers %v, %v", res, err)
	}
}

func TestTheVaultTakesTLS13Only(t *testing.T) { // H-20
	d := open(t)
	if f := d.dialTLS(t, "vault.example", &tls.Config{}).facts(); f.TLS.Version != "TLS 1.3" {
		t.Errorf("the vault speaks %s", f.TLS.Version)
	}
	old := &tls.Config{ServerName: "vault.example", InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	if _, _, err := clienttest.TryDial(t, d.secure, "/ws", clienttest.DialOptions{Host: "vault.example", TLS: old}); err == nil {
		t.Error("the vault takes TLS 1.2")
	}
	if f := d.dialTLS(t, "dice.example", old).facts(); f.TLS.Version != "TLS 1.2" {
		t.Errorf("the dice speak %s to an old client", f.TLS.Version)
	}
}

func TestSessionsResumeAtTheirHost(t *testing.T) { // T-16, T-27
	d := open(t)
	c := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	for i, resumed := range []bool{false, true} {
		v := d.dialTLS(t, "dice.example", c)
		if f := v.facts(); f.TLS.Resumed != resumed {
			t.Errorf("connection %d: resumed is %v", i, f.TLS.Resumed)
		}
		v.Close(client.StatusNormalClosure, "")
		v.WaitEnd()
	}
}

func TestTheClockTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		ticking := make(chan struct{})
		go func() { d.tick(ctx); close(ticking) }()
		clock, dice := d.dial(t, "clock.example"), d.dial(t, "dice.example")
		clock.facts()
		dice.facts()
		var first, second int64
		clock.next("tick", &first)
		clock.next("tick", &second)
		if second-first != 1000 {
			t.Errorf("from %d to %d", first, second)
		}
		dice.SendText("roll")
		var roll []int
		dice.next("roll", &roll) // and no tick before
		clock.SendText("what time is it?")
		cancel()
		<-ticking
		if got := clock.CloseCode(); got != client.StatusPolicyViolation {
			t.Errorf("who talks to the clock is closed with %v", got)
		}
	})
}

func TestTheDiceRoll(t *testing.T) {
	v := open(t).dial(t, "dice.example")
	v.facts()
	for n := 1; n <= 3; n++ {
		v.SendText("roll")
		var roll []int
		v.next("roll", &roll)
		if len(roll) != 3 || roll[0] != n || roll[1] < 1 || roll[1] > 6 || roll[2] < 1 || roll[2] > 6 {
			t.Errorf("roll %d is %v", n, roll)
		}
	}
}

func TestTheVaultKeepsANote(t *testing.T) {
	d := open(t)
	v := d.dialTLS(t, "vault.example", &tls.Config{})
	v.facts()
	for note, want := range map[string]int{"grüße": 5, "  ": 0} {
		v.SendText(note)
		var length int
		if v.next("kept", &length); length != want {
			t.Errorf("%q has %d characters, want %d", note, length, want)
		}
	}
	v.SendBinary([]byte{1})
	if got := v.CloseCode(); got != client.StatusUnsupportedData {
		t.Errorf("closed with %v", got)
	}
}

func TestOtherPathsAreNoWebSocket(t *testing.T) {
	_, res, err := clienttest.TryDial(t, open(t).plain, "/other", clienttest.DialOptions{Host: "dice.example"})
	if !errors.Is(err, clienttest.ErrRefused) || res.StatusCode != http.StatusNotFound {
		t.Errorf("answer %v, %v", res, err)
	}
}

func TestEachHostHasItsPage(t *testing.T) { // H-01, H-13
	d := open(t)
	for _, tt := range []struct{ host, title, link string }{
		{"clock.example:8080", "The Clock", `href="//dice.localhost:8080/"`},
		{"dice.example", "The Dice", `href="//clock.localhost/"`},
		{"vault.localhost:8080", "The Vault", `href="//dice.localhost:8080/"`},
	} {
		res, body := get(t, d.plain, "http://"+tt.host+"/")
		if res.StatusCode != http.StatusOK || !strings.Contains(body, "<title>"+tt.title+"</title>") || !strings.Contains(body, tt.link) {
			t.Errorf("%s: %s without %s or %s", tt.host, res.Status, tt.title, tt.link)
		}
		if strings.Count(body, "href=\"//") != 2 {
			t.Errorf("%s: the links are not those to the two others", tt.host)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") {
			t.Errorf("policy %q", csp)
		}
	}
	if res, _ := get(t, d.plain, "http://other.example/"); res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("an unknown host gets %s", res.Status)
	}
	for _, path := range []string{"/", "/style.css", "/app.js", "/facts.js"} {
		res, body := get(t, d.plain, "http://dice.example"+path)
		if res.StatusCode != http.StatusOK || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s", path, res.Status)
		}
		for _, outside := range []string{"http:", "https:", "@import", "url("} {
			if strings.Contains(body, outside) {
				t.Errorf("%s refers to the outside with %q", path, outside)
			}
		}
	}
	if res, _ := get(t, d.plain, "http://dice.example/index.html"); res.StatusCode != http.StatusNotFound {
		t.Errorf("the template itself is served: %s", res.Status)
	}
}

// get asks for a page. A response has been read and is in memory.
func get(t *testing.T, l *clienttest.Listener, url string) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) }}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}
