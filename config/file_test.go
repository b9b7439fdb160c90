package config

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// full is a file in which every key is set to something else than its zero value.
func full() *File {
	return &File{
		Server: wsserver.Config{
			Addr: "127.0.0.1:8080",
			Bindings: []multilisten.Binding{{
				Name: "second", Network: "tcp4", Addr: ":8443", TLS: true, Backlog: 5,
				Shared: true, Exclusive: true, Mode: 0o660, RemoveStale: true, Activated: "chat",
				Proxy: &multilisten.ProxyPolicy{
					Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")},
					Require: true, Timeout: 3 * time.Second, MaxHeader: 512,
				},
			}, {Addr: "/run/chat.sock", Network: "unix"}},
			ListenPolicy: multilisten.BestEffort,
			Hosts:        []hosts.Host{fullHost(), {Names: []string{"*"}, AllowedOrigins: []string{}}},
			DisableTLS:   true, Level: hosts.LevelHigh192, ClientAuth: hosts.ClientCertRequire, ClientCAFile: "clients.pem",
			ClientVerify:          hosts.ClientVerify{IgnoreExpiry: true, AllowUnknownCA: true, IgnoreUsage: true, CRLCheck: 1},
			DisableSessionTickets: true, RootCAFile: "roots.pem", AllowSelfSigned: true, BestEffortHosts: true,
			CertExpireDays: -1, RecheckEvery: -time.Second,
			Banner: banner.Policy{Welcome: "hello\n\"you\"\t\u00e9\u2028\\", TooBusy: "later", Mode: banner.UpgradeThenClose,
				RetryAfter: 90 * time.Second, CloseCode: 4000, MaxClients: 100, NotifyHandlers: true},
			BannerByHost:        map[string]banner.Policy{"chat": {}, "b c.d": {Welcome: "b"}},
			MaxClientsByBinding: map[string]int{"second": 7, "127.0.0.1:8080": 0},
			AllowedClients:      []string{"192.0.2.0/24", "client.example"}, AllowedFile: "allowed.txt",
			DeniedClients: []string{"192.0.2.9"}, DeniedFile: "denied.txt",
			TrustedProxies: []string{"10.0.*"}, ClientIPHeader: "X-Forwarded-For", ExemptClients: []string{"192.0.2.1"},
			MaxPerIP: 20, IPv4Prefix: 28, IPv6Prefix: 56, AcceptRate: admit.Rate{Count: 20, Per: time.Minute, Burst: 5},
			HandshakeRate: admit.Rate{Count: 5, Per: time.Second}, TotalAcceptRate: admit.Rate{Count: 1000, Per: 1500 * time.Millisecond},
			MaxTracked: 1000, AutoBan: admit.BanRule{After: 10, Within: time.Minute, For: time.Hour}, MaxBans: 100,
			UnknownHost: wsserver.UnknownDefault, AllowedOrigins: []string{"https://app.example", "*"},
			SubProtocols: []string{"chat.v2", "chat.v1"}, RequireSubProtocol: true,
			Forward: &forward.Target{URL: "wss://game.example/x", Host: "a.example", Port: 7, TLS: true, Text: true, ChunkSize: 1000, ProxyProtocol: true,
				HeaderNames: []string{"Cookie", "Authorization"}, DialTimeout: time.Second, WriteTimeout: -1, IdleTimeout: time.Hour},
			ForwardByHost:  map[string]*forward.Target{"chat": nil, "mail": {Host: "mail.example", Port: 143}},
			MaxHeaderBytes: 32 << 10, MaxPending: 10, MaxHTTPConns: 11, HTTPTimeout: time.Minute, HandshakeTimeout: 3 * time.Second,
			TLSHandshakeTimeout: 2 * time.Second, ShutdownTimeout: time.Hour + time.Minute + time.Second,
			Drain: wsserver.Drain{Window: time.Minute, ReturnAfter: -time.Second, ReturnSpread: 90 * time.Second,
				Code: client.StatusServiceRestart, Reason: "bye; \"you\""},
			MaxMessageSize: 3 << 30, MaxFrameSize: 1000,
			SendQueue: client.SendQueue{MaxBytes: 1 << 20, MaxMessages: 7, Policy: client.QueueDropOldest, BlockTimeout: time.Millisecond,
				HighWater: 1 << 19, LowWater: 1000},
			MemoryBudget:      client.NewBudget(1 << 30),
			Compression:       client.Compression{Mode: client.CompressionContext, Level: 9, Threshold: -1, WindowBits: 15},
			CompressionByHost: map[string]client.Compression{"chat": {}, "null": {Mode: client.CompressionMessage}},
			BandwidthLimit:    1e6, BandwidthSampling: 2 * time.Second, Driver: wsserver.DriverInline, Nagle: true,
			InBufferSize: 4096, OutBufferSize: 8192,
			KeepAlive:   net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: time.Second, Count: 3},
			NoKeepAlive: true, WriteTimeout: 5 * time.Second, CloseTimeout: -1, NoCloseWait: true,
			CloseCode: client.StatusGoingAway, CloseReason: "bye", PingInterval: 15 * time.Second, PongTimeout: 1500 * time.Millisecond,
			DisablePong: true, IdleTimeout: time.Hour, MaxLifetime: 24 * time.Hour, FriendlyErrors: true,
		},
		ACME: &ACME{
			Directory: "https://acme.example/dir", Email: "admin@example.com", AgreedTOS: true, ExternalAccountKeyID: "kid",
			ExternalAccountMACKeyEnv: "MAC", ExternalAccountMACKeyFile: "mac", Profile: "shortlived", PreferredChain: "Root X",
			KeyType: "rsa2048", Storage: "acme", DemandLimit: 5, HTTPPort: 8080, TLSPort: 8443, RenewalRatio: 0.25,
			IgnoreRenewalInfo: true, Backoff: []time.Duration{time.Minute, time.Hour}, RootCAFile: "ca.pem",
		},
	}
}

