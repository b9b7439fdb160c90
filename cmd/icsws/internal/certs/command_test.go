package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var commands = []*cli.Command{Command(), HostsCommand()}

const day = 24 * time.Hour

// codes are those of the findings from a level on.
func codes(list show.Findings, from show.Level) (c []string) {
	for _, f := range list {
		if f.Level >= from {
			c = append(c, f.Code)
		}
	}
	return c
}

// O-24: what is wrong with the certificate of a server, each on its own.
func TestCertOfAHost(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	inter := certkit.Issue(t, root, "Test Intermediate", nil)
	ca := certkit.File(t, "ca.pem", root.CertPEM())
	leaf := func(names []string, change ...func(*x509.Certificate)) *certkit.Pair {
		return certkit.Issue(t, inter, "leaf", names, change...)
	}
	good := []string{"127.0.0.1", "chat.example"}
	for _, tt := range []struct {
		name string
		cert tls.Certificate
		args string
		want []string // findings that are bad
		also []string // findings that are warnings or notes
	}{
		{"in order", leaf(good).TLS(inter), "", nil, nil},
		{"expired", leaf(good, certkit.Valid(-9*day, -2*day)).TLS(inter), "", []string{"expired"}, nil},
		{"not yet valid", leaf(good, certkit.Valid(day, 90*day)).TLS(inter), "", []string{"not-yet-valid"}, nil},
		{"expires within the default of --warn", leaf(good, certkit.Valid(-day, 13*day)).TLS(inter), "", []string{"expiring"}, nil},
		{"does not expire within --warn", leaf(good, certkit.Valid(-day, 13*day)).TLS(inter), "--warn 12d", nil, nil},
		{"for another name", leaf([]string{"other.example"}).TLS(inter), "", []string{"name-mismatch"}, nil},
		{"for the name that is asked for", leaf(good).TLS(inter), "--name chat.example", nil, nil},
		{"not for the name that is asked for", leaf(good).TLS(inter), "--name game.example", []string{"name-mismatch"}, nil},
		{"without the intermediate", leaf(good).TLS(), "", []string{"incomplete"}, nil},
		{"self-signed", certkit.Issue(t, nil, "me", good).TLS(), "", []string{"self-signed"}, nil},
		{"of an unknown root", certkit.Issue(t, certkit.Issue(t, nil, "Other", nil), "leaf", good).TLS(certkit.Issue(t, nil, "Other", nil)), "", []string{"incomplete"}, []string{"order"}},
		{"with the root", leaf(good).TLS(inter, root), "", nil, []string{"root-sent"}},
		{"in the wrong order", leaf(good).TLS(root, inter), "", nil, []string{"order"}},
		{"of a client", leaf(good, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }).TLS(inter), "", []string{"usage"}, nil},
		{"expired, and for another name", leaf([]string{"x.example"}, certkit.Valid(-9*day, -2*day)).TLS(inter), "", []string{"name-mismatch", "expired"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := certkit.ServeTLS(t, &tls.Config{Certificates: []tls.Certificate{tt.cert}})
			args := append([]string{"cert", "--json", "--ca", ca, addr}, strings.Fields(tt.args)...)
			r := clitest.Run(t, commands, args...)
			var got report
			r.JSON(t, &got)
			bad, all := codes(got.Findings, show.Bad), codes(got.Findings, show.Note)
			if !slices.Equal(bad, tt.want) || len(all) != len(bad)+len(tt.also) || !contains(all, tt.also) {
				t.Errorf("findings %q, want %q and %q\n%s", all, tt.want, tt.also, r.Stdout)
			}
			if want := map[bool]cli.Code{false: cli.OK, true: cli.Failed}[len(tt.want) > 0]; r.Code != want || got.Exit != want {
				t.Errorf("exit %d and %d, want %d", r.Code, got.Exit, want)
			}
			if len(got.Chain) != len(tt.cert.Certificate) || got.TLS == nil || got.TLS.Version != "TLS 1.3" {
				t.Errorf("chain of %d, TLS %+v", len(got.Chain), got.TLS)
			}
		})
	}
}

