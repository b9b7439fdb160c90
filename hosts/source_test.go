package hosts

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/event"
)

// H-15
func TestSourceStandsAlone(t *testing.T) {
	s := FuncSource(func(context.Context) (*tls.Certificate, error) { return nil, nil })
	for field, h := range map[string]Host{
		"Cert":          {Cert: "chat.pem"},
		"Key":           {Key: "chat.key"},
		"Intermediates": {Intermediates: "inter.pem"},
		"OCSPStaple":    {OCSPStaple: "chat.ocsp"},
		"CertFormat":    {CertFormat: FormatPEM},
		"CertSubject":   {CertSubject: "chat"},
	} {
		h.Source = s
		got, err := h.source()
		fe, ok := errors.AsType[*fieldError](err)
		if got != nil || !ok || fe.field != "Source" || !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), field) {
			t.Errorf("with %s: %v, %v; want ErrSource for Source", field, got, err)
		}
	}
	if got, err := (&Host{}).source(); got != nil || err != nil {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	if got, err := (&Host{CertSubject: "chat", CertFormat: FormatPEM}).source(); got != nil || err != nil {
		t.Errorf("of settings without a certificate: %v, %v", got, err)
	}
}

// H-15
func TestSourceOfTheProgram(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	version := "1"
	load := func(context.Context) (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{inter.cert.Raw, leaf.cert.Raw}, PrivateKey: leaf.key}, nil
	}
	s := Func("vault", func() string { return version }, load)
	wantChain(t, s, leaf, inter)
	if s.Version() != "1" || s.String() != "vault" {
		t.Errorf("Version = %q, String = %q", s.Version(), s)
	}
	if version = "2"; s.Version() != "2" {
		t.Error("Version does not change")
	}
	s = Func("vault", nil, load)
	wantChain(t, s, leaf, inter)
	if s.Version() != "" {
		t.Errorf("Version = %q; want none", s.Version())
	}
	f := FuncSource(load)
	wantChain(t, f, leaf, inter)
	if f.Version() != "" || f.String() != "function" {
		t.Errorf("Version = %q, String = %q", f.Version(), f)
	}
	got := sent(t, quiet(), Host{Source: f})
	if len(got) != 2 || string(got[0]) != string(leaf.cert.Raw) {
		t.Errorf("a host with Source shows %d certificates", len(got))
	}
}

// logging is a source of the program that embeds one of ours.
type logging struct {
	FileSource
	loads *int
}

func (s logging) Load(ctx context.Context) (*tls.Certificate, error) {
	*s.loads++
	return s.FileSource.Load(ctx)
}

// H-15
func TestLoadOfASourceThatEmbedsOursIsCalled(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	loads := 0
	s, err := (&Host{Source: logging{FileSource{Cert: leaf.bundle() + inter.certPEM()}, &loads}}).source()
	if err != nil {
		t.Fatal(err)
	}
	if wantChain(t, s, leaf, inter); loads != 2 {
		t.Errorf("Load was called %d times; want twice, once for each loading", loads)
	}
	wantChain(t, &FileSource{Cert: leaf.bundle()}, leaf)
	_, notes, err := loadFrom(t.Context(), &FileSource{Cert: leaf.bundle(), Key: leaf.keyPEM()}, time.Now())
	if err != nil || len(notes) != 1 {
		t.Errorf("loading through a pointer: %v, notes %q; want one", err, notes)
	}
	wantChain(t, &BytesSource{Cert: []byte(leaf.bundle())}, leaf)
}

// H-15: what a program's source may get wrong.
func TestBadSourcesAreErrors(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	past := issue(t, inter, "chat.example", []string{"chat.example"}, validFor(-2*time.Hour, -time.Hour))
	large := append([]byte{0x30, 0x83, 1, 0, 3, 0x0a, 1, 0}, make([]byte, maxStaple)...)
	of := func(key any, certs ...[]byte) CertSource {
		return FuncSource(func(context.Context) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: certs, PrivateKey: key}, nil
		})
	}
	for name, tt := range map[string]struct {
		source CertSource
		err    error
	}{
		"no function":   {FuncSource(nil), ErrNoCertificate},
		"nothing":       {FuncSource(func(context.Context) (*tls.Certificate, error) { return nil, nil }), ErrNoCertificate},
		"an error":      {FuncSource(func(context.Context) (*tls.Certificate, error) { return nil, io.ErrNoProgress }), io.ErrNoProgress},
		"no cert":       {of(leaf.key), ErrNoCertificate},
		"no key":        {of(nil, leaf.cert.Raw), ErrNoKey},
		"public key":    {of(leaf.key.Public(), leaf.cert.Raw), ErrNoKey},
		"other key":     {of(inter.key, leaf.cert.Raw), ErrKeyMismatch},
		"no DER":        {of(leaf.key, []byte("x")), ErrFormat},
		"expired":       {of(past.key, past.cert.Raw), ErrExpired},
		"empty files":   {FileSource{}, ErrNoCertificate},
		"empty bytes":   {BytesSource{}, ErrNoCertificate},
		"large bytes":   {BytesSource{Cert: make([]byte, maxBundle+1)}, ErrFormat},
		"large staple":  {BytesSource{Cert: []byte(leaf.bundle()), OCSPStaple: large}, ErrFormat},
		"broken staple": {BytesSource{Cert: []byte(leaf.bundle()), OCSPStaple: []byte("x")}, ErrFormat},
	} {
		t.Run(name, func(t *testing.T) { wantLoadError(t, tt.source, tt.err) })
	}
}

