package hosts

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sent returns the certificates that the host of h shows its clients.
func sent(t *testing.T, opts Options, h Host) [][]byte {
	t.Helper()
	h.Names = append(h.Names, "chat.example")
	h.TLSPort = 443
	return mustSet(t, opts, h).Hosts()[0].shown().cert.Certificate
}

// H-16..H-18
func TestChainIsMadeOfWhatIsGiven(t *testing.T) {
	root, inter, leaf := chainOf(t, "chat.example")
	_, _, other := chainOf(t, "other.example")
	renewed := issue(t, inter, "chat.example", []string{"chat.example"})
	*renewed.key = *leaf.key
	ecDER, err := x509.MarshalECPrivateKey(leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	params := pemText("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})
	for _, tt := range []struct {
		name string
		host Host
		want []*issued
	}{
		{"bundle in order", Host{Cert: leaf.bundle() + inter.certPEM()}, []*issued{leaf, inter}},
		{"bundle upside down, with root", Host{Cert: root.certPEM() + inter.certPEM() + leaf.certPEM() + leaf.keyPEM()}, []*issued{leaf, inter}},
		{"key first, with text around", Host{Cert: "key:\n" + params + leaf.keyPEM() + "chain:\n" + inter.certPEM() + leaf.certPEM()}, []*issued{leaf, inter}},
		{"three texts", Host{Cert: leaf.certPEM(), Key: leaf.keyPEM(), Intermediates: root.certPEM() + inter.certPEM()}, []*issued{leaf, inter}},
		{"three files", Host{
			Cert:          file(t, "chat.pem", leaf.certPEM()),
			Key:           file(t, "chat.key", leaf.keyPEM()),
			Intermediates: file(t, "inter.pem", inter.certPEM()),
		}, []*issued{leaf, inter}},
		{"DER files", Host{
			Cert:          file(t, "chat.der", string(leaf.cert.Raw)),
			Key:           file(t, "key.der", string(ecDER)),
			Intermediates: file(t, "inter.der", string(inter.cert.Raw)),
		}, []*issued{leaf, inter}},
		{"intermediate twice", Host{Cert: leaf.bundle() + inter.certPEM(), Intermediates: inter.certPEM()}, []*issued{leaf, inter}},
		{"strangers are left out", Host{Cert: other.certPEM() + leaf.bundle()}, []*issued{leaf}},
		{"key in Cert beats Key", Host{Cert: leaf.bundle(), Key: other.keyPEM()}, []*issued{leaf}},
		{"SEC 1 key", Host{Cert: leaf.certPEM(), Key: pemText("EC PRIVATE KEY", ecDER)}, []*issued{leaf}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := sent(t, quiet(), tt.host)
			if len(got) != len(tt.want) {
				t.Fatalf("%d certificates; want %d", len(got), len(tt.want))
			}
			for i, w := range tt.want {
				if string(got[i]) != string(w.cert.Raw) {
					t.Errorf("certificate %d is not that of %s", i, w.cert.Subject)
				}
			}
		})
	}
}

func TestRenewedCertificatesWin(t *testing.T) {
	root := issue(t, nil, "root", nil)
	old := issue(t, root, "intermediate", nil, validFor(-2*time.Hour, -time.Hour))
	inter := &issued{key: old.key}
	inter.cert = reissue(t, root, old, validFor(-time.Hour, time.Hour))
	expired := issue(t, inter, "chat.example", []string{"chat.example"}, validFor(-2*time.Hour, -time.Hour))
	leaf := &issued{key: expired.key, cert: reissue(t, inter, expired, validFor(-time.Hour, time.Hour))}

	got := sent(t, quiet(), Host{Cert: expired.certPEM() + leaf.bundle() + old.certPEM() + inter.certPEM()})
	if len(got) != 2 || string(got[0]) != string(leaf.cert.Raw) || string(got[1]) != string(inter.cert.Raw) {
		t.Errorf("the chain of %d does not have the valid leaf and intermediate", len(got))
	}
}

// reissue signs another certificate for the name and key of i.
func reissue(t *testing.T, parent, i *issued, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := *i.cert
	change(&template)
	der, err := x509.CreateCertificate(rand.Reader, &template, parent.cert, i.key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// H-16..H-18
func TestBadCertificatesAreToldApart(t *testing.T) {
	root, inter, leaf := chainOf(t, "chat.example")
	_, _, other := chainOf(t, "chat.example")
	past := issue(t, root, "past", nil, validFor(-2*time.Hour, -time.Hour))
	encrypted := pemText("ENCRYPTED PRIVATE KEY", []byte("secret"))
	ssh := pemText("OPENSSH PRIVATE KEY", []byte("openssh-key-v1"))
	legacy := string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("secret"),
	}))
	pasted := base64.StdEncoding.EncodeToString(leaf.cert.Raw[:100])
	damaged := strings.Replace(inter.certPEM(), "M", "!", 1)
	for _, tt := range []struct {
		name  string
		host  Host
		field string
		err   error
	}{
		{"missing certificate", Host{Cert: "no/such.pem"}, "Cert", fs.ErrNotExist},
		{"missing key", Host{Cert: leaf.certPEM(), Key: "no/such.key"}, "Key", fs.ErrNotExist},
		{"missing intermediates", Host{Cert: leaf.bundle(), Intermediates: "no/such.pem"}, "Intermediates", fs.ErrNotExist},
		{"no key", Host{Cert: leaf.certPEM()}, "Key", ErrNoKey},
		{"certificate for a key", Host{Cert: leaf.certPEM(), Key: leaf.certPEM()}, "Key", ErrNoKey},
		{"key for a certificate", Host{Cert: leaf.keyPEM()}, "Cert", ErrNoCertificate},
		{"key for intermediates", Host{Cert: leaf.bundle(), Intermediates: leaf.keyPEM()}, "Intermediates", ErrNoCertificate},
		{"key of another", Host{Cert: leaf.certPEM(), Key: other.keyPEM()}, "Key", ErrKeyMismatch},
		{"key of another in the bundle", Host{Cert: leaf.certPEM() + other.keyPEM()}, "Cert", ErrKeyMismatch},
		{"leaf only among intermediates", Host{Cert: inter.certPEM(), Key: leaf.keyPEM(), Intermediates: leaf.certPEM()}, "Key", ErrKeyMismatch},
		{"encrypted key", Host{Cert: leaf.certPEM(), Key: encrypted}, "Key", ErrEncryptedKey},
		{"encrypted key without password", Host{Cert: leaf.certPEM(), Key: encrypted}, "Key", ErrPasswordNeeded},
		{"damaged encrypted key", Host{Cert: leaf.certPEM(), Key: encrypted, KeyPassword: PasswordText("x")}, "Key", ErrFormat},
		{"key of another program", Host{Cert: leaf.certPEM(), Key: ssh}, "Key", ErrUnsupportedFormat},
		{"another format than the forced one", Host{Cert: leaf.bundle(), CertFormat: FormatPKCS12}, "Cert", ErrFormat},
		{"a format that is none", Host{Cert: leaf.bundle(), CertFormat: 77}, "CertFormat", ErrUnsupportedFormat},
		{"no such subject", Host{Cert: leaf.bundle(), CertSubject: "other"}, "CertSubject", ErrNoSubject},
		{"no password", Host{Cert: leaf.bundle(), KeyPassword: PasswordFile("no/such.txt")}, "KeyPassword", fs.ErrNotExist},
		{"missing staple", Host{Cert: leaf.bundle(), OCSPStaple: "no/such.ocsp"}, "OCSPStaple", fs.ErrNotExist},
		{"a directory", Host{Cert: t.TempDir()}, "Cert", ErrFormat},
		{"key without certificate", Host{Key: leaf.keyPEM()}, "Cert", ErrNoCertificate},
		{"staple without certificate", Host{OCSPStaple: "no/such.ocsp"}, "Cert", ErrNoCertificate},
		{"key encrypted the old way", Host{Cert: leaf.certPEM() + legacy}, "Cert", ErrEncryptedKey},
		{"damaged block", Host{Cert: leaf.bundle() + damaged}, "Cert", ErrFormat},
		{"cut off block", Host{Cert: leaf.certPEM() + leaf.keyPEM()[:80]}, "Cert", ErrFormat},
		{"wrong bytes in a certificate", Host{Cert: pemText("CERTIFICATE", []byte("x"))}, "Cert", ErrFormat},
		{"wrong bytes in a key", Host{Cert: leaf.certPEM(), Key: pemText("PRIVATE KEY", []byte("x"))}, "Key", ErrFormat},
		{"wrong file", Host{Cert: file(t, "a.pfx", "\x30\x82 not ours")}, "Cert", ErrFormat},
		{"huge file", Host{Cert: file(t, "a.pem", strings.Repeat(" ", maxBundle+1))}, "Cert", ErrFormat},
		{"text without header", Host{Cert: leaf.certPEM(), Key: "MIIG\nMIIG"}, "Key", ErrFormat},
		{"key pasted without header", Host{Cert: leaf.certPEM(), Key: pasted}, "Key", nil},
		{"expired", Host{Cert: issue(t, inter, "x", []string{"x"}, validFor(-2*time.Hour, -time.Hour)).bundle()}, "Cert", ErrExpired},
		{"not valid yet", Host{Cert: issue(t, inter, "x", []string{"x"}, validFor(time.Hour, 2*time.Hour)).bundle()}, "Cert", ErrNotYetValid},
		{"expired intermediate", Host{Cert: issue(t, past, "x", []string{"x"}).bundle() + past.certPEM()}, "Cert", ErrExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.host.Names, tt.host.TLSPort, tt.host.AllowTemporary = []string{"chat.example"}, 443, true
			_, err := New([]Host{tt.host}, quiet())
			he, ok := errors.AsType[*HostError](err)
			if !ok || he.Field != tt.field || tt.err != nil && !errors.Is(err, tt.err) {
				t.Fatalf("New = %v; want %v in %s", err, tt.err, tt.field)
			}
			for _, secret := range []string{tt.host.Cert, tt.host.Key, tt.host.Intermediates} {
				if strings.Contains(secret, "M") && strings.Contains(err.Error(), strings.TrimSpace(secret)) {
					t.Errorf("%q repeats what was configured", err)
				}
			}
		})
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	_, err := New([]Host{{Tag: "chat", Names: []string{"*"}, Cert: "no/such.pem"}}, quiet())
	if want := `hosts: host 0 "chat": Cert: "no/such.pem": open: no such file or directory`; err == nil || err.Error() != want {
		t.Errorf("New = %v; want %s", err, want)
	}
}