func contains(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// O-24: handshakes that fail say why, with the exit code for no connection.
func TestCertOfAHostWithoutOne(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	pair := certkit.Issue(t, nil, "me", []string{"127.0.0.1"})
	for _, tt := range []struct {
		name, addr string
		code       cli.Code
		want       string
	}{
		{"nobody listens", nobody, cli.NoConnection, "refused"},
		{"HTTP", certkit.Listen(t, certkit.Say("HTTP/1.1 400 Bad Request\r\n\r\n")), cli.NoConnection, "answers with plain HTTP"},
		{"another protocol", certkit.Listen(t, certkit.Say("220 mail.example ESMTP\r\n")), cli.NoConnection, "is not TLS"},
		{"closes", certkit.Listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1000)) }), cli.NoConnection, "has closed the connection"},
		{"silent", certkit.Listen(t, certkit.Hush), cli.TimedOut, "does not answer to TLS"},
		{"no certificate for the name", certkit.ServeTLS(t, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}), cli.NoConnection, "The server"},
		{"client certificate", certkit.ServeTLS(t, &tls.Config{MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair.TLS()}, ClientAuth: tls.RequireAnyClientCert}), cli.NoConnection, "wants a client certificate"},
		{"another ALPN", certkit.ServeTLS(t, &tls.Config{NextProtos: []string{"acme-tls/1"}, Certificates: []tls.Certificate{pair.TLS()}}), cli.NoConnection, "(ALPN)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			timeout := "20s"
			if tt.code == cli.TimedOut {
				timeout = "1s"
			}
			r := clitest.Run(t, commands, "cert", "--timeout", timeout, tt.addr)
			if r.Code != tt.code || !strings.Contains(r.Stderr, tt.want) || r.Stdout != "" {
				t.Errorf("exit %d, %q, want %d and %q", r.Code, r.Stderr, tt.code, tt.want)
			}
		})
	}
}

func TestCertOfAnOldServer(t *testing.T) {
	pair := certkit.Issue(t, nil, "me", []string{"127.0.0.1"})
	addr := certkit.ServeTLS(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, Certificates: []tls.Certificate{pair.TLS()}})
	r := clitest.Run(t, commands, "cert", addr)
	if r.Code != cli.Failed || !strings.Contains(r.Stdout, "BAD      TLS 1.1 with ") {
		t.Errorf("exit %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// O-24: files in the formats that hosts take, with key and without.
func TestCertOfAFile(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	leaf, other := certkit.Issue(t, root, "leaf", []string{"chat.example"}), certkit.Issue(t, root, "other", []string{"x.example"})
	ca := certkit.File(t, "ca.pem", root.CertPEM())
	pfx, err := pkcs12.Modern.Encode(leaf.Key, leaf.Cert, []*x509.Certificate{root.Cert}, "secret")
	if err != nil {
		t.Fatal(err)
	}
	key := certkit.File(t, "leaf.key", leaf.KeyPEM(t))
	password := certkit.File(t, "password", []byte("secret\n"))
	t.Setenv("ICSWS_TEST_PASSWORD", "secret")
	for _, tt := range []struct {
		name, file, args string
		code             cli.Code
		want             string
	}{
		{"certificate alone", certkit.File(t, "a.pem", leaf.CertPEM()), "", cli.OK, "no-key"},
		{"with its key", certkit.File(t, "a.pem", leaf.KeyPEM(t), leaf.CertPEM()), "", cli.OK, "key"},
		{"the authority first", certkit.File(t, "a.pem", root.CertPEM(), leaf.CertPEM()), "--name chat.example", cli.OK, "name"},
		{"with the key of another", certkit.File(t, "a.pem", leaf.CertPEM(), other.KeyPEM(t)), "", cli.Failed, "key-mismatch"},
		{"key in a file of its own", certkit.File(t, "a.pem", leaf.CertPEM()), "--key " + key, cli.OK, "key"},
		{"DER", certkit.File(t, "a.cer", leaf.Cert.Raw), "", cli.OK, "no-key"},
		{"PKCS #12", certkit.File(t, "a.pfx", pfx), "--password-file " + password, cli.OK, "key"},
		{"PKCS #12, password of the environment", certkit.File(t, "a.pfx", pfx), "--password-env ICSWS_TEST_PASSWORD", cli.OK, "key"},
		{"for another name", certkit.File(t, "a.pem", leaf.CertPEM()), "--name game.example", cli.Failed, "name-mismatch"},
		{"key alone", key, "", cli.Failed, "no-certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := clitest.Run(t, commands, append([]string{"cert", "--json", "--ca", ca, tt.file}, strings.Fields(tt.args)...)...)
			var got report
			r.JSON(t, &got)
			if r.Code != tt.code || !slices.Contains(codes(got.Findings, show.OK), tt.want) {
				t.Errorf("exit %d, want %d and %s\n%s%s", r.Code, tt.code, tt.want, r.Stdout, r.Stderr)
			}
			if len(got.Chain) > 0 && (got.Chain[0].Subject != "CN=leaf" || got.Chain[0].DaysLeft != 90 || got.Chain[0].Key != "ECDSA P-256" || len(got.Chain[0].SHA256) != 64) {
				t.Errorf("first is %+v", got.Chain[0])
			}
		})
	}
}

func TestCertOfAFileThatIsNone(t *testing.T) {
	for _, tt := range []struct {
		line string
		code cli.Code
		want string
	}{
		{"cert missing.pem", cli.Failed, "missing.pem: "},
		{"cert " + certkit.File(t, "a.txt", []byte("hello")), cli.Failed, "unreadable"},
		{"cert " + t.TempDir(), cli.Failed, "not a regular file"},
		{"cert --key x.key chat.example", cli.Usage, "--key is for files"},
		{"cert ws://chat.example/", cli.Usage, "want wss or https"},
		{"cert --ca missing.pem chat.example", cli.Failed, "missing.pem"},
		{"cert --password-env ICSWS_NOT_SET " + certkit.File(t, "a.pem", []byte("x")), cli.Failed, "ICSWS_NOT_SET"},
	} {
		if r := clitest.Run(t, commands, strings.Fields(tt.line)...); r.Code != tt.code || !strings.Contains(r.Stderr, tt.want) {
			t.Errorf("%s: exit %d, %q, want %d, %q", tt.line, r.Code, r.Stderr, tt.code, tt.want)
		}
	}
}

// O-24: --pem is the chain and nothing else.
func TestCertAsPEM(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	leaf := certkit.Issue(t, root, "leaf", []string{"127.0.0.1"})
	addr := certkit.ServeTLS(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS(root)}})
	r := clitest.Run(t, commands, "cert", "--pem", addr)
	first, rest := pem.Decode([]byte(r.Stdout))
	second, rest := pem.Decode(rest)
	if r.Code != cli.Failed || first == nil || second == nil || len(rest) != 0 || !bytes.Equal(first.Bytes, leaf.Cert.Raw) || !bytes.Equal(second.Bytes, root.Cert.Raw) {
		t.Errorf("exit %d\n%s", r.Code, r.Stdout)
	}
	if r := clitest.Run(t, commands, "cert", "--pem", "--json", addr); r.Code != cli.Usage || r.Stdout != "" {
		t.Errorf("with --json: exit %d\n%s", r.Code, r.Stdout)
	}
}

