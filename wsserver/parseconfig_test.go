package wsserver

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
)

// O-02, O-12: our names, in any case, and those of older servers mean the same.
func TestSettingsByTheirNames(t *testing.T) {
	for _, tt := range []struct {
		settings map[string]string
		want     Config
	}{
		{nil, Config{}},
		{map[string]string{"addr": "127.0.0.1:8080"}, Config{Addr: "127.0.0.1:8080"}},
		{map[string]string{"ADDR": "::1", "Port": "https"}, Config{Addr: "[::1]:https"}},
		{map[string]string{"Port": "80"}, Config{Addr: ":80"}},
		{map[string]string{"LocalHost": "127.0.0.1", "LocalPort": "0"}, Config{Addr: "127.0.0.1:0"}},
		{map[string]string{"options.host": "127.0.0.1", "options.port": "9"}, Config{Addr: "127.0.0.1:9"}},
		{map[string]string{"MaxClients": "5", "Banner": "hi", "bannertoobusy": "later"},
			Config{Banner: banner.Policy{MaxClients: 5, Welcome: "hi", TooBusy: "later"}}},
		{map[string]string{"MaxConnections": "7", "banner.mode": "close"}, Config{Banner: banner.Policy{MaxClients: 7, Mode: banner.UpgradeThenClose}}},
		{map[string]string{"options.handshakeTimeoutSecs": "3", "options.pingInterval": "-1", "options.enablePong": "false", "options.enablePerMessageDeflate": "true"},
			Config{HandshakeTimeout: 3 * time.Second, PingInterval: -1, DisablePong: true, Compression: client.Compression{Mode: client.CompressionContext}}},
		{map[string]string{"PingInterval": "15s", "max_message_size": "64KiB", "MemoryBudget": "1GiB", "in_buffer_size": "4096"},
			Config{PingInterval: 15 * time.Second, MaxMessageSize: 64 << 10, MemoryBudget: client.NewBudget(1 << 30), InBufferSize: 4096}},
		{map[string]string{"DefaultTimeout": "60", "DefaultConnectionTimeout": "0", "DefaultIdleTimeout": "30"},
			Config{WriteTimeout: time.Minute, TLSHandshakeTimeout: -1, IdleTimeout: 30 * time.Second}},
		{map[string]string{"WaitForCloseResponse": "false", "TcpNoDelay": "0", "ReuseSSLSession": "no", "DisconnectStatusCode": "4000", "DisconnectStatusDescription": "bye"},
			Config{NoCloseWait: true, Nagle: true, DisableSessionTickets: true, CloseCode: 4000, CloseReason: "bye"}},
		{map[string]string{"SocketErrs": "wsErrFriendly", "SslSrvSecurity": "sslSrvSecHigh", "SslCliCertMethod": "sslCliCertRequire"},
			Config{FriendlyErrors: true, Level: hosts.LevelHigh, ClientAuth: hosts.ClientCertRequire}},
		{map[string]string{"send_queue.policy": "drop_oldest", "send_queue.max_bytes": "1MiB", "driver": "inline", "listen_policy": "best_effort", "unknown_host": "default"},
			Config{SendQueue: client.SendQueue{Policy: client.QueueDropOldest, MaxBytes: 1 << 20}, Driver: DriverInline, ListenPolicy: multilisten.BestEffort, UnknownHost: UnknownDefault}},
		{map[string]string{"allowed_origins": "a.example, b.example,", "KeepAliveTime": "15000", "level": "high"},
			Config{AllowedOrigins: []string{"a.example", "b.example"}, KeepAlive: net.KeepAliveConfig{Idle: 15 * time.Second}, Level: hosts.LevelHigh}},
	} {
		got, err := ParseConfig(tt.settings)
		if err != nil {
			t.Errorf("%v: %v", tt.settings, err)
			continue
		}
		if tt.want.MemoryBudget != nil && got.MemoryBudget != nil && got.MemoryBudget.Limit() == tt.want.MemoryBudget.Limit() {
			got.MemoryBudget = tt.want.MemoryBudget
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v:\n%+v, want\n%+v", tt.settings, got, tt.want)
		}
	}
}

