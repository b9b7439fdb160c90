package hosts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSaveWritesEverythingThatLoadINIReads(t *testing.T) { // H-51
	disabled := everyField()
	disabled.Disabled = true
	list := []Host{
		everyField(),
		disabled,
		{Names: []string{"*"}},
		{Names: []string{"*.a.example"}, AllowedOrigins: []string{}, Cert: pemCert + pemKey, Key: strings.ReplaceAll(pemKey, "\n", "\r\n")},
		{Names: []string{"b"}, Tag: ` "quoted" `, Descr: "; no comment", Meta: map[string]string{"a b": "", "[x]": " y ", "ä": "ö"}},
		{Names: []string{"c"}, Port: -1, TLSPort: 65535, Level: LevelTLS13Only, ClientAuth: ClientCertRequire, Challenge: ChallengeDNS01, KeyPasswordFile: "p"},
	}
	var out strings.Builder
	if err := Save(&out, list); err != nil {
		t.Fatal(err)
	}
	got, _, err := LoadINI(strings.NewReader(out.String()), "")
	if err != nil {
		t.Fatalf("LoadINI = %v of\n%s", err, out.String())
	}
	for i := range list {
		if !reflect.DeepEqual(got[i], list[i]) {
			t.Errorf("host %d came back as\n%+v, want\n%+v", i, got[i], list[i])
		}
	}
}

func TestSaveUsesTheWordsOfICS(t *testing.T) { // H-51
	var out strings.Builder
	if err := Save(&out, []Host{everyField()}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"[IcsHost1]", "Hosts=chat.example,www.chat.example", "HostTag=CHAT", "HostEnabled=True", "Proto=HTTP",
		"SslSecLevel=sslSrvSecHigh128", "CliCertMethod=sslCliCertOptional", "CertSupplierProto=SuppProtoAcmeV2", "CertChallenge=ChallAlpnApp", "AuthForceSsl=True"} {
		if !strings.Contains("\n"+out.String(), "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, out.String())
		}
	}
}