// O-24: a subject is of whoever made the certificate; and no number of days is below 0.
func TestCertOfAnExpiredOneWithAnOddSubject(t *testing.T) {
	odd := certkit.Issue(t, nil, "a\x1b[31mb\u202ec", nil, certkit.Valid(-48*time.Hour, -24*time.Hour))
	r := clitest.Run(t, commands, "cert", certkit.File(t, "odd.pem", odd.CertPEM()))
	if r.Code != cli.Failed || !strings.Contains(r.Stdout, "(expired)") || strings.ContainsAny(r.Stdout, "\x1b\u202e") {
		t.Errorf("exit %d\n%q", r.Code, r.Stdout)
	}
}

func TestHostPort(t *testing.T) {
	for _, tt := range []struct{ text, host, addr string }{
		{"chat.example", "chat.example", "chat.example:443"},
		{"chat.example:8443", "chat.example", "chat.example:8443"},
		{"::1", "::1", "[::1]:443"},
		{"[::1]", "::1", "[::1]:443"},
		{"[::1]:8443", "::1", "[::1]:8443"},
		{"wss://chat.example/ws?x", "chat.example", "chat.example:443"},
		{"https://[::1]:8443/", "::1", "[::1]:8443"},
		{"bücher.example:8443", "xn--bcher-kva.example", "xn--bcher-kva.example:8443"},
		{"wss://Bücher.example/ws", "xn--bcher-kva.example", "xn--bcher-kva.example:443"},
		{"a\u2028b", "", ""},
		{"http://chat.example", "", ""},
		{"", "", ""},
		{":443", "", ""},
	} {
		host, addr, err := hostPort(tt.text)
		if host != tt.host || addr != tt.addr || (err == nil) != (tt.addr != "") {
			t.Errorf("hostPort(%q) = %q, %q, %v", tt.text, host, addr, err)
		}
	}
}
