package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestEchoOnBothPorts(t *testing.T) { // O-24
	p := start(t, "-addr", "127.0.0.1:0", "-tls-addr", "127.0.0.1:0")
	for scheme, peer := range map[string]*clienttest.Peer{
		"ws":  p.open("ws", "/", nil),
		"wss": p.open("wss", "/any/path?a=b", &tls.Config{InsecureSkipVerify: true}), // a temporary certificate
	} {
		for _, m := range []client.Message{client.Text("grüße, 👋"), client.Binary([]byte{0, 0xff}), client.Text("")} {
			peer.Send(m)
			if got := peer.Receive(); got.Op != m.Op || !bytes.Equal(got.Data, m.Data) {
				t.Errorf("over %s %v %q came back as %v %q", scheme, m.Op, m.Data, got.Op, got.Data)
			}
		}
	}
}

func TestBroadcastGoesToItsPathOnly(t *testing.T) { // S-18, S-19
	p := start(t, "-addr", "127.0.0.1:0")
	one, two, other := p.open("ws", "/broadcast", nil), p.open("ws", "/broadcast", nil), p.open("ws", "/", nil)
	two.Ping(nil) // it is there
	other.Ping(nil)
	one.SendText("to all")
	for _, peer := range []*clienttest.Peer{one, two} {
		if got := string(peer.Receive().Data); got != "to all" {
			t.Errorf("received %q", got)
		}
	}
	other.SendText("alone")
	if got := string(other.Receive().Data); got != "alone" {
		t.Errorf("received %q", got)
	}
}

func TestCertificateFromFiles(t *testing.T) {
	cert, err := hosts.Temporary("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	writePEM(t, certFile, "CERTIFICATE", cert.Certificate[0])
	writePEM(t, keyFile, "EC PRIVATE KEY", key)

	p := start(t, "-addr", "", "-tls-addr", "127.0.0.1:0", "-cert", certFile, "-key", keyFile)
	trusted := x509.NewCertPool()
	trusted.AddCert(cert.Leaf)
	peer := p.open("wss", "/", &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"})
	peer.SendText("hello")
	if got := string(peer.Receive().Data); got != "hello" {
		t.Errorf("received %q", got)
	}
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDebugAddressShowsTheFigures(t *testing.T) { // O-20
	debug := freeAddr(t)
	p := start(t, "-addr", "127.0.0.1:0", "-debug-addr", debug)
	peer := p.open("ws", "/", nil)
	peer.SendText("hello")
	peer.Receive()
	peer.Ping(nil) // the echo is counted by now

	var vars struct{ ICSWS wsserver.Stats }
	if err := json.Unmarshal(get(t, "http://"+debug+"/debug/vars"), &vars); err != nil {
		t.Fatal(err)
	}
	if s := vars.ICSWS; s.Clients != 1 || s.MessagesIn != 1 || s.MessagesOut != 1 {
		t.Errorf("the figures are %+v", s)
	}
	if body := get(t, "http://"+debug+"/debug/pprof/cmdline"); !bytes.Contains(body, []byte("-debug-addr")) {
		t.Errorf("pprof answers %q", body)
	}
}

// freeAddr returns an address that is free now.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get tries until somebody listens, as the program begins that last.
func get(t *testing.T, url string) []byte {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	var failed error
	for range 100 {
		res, err := c.Get(url)
		if failed = err; err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %s, %v", url, res.Status, err)
		}
		return body
	}
	t.Fatal(failed)
	return nil
}

func TestFirstSignalShutsDownInOrder(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			p := start(t, "-addr", "127.0.0.1:0")
			peer := p.open("ws", "/", nil)
			p.signal(signal)
			if got := peer.CloseCode(); got != client.StatusGoingAway {
				t.Errorf("closed with %v", got)
			}
			if code := p.wait(); code != 0 {
				t.Errorf("exit code %d: %s", code, p.stderr.String())
			}
		})
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := start(t, "-addr", "127.0.0.1:0")
	peer := p.open("ws", "/", nil)
	peer.SendText("it runs")
	peer.Receive()
	peer.IgnoreClose() // so that the shutdown would last
	p.signal(syscall.SIGTERM)
	if got := peer.CloseCode(); got != client.StatusGoingAway {
		t.Errorf("closed with %v", got)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 1 {
		t.Errorf("exit code %d, want 1: %s", code, p.stderr.String())
	}
}

func TestWrongFlagsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-busy", "maybe"}, "maybe"},
		{[]string{"-compress", "maybe"}, "maybe"},
		{[]string{"-addr", ""}, "not set"},
		{[]string{"-addr", "127.0.0.1"}, "port"},
		{[]string{"-tls-addr", "127.0.0.1:0", "-cert", "nowhere.pem"}, "nowhere.pem"},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			p := run(t, tt.args...)
			if code := p.wait(); code != 1 || !strings.Contains(p.stderr.String(), tt.want) {
				t.Errorf("exit code %d, %q; want 1 and %q", code, p.stderr.String(), tt.want)
			}
		})
	}
}