func fullHost() hosts.Host {
	return hosts.Host{
		Tag: "chat", Names: []string{"chat.example", "*.chat.example"}, Descr: "the chat", Meta: map[string]string{"Proto": "ws", "a b": "x"},
		Disabled: true, Bind: "192.0.2.1", Bind2: "::1", Port: -1, TLSPort: 443,
		Cert: "cert.pem", Key: "-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----\n", Intermediates: "chain.pem",
		KeyPasswordEnv: "PASSWORD", KeyPasswordFile: "password", CertFormat: hosts.FormatPEM, CertSubject: "chat", OCSPStaple: "staple.der",
		AllowTemporary: true, AutoOrder: true, Challenge: hosts.ChallengeDNS01, OnDemand: true, Level: hosts.LevelTLS13Only,
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, Curves: []tls.CurveID{tls.X25519, tls.CurveP384},
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13, MinStrength: 256, ClientAuth: hosts.ClientCertOptional,
		WellKnown: os.DirFS("well-known"), RedirectURL: "https://{host}{uri}", RedirectStatus: 307, RequireTLS: true,
		AllowedOrigins: []string{"https://chat.example"},
	}
}

// fullFor is full without what the format has no words for.
func fullFor(format Format) *File {
	f := full()
	if format == INI {
		f.Server.Banner.Welcome = `hello "you"`
		f.Server.BannerByHost = map[string]banner.Policy{"chat": {}}
		f.Server.MaxClientsByBinding = map[string]int{"second": 7}
		f.Server.Hosts[0].KeyPasswordFile = "" // hosts.LoadINI wants one of the two
	}
	return f
}

// same compares files; budgets are compared by their limits.
func same(t *testing.T, got, want *File) {
	t.Helper()
	limit := func(b *client.Budget) int64 {
		if b == nil {
			return 0
		}
		return b.Limit()
	}
	g, w := got.Server, want.Server
	if limit(g.MemoryBudget) != limit(w.MemoryBudget) {
		t.Errorf("MemoryBudget is %d, want %d", limit(g.MemoryBudget), limit(w.MemoryBudget))
	}
	g.MemoryBudget, w.MemoryBudget = nil, nil
	for i := range reflect.TypeFor[wsserver.Config]().NumField() {
		a, b := reflect.ValueOf(g).Field(i).Interface(), reflect.ValueOf(w).Field(i).Interface()
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s is\n%+v, want\n%+v", reflect.TypeFor[wsserver.Config]().Field(i).Name, a, b)
		}
	}
	if !reflect.DeepEqual(got.ACME, want.ACME) {
		t.Errorf("ACME is\n%+v, want\n%+v", got.ACME, want.ACME)
	}
}

var formats = []Format{TOML, YAML, JSON, INI}

func TestWhatIsSavedIsReadAgain(t *testing.T) { // H-51
	for _, format := range formats {
		t.Run(format.String(), func(t *testing.T) {
			for _, f := range []*File{fullFor(format), {}, {ACME: new(ACME)}, {Server: wsserver.Config{Hosts: []hosts.Host{{Names: []string{"a"}}}}}} {
				var out strings.Builder
				if err := Save(&out, f, format); err != nil {
					t.Fatal(err)
				}
				got, err := Read(strings.NewReader(out.String()), format)
				if err != nil {
					t.Fatalf("Read = %v of\n%s", err, out.String())
				}
				same(t, got, f)
			}
		})
	}
}

