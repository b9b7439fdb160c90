package wstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// CA is a certificate authority made for one test.
type CA struct {
	Cert *x509.Certificate
	key  *ecdsa.PrivateKey
	tb   testing.TB
}

// Certificates are valid for this long unless a test says otherwise. It
// includes the first years of a testing/synctest bubble, whose clock starts in
// 2000.
var (
	validFrom  = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC)
)

// NewCA makes an authority.
func NewCA(tb testing.TB) *CA {
	tb.Helper()
	ca := &CA{tb: tb}
	tmpl := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "wstest authority"},
		NotBefore:             validFrom,
		NotAfter:              validUntil,
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	ca.Cert, ca.key = ca.sign(tmpl, nil)
	return ca
}

// Pool holds the authority alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Cert)
	return pool
}

// Leaf makes a certificate for names, which may be DNS names, wildcards and IP
// addresses. It serves servers and clients; the first name is its common name.
func (ca *CA) Leaf(names ...string) tls.Certificate {
	ca.tb.Helper()
	return ca.LeafUntil(validUntil, names...)
}

// LeafUntil is Leaf with the end of validity, for certificates that expire or
// have expired.
func (ca *CA) LeafUntil(end time.Time, names ...string) tls.Certificate {
	ca.tb.Helper()
	tmpl := &x509.Certificate{
		NotBefore:   validFrom,
		NotAfter:    end,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if len(names) > 0 {
		tmpl.Subject.CommonName = names[0]
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, name)
		}
	}
	leaf, key := ca.sign(tmpl, ca.Cert)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.Cert.Raw}, PrivateKey: key, Leaf: leaf}
}

// sign makes a key and a certificate for it; without a parent it signs itself.
func (ca *CA) sign(tmpl, parent *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	ca.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ca.check(err)
	signer := ca.key
	if parent == nil {
		parent, signer = tmpl, key
	}
	tmpl.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	ca.check(err)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	ca.check(err)
	cert, err := x509.ParseCertificate(der)
	ca.check(err)
	return cert, key
}

// File writes the authority as PEM into a directory of the test and returns its
// path.
func (ca *CA) File() string {
	ca.tb.Helper()
	path := filepath.Join(ca.tb.TempDir(), "ca.pem")
	ca.write(path, "CERTIFICATE", ca.Cert.Raw)
	return path
}

// Files writes a certificate with its chain, and its key, as PEM into a
// directory of the test and returns the paths.
func (ca *CA) Files(cert tls.Certificate) (certFile, keyFile string) {
	ca.tb.Helper()
	dir := ca.tb.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca.write(certFile, "CERTIFICATE", cert.Certificate...)
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	ca.check(err)
	ca.write(keyFile, "PRIVATE KEY", der)
	return certFile, keyFile
}

func (ca *CA) write(path, kind string, blocks ...[]byte) {
	ca.tb.Helper()
	var text []byte
	for _, der := range blocks {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	ca.check(os.WriteFile(path, text, 0o600))
}

func (ca *CA) check(err error) {
	ca.tb.Helper()
	if err != nil {
		ca.tb.Fatalf("wstest: %v", err)
	}
}