// panicky is a source that panics everywhere.
type panicky struct{}

func (panicky) Load(context.Context) (*tls.Certificate, error) { panic("load") }
func (panicky) Version() string                                { panic("version") }
func (panicky) String() string                                 { panic("string") }

// badKey is a key that panics.
type badKey struct{}

func (badKey) Public() crypto.PublicKey                                  { panic("public") }
func (badKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { panic("sign") }

// E-15: the server lives, and learns of it.
func TestPanicsOfSourcesAreErrors(t *testing.T) {
	_, _, leaf := chainOf(t, "chat.example")
	s, err := (&Host{Source: panicky{}}).source()
	if err != nil {
		t.Fatal(err)
	}
	wantPanic := func(err error) {
		t.Helper()
		if p, ok := errors.AsType[*event.Panic](err); !ok || len(p.Stack) == 0 {
			t.Errorf("error = %v; want a panic with its stack", err)
		}
	}
	_, _, err = loadFrom(t.Context(), s, time.Now())
	wantPanic(err)
	_, err = s.Load(t.Context())
	wantPanic(err)
	_, _, err = loadFrom(t.Context(), panicky{}, time.Now())
	wantPanic(err)
	if s.Version() == "" || s.String() != "source" {
		t.Errorf("Version = %q, String = %q", s.Version(), s)
	}
	_, err = FuncSource(func(context.Context) (*tls.Certificate, error) { panic("load") }).Load(t.Context())
	wantPanic(err)
	_, _, err = assemble(&tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: badKey{}}, time.Now())
	wantPanic(err)
	_, err = BytesSource{Cert: []byte(leaf.bundle()), Select: func(*x509.Certificate) bool { panic("select") }}.Load(t.Context())
	wantPanic(err)
}

// H-16: ICS would load the file with the derived name instead.
func TestFileWithTheDerivedNameIsMentioned(t *testing.T) {
	_, _, leaf := chainOf(t, "www.example.com")
	for _, tt := range []struct{ host, beside string }{
		{"www.example.com", "www_example_com.pfx"},
		{"WWW.example.com.", "www_example_com-bundle.pem"},
		{"*.example.com", "x_example_com.pfx"},
	} {
		found := file(t, tt.beside, leaf.bundle())
		missing := filepath.Join(filepath.Dir(found), "old.pem")
		s, err := (&Host{Names: []string{tt.host}, Cert: missing}).source()
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Load(t.Context())
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), tt.beside) || !strings.Contains(err.Error(), "old.pem") {
			t.Errorf("%s: %v; want it to name %s", tt.host, err, tt.beside)
		}
	}
	for _, names := range [][]string{nil, {"*"}, {"192.0.2.7"}, {"../etc"}} {
		if got := derivedName(names); got != "" {
			t.Errorf("derivedName(%q) = %q", names, got)
		}
	}
}

