package hosts

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/memnet"
)

// cred is a certificate with a key of any kind, and what leads to its root.
type cred struct {
	cert  *x509.Certificate
	key   crypto.Signer
	above []*x509.Certificate
}

var keys sync.Map // kind -> func() crypto.Signer, as RSA keys take long

// keyOf returns the test's one key of a kind, such as "rsa2048" or "p256".
func keyOf(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	make, _ := keys.LoadOrStore(kind, sync.OnceValue(func() crypto.Signer { return newKey(kind) }))
	return make.(func() crypto.Signer)()
}

func newKey(kind string) crypto.Signer {
	var key crypto.Signer
	var err error
	switch kind {
	case "rsa1024":
		key, err = rsa.GenerateKey(rand.Reader, 1024)
	case "rsa2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "rsa3072":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	case "p224":
		key, err = ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		panic(kind)
	}
	if err != nil {
		panic(err)
	}
	return key
}

// mint makes a certificate for servers and clients. A nil parent makes it self-signed.
func mint(t testing.TB, parent *cred, kind, subject string, change ...func(*x509.Certificate)) *cred {
	t.Helper()
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: subject},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(90 * 24 * time.Hour),
		DNSNames:              []string{subject},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, f := range change {
		f(template)
	}
	c := &cred{cert: template, key: keyOf(t, kind)}
	if parent == nil {
		parent = c
	} else if !bytes.Equal(parent.cert.RawSubject, parent.cert.RawIssuer) {
		c.above = append([]*x509.Certificate{parent.cert}, parent.above...)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, c.key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	if c.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

// authority makes a certificate one that signs certificates and revocation lists.
func authority(c *x509.Certificate) {
	c.IsCA, c.MaxPathLen, c.DNSNames, c.ExtKeyUsage = true, -1, nil, nil
	c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
}

// usage replaces what a certificate is for.
func usage(u ...x509.ExtKeyUsage) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.ExtKeyUsage = u }
}

// bundle is chain and key as one PEM text.
func (c *cred) bundle(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	text := pemText("CERTIFICATE", c.cert.Raw) + pemText("PRIVATE KEY", der)
	for _, cert := range c.above {
		text += pemText("CERTIFICATE", cert.Raw)
	}
	return text
}

// tls is what a client or server shows, without the root.
func (c *cred) tls() *tls.Certificate {
	cert := &tls.Certificate{Certificate: [][]byte{c.cert.Raw}, PrivateKey: c.key, Leaf: c.cert}
	for _, above := range c.above {
		cert.Certificate = append(cert.Certificate, above.Raw)
	}
	return cert
}

func poolOf(creds ...*cred) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range creds {
		pool.AddCert(c.cert)
	}
	return pool
}

// shows has a client show a certificate whatever authorities the server names; nil
// shows none.
func shows(config *tls.Config, c *cred) *tls.Config {
	config = config.Clone()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if c == nil {
			return &tls.Certificate{}, nil
		}
		return c.tls(), nil
	}
	return config
}

// met is how a handshake ended on both sides.
type met struct {
	client, server       tls.ConnectionState
	clientErr, serverErr error
}

// alert is the text of the alert that the client got, "" for none.
func (m met) alert() string {
	if oe, ok := errors.AsType[*net.OpError](m.clientErr); ok && oe.Op == "remote error" {
		return oe.Err.Error()
	}
	return ""
}

// meet connects a client to a server in memory; the client waits for what comes after
// the handshake, so that it has its tickets, or its alert.
func meet(t testing.TB, server, client *tls.Config) (m met) {
	t.Helper()
	a, b := memnet.Pipe(0)
	limit := time.Now().Add(time.Minute)
	a.SetDeadline(limit)
	b.SetDeadline(limit)
	var done sync.WaitGroup
	done.Go(func() {
		defer b.Close()
		s := tls.Server(b, server)
		if m.serverErr = s.Handshake(); m.serverErr == nil {
			_, m.serverErr = io.WriteString(s, "x")
			m.server = s.ConnectionState()
		}
		b.CloseWrite()
		io.Copy(io.Discard, b) // else the client might meet a closed door before its alert
	})
	c := tls.Client(a, client)
	if m.clientErr = c.Handshake(); m.clientErr == nil {
		_, m.clientErr = io.ReadFull(c, make([]byte, 1))
	}
	m.client = c.ConnectionState()
	a.Close()
	done.Wait()
	return m
}

// serve accepts TLS connections at a loopback address until the test ends. Each gets one
// line and is closed.
func serve(t testing.TB, config *tls.Config) (addr string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(time.Minute))
				if c.(*tls.Conn).Handshake() == nil {
					io.WriteString(c, "hello\n")
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		done.Wait()
	})
	return l.Addr().String()
}

// openssl runs the tool, without which these tests can not pass, and returns all that it
// says; ok is whether it was content.
func openssl(t testing.TB, args ...string) (out string, ok bool) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatalf("openssl is needed: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin = strings.NewReader("Q\n") // s_client quits
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// mustOpenSSL is openssl for what can not fail.
func mustOpenSSL(t testing.TB, args ...string) {
	t.Helper()
	if out, ok := openssl(t, args...); !ok {
		t.Fatalf("openssl %q: %s", args, out)
	}
}

// oneHost is a set of one host with the certificate, and its TLS side.
func oneHost(t testing.TB, o Options, c *cred, h Host) (*Set, *tls.Config) {
	t.Helper()
	if h.Names == nil {
		h.Names = []string{"server.example"}
	}
	h.TLSPort, h.Cert = 443, c.bundle(t)
	s := mustSet(t, o, h)
	return s, mustTLS(t, s.All())
}