// Whatever a text has in it comes back, in each format that can hold it.
func TestTextsOfAllKindsAreReadAgain(t *testing.T) {
	texts := []string{" a ", "---", "null", "true", "1", "~", "- a", "a: b", "#", "'", `"`, `\`, "{}", "[", "|", "&a", "*a", "!a", "%", "@", "`",
		"a\nb", "a\r\nb", "\ta", "\n", "grüße", "\u0085\u00a0\u2028\u2029\ufeff", "\U0001f600", "\x00\x01\x1b\x7f", "\ufffd", "\ufffe\uffff", `\n`, "${HOME}", "{{.}}"}
	for _, format := range []Format{TOML, YAML, JSON} {
		f := &File{Server: wsserver.Config{SubProtocols: texts, Hosts: []hosts.Host{{Meta: make(map[string]string)}}}}
		for _, text := range texts {
			f.Server.Hosts[0].Meta[text] = text
		}
		var out strings.Builder
		if err := Save(&out, f, format); err != nil {
			t.Fatal(err)
		}
		got, err := Read(strings.NewReader(out.String()), format)
		if err != nil {
			t.Fatalf("%v: Read = %v of\n%s", format, err, out.String())
		}
		same(t, got, f)
	}
	for text, want := range map[string]string{"a": "a", "max_2": "max_2", "": `""`, "null": `"null"`, "on": `"on"`, "2": `"2"`, "A": `"A"`, "a.b": `"a.b"`} {
		if got := keyName(text); got != want {
			t.Errorf("keyName(%q) = %s, want %s", text, got, want)
		}
	}
	if got := quoted("\u2028\ufeff\x7f\""); got != `"\u2028\ufeff\u007f\""` {
		t.Errorf("quoted = %s", got)
	}
}

func TestTablesOfAnINIListComeInTheOrderOfTheirNumbers(t *testing.T) {
	var text strings.Builder
	text.WriteString("[Server]\n")
	for _, n := range []string{"10", "2", "1", "33", "4", "5"} {
		text.WriteString("bindings." + n + ".addr=:" + n + "\n")
	}
	f, err := Read(strings.NewReader(text.String()), INI)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, b := range f.Server.Bindings {
		order = append(order, b.Addr)
	}
	if got := strings.Join(order, " "); got != ":1 :2 :4 :5 :10 :33" {
		t.Errorf("the bindings are %s", got)
	}
}

const handTOML = `# a server
addr = ":8080"
ping_interval = "15s"
max_message_size = "64KiB"
max_frame_size = 1_000
allowed_origins = ["https://app.example", "*"]
keep_alive.idle = "1m"
send_queue = { policy = "drop_oldest", max_bytes = "1MiB" }

[banner]
welcome = """
hello
you"""
max_clients = 100

[[hosts]]
tag = "chat"
names = ["chat.example"]
tls_port = 443
cert = 'c:\certs\chat.pfx'
key_password_env = "CHAT_PASSWORD"

[hosts.meta]
color = "red"

[[hosts]]
tag = "game"
names = [
  "*.game.example", # a comment
  "game.example",
]
disabled = true

[acme]
renewal_ratio = 0.5
`

const handYAML = `# a server
addr: ":8080"
ping_interval: 15s
max_message_size: 64KiB
max_frame_size: 1000
allowed_origins: ["https://app.example", '*']
keep_alive: {idle: 1m}
send_queue:
  policy: drop_oldest
  max_bytes: 1MiB
banner:
  welcome: |-
    hello
    you
  max_clients: 100
hosts:
- tag: chat
  names: [chat.example]
  tls_port: 443
  cert: 'c:\certs\chat.pfx'
  key_password_env: CHAT_PASSWORD
  meta:
    color: red
- tag: game
  names:
  - "*.game.example" # a comment
  - game.example
  disabled: true
acme:
  renewal_ratio: 0.5
`

const handJSON = `{
  "addr": ":8080", "ping_interval": "15s", "max_message_size": "64KiB", "max_frame_size": 1000,
  "allowed_origins": ["https://app.example", "*"], "keep_alive": {"idle": "1m"},
  "send_queue": {"policy": "drop_oldest", "max_bytes": "1MiB"},
  "banner": {"welcome": "hello\nyou", "max_clients": 100},
  "hosts": [
    {"tag": "chat", "names": ["chat.example"], "tls_port": 443, "cert": "c:\\certs\\chat.pfx",
     "key_password_env": "CHAT_PASSWORD", "meta": {"color": "red"}},
    {"tag": "game", "names": ["*.game.example", "game.example"], "disabled": true}
  ],
  "acme": {"renewal_ratio": 0.5}
}`

