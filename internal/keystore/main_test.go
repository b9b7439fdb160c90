package keystore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openssl runs the program in dir. Without it these tests prove nothing, so that it
// has to be there.
func openssl(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %q: %v\n%s", args, err, out)
	}
}

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate for a new P-256 key, signed by parent or by itself.
func issue(t testing.TB, name string, parent *pair) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certify(t, name, key, parent)
}

func certify(t testing.TB, name string, key crypto.Signer, parent *pair) *pair {
	t.Helper()
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	p := &pair{template, key}
	if parent == nil {
		parent = p
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return p
}

// chain issues a root, an intermediate and a leaf.
func chain(t testing.TB) (root, inter, leaf *pair) {
	t.Helper()
	root = issue(t, "root", nil)
	inter = issue(t, "intermediate", root)
	return root, inter, issue(t, "leaf", inter)
}

// keysOfEachKind are those that certificates have today.
func keysOfEachKind(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"rsa": r, "ec": p256, "ed25519": ed}
}

func pkcs8(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (p *pair) certPEM() []byte               { return block("CERTIFICATE", p.cert.Raw) }
func (p *pair) keyPEM(t testing.TB) []byte    { return block("PRIVATE KEY", pkcs8(t, p.key)) }
func (p *pair) bundlePEM(t testing.TB) []byte { return append(p.certPEM(), p.keyPEM(t)...) }

func write(t testing.TB, dir, name string, parts ...[]byte) {
	t.Helper()
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	if err := os.WriteFile(filepath.Join(dir, name), all, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// mustParse returns the store that data is.
func mustParse(t testing.TB, data []byte, o Options) *Store {
	t.Helper()
	s, err := Parse(data, o)
	if err != nil {
		t.Fatalf("Parse = %v", err)
	}
	return s
}

// wantCerts compares the certificates of a store, in order.
func wantCerts(t testing.TB, s *Store, want ...*pair) {
	t.Helper()
	if len(s.Certs) != len(want) {
		t.Fatalf("%d certificates; want %d", len(s.Certs), len(want))
	}
	for i, w := range want {
		if !s.Certs[i].Equal(w.cert) {
			t.Errorf("certificate %d is that of %s; want %s", i, s.Certs[i].Subject, w.cert.Subject)
		}
	}
}

// wantKeys compares the private keys of a store, in order.
func wantKeys(t testing.TB, s *Store, want ...crypto.Signer) {
	t.Helper()
	if len(s.Keys) != len(want) {
		t.Fatalf("%d keys; want %d", len(s.Keys), len(want))
	}
	for i, w := range want {
		if !w.(interface{ Equal(crypto.PrivateKey) bool }).Equal(s.Keys[i]) {
			t.Errorf("key %d is another", i)
		}
	}
}

// wantKind expects an error of a kind, and nothing beside it.
func wantKind(t testing.TB, s *Store, err, kind error) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != kind || s != nil {
		t.Errorf("Parse = %v, %v; want %v", s, err, kind)
	}
}

// wantLocked expects that only the right password opens data.
func wantLocked(t testing.TB, data []byte, o Options) {
	t.Helper()
	o.Password = []byte("wrong")
	s, err := Parse(data, o)
	wantKind(t, s, err, ErrWrongPassword)
	o.Password = nil
	s, err = Parse(data, o)
	wantKind(t, s, err, ErrPasswordNeeded)
}