// O-02: an unknown name has the nearest, a conflict both, a bad value what is wanted.
func TestSettingsThatCanNotBe(t *testing.T) {
	for _, tt := range []struct {
		settings map[string]string
		is       error
		names    []string
	}{
		{map[string]string{"PingIntervall": "1s"}, ErrUnknownSetting, []string{"PingIntervall", "ping_interval"}},
		{map[string]string{"MaxClientz": "1"}, ErrUnknownSetting, []string{"MaxClients"}},
		{map[string]string{"xyzzy": "1"}, ErrUnknownSetting, []string{"docs/configuration.md"}},
		{map[string]string{"ListenBacklog": "1"}, ErrUnknownSetting, []string{"Binding.Backlog"}},
		{map[string]string{"OnHostTLS": "1"}, ErrUnknownSetting, []string{"program"}},
		{map[string]string{"Events": "1"}, ErrUnknownSetting, []string{"program"}},
		{map[string]string{"": "1"}, ErrUnknownSetting, nil},
		{map[string]string{"MaxClients": "1", "MaxConnections": "1"}, ErrSettingConflict, []string{"MaxClients", "MaxConnections"}},
		{map[string]string{"PingInterval": "1s", "ping_interval": "1s"}, ErrSettingConflict, []string{"PingInterval", "ping_interval"}},
		{map[string]string{"Port": "1", "LocalPort": "1"}, ErrSettingConflict, []string{"Port", "LocalPort"}},
		{map[string]string{"addr": "127.0.0.1:1", "Port": "1"}, ErrSettingConflict, []string{"Port", "addr"}},
		{map[string]string{"addr": "127.0.0.1"}, ErrSettingValue, []string{"Port"}},
		{map[string]string{"Port": "a:b"}, ErrSettingValue, nil},
		{map[string]string{"PingInterval": "15"}, ErrSettingValue, []string{"10s"}},
		{map[string]string{"MaxClients": "many"}, ErrSettingValue, []string{"many"}},
		{map[string]string{"max_message_size": "9999999999GiB"}, ErrSettingValue, nil},
		{map[string]string{"close_code": "70000"}, ErrSettingValue, nil},
		{map[string]string{"nagle": "perhaps"}, ErrSettingValue, []string{"true or false"}},
		{map[string]string{"driver": "fast"}, ErrSettingValue, []string{"goroutine"}},
		{map[string]string{"level": "unknown"}, ErrSettingValue, []string{"high"}},
		{map[string]string{"memory_budget": "0"}, ErrSettingValue, nil},
		{map[string]string{"close_reason": strings.Repeat("x", maxSettingText+1)}, ErrSettingValue, []string{"too long"}},
	} {
		_, err := ParseConfig(tt.settings)
		if _, typed := errors.AsType[*SettingError](err); !errors.Is(err, tt.is) || !typed {
			t.Errorf("%.80v: %v, want %v", tt.settings, err, tt.is)
			continue
		}
		for _, name := range tt.names {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%.80v: %v does not name %q", tt.settings, err, name)
			}
		}
	}
	_, err := ParseConfig(map[string]string{"a": "", "b": ""})
	if !strings.Contains(fmt.Sprint(err), `"a"`) || !strings.Contains(fmt.Sprint(err), `"b"`) {
		t.Errorf("not all that is wrong is told: %v", err)
	}
}

// Every alias stands for a setting that there is, and none hides one.
func TestAliasesMeanSomething(t *testing.T) {
	table := settingTable()
	for _, a := range aliases {
		if s, ok := table.settings[plainName(a.name)]; ok && plainName(s.key) != plainName(a.key) {
			t.Errorf("the alias %s hides the setting %s", a.name, s.key)
		}
		if _, ok := table.settings[plainName(a.key)]; !ok && a.key != portKey {
			t.Errorf("the alias %s stands for %s, which there is not", a.name, a.key)
		}
	}
	if len(table.aliases) != len(aliases) {
		t.Error("an alias is there twice")
	}
}

// The table of the page is that of the code: go test ./wsserver -run AliasPage -update.
func TestAliasPageIsTheTable(t *testing.T) {
	const page, begin, end = "../docs/configuration.md", "<!-- aliases: made by go test ./wsserver -run AliasPage -update -->\n", "<!-- end of aliases -->"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	before, rest, found := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the aliases", page)
	}
	var b strings.Builder
	b.WriteString("\n| older name | of | setting | value |\n| --- | --- | --- | --- |\n")
	for _, a := range aliases {
		key := a.key
		if key == portKey {
			key = "addr"
			a.note = "the port of it"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", a.name, a.of, key, a.note)
	}
	b.WriteString("\n")
	samePage(t, page, before+begin+b.String()+end+after)
}

// Whatever is given, ParseConfig answers with a Config or with errors that name it.
func FuzzParseConfig(f *testing.F) {
	for _, key := range slices.Sorted(maps.Keys(settingTable().settings)) {
		f.Add(key, "1", "Port", "1")
	}
	for _, a := range aliases {
		f.Add(a.name, "true", "addr", "[::1]")
	}
	f.Add("level", "sslSrvSecHigh", "driver", "in line")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		cfg, err := ParseConfig(map[string]string{k1: v1, k2: v2})
		if err == nil {
			_ = cfg.withDefaults()
			return
		}
		if _, ok := errors.AsType[*SettingError](err); !ok {
			t.Errorf("%v is no SettingError", err)
		}
		if !reflect.DeepEqual(cfg, Config{}) {
			t.Errorf("with an error there is %+v", cfg)
		}
	})
}
