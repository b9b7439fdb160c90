package wsserver

import (
	"math"
	"strings"
	"testing"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/multilisten"
)

// O-01: what the machine does not allow is told, with the setting and the numbers.
func TestWarningsCompareConfigurationAndMachine(t *testing.T) {
	const gib = int64(1) << 30
	clients := func(n int) banner.Policy { return banner.Policy{MaxClients: n} }
	for _, tt := range []struct {
		name     string
		cfg      Config
		limits   limits
		bindings []multilisten.Binding
		want     string // codes
		text     string
	}{
		{name: "nothing known", cfg: Config{Banner: clients(1 << 30)}},
		{name: "enough files", cfg: Config{Banner: clients(1000)}, limits: limits{files: 1000 + 4096 + 1024 + 64}},
		{name: "too few files", cfg: Config{Banner: clients(1000)}, limits: limits{files: 1000 + 4096 + 1024 + 63}, want: "descriptors", text: "6184"},
		{name: "files of targets too", cfg: Config{Banner: clients(1000), Forward: &forward.Target{Host: "a.example", Port: 1}}, limits: limits{files: 2*1000 + 4096 + 1024 + 63}, want: "descriptors", text: "1000 clients with their targets"},
		{name: "enough for targets", cfg: Config{Banner: clients(1000), Forward: &forward.Target{Host: "a.example", Port: 1}}, limits: limits{files: 2*1000 + 4096 + 1024 + 64}},
		{name: "too few for those at the door", limits: limits{files: 1024}, want: "descriptors", text: "MaxPending"},
		{name: "full queues", cfg: Config{Banner: clients(1024)}, limits: limits{machine: gib}, want: "memory", text: "SendQueue.MaxBytes"},
		{name: "a budget instead", cfg: Config{Banner: clients(1024), MemoryBudget: client.NewBudget(gib / 2)}, limits: limits{machine: gib}},
		{name: "a budget that is too large", cfg: Config{MemoryBudget: client.NewBudget(2 * gib)}, limits: limits{container: gib, machine: 8 * gib}, want: "budget", text: "the container"},
		{name: "clients beside a budget", cfg: Config{Banner: clients(200_000), MemoryBudget: client.NewBudget(gib / 2)}, limits: limits{machine: gib}, want: "memory", text: "200000"},
		{name: "large messages", cfg: Config{MaxMessageSize: 512 << 20}, limits: limits{runtime: gib}, want: "message", text: "GOMEMLIMIT"},
		{name: "windows", cfg: Config{Banner: clients(10_000), SendQueue: client.SendQueue{MaxBytes: 1000}, Compression: client.Compression{Mode: client.CompressionContext}}, limits: limits{machine: gib}, want: "compression"},
		{name: "runtime above container", limits: limits{runtime: 2 * gib, container: gib}, want: "memory-limit", text: "1 GiB"},
		{name: "numbers that overflow", cfg: Config{Banner: clients(math.MaxInt), SendQueue: client.SendQueue{MaxBytes: math.MaxInt}}, limits: limits{machine: gib}, want: "memory"},
		{name: "plain on a public address", bindings: []multilisten.Binding{{Addr: "192.0.2.1:80"}, {Addr: "[2001:db8::1]:80", TLS: true}}, want: "plain", text: "192.0.2.1:80"},
		{name: "plain elsewhere", bindings: []multilisten.Binding{{Addr: "127.0.0.1:80"}, {Addr: ":80"}, {Addr: "10.0.0.1:80"}, {Addr: "[::1]:80"}, {Addr: "/run/ws.sock"}, {Addr: "100.64.0.1:80"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := tt.cfg.withDefaults()
			var codes, texts []string
			for _, w := range cfg.warnings(tt.limits, tt.bindings) {
				if _, ok := Explain(w.code); !ok {
					t.Errorf("%s is not explained", w.code)
				}
				codes = append(codes, strings.TrimPrefix(w.code, "warning/"))
				texts = append(texts, w.text)
			}
			if got := strings.Join(codes, " "); got != tt.want || !strings.Contains(strings.Join(texts, " "), tt.text) {
				t.Errorf("%q: %q, want %q with %q", got, texts, tt.want, tt.text)
			}
		})
	}
}
