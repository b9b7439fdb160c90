package hosts

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// holds says whether a pool trusts each of the roots.
func holds(pool *x509.CertPool, roots ...*cred) bool {
	for _, r := range roots {
		if _, err := r.cert.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			return false
		}
	}
	return true
}

// T-12
func TestFoldersOfAuthoritiesAreRead(t *testing.T) {
	a, b, c, d := mint(t, nil, "p256", "a", authority), mint(t, nil, "p256", "b", authority), mint(t, nil, "p256", "c", authority), mint(t, nil, "p256", "d", authority)
	text := func(c *cred) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(pemText("CERTIFICATE", c.cert.Raw))}
	}
	dir := fstest.MapFS{
		"a.pem": text(a), "same.PEM": text(a), "5ad8a5d6.0": text(b), "b.cer": {Data: b.cert.Raw}, "5ad8a5d6.12": text(c),
		"c.crt":      {Data: append([]byte("# c and d\n"), append(text(c).Data, text(d).Data...)...)},
		"README":     {Data: []byte("nothing")},
		"key.key":    {Data: []byte("nothing")},
		"5ad8.0":     {Data: []byte("nothing")},
		"more/e.pem": {Data: []byte("nothing")}, "5ad8a5d6.r0": {Data: []byte("a revocation list")},
	}
	pool, err := PoolFromDir(dir)
	if err != nil || !holds(pool, a, b, c, d) || holds(pool, mint(t, nil, "p256", "e", authority)) {
		t.Errorf("PoolFromDir = %v", err)
	}
	for name, data := range map[string]string{
		"empty.pem": "", "bad.crt": "nothing", "key.pem": a.bundle(t), "cut.pem": string(text(a).Data[:99]), "5ad8a5d6.1": "nothing",
		"broken.cer": string(a.cert.Raw[:50]), "wrong.pem": pemText("CERTIFICATE", []byte("x")), "openssl.pem": pemText("TRUSTED CERTIFICATE", a.cert.Raw),
	} {
		bad := fstest.MapFS{"a.pem": text(a), name: {Data: []byte(data)}}
		if _, err := PoolFromDir(bad); !errors.Is(err, ErrPool) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v; want ErrPool with the name", name, err)
		}
	}
	for _, dir := range []fstest.MapFS{{}, {"README": {Data: []byte("nothing")}}} {
		if _, err := PoolFromDir(dir); !errors.Is(err, ErrPool) {
			t.Errorf("a folder without authorities: %v", err)
		}
	}
	if _, err := PoolFromDir(os.DirFS(filepath.Join(t.TempDir(), "missing"))); !errors.Is(err, ErrPool) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	broken := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(broken, "link.pem")); err == nil {
		if _, err := PoolFromDir(os.DirFS(broken)); !errors.Is(err, ErrPool) || !strings.Contains(err.Error(), "link.pem") {
			t.Errorf("a link to nowhere: %v", err)
		}
	}
}

// T-12: a folder as another tool arranges it.
func TestRehashedFoldersAreRead(t *testing.T) {
	a := mint(t, nil, "p256", "a", authority)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.pem"), []byte(pemText("CERTIFICATE", a.cert.Raw)), 0o600); err != nil {
		t.Fatal(err)
	}
	mustOpenSSL(t, "rehash", dir)
	if err := os.Rename(filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.txt")); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".0") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "a.txt"), filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if pool, err := PoolFromDir(os.DirFS(dir)); err != nil || !holds(pool, a) {
		t.Errorf("PoolFromDir = %v", err)
	}
}

// T-06, T-13, T-18, H-34
func TestAuthoritiesComeFromTextOrFile(t *testing.T) {
	a, b := mint(t, nil, "p256", "a", authority), mint(t, nil, "p256", "b", authority)
	text := pemText("CERTIFICATE", a.cert.Raw) + pemText("CERTIFICATE", b.cert.Raw)
	for name, value := range map[string]string{
		"text": text, "a file": file(t, "ca.pem", text), "a DER file": file(t, "ca.der", string(a.cert.Raw)+string(b.cert.Raw)),
	} {
		if pool, err := ParsePool(value); err != nil || !holds(pool, a, b) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if pool, err := ParsePool("SYSTEM"); err != nil || pool == nil || holds(pool, a) {
		t.Errorf("SYSTEM: %v, %v", pool, err)
	}
	if pool, err := ParsePool("NONE"); err != nil || pool == nil || !pool.Equal(x509.NewCertPool()) {
		t.Errorf("NONE: %v, %v", pool, err)
	}
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for _, value := range []string{"", missing, t.TempDir(), a.bundle(t), "two\nlines", strings.Repeat("A", 5000), file(t, "empty.pem", "")} {
		pool, err := ParsePool(value)
		if pool != nil || !errors.Is(err, ErrPool) || len(err.Error()) > 300 {
			t.Errorf("ParsePool(%.20q) = %v; want ErrPool", value, err)
		}
	}
	if _, err := PoolFromFile(missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("PoolFromFile = %v", err)
	}
}

// A key that was pasted by mistake does not get into a log.
func TestPoolErrorsDoNotRepeatText(t *testing.T) {
	key := mint(t, nil, "p256", "a").bundle(t)
	_, err := ParsePool(key)
	if err == nil || strings.Contains(err.Error(), key[60:90]) {
		t.Errorf("ParsePool = %v", err)
	}
}
