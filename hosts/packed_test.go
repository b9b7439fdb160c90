package hosts

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	javaks "github.com/pavlo-v-chernykh/keystore-go/v4"
)

// opensslIn runs the program in dir. Without it these tests prove nothing, so that it
// has to be there.
func opensslIn(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %q: %v\n%s", args, err, out)
	}
}

// packing is one way to keep leaf, key and intermediate. Those that are locked have the
// password "secret".
type packing struct {
	name             string
	format           Format
	cert, key, inter []byte // what would be in the files
	locked           bool
}

// emptyPassword is the packing that a password does not fit.
const emptyPassword = "PKCS #12, empty password"

// packed has the same certificates in every format.
func packed(t testing.TB, inter, leaf *issued) []packing {
	t.Helper()
	dir := t.TempDir()
	put := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	get := func(args string) []byte { // what openssl writes
		opensslIn(t, dir, append(strings.Fields(args), "-out", "out")...)
		data, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	put("leaf", leaf.certPEM())
	put("key", leaf.keyPEM())
	put("inter", inter.certPEM())
	put("bundle", leaf.bundle())
	chain := []byte(leaf.certPEM() + inter.certPEM())
	join := func(a, b []byte) []byte { return append(a[:len(a):len(a)], b...) }
	const lock = " -in key -passout pass:secret"
	const pfx = "pkcs12 -export -in bundle -certfile inter -iter 500 -passout pass:"
	return []packing{
		{"PEM", FormatPEM, []byte(leaf.bundle() + inter.certPEM()), nil, nil, false},
		{"three PEM files", FormatPEM, []byte(leaf.certPEM()), []byte(leaf.keyPEM()), []byte(inter.certPEM()), false},
		{"PEM, PKCS #8", FormatPEM, join(chain, get("pkcs8 -topk8"+lock)), nil, nil, true},
		{"PEM, PKCS #8 of version 1", FormatPEM, join(chain, get("pkcs8 -topk8 -v1 PBE-SHA1-3DES"+lock)), nil, nil, true},
		{"PEM, scrypt", FormatPEM, chain, get("pkcs8 -topk8 -scrypt -scrypt_N 1024" + lock), nil, true},
		{"PEM, RFC 1421", FormatPEM, join(get("ec -aes256"+lock), chain), nil, nil, true},
		{"DER", FormatDER, leaf.cert.Raw, get("ec -in key -outform DER"), inter.cert.Raw, false},
		{"DER, PKCS #8", FormatDER, leaf.cert.Raw, get("pkcs8 -topk8 -outform DER" + lock), inter.cert.Raw, true},
		{"DER, certificates in one file", FormatDER, join(leaf.cert.Raw, inter.cert.Raw), get("pkcs8 -topk8 -nocrypt -in key -outform DER"), nil, false},
		{"PKCS #12", FormatPKCS12, get(pfx + "secret"), nil, nil, true},
		{"PKCS #12, legacy", FormatPKCS12, get(pfx + "secret -legacy"), nil, nil, true},
		{emptyPassword, FormatPKCS12, get(pfx), nil, nil, false},
		{"PKCS #7", FormatPKCS7, get("crl2pkcs7 -nocrl -certfile leaf -certfile inter"), []byte(leaf.keyPEM()), nil, false},
		{"PKCS #7 in DER", FormatPKCS7, get("crl2pkcs7 -nocrl -certfile leaf -certfile inter -outform DER"), get("pkcs8 -topk8" + lock), nil, true},
		{"JKS", FormatJKS, javaStore(t, leaf, inter), nil, nil, true},
	}
}

// javaStore has an entry for the key of the first, with its chain.
func javaStore(t testing.TB, chains ...*issued) []byte {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(chains[0].key)
	if err != nil {
		t.Fatal(err)
	}
	ks := javaks.New()
	e := javaks.PrivateKeyEntry{CreationTime: time.Now(), PrivateKey: key}
	for _, i := range chains {
		e.CertificateChain = append(e.CertificateChain, javaks.Certificate{Type: "X.509", Content: i.cert.Raw})
	}
	var buf bytes.Buffer
	if err := errors.Join(ks.SetPrivateKeyEntry("chat", e, []byte("secret")), ks.Store(&buf, []byte("secret"))); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// kinds make a source of a packing in each way there is; nil where there is none.
var kinds = []struct {
	name string
	make func(t testing.TB, p packing, f Format, password func() ([]byte, error)) CertSource
}{
	{"file", func(t testing.TB, p packing, f Format, password func() ([]byte, error)) CertSource {
		s := FileSource{Cert: file(t, "chat.crt", string(p.cert)), Format: f, Password: password}
		if p.key != nil {
			s.Key = file(t, "chat.key", string(p.key))
		}
		if p.inter != nil {
			s.Intermediates = file(t, "inter.crt", string(p.inter))
		}
		return s
	}},
	{"text", func(t testing.TB, p packing, f Format, password func() ([]byte, error)) CertSource {
		for _, part := range [][]byte{p.cert, p.key, p.inter} {
			if part != nil && !bytes.Contains(part, []byte(pemHeader)) {
				return nil
			}
		}
		return FileSource{Cert: string(p.cert), Key: string(p.key), Intermediates: string(p.inter), Format: f, Password: password}
	}},
	{"bytes", func(_ testing.TB, p packing, f Format, password func() ([]byte, error)) CertSource {
		return BytesSource{Cert: p.cert, Key: p.key, Intermediates: p.inter, Format: f, Password: password}
	}},
	{"function", func(_ testing.TB, p packing, f Format, password func() ([]byte, error)) CertSource {
		return FuncSource(BytesSource{Cert: p.cert, Key: p.key, Intermediates: p.inter, Format: f, Password: password}.Load)
	}},
	{"host", func(t testing.TB, p packing, f Format, password func() ([]byte, error)) CertSource {
		h := Host{Cert: file(t, "chat.crt", string(p.cert)), CertFormat: f, KeyPassword: password}
		if p.key != nil {
			h.Key = file(t, "chat.key", string(p.key))
		}
		if p.inter != nil {
			h.Intermediates = file(t, "inter.crt", string(p.inter))
		}
		s, err := h.source()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}},
}

// H-15..H-19, H-52..H-55, H-57, H-58
func TestEverySourceReadsEveryFormat(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	for _, p := range packed(t, inter, leaf) {
		right := PasswordText("secret")
		if p.name == emptyPassword {
			right = nil
		}
		for _, k := range kinds {
			t.Run(p.name+" as "+k.name, func(t *testing.T) {
				s := k.make(t, p, FormatAuto, right)
				if s == nil {
					return
				}
				wantChain(t, s, leaf, inter)
				wantChain(t, k.make(t, p, p.format, right), leaf, inter)
				if !p.locked {
					wantChain(t, k.make(t, p, FormatAuto, nil), leaf, inter)
				} else {
					wantLoadError(t, k.make(t, p, FormatAuto, PasswordText("hunter2")), ErrWrongPassword)
					wantLoadError(t, k.make(t, p, FormatAuto, nil), ErrPasswordNeeded)
					wantLoadError(t, k.make(t, p, p.format, PasswordText("")), ErrEncryptedKey)
				}
				for f := FormatPEM; f <= FormatJKS; f++ {
					pemOf7 := p.format == FormatPKCS7 && f == FormatPEM && bytes.Contains(p.cert, []byte(pemHeader))
					if f != p.format && !pemOf7 {
						wantLoadError(t, k.make(t, p, f, right), ErrFormat)
					}
				}
			})
		}
	}
}

// wantChain loads a source, which has to give a certificate with key and Leaf.
func wantChain(t testing.TB, s CertSource, want ...*issued) *tls.Certificate {
	t.Helper()
	c, notes, err := loadFrom(t.Context(), s, time.Now())
	if err != nil {
		t.Errorf("loading %v: %v", s, err)
		return nil
	}
	if len(notes) > 0 {
		t.Errorf("notes %q; want none", notes)
	}
	sameChain(t, c, want...)
	if public, err := s.Load(t.Context()); err != nil {
		t.Errorf("Load = %v", err)
	} else if c, _, err := assemble(public, time.Now()); err != nil {
		t.Errorf("assemble = %v", err)
	} else {
		sameChain(t, c, want...)
	}
	return c
}

func sameChain(t testing.TB, c *tls.Certificate, want ...*issued) {
	t.Helper()
	if len(c.Certificate) != len(want) {
		t.Errorf("%d certificates; want %d", len(c.Certificate), len(want))
		return
	}
	for i, w := range want {
		if !bytes.Equal(c.Certificate[i], w.cert.Raw) {
			t.Errorf("certificate %d is not that of %s", i, w.cert.Subject)
		}
	}
	if c.Leaf == nil || !c.Leaf.Equal(want[0].cert) || !want[0].key.Equal(c.PrivateKey) {
		t.Error("Leaf or key is another's")
	}
}

// wantLoadError loads a source, which has to fail with a field, and no secret in the text.
func wantLoadError(t testing.TB, s CertSource, want error) {
	t.Helper()
	c, _, err := loadFrom(t.Context(), s, time.Now())
	if _, ok := errors.AsType[*fieldError](err); !ok || !errors.Is(err, want) || c != nil {
		t.Errorf("loading %v = %v, %v; want %v with its field", s, c, err, want)
	}
	c, err2 := s.Load(context.Background())
	if err2 == nil {
		_, _, err2 = assemble(c, time.Now())
	}
	if !errors.Is(err2, want) {
		t.Errorf("Load = %v; want %v", err2, want)
	}
	for _, err := range []error{err, err2} {
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "MII")) {
			t.Errorf("the error has a secret in it: %v", err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	_, inter, leaf := chainOf(b, "chat.example")
	for _, p := range packed(b, inter, leaf) {
		if p.name != "PEM" && p.format != FormatPKCS12 || p.name == emptyPassword {
			continue
		}
		s := kinds[0].make(b, p, FormatAuto, PasswordText("secret"))
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := loadFrom(b.Context(), s, time.Now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVersion(b *testing.B) {
	_, _, leaf := chainOf(b, "chat.example")
	s := FileSource{Cert: file(b, "chat.crt", leaf.certPEM()), Key: file(b, "chat.key", leaf.keyPEM())}
	b.ReportAllocs()
	for b.Loop() {
		s.Version()
	}
}
