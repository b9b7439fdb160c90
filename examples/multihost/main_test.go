package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// silent are the flags of a server on free ports.
func silent(config string) options {
	return options{config: config, port: 0, tlsPort: 0, log: slog.LevelError + 1}
}

// started runs the program and returns its addresses without scheme.
func started(t *testing.T, o options) (plain, secure string, hup chan<- os.Signal, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	signals := make(chan os.Signal)
	go func() {
		done <- run(ctx, signals, o, w)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	for lines.Scan() && lines.Text() != "" {
		switch address := strings.TrimPrefix(lines.Text(), "listening on "); {
		case strings.HasPrefix(address, "http://"):
			plain = strings.TrimPrefix(address, "http://")
		case strings.HasPrefix(address, "https://"):
			secure = strings.TrimPrefix(address, "https://")
		}
	}
	go io.Copy(io.Discard, r)
	stop = func() error { cancel(); return <-done }
	if secure == "" {
		t.Fatalf("the program printed no address and ended with %v", stop())
	}
	return plain, secure, signals, stop
}

func TestRunListensAndLetsEverybodyGo(t *testing.T) { // H-01, H-07
	plain, secure, _, stop := started(t, silent(""))
	if !strings.HasPrefix(plain, "127.0.0.1:") || !strings.HasPrefix(secure, "127.0.0.1:") || plain == secure {
		t.Fatalf("the addresses are %q and %q", plain, secure)
	}
	g := dial(t, secure, "dice.example")
	g.facts()
	done := make(chan error, 1)
	go func() { done <- stop() }()
	if got := g.CloseCode(); got != client.StatusGoingAway {
		t.Errorf("closed with %v, want %v", got, client.StatusGoingAway)
	}
	if err := <-done; err != nil {
		t.Errorf("run = %v", err)
	}
}

// dial opens a WebSocket to a host at an address.
func dial(t *testing.T, address, host string) *visitor {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, clienttest.Open(t, conn, "/ws", clienttest.DialOptions{Host: host, TLS: &tls.Config{ServerName: host, InsecureSkipVerify: true}})}
}

// A certificate that is replaced on disk is told to those who are there, and shown to
// those who come.
func TestANewCertificateIsTakenOnSIGHUP(t *testing.T) { // H-31, H-41
	dir := t.TempDir()
	first := writeCert(t, dir)
	settings := fmt.Sprintf("[[hosts]]\ntag = 'clock'\nnames = ['clock.example']\nbind = '127.0.0.1'\nport = 1\ntls_port = 1\ncert = %q\n", "cert.pem")
	path := filepath.Join(dir, "server.toml")
	if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	_, secure, hup, stop := started(t, silent(path))
	g := dial(t, secure, "clock.example")
	if f := g.facts(); f.Cert == nil || f.Cert.Serial != first || f.Cert.Temporary {
		t.Errorf("the certificate is %+v, want %s", f.Cert, first)
	}
	second := writeCert(t, dir)
	hup <- syscall.SIGHUP
	if f := g.facts(); f.Cert == nil || f.Cert.Serial != second {
		t.Errorf("after SIGHUP the certificate is %+v, want %s", f.Cert, second)
	}
	if f := dial(t, secure, "clock.example").facts(); f.Cert.Serial != second {
		t.Errorf("a new guest sees %+v, want %s", f.Cert, second)
	}
	if err := stop(); err != nil {
		t.Errorf("run = %v", err)
	}
}

// writeCert writes a new certificate with its key and returns its serial number.
func writeCert(t *testing.T, dir string) (serial string) {
	t.Helper()
	cert, err := hosts.Temporary("clock.example")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	fresh := filepath.Join(dir, "fresh.pem")
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(dir, "cert.pem")); err != nil { // never half of it
		t.Fatal(err)
	}
	return fmt.Sprintf("%X", cert.Leaf.SerialNumber)
}

func TestTheHostsMayComeFromAnINIFile(t *testing.T) { // H-51
	path := filepath.Join(t.TempDir(), "hosts.ini")
	text := "[IcsHost1]\nHosts=dice.example\nHostTag=dice\nHostEnabled=True\nBindIpAddr=127.0.0.1\nBindSslPort=443\nAllowTemporary=True\n" +
		"[IcsHost2]\nHosts=old.example\nHostTag=nobody\nHostEnabled=False\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	plain, secure, _, stop := started(t, silent(path))
	if f := dial(t, secure, "dice.example").facts(); f.Host.Tag != "dice" || plain != "" {
		t.Errorf("the host is %+v, the plain address %q", f.Host, plain)
	}
	if err := stop(); err != nil {
		t.Errorf("run = %v", err)
	}
}

func TestAConfigurationThatIsWrongEndsTheProgram(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"adr":     "adr = 1",
		`"ghost"`: "[[hosts]]\ntag = 'ghost'\nnames = ['a']\ntls_port = 1\nallow_temporary = true",
	} {
		path := filepath.Join(dir, "server.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), nil, silent(path), io.Discard); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("run = %v, want %s in it", err, name)
		}
	}
}

func TestThePortsOfTheFileStayUnlessAFlagSaysOtherwise(t *testing.T) {
	for _, tt := range []struct {
		o             options
		port, tlsPort int
	}{
		{options{port: -1, tlsPort: -1}, 8080, 8443},
		{options{port: 81, tlsPort: -1}, 81, 8443},
		{options{port: -1, tlsPort: 444}, 8080, 444},
	} {
		f, err := load(tt.o)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range f.Server.Hosts {
			if h.Port != tt.port || h.TLSPort != tt.tlsPort {
				t.Errorf("%+v: %s has the ports %d and %d", tt.o, h.Tag, h.Port, h.TLSPort)
			}
		}
	}
	if o := parse(nil); o.port != -1 || o.tlsPort != -1 || o.config != "" {
		t.Errorf("without flags they are %+v", o)
	}
}