// H-31: what a recheck goes by.
func TestVersionFollowsTheFiles(t *testing.T) {
	_, _, leaf := chainOf(t, "chat.example")
	dir := t.TempDir()
	write := func(name, content string, at time.Time) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	then := time.Now().Add(-time.Hour)
	s := FileSource{
		Cert: write("chat.pem", leaf.certPEM(), then), Key: write("chat.key", leaf.keyPEM(), then),
		Intermediates: leaf.certPEM(), OCSPStaple: filepath.Join(dir, "chat.ocsp"),
	}
	last := s.Version()
	if last == "" || last != s.Version() {
		t.Fatalf("Version = %q, then %q", last, s.Version())
	}
	changed := func(what string, want bool) {
		t.Helper()
		now := s.Version()
		if (now != last) != want {
			t.Errorf("%s: Version changes: %v; want %v", what, now != last, want)
		}
		last = now
	}
	write("chat.pem", leaf.certPEM(), then)
	changed("the same again", false)
	write("chat.pem", leaf.certPEM(), then.Add(time.Second))
	changed("later", true)
	write("chat.key", leaf.keyPEM()+"\n", then)
	changed("longer", true)
	write("chat.ocsp", "x", then)
	changed("staple arrives", true)
	if err := os.Remove(s.Key); err != nil {
		t.Fatal(err)
	}
	changed("key goes", true)

	// A volume of Kubernetes: chat.pem -> ..data/chat.pem, ..data -> a directory, which
	// is what is replaced. Files made from one image have one time.
	write("1/chat.pem", leaf.certPEM(), then)
	write("2/chat.pem", leaf.certPEM(), then)
	link := func(to, name string) {
		if err := errors.Join(os.Symlink(to, filepath.Join(dir, "tmp")), os.Rename(filepath.Join(dir, "tmp"), filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
	}
	link("1", "..data")
	link("..data/chat.pem", "tls.crt")
	s = FileSource{Cert: filepath.Join(dir, "tls.crt")}
	last = s.Version()
	link("1", "..data")
	changed("link to the same", false)
	link("2", "..data")
	changed("link to another", true)

	if v := (FileSource{Cert: leaf.bundle()}).Version(); v != "" {
		t.Errorf("Version of text = %q; it never changes", v)
	}
	if v := (BytesSource{Cert: []byte(leaf.bundle())}).Version(); v != "" {
		t.Errorf("Version of bytes = %q; they never change", v)
	}
}

// H-25, H-31
func TestSourcesTellTheirFiles(t *testing.T) {
	_, _, leaf := chainOf(t, "chat.example")
	path := file(t, "chat.pem", leaf.certPEM())
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	h := Host{Cert: path, Key: leaf.keyPEM(), Intermediates: "no/such.pem"}
	s, err := h.source()
	if err != nil {
		t.Fatal(err)
	}
	if got := filesOf(s); len(got) != 2 || got[0] != path || got[1] != "no/such.pem" {
		t.Errorf("filesOf = %q", got)
	}
	if got := modTimeOf(s); !got.Equal(at) {
		t.Errorf("modTimeOf = %v; want %v", got, at)
	}
	if s.String() != path {
		t.Errorf("String = %q", s)
	}
	if got := filesOf(&FileSource{Cert: "a"}); len(got) != 1 {
		t.Errorf("filesOf a pointer = %q", got)
	}
	if got := filesOf(panicky{}); got != nil {
		t.Errorf("filesOf another = %q", got)
	}
	key := strings.Repeat("MHcCAQEEI", 10)
	for want, s := range map[string]CertSource{
		"PEM text": FileSource{Cert: leaf.bundle()}, "bytes": BytesSource{}, "file": FileSource{Cert: key},
	} {
		if s.String() != want {
			t.Errorf("String = %q; want %q", s, want)
		}
	}
}

// H-31: files are replaced one after the other, and a server may read them meanwhile.
func TestFilesThatAreReplacedMeanwhileAreReadAgain(t *testing.T) {
	_, _, old := chainOf(t, "chat.example")
	_, _, fresh := chainOf(t, "chat.example")
	cert, key := file(t, "chat.pem", old.certPEM()), file(t, "chat.key", old.keyPEM())
	calls := 0
	s := FileSource{Cert: cert, Key: key, Password: func() ([]byte, error) { // comes between
		if calls++; calls == 1 {
			later := time.Now().Add(time.Second)
			return nil, errors.Join(
				os.WriteFile(cert, []byte(fresh.certPEM()), 0o600), os.Chtimes(cert, later, later),
				os.WriteFile(key, []byte(fresh.keyPEM()), 0o600))
		}
		return nil, nil
	}}
	c, err := s.Load(t.Context())
	if err != nil || calls != 2 {
		t.Fatalf("Load = %v after %d readings; want a second one", err, calls)
	}
	sameChain(t, c, fresh)
	if _, err := (FileSource{Cert: cert, Key: file(t, "other.key", old.keyPEM())}).Load(t.Context()); !errors.Is(err, ErrKeyMismatch) {
		t.Errorf("Load = %v; want ErrKeyMismatch", err)
	}
}

// H-15
func TestEndedContextLoadsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := FileSource{Cert: "no/such.pem"}.Load(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Load = %v; want context.Canceled", err)
	}
}

// H-18, H-25: what the log is told.
func TestNotesOfALoading(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	_, strange, other := chainOf(t, "other.example")
	s := FileSource{Cert: leaf.bundle() + inter.certPEM() + strange.certPEM(), Key: other.keyPEM()}
	c, notes, err := loadFrom(t.Context(), s, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	sameChain(t, c, leaf, inter)
	if len(notes) != 2 || !strings.Contains(notes[0], "Key is not read") || !strings.Contains(notes[1], "left out") {
		t.Errorf("notes %q; want the key and the stranger", notes)
	}
}
