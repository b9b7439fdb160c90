package acme

import (
	"crypto/x509"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestKeysOfTheStorageAreFileNames(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{storageName("Chat.Example"), "chat.example"},
		{storageName("*.chat.example"), "wildcard_.chat.example"},
		{storageName("Admin@example.com"), "admin_at_example.com"},
		{storageName("a/../b c"), "a_2f_.._2f_b_20_c"},
		{storageName(".."), "_.."},
		{storageName(""), "_"},
		{authorityName(LetsEncrypt), "acme-v02.api.letsencrypt.org-directory"},
		{authorityName("https://127.0.0.1:14000/dir"), "127.0.0.1-14000-dir"},
		{certificateName([]string{"a.example"}), "a.example"},
		{certificateName([]string{"a.example", "b.example"}), certificateName([]string{"a.example", "b.example"})},
	} {
		if tt.got != tt.want || !filepath.IsLocal(tt.got) {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
	long := strings.Repeat("x", 60) + "." + strings.Repeat("y", 60) + "." + strings.Repeat("z", 60) + ".example.of.a.very.long.name"
	if a, b := storageName(long), storageName("b"+long); len(a) > 200 || a == b || storageName(long[:len(long)-1]) == a {
		t.Errorf("%d bytes", len(a))
	}
	// Another set of names is another certificate, another order of them is not.
	ab, ac := certificateName([]string{"a.example", "b.example"}), certificateName([]string{"a.example", "c.example"})
	if ab == ac || ab == "a.example" {
		t.Errorf("%q and %q", ab, ac)
	}
}

// H-48
func TestWhenACertificateIsDue(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	day := func(n float64) time.Time { return begin.Add(time.Duration(n * 24 * float64(time.Hour))) }
	o := newOffice(t)
	rec := mustRecord(t, o, "a.example")
	rec.cert.Leaf.NotBefore, rec.cert.Leaf.NotAfter = begin, day(90)
	for _, tt := range []struct {
		name    string
		renewal *renewal
		ignore  bool
		want    time.Time
	}{
		{"the last third", nil, false, day(60)},
		{"as the authority says", &renewal{At: day(50)}, false, day(50)},
		{"now, says the authority", &renewal{At: day(-1)}, false, day(-1)},
		{"later, but not too late", &renewal{At: day(89)}, false, day(85.5)},
		{"the authority is ignored", &renewal{At: day(50)}, true, day(60)},
	} {
		rec.renewal = tt.renewal
		if got := rec.renewAt(1.0/3, tt.ignore); got.Sub(tt.want).Abs() > time.Second {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func mustRecord(t testing.TB, o *office, names ...string) *record {
	t.Helper()
	key, err := P256.generate()
	if err != nil {
		t.Fatal(err)
	}
	chain, _, err := o.issue(names, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	rec, _, err := newRecord(key, chain, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestCovers(t *testing.T) {
	rec := mustRecord(t, newOffice(t), "a.example", "*.b.example")
	for _, tt := range []struct {
		names []string
		want  bool
	}{
		{[]string{"a.example"}, true},
		{[]string{"*.b.example", "a.example"}, true},
		{[]string{"x.b.example"}, true},
		{[]string{"a.example", "c.example"}, false},
		{[]string{"*.a.example"}, false},
		{[]string{"b.example"}, false},
	} {
		if got := covers(rec.cert.Leaf, tt.names); got != tt.want {
			t.Errorf("%v: %v", tt.names, got)
		}
	}
}

func FuzzStoredFiles(f *testing.F) {
	o := newOffice(f)
	key, err := P256.generate()
	if err != nil {
		f.Fatal(err)
	}
	chain, leaf, err := o.issue([]string{"a.example"}, key.Public())
	if err != nil {
		f.Fatal(err)
	}
	_, bundle, err := newRecord(key, chain, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bundle)
	f.Add(chain)
	f.Add([]byte(`{"serial":"` + leaf.SerialNumber.Text(16) + `","renewal":{"at":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"serial":"2a","renewal":{}}`))
	f.Add([]byte("null"))
	of := &x509.Certificate{SerialNumber: big.NewInt(42)}
	f.Fuzz(func(t *testing.T, text []byte) {
		if rec, err := parseRecord(text); err == nil && rec.cert.Leaf == nil {
			t.Error("a certificate without leaf")
		}
		if r := parseMeta(text, of); r != nil && r.At.IsZero() {
			t.Error("a renewal without time")
		}
		parseKey(text)
	})
}