const handINI = `; a server
[Server]
Addr=:8080
Ping_Interval=15s
max_message_size=64KiB
max_frame_size=1000
allowed_origins=https://app.example, *
keep_alive.idle=1m
send_queue.policy=drop_oldest
send_queue.max_bytes=1MiB
banner.welcome=hello
banner.max_clients=100

[Acme]
renewal_ratio=0.5

[IcsHost1]
Hosts=chat.example
HostTag=chat
HostEnabled=True
BindSslPort=443
SslCert=c:\certs\chat.pfx
SslPasswordEnv=CHAT_PASSWORD
Meta.color=red

[IcsHost2]
Hosts=*.game.example, game.example
HostTag=game
HostEnabled=False
`

func TestFilesAsPeopleWriteThem(t *testing.T) { // H-51
	want := &File{
		Server: wsserver.Config{
			Addr: ":8080", PingInterval: 15 * time.Second, MaxMessageSize: 64 << 10, MaxFrameSize: 1000,
			AllowedOrigins: []string{"https://app.example", "*"}, KeepAlive: net.KeepAliveConfig{Idle: time.Minute},
			SendQueue: client.SendQueue{Policy: client.QueueDropOldest, MaxBytes: 1 << 20},
			Banner:    banner.Policy{Welcome: "hello\nyou", MaxClients: 100},
			Hosts: []hosts.Host{
				{Tag: "chat", Names: []string{"chat.example"}, TLSPort: 443, Cert: `c:\certs\chat.pfx`, KeyPasswordEnv: "CHAT_PASSWORD", Meta: map[string]string{"color": "red"}},
				{Tag: "game", Names: []string{"*.game.example", "game.example"}, Disabled: true},
			},
		},
		ACME: &ACME{RenewalRatio: 0.5},
	}
	for format, text := range map[Format]string{TOML: handTOML, YAML: handYAML, JSON: handJSON, INI: handINI} {
		t.Run(format.String(), func(t *testing.T) {
			for _, text := range []string{text, "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n")} {
				got, err := Read(strings.NewReader(text), format)
				if err != nil || len(got.Warnings) > 0 {
					t.Fatalf("Read = %v", err)
				}
				if format == INI || strings.Contains(text, "\r") {
					got.Server.Banner.Welcome = want.Server.Banner.Welcome // one line there; with the file's line ends
				}
				same(t, got, want)
			}
		})
	}
}

func TestLoadKnowsTheFormatByTheName(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.toml": handTOML, "a.yaml": handYAML, "a.YML": handYAML, "a.json": handJSON, "a.ini": handINI} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := Load(path); err != nil || f.Server.Addr != ":8080" {
			t.Errorf("Load(%s) = %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(dir, "a.txt")); !errors.Is(err, ErrFormat) {
		t.Errorf("Load of another format = %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of nothing = %v", err)
	}
	if _, err := Read(strings.NewReader(""), 9); !errors.Is(err, ErrFormat) {
		t.Errorf("Read of Format(9) = %v", err)
	}
	if err := Save(new(strings.Builder), new(File), 9); !errors.Is(err, ErrFormat) {
		t.Errorf("Save of Format(9) = %v", err)
	}
	if got := TOML.String() + INI.String() + Format(9).String(); got != "TOMLINIFormat(9)" {
		t.Errorf("String = %s", got)
	}
}

func TestPathsBeginAtTheFolderOfTheFile(t *testing.T) { // H-16 to H-19
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	texts := map[string]string{
		"a.toml": "root_ca_file='r'\nclient_ca_file='" + in("abs") + "'\n[acme]\nstorage='s'\n[[hosts]]\nnames=['a']\ncert='c'\nwell_known='w'\nkey='-----BEGIN X'\nkey_password_file='p'\n",
		"a.ini": "[Server]\nroot_ca_file=r\nclient_ca_file=" + in("abs") + "\n[Acme]\nstorage=s\n[IcsHost1]\nHosts=a\nHostEnabled=1\nSslCert=c\nWellKnownPath=w\n" +
			"SslPasswordFile=p\nSslKey=-----BEGIN X-----MII-----END X-----\n",
	}
	for name, text := range texts {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Load(in(name))
		if err != nil {
			t.Fatal(err)
		}
		h := f.Server.Hosts[0]
		if f.Server.RootCAFile != in("r") || f.Server.ClientCAFile != in("abs") || f.ACME.Storage != in("s") || h.Cert != in("c") ||
			h.WellKnown != os.DirFS(in("w")) || h.KeyPasswordFile != in("p") || !strings.HasPrefix(h.Key, "-----BEGIN X") {
			t.Errorf("%s: Load = %+v", name, f)
		}
	}
	f, err := Read(strings.NewReader(texts["a.toml"]), TOML)
	if err != nil || f.Server.RootCAFile != "r" {
		t.Errorf("Read = %v, %v", f, err)
	}
}
