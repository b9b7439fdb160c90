// Package certkit makes certificates, good and bad ones, and servers that show them, for
// tests.
package certkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Pair is a certificate with its key.
type Pair struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
}

// Issue makes a certificate for names, which may be addresses; without any it is an
// authority. A nil issuer makes it self-signed. It is valid from an hour ago, for 90 days,
// unless change says otherwise.
func Issue(tb testing.TB, issuer *Pair, subject string, names []string, change ...func(*x509.Certificate)) *Pair {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: subject},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90*24*time.Hour + time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: len(names) == 0,
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	for _, f := range change {
		f(c)
	}
	p := &Pair{c, key}
	if issuer == nil {
		issuer = p
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer.Cert, key.Public(), issuer.Key)
	if err != nil {
		tb.Fatal(err)
	}
	if p.Cert, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	return p
}

// Valid changes the time that a certificate is valid.
func Valid(from, until time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until) }
}

// TLS is the pair with further certificates of its chain.
func (p *Pair) TLS(more ...*Pair) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{p.Cert.Raw}, PrivateKey: p.Key}
	for _, m := range more {
		c.Certificate = append(c.Certificate, m.Cert.Raw)
	}
	return c
}

// CertPEM is the certificate as PEM.
func (p *Pair) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Cert.Raw})
}

// KeyPEM is the key as PEM.
func (p *Pair) KeyPEM(tb testing.TB) []byte {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// File writes a file into a folder of the test.
func File(tb testing.TB, name string, parts ...[]byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	if err := os.WriteFile(path, all, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Listen serves connections on a free port of 127.0.0.1 with do, each on a goroutine, and
// closes them. All of it ends with the test.
func Listen(tb testing.TB, do func(net.Conn)) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var mu sync.Mutex // guards open
	open := make(map[net.Conn]bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			wg.Go(func() {
				do(conn)
				_ = conn.Close()
				mu.Lock()
				delete(open, conn)
				mu.Unlock()
			})
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// Say returns a server that answers whatever comes first with text, and then waits until
// the peer goes: closing with unread input would reset the connection.
func Say(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, text)
		Hush(c)
	}
}

// Hush is a server that says nothing.
func Hush(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// ServeTLS does TLS handshakes until the test ends, and nothing behind them.
func ServeTLS(tb testing.TB, c *tls.Config) string {
	tb.Helper()
	return Listen(tb, func(conn net.Conn) {
		t := tls.Server(conn, c)
		if t.HandshakeContext(tb.Context()) == nil {
			_, _ = t.Read(make([]byte, 1)) // until the peer goes
		}
	})
}
