package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

func TestWhatIsWrongIsToldWithItsPlace(t *testing.T) { // H-51
	for _, tt := range []struct {
		format       Format
		text         string
		line, column int
		key          string
		want         error
		hint         string // in the text
	}{
		{TOML, "adr = ':80'", 1, 1, "", ErrUnknownKey, "did you mean addr?"},
		{TOML, "\n[[hosts]]\nnames = ['a']\n\n[[hosts]]\n  tls_prot = 1\n", 6, 3, "hosts[1]", ErrUnknownKey, "did you mean tls_port?"},
		{TOML, "[baner]\n", 1, 2, "", ErrUnknownKey, "did you mean banner?"},
		{TOML, "[banner]\nx.y = 1\n", 2, 1, "banner", ErrUnknownKey, `"x"`},
		{TOML, "send_queue = { max_bytes = 1, polcy = 'block' }", 1, 31, "send_queue", ErrUnknownKey, "policy"},
		{TOML, "[[hosts]]\nmeta = { a = 1 }", 2, 10, "hosts[0].meta.a", ErrType, "text in quotes"},
		{TOML, "[[hosts]]\nnames = [\n 'a',\n 2]", 4, 2, "hosts[0].names[1]", ErrType, "text in quotes"},
		{TOML, "addr = 80", 1, 1, "addr", ErrType, "a number, want text in quotes"},
		{TOML, "nagle = 'yes'", 1, 1, "nagle", ErrType, "text, want true or false"},
		{TOML, "ping_interval = 15", 1, 1, "ping_interval", ErrType, `such as "10s"`},
		{TOML, "ping_interval = '15'", 1, 1, "ping_interval", ErrBadValue, `such as "10s"`},
		{TOML, "ping_interval = 2020-01-01", 1, 1, "ping_interval", ErrType, "a date"},
		{TOML, "max_frame_size = '64k'", 1, 1, "max_frame_size", ErrBadValue, "64KiB"},
		{TOML, "max_frame_size = '64'", 1, 1, "max_frame_size", ErrBadValue, "64KiB"},
		{TOML, "max_frame_size = true", 1, 1, "max_frame_size", ErrType, "64KiB"},
		{TOML, "max_frame_size = -1", 1, 1, "max_frame_size", ErrBadValue, "0 to"},
		{TOML, "max_message_size = '9999999999999GiB'", 1, 1, "max_message_size", ErrBadValue, ""},
		{TOML, "max_pending = 1.5", 1, 1, "max_pending", ErrType, "a fraction, want a number"},
		{TOML, "driver = 'fast'", 1, 1, "driver", ErrBadValue, "auto, goroutine, dormant, inline"},
		{TOML, "driver = 1", 1, 1, "driver", ErrType, "auto, goroutine, dormant, inline"},
		{TOML, "level = 'mighty'", 1, 1, "level", ErrBadValue, "mighty"},
		{TOML, "[[hosts]]\nport = 65536", 2, 1, "hosts[0].port", ErrBadValue, "-1 to 65535"},
		{TOML, "[[hosts]]\nredirect_status = 303", 2, 1, "hosts[0].redirect_status", ErrBadValue, "301, 302, 307, 308"},
		{TOML, "[[hosts]]\nmin_version = '1.4'", 2, 1, "hosts[0].min_version", ErrBadValue, "1.2, 1.3"},
		{TOML, "[[hosts]]\nkey_password = 'hunter2'", 2, 1, "hosts[0].key_password", ErrBadValue, "key_password_env"},
		{TOML, "[acme]\nexternal_account_mac_key = 'hunter2'", 2, 1, "acme.external_account_mac_key", ErrBadValue, "external_account_mac_key_env"},
		{TOML, "[acme]\nrenewal_ratio = 2", 2, 1, "acme.renewal_ratio", ErrBadValue, "0 to 1"},
		{TOML, "[acme]\nrenewal_ratio = nan", 2, 1, "acme.renewal_ratio", ErrBadValue, "0 to 1"},
		{TOML, "[acme]\nbackoff = ['1m', '2']", 2, 1, "acme.backoff", ErrBadValue, `"2"`},
		{TOML, "hosts = 1", 1, 1, "hosts", ErrType, "a list of tables"},
		{TOML, "hosts = [1]", 1, 10, "hosts[0]", ErrType, "a table"},
		{TOML, "banner = 1", 1, 1, "banner", ErrType, "a table"},
		{TOML, "banner_by_host = 1", 1, 1, "banner_by_host", ErrType, "a table of tables"},
		{TOML, "[banner_by_host]\n'a b' = 1", 2, 1, `banner_by_host."a b"`, ErrType, "a table"},
		{TOML, "addr = 'a'\naddr = 'b'", 2, 1, "", ErrDuplicateKey, "addr"},
		{TOML, "addr = \"a\r\n", 1, 10, "", ErrSyntax, "newlines"},
		{TOML, "\x1e", 1, 1, "", ErrSyntax, ""},
		{TOML, "addr = ", 1, 7, "", ErrSyntax, ""},
		{TOML, "addr = 'a'\n\xff", 2, 1, "", ErrSyntax, "UTF-8"},
		{TOML, "a = " + strings.Repeat("[", 1<<19), 1, 38, "", ErrTooLarge, "deep"},
		{TOML, strings.Repeat("a.", 1<<18) + "a = 1", 1, 67, "", ErrTooLarge, "deep"},
		{TOML, strings.Repeat("#", maxFile+1), 0, 0, "", ErrTooLarge, ""},

		{YAML, "adr: ':80'", 1, 1, "", ErrUnknownKey, "did you mean addr?"},
		{YAML, "hosts:\n- names: [a]\n- names: [b]\n  tls_prot: 1\n", 4, 3, "hosts[1]", ErrUnknownKey, "did you mean tls_port?"},
		{YAML, "hosts:\n- port: '80'\n", 2, 9, "hosts[0].port", ErrType, "text, want a number"},
		{YAML, "hosts:\n- port: 70000\n", 2, 9, "hosts[0].port", ErrBadValue, "-1 to 65535"},
		{YAML, "addr:\n", 1, 7, "addr", ErrType, "nothing"},
		{YAML, "addr: a\naddr: b\n", 2, 1, "", ErrDuplicateKey, "addr"},
		{YAML, "addr: &a x\n", 1, 7, "", ErrSyntax, "anchors"},
		{YAML, "addr: !!str x\n", 1, 7, "", ErrSyntax, "tags"},
		{YAML, "addr: a\n---\naddr: b\n", 3, 5, "", ErrSyntax, "more than one document"},
		{YAML, "addr: 'a\n", 1, 7, "", ErrSyntax, ""},
		{YAML, "max_pending: 99999999999999999999\n", 1, 14, "max_pending", ErrType, "want a number"},
		{YAML, "max_pending: 18446744073709551615\n", 1, 14, "max_pending", ErrType, "too large"},
		{YAML, "- a\n", 1, 1, "", ErrType, "a list, want a table"},
		{YAML, "a: " + strings.Repeat("[", 1<<12), 1, 36, "", ErrTooLarge, "deep"},
		{YAML, strings.Repeat("- ", 1<<12), 1, 65, "", ErrTooLarge, "deep"},
		{YAML, strings.Repeat("- ", 1<<19), 1, 40001, "", ErrTooLarge, "words"},

		{JSON, `{"adr": 1}`, 1, 2, "", ErrUnknownKey, "did you mean addr?"},
		{JSON, "{\"hosts\": [{},\n {\"port\": 70000}]}", 2, 11, "hosts[1].port", ErrBadValue, "-1 to 65535"},
		{JSON, `{"addr": null}`, 1, 10, "addr", ErrType, "null"},
		{JSON, `{"max_pending": 1.5}`, 1, 17, "max_pending", ErrType, "a fraction"},
		{JSON, `{"max_pending": 99999999999999999999}`, 1, 17, "max_pending", ErrType, "too large"},
		{JSON, `{"addr": "a", "addr": "b"}`, 1, 15, "", ErrDuplicateKey, "line 1"},
		{JSON, `{"addr": "a"`, 1, 13, "", ErrSyntax, "the end is missing"},
		{JSON, `{"addr": a}`, 1, 10, "", ErrSyntax, ""},
		{JSON, `{} {}`, 1, 4, "", ErrSyntax, "behind the end"},
		{JSON, ``, 1, 1, "", ErrSyntax, "the end is missing"},
		{JSON, `[]`, 1, 1, "", ErrType, "a list, want a table"},
		{JSON, `{"a": ` + strings.Repeat("[", 1<<19), 1, 7 + maxDepth, "", ErrTooLarge, "deep"},

		{INI, "[Server]\nAdr=:80\n", 2, 5, "", ErrUnknownKey, "did you mean addr?"},
		{INI, "[Server]\nmax_pending= many\n", 2, 14, "max_pending", ErrBadValue, "a number from"},
		{INI, "[Server]\nnagle=maybe\n", 2, 7, "nagle", ErrBadValue, "true or false"},
		{INI, "[Server]\nbanner=x\n", 2, 8, "banner", ErrType, "a table"},
		{INI, "[Server]\nbanner=x\nbanner.welcome=y\n", 3, 16, "", ErrDuplicateKey, "a value and a table"},
		{INI, "[Server]\nbanner.welcome=y\nbanner=x\n", 3, 8, "", ErrDuplicateKey, "a value and a table"},
		{INI, "[Server]\nbindings.x.addr=:80\n", 2, 17, "bindings", ErrUnknownKey, "a number"},
		{INI, "[Server]\nbindings.1.addr=:80\nbindings.01.name=x\n", 3, 18, "bindings", ErrUnknownKey, "a number"},
		{INI, "[Server]\nhosts.1.names=x\n", 2, 15, "", ErrUnknownKey, "IcsHost1"},
		{INI, "[Server]\nsub_protocols=a,,b\n", 2, 15, "sub_protocols", ErrBadValue, "commas"},
		{INI, "[Acme]\nrenewal_ratio=x\n", 2, 15, "acme.renewal_ratio", ErrBadValue, "0 to 1"},
		{INI, "[Acme]\ntls_port=70000\n", 2, 10, "acme.tls_port", ErrBadValue, "65535"},
		{INI, "[IcsHost1]\nHosts=a\nBindSslPort=x\n", 3, 0, "[IcsHost1] BindSslPort", ErrBadValue, "65535"},
		{INI, "[Serer]\nadr=1\n", 1, 0, "[Serer]", ErrUnknownKey, "did you mean Server?"},
		{INI, "addr=1\n", 1, 0, "", ErrSyntax, "before the first section"},
		{INI, "[Server]\naddr=1\n[server]\n", 3, 0, "", ErrDuplicateKey, "line 1"},
		{INI, "[Server]\naddr=1\nADDR=1\n", 3, 0, "[Server] ADDR", ErrDuplicateKey, "line 2"},
		{INI, "[Server]\n" + strings.Repeat("a.", 40) + "=1\n", 2, 82, "", ErrTooLarge, "deep"},
	} {
		t.Run(fmt.Sprintf("%v %.40q", tt.format, tt.text), func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.text), tt.format)
			ce, ok := errors.AsType[*Error](err)
			if !ok || !errors.Is(err, tt.want) {
				t.Fatalf("Read = %v, want %v", err, tt.want)
			}
			if ce.Line != tt.line || ce.Column != tt.column || ce.Key != tt.key || !strings.Contains(err.Error(), tt.hint) {
				t.Errorf("%v: %d:%d %s; want %d:%d %s and %q", err, ce.Line, ce.Column, ce.Key, tt.line, tt.column, tt.key, tt.hint)
			}
			if len(joined(err)) != 1 && tt.hint != "a value and a table" || strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 500 {
				t.Errorf("Read = %v, want one error without secrets", err)
			}
		})
	}
}