func TestClockDecidesValidity(t *testing.T) {
	_, _, leaf := chainOf(t, "chat.example")
	opts := quiet()
	opts.Now = func() time.Time { return leaf.cert.NotAfter.Add(time.Second) }
	if _, err := New([]Host{{Names: []string{"*"}, Cert: leaf.bundle()}}, opts); !errors.Is(err, ErrExpired) {
		t.Errorf("New = %v; want ErrExpired", err)
	}
}

func TestUncoveredNamesAreWarnedOf(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example", "*.Chat.example")
	opts, log := logged()
	sent(t, opts, Host{Cert: leaf.bundle() + inter.certPEM(), Names: []string{"*.chat.example", "a.chat.example", "*"}})
	if log.Len() != 0 {
		t.Errorf("warning of a certificate that covers its names: %s", log)
	}
	sent(t, opts, Host{Cert: leaf.bundle(), Names: []string{"other.example", "*.game.example", "192.0.2.7"}})
	if got := strings.Count(log.String(), "does not cover"); got != 3 {
		t.Errorf("%d warnings; want 3: %s", got, log)
	}
}

func TestCertificateFilesMayGoAfterLoading(t *testing.T) {
	_, _, leaf := chainOf(t, "chat.example")
	path := file(t, "chat.pem", leaf.bundle())
	s := mustSet(t, quiet(), Host{Names: []string{"chat.example"}, TLSPort: 443, Cert: path})
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if got := s.Hosts()[0]; got.Leaf() == nil || got.Temporary() {
		t.Errorf("Leaf = %v, Temporary = %v", got.Leaf(), got.Temporary())
	}
}