func TestWhatTextCanNotHoldIsAnErrorAndNotLeftOut(t *testing.T) { // H-51
	for _, tt := range []struct {
		name, field string
		change      func(h *Host)
	}{
		{"a password function", "KeyPassword", func(h *Host) { h.KeyPassword = PasswordText("secret") }},
		{"two passwords", "KeyPasswordFile", func(h *Host) { h.KeyPasswordEnv, h.KeyPasswordFile = "A", "b" }},
		{"a source", "Source", func(h *Host) { h.Source = noSource{} }},
		{"a pool", "ClientCAs", func(h *Host) { h.ClientCAs = x509.NewCertPool() }},
		{"a file system", "WellKnown", func(h *Host) { h.WellKnown = fstest.MapFS{} }},
		{"a function", "OnWellKnown", func(h *Host) { h.OnWellKnown = func(string) ([]byte, bool) { return nil, false } }},
		{"a handler", "HTTP", func(h *Host) { h.HTTP = http.NotFoundHandler() }},
		{"no names", "Names", func(h *Host) { h.Names = nil }},
		{"a name with a comma", "Names", func(h *Host) { h.Names = []string{"a,b"} }},
		{"a name with a blank", "Names", func(h *Host) { h.Names = []string{"a b"} }},
		{"an origin with a comma", "AllowedOrigins", func(h *Host) { h.AllowedOrigins = []string{"a,b"} }},
		{"a line end", "Descr", func(h *Host) { h.Descr = "a\nb" }},
		{"a text that is not UTF-8", "Tag", func(h *Host) { h.Tag = "\xff" }},
		{"a port out of range", "Port", func(h *Host) { h.Port = 70000 }},
		{"a strength out of range", "MinStrength", func(h *Host) { h.MinStrength = -1 }},
		{"an unknown suite", "CipherSuites", func(h *Host) { h.CipherSuites = []uint16{0x1234} }},
		{"an unknown curve", "Curves", func(h *Host) { h.Curves = append(h.Curves, 9999) }},
		{"an unknown version", "MaxVersion", func(h *Host) { h.MaxVersion = 7 }},
		{"an unknown challenge", "Challenge", func(h *Host) { h.Challenge = 99 }},
		{"SSL 3", "Level", func(h *Host) { h.Level = LevelSSL3 }},
		{"an unknown status", "RedirectStatus", func(h *Host) { h.RedirectStatus = 200 }},
		{"PEM text without line ends", "Cert", func(h *Host) { h.Cert = strings.ReplaceAll(pemCert, "\n", "") }},
		{"PEM text with a backslash", "Key", func(h *Host) { h.Key = pemKey + `\` }},
		{"two names of Meta that are one", "Meta", func(h *Host) { h.Meta = map[string]string{"a": "1", "A": "2"} }},
		{"another Proto", "Meta", func(h *Host) { h.Meta = map[string]string{"PROTO": "1"} }},
		{"an empty Proto", "Meta", func(h *Host) { h.Meta = map[string]string{"Proto": ""} }},
		{"a name of Meta with =", "Meta", func(h *Host) { h.Meta = map[string]string{"a=b": "1"} }},
		{"no name in Meta", "Meta", func(h *Host) { h.Meta = map[string]string{"": "1"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := []Host{{Names: []string{"a"}}, {Names: []string{"b"}, Tag: "second"}}
			tt.change(&list[1])
			var out strings.Builder
			err := Save(&out, list)
			he, ok := errors.AsType[*HostError](err)
			if !ok || he.Index != 1 || he.Field != tt.field || !errors.Is(err, ErrNotText) && !errors.Is(err, ErrNoNames) {
				t.Errorf("Save = %v, want %s of host 1", err, tt.field)
			}
			if out.Len() > 0 || err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("Save wrote %q, and said %v", out.String(), err)
			}
		})
	}
	if err := Save(new(strings.Builder), make([]Host, maxINIHosts+1)); !errors.Is(err, ErrNotText) {
		t.Errorf("Save of too many hosts = %v", err)
	}
}

func TestSaveTellsAllThatIsWrong(t *testing.T) {
	err := Save(new(strings.Builder), []Host{{Port: 70000, HTTP: http.NotFoundHandler()}, {Descr: "\n", Names: []string{"a"}}})
	for _, want := range []string{"host 0: Names: ", "host 0: Port: ", "host 0: HTTP: ", "host 1: Descr: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Save = %v, want %q in it", err, want)
		}
	}
}

func FuzzLoadINI(f *testing.F) {
	f.Add(everything)
	f.Add("[IcsHost1]\r\nHosts=a\r\nSslCert=" + strings.ReplaceAll(pemCert, "\n", `\n`) + "\r\nSslKey=" + strings.ReplaceAll(pemKey, "\n", ""))
	f.Add("[IcsHost2]\nHosts='*'\nMeta.a=\" b \"\nAllowedOrigins=\nSslPassword=file:x\n[IcsHost1]\nHosts=b\nDHParams=1\nWebRedirectURL=x")
	f.Add("[x]\n\xff\n[IcsHost1]\nHosts=a\nSslSecLevel=6\nSslCipherList12=DHE-RSA-AES128-SHA\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, warnings, err := LoadINI(strings.NewReader(text), "")
		for _, w := range warnings {
			if w.Line < 1 || w.Section == "" || w.Text == "" {
				t.Errorf("a warning without a place: %+v", w)
			}
		}
		if err != nil {
			checkLoadErrors(t, err)
			return
		}
		for i := range list {
			list[i].KeyPassword = nil // in clear text it is not written
		}
		var out strings.Builder
		if err := Save(&out, list); err != nil {
			t.Fatalf("Save = %v of what was read from %q", err, text)
		}
		again, _, err := LoadINI(strings.NewReader(out.String()), "")
		if err != nil || len(again) != len(list) {
			t.Fatalf("LoadINI = %d hosts, %v of\n%s", len(again), err, out.String())
		}
		for i := range list {
			if !reflect.DeepEqual(again[i], list[i]) {
				t.Errorf("came back as\n%+v, was\n%+v", again[i], list[i])
			}
		}
	})
}

// checkLoadErrors wants each error to have a line, unless it is about the whole file.
func checkLoadErrors(t *testing.T, err error) {
	t.Helper()
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T is not joined", err)
	}
	for _, e := range many.Unwrap() {
		le, ok := errors.AsType[*LoadError](e)
		if !ok || le.Line < 1 && !errors.Is(e, ErrTooLarge) && !errors.Is(e, ErrSyntax) {
			t.Errorf("an error without a line: %v", e)
		}
	}
}

func TestSaveReturnsTheErrorOfTheWriter(t *testing.T) {
	if err := Save(full{}, []Host{{Names: []string{"a"}}}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Save = %v", err)
	}
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

// noSource is a source of certificates that has none.
type noSource struct{}

func (noSource) Load(context.Context) (*tls.Certificate, error) { return nil, ErrNoCertificate }
func (noSource) Version() string                                { return "" }
func (noSource) String() string                                 { return "nowhere" }