func TestAllErrorsAreTold(t *testing.T) {
	for format, text := range map[Format]string{
		TOML: "adr = 1\nnagle = 1\n[[hosts]]\nport = 'x'\n",
		YAML: "adr: 1\nnagle: 1\nhosts:\n- port: x\n",
		JSON: "{\"adr\": 1,\n\"nagle\": 1,\n\n\"hosts\": [{\"port\": \"x\"}]}",
		INI:  "[Server]\nadr=1\nnagle=x\n[IcsHost1]\nHosts=a\nBindNonPort=x\n",
	} {
		_, err := Read(strings.NewReader(text), format)
		if got := len(joined(err)); got != 3 {
			t.Errorf("%v: %d errors, want 3: %v", format, got, err)
		}
	}
	_, err := Read(strings.NewReader(strings.Repeat("[[hosts]]\nx=1\n", 10000)), TOML)
	if all := joined(err); len(all) != maxErrors+1 || !strings.Contains(all[maxErrors].Error(), "too many errors") {
		t.Errorf("%d errors, the last is %v; want %d", len(all), all[len(all)-1], maxErrors+1)
	}
}

func TestErrorsNameTheFileAsCompilersDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.toml")
	if err := os.WriteFile(path, []byte("\nadr = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path)
	if err == nil || !strings.HasPrefix(err.Error(), "config: "+path+`:2:1: key "adr" unknown; did you mean addr?`) {
		t.Errorf("Load = %v", err)
	}
	for _, tt := range []struct {
		err  Error
		want string
	}{
		{Error{Err: os.ErrClosed}, "config: file already closed"},
		{Error{File: "a", Err: os.ErrClosed}, "config: a: file already closed"},
		{Error{Line: 2, Err: os.ErrClosed}, "config: line 2: file already closed"},
		{Error{Line: 2, Column: 3, Key: "k", Err: os.ErrClosed}, "config: line 2:3: k: file already closed"},
		{Error{File: "a", Line: 2, Column: 3, Key: "k", Err: os.ErrClosed}, "config: a:2:3: k: file already closed"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error = %q, want %q", got, tt.want)
		}
	}
}

func TestSettingsWithoutAMeaningAreWarnings(t *testing.T) { // H-35
	for _, tt := range []struct {
		format    Format
		text      string
		line      int
		key, want string
	}{
		{TOML, "[[hosts]]\nnames = ['a']\ndh_params = 'dh.pem'\n", 3, "hosts[0].dh_params", "Diffie-Hellman"},
		{YAML, "hosts:\n- cipher_suites_13: [a]\n", 2, "hosts[0].cipher_suites_13", "TLS 1.3"},
		{INI, "[Server]\n[IcsHost1]\nHosts=a\nHostEnabled=1\nDHParams=x\n", 5, "DHParams", "Diffie-Hellman"},
	} {
		f, err := Read(strings.NewReader(tt.text), tt.format)
		if err != nil || len(f.Warnings) != 1 {
			t.Fatalf("Read = %+v, %v", f, err)
		}
		if w := f.Warnings[0]; w.Line != tt.line || w.Key != tt.key || !strings.Contains(w.Text, tt.want) {
			t.Errorf("warning %v", w)
		}
	}
}

func TestWhatTextCanNotHoldIsAnError(t *testing.T) {
	function := func() []byte { return nil }
	for _, tt := range []struct {
		name, want string
		change     func(f *File)
	}{
		{"TLS", "TLS", func(f *File) { f.Server.TLS = new(tls.Config) }},
		{"ClientCAs", "ClientCAs", func(f *File) { f.Server.ClientCAs = x509.NewCertPool() }},
		{"RootCAs", "RootCAs", func(f *File) { f.Server.RootCAs = x509.NewCertPool() }},
		{"TLSKeyLog", "TLSKeyLog", func(f *File) { f.Server.TLSKeyLog = new(strings.Builder) }},
		{"OnHostTLS", "OnHostTLS", func(f *File) { f.Server.OnHostTLS = func(*hosts.Entry, *tls.Config) {} }},
		{"HTTP", "HTTP", func(f *File) { f.Server.HTTP = http.NotFoundHandler() }},
		{"PingPayload", "PingPayload", func(f *File) { f.Server.PingPayload = function }},
		{"NewName", "NewName", func(f *File) { f.Server.NewName = func(*client.OpenRequest) string { return "" } }},
		{"Events", "Events", func(f *File) { f.Server.Events.OnError = func(*wsserver.ServerError) {} }},
		{"Hooks", "Hooks", func(f *File) { f.Server.Hooks = make([]wsserver.Hooks, 1) }},
		{"Logger", "Logger", func(f *File) { f.Server.Logger = slog.Default() }},
		{"CRLs", "client_verify: CRLs", func(f *File) { f.Server.ClientVerify.CRLs = make([]*x509.RevocationList, 1) }},
		{"a host's handler", "hosts[1]: HTTP", func(f *File) { f.Server.Hosts[1].HTTP = http.NotFoundHandler() }},
		{"a host's password", "hosts[1]: KeyPassword", func(f *File) { f.Server.Hosts[1].KeyPassword = func() ([]byte, error) { return nil, nil } }},
		{"a host's pool", "hosts[1]: ClientCAs", func(f *File) { f.Server.Hosts[1].ClientCAs = x509.NewCertPool() }},
		{"a host's file system", "hosts[1]: WellKnown", func(f *File) { f.Server.Hosts[1].WellKnown = fstest.MapFS{} }},
		{"a host's function", "hosts[1]: OnWellKnown", func(f *File) { f.Server.Hosts[1].OnWellKnown = func(string) ([]byte, bool) { return nil, false } }},
		{"a port out of range", "hosts[1].port: 70000", func(f *File) { f.Server.Hosts[1].Port = 70000 }},
		{"a size out of range", "max_frame_size: -1", func(f *File) { f.Server.MaxFrameSize = -1 }},
		{"an unknown driver", "driver: ", func(f *File) { f.Server.Driver = 99 }},
		{"an unknown status", "hosts[1].redirect_status: 200", func(f *File) { f.Server.Hosts[1].RedirectStatus = 200 }},
		{"an unknown suite", "hosts[1].cipher_suites: ", func(f *File) { f.Server.Hosts[1].CipherSuites = []uint16{0x1234} }},
		{"a ratio out of range", "acme.renewal_ratio: ", func(f *File) { f.ACME.RenewalRatio = 2 }},
		{"a budget of nothing", "memory_budget: ", func(f *File) { f.Server.MemoryBudget = new(client.Budget) }},
		{"what is not UTF-8", "banner.welcome: ", func(f *File) { f.Server.Banner.Welcome = "\xff" }},
	} {
		for _, format := range []Format{TOML, YAML, JSON} {
			f := full()
			tt.change(f)
			var out strings.Builder
			err := Save(&out, f, format)
			if !errors.Is(err, ErrNotText) || !strings.Contains(err.Error(), "config: "+tt.want) || out.Len() > 0 {
				t.Errorf("%s: Save = %v, want %s in it", tt.name, err, tt.want)
			}
		}
	}
}

func TestWhatINICanNotHoldIsAnError(t *testing.T) {
	for _, tt := range []struct {
		want   string
		change func(f *File)
	}{
		{"banner.welcome", func(f *File) { f.Server.Banner.Welcome = "a\nb" }},
		{"sub_protocols", func(f *File) { f.Server.SubProtocols = []string{"a,b"} }},
		{`banner_by_host."a.b"`, func(f *File) { f.Server.BannerByHost["a.b"] = f.Server.Banner }},
		{"HTTP", func(f *File) { f.Server.HTTP = http.NotFoundHandler() }},
		{"hosts: host 1: HTTP", func(f *File) { f.Server.Hosts[1].HTTP = http.NotFoundHandler() }},
	} {
		f := fullFor(INI)
		tt.change(f)
		var out strings.Builder
		if err := Save(&out, f, INI); !errors.Is(err, ErrNotText) || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 {
			t.Errorf("Save = %v, want %s in it", err, tt.want)
		}
	}
}

func TestSizesAndTimes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1000": 1000, "'0B'": 0, "'12B'": 12, "'64KiB'": 64 << 10, "'1MiB'": 1 << 20, "'2 GiB'": 2 << 30, "'3kB'": 3000, "'4MB'": 4e6, "'5GB'": 5e9,
	} {
		f, err := Read(strings.NewReader("max_message_size = "+text), TOML)
		if err != nil || f.Server.MaxMessageSize != want {
			t.Errorf("%s is read as %v, %v; want %d", text, f, err, want)
		}
	}
	for text, want := range map[string]time.Duration{"0": 0, "'0'": 0, "'-1s'": -time.Second, "'1h30m'": 90 * time.Minute, "'1.5s'": 1500 * time.Millisecond} {
		f, err := Read(strings.NewReader("ping_interval = "+text), TOML)
		if err != nil || f.Server.PingInterval != want {
			t.Errorf("%s is read as %v, %v; want %v", text, f, err, want)
		}
	}
}

func TestMACKeyComesFromOutsideTheFile(t *testing.T) {
	t.Setenv("ICSWS_TEST_MAC", "from the environment")
	path := filepath.Join(t.TempDir(), "mac")
	if err := os.WriteFile(path, []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, maxMACKey+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		acme ACME
		want string
		err  error
	}{
		{ACME{ExternalAccountMACKeyEnv: "ICSWS_TEST_MAC"}, "from the environment", nil},
		{ACME{ExternalAccountMACKeyFile: path}, "from a file", nil},
		{ACME{ExternalAccountMACKeyFile: path + "x"}, "", os.ErrNotExist},
		{ACME{ExternalAccountMACKeyFile: large}, "", ErrTooLarge},
		{ACME{}, "", errNoMACKey},
	} {
		if got, err := tt.acme.MACKey(); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("MACKey = %q, %v; want %q, %v", got, err, tt.want, tt.err)
		}
	}
	if _, err := (&ACME{ExternalAccountMACKeyEnv: "ICSWS_TEST_NONE"}).MACKey(); err == nil {
		t.Error("MACKey of a variable that is not set gives no error")
	}
}
